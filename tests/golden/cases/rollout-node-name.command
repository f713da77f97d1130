NODE_NAME= "$TCPWARDEN" explain -c fleet.yaml
"$TCPWARDEN" explain -c fleet.yaml --node-name ""
"$TCPWARDEN" explain -c fleet.yaml --node-name a/b
"$TCPWARDEN" explain --node-name a
