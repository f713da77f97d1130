// SPDX-License-Identifier: GPL-2.0-only
'use strict';

// A connection to itself, with setKeepAlive(true, 1000) at both ends: pair.js PORT
const net = require('net');
const port = Number(process.argv[2]);
let ends = 0;

function end(socket) {
	socket.setKeepAlive(true, 1000);
	if (++ends === 2)
		console.log('ready');
}

net.createServer(end).listen(port, '127.0.0.1', () => {
	const client = net.connect(port, '127.0.0.1', () => end(client));
});
