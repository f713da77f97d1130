printf 'a b\na\n  a\n# none\nx/y\n' | "$TCPWARDEN" rollout -c fleet.yaml --nodes -
