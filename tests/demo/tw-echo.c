/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The server of the demo: sends back what it gets. It goes to the background
 * once it listens, so whoever started it may connect at once.
 *
 *   tw-echo PORT
 */
#include <errno.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

static int listen_on(const char *port)
{
	struct sockaddr_in at = { .sin_family = AF_INET };
	char *end;
	unsigned long number = strtoul(port, &end, 10);
	int fd, on = 1;

	if (!number || number > UINT16_MAX || *end) {
		errno = EINVAL;
		return -1;
	}
	at.sin_port = htons((uint16_t)number);
	fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	/* The port may have been another's a moment ago, whose connections are in TIME_WAIT. */
	if (fd >= 0 &&
	    (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) < 0 ||
	     bind(fd, (const struct sockaddr *)&at, sizeof(at)) < 0 || listen(fd, 16) < 0)) {
		close(fd);
		fd = -1;
	}
	return fd;
}

static void echo(int fd)
{
	char buf[256];
	ssize_t n;

	while ((n = recv(fd, buf, sizeof(buf), 0)) > 0)
		if (send(fd, buf, (size_t)n, MSG_NOSIGNAL) != n)
			break;
}

static void serve(int listener)
{
	signal(SIGCHLD, SIG_IGN);
	for (;;) {
		int fd = accept(listener, NULL, NULL);

		if (fd < 0)
			return;
		if (fork() == 0) {
			echo(fd);
			_exit(0);
		}
		close(fd);
	}
}

int main(int argc, char **argv)
{
	int listener;

	if (argc != 2)
		return 2;
	listener = listen_on(argv[1]);
	if (listener < 0 || daemon(0, 0) < 0) {
		perror("tw-echo");
		return 1;
	}
	serve(listener);
	return 1;
}
