"$TCPWARDEN" rollout -c fleet.yaml
