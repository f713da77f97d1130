"$TCPWARDEN" rollout -c fleet.yaml --nodes fleet.nodes --share 5%
