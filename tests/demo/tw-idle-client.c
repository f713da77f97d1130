/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A program as most are: it connects, talks, falls idle, and talks again. It
 * knows nothing of keepalive; at the end of the idle time it prints what its
 * socket carries, so that one sees who asked for it.
 *
 *   tw-idle-client ADDRESS PORT SECONDS
 *
 * Exit status 0: the connection lived. 1: it died. 2: it could not begin.
 */
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static int connect_to(const char *address, const char *port)
{
	const struct addrinfo hints = { .ai_flags = AI_NUMERICHOST | AI_NUMERICSERV,
					.ai_socktype = SOCK_STREAM };
	struct addrinfo *to;
	int fd;

	if (getaddrinfo(address, port, &hints, &to))
		return -1;
	fd = socket(to->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd >= 0 && connect(fd, to->ai_addr, to->ai_addrlen) < 0) {
		close(fd);
		fd = -1;
	}
	freeaddrinfo(to);
	return fd;
}

static bool ask(int fd, const char *line)
{
	char answer[64];
	ssize_t n;

	n = send(fd, line, strlen(line), MSG_NOSIGNAL);
	if (n > 0)
		n = recv(fd, answer, sizeof(answer) - 1, 0);
	if (n > 0) {
		answer[n] = '\0';
		printf("wrote \"%s\", got \"%s\"\n", line, answer);
		return true;
	}
	printf("wrote \"%s\", got: %s\n", line, n < 0 ? strerror(errno) : "end of file");
	return false;
}

static int option(int fd, int level, int name)
{
	int value = -1;
	socklen_t len = sizeof(value);

	if (getsockopt(fd, level, name, &value, &len) < 0)
		return -1;
	return value;
}

static void show_socket(int fd)
{
	printf("my socket: keepalive %s, idle %d s, interval %d s, probes %d, user timeout %d ms\n",
	       option(fd, SOL_SOCKET, SO_KEEPALIVE) ? "on" : "off",
	       option(fd, IPPROTO_TCP, TCP_KEEPIDLE), option(fd, IPPROTO_TCP, TCP_KEEPINTVL),
	       option(fd, IPPROTO_TCP, TCP_KEEPCNT), option(fd, IPPROTO_TCP, TCP_USER_TIMEOUT));
}

int main(int argc, char **argv)
{
	bool lived;
	int fd;

	if (argc != 4)
		return 2;
	setvbuf(stdout, NULL, _IOLBF, 0);
	fd = connect_to(argv[1], argv[2]);
	if (fd < 0) {
		printf("cannot connect to %s:%s: %s\n", argv[1], argv[2], strerror(errno));
		return 2;
	}
	if (!ask(fd, "hello"))
		return 2;
	show_socket(fd);
	printf("nothing to say for %s seconds\n", argv[3]);
	sleep((unsigned)strtoul(argv[3], NULL, 10));
	lived = ask(fd, "still there?");
	close(fd);
	return lived ? 0 : 1;
}
