for node in web-1 db-1 db-2; do
	"$TCPWARDEN" explain -c fleet.yaml --node-name "$node" --remote 192.0.2.1:5432 |
		sed -n '/^policy/,/^options/p'
done
