// SPDX-License-Identifier: GPL-2.0-only

// A connection to itself, as net.Dial and net.Listen make it: pair ADDRESS:PORT
package main

import (
	"fmt"
	"net"
	"os"
)

func must(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func exchange(from, to net.Conn) {
	_, err := from.Write([]byte("hello"))
	must(err)
	_, err = to.Read(make([]byte, 5))
	must(err)
}

func main() {
	listener, err := net.Listen("tcp", os.Args[1])
	must(err)
	client, err := net.Dial("tcp", os.Args[1])
	must(err)
	server, err := listener.Accept()
	must(err)
	exchange(client, server)
	exchange(server, client)
	fmt.Println("ready")
	client.Read(make([]byte, 1))
}
