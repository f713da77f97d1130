// SPDX-License-Identifier: GPL-2.0-only

import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;

/** A connection to itself, with setKeepAlive(true) at both ends: Pair PORT */
class Pair {
	public static void main(String[] args) throws Exception {
		InetAddress loopback = InetAddress.getByName("127.0.0.1");
		ServerSocket listener = new ServerSocket(Integer.parseInt(args[0]), 1, loopback);
		Socket client = new Socket(loopback, listener.getLocalPort());
		Socket server = listener.accept();

		client.setKeepAlive(true);
		server.setKeepAlive(true);
		System.out.println("ready");
		client.getInputStream().read();
	}
}
