"$TCPWARDEN" rollout -c fleet.yaml --nodes - --json <fleet.nodes
