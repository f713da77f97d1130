"$TCPWARDEN" rollout -c rollout.yaml --nodes fleet.nodes 2>/dev/null
