# SPDX-License-Identifier: GPL-2.0-only
"""A connection to itself: pair.py PORT [plain|off|7200], and what its ends do then.

plain: nothing. off: they switch keepalive off. 7200: they switch it on, with an idle time of 7200 s.
"""

import socket
import sys

WHAT = {
    "plain": [],
    "off": [(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 0)],
    "7200": [
        (socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1),
        (socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, 7200),
    ],
}


def main():
    address = ("127.0.0.1", int(sys.argv[1]))
    listener = socket.create_server(address)
    client = socket.create_connection(address)
    server, _ = listener.accept()
    for option in WHAT[sys.argv[2]]:
        client.setsockopt(*option)
        server.setsockopt(*option)
    print("ready", flush=True)
    client.recv(1)


main()
