// SPDX-License-Identifier: GPL-2.0-only
/*
 * Sets TCP_KEEPIDLE so many times a second, evenly over connections to ports
 * FIRST-PORT and up, and prints how often that was.
 *
 *   tw-bench-events CGROUP-FOLDER FIRST-PORT CONNECTIONS RATE SECONDS
 *
 * Run it in a network namespace of its own, loopback up.
 */
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "lib/cleanup.h"

#define STEPS 1000 /* a second */

static _Noreturn void fail(const char *what)
{
	perror(what);
	exit(1);
}

static void enter(const char *folder)
{
	char path[4096];
	FILE *procs;

	snprintf(path, sizeof(path), "%s/cgroup.procs", folder);
	procs = fopen(path, "we");
	if (!procs || fprintf(procs, "%d\n", (int)getpid()) < 0 || fclose(procs))
		fail(path);
}

static int make_connection(unsigned port)
{
	struct sockaddr_in address = { .sin_family = AF_INET,
				       .sin_port = htons((uint16_t)port),
				       .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	const struct sockaddr *to = (const struct sockaddr *)&address;
	int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), on = 1;

	if (listener < 0 || fd < 0 ||
	    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) < 0 ||
	    bind(listener, to, sizeof(address)) < 0 || listen(listener, 1) < 0)
		fail("listen");
	if (connect(fd, to, sizeof(address)) < 0)
		fail("connect");
	return fd;
}

static void set(int fd)
{
	int idle = 15;

	if (setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &idle, sizeof(idle)) < 0)
		fail("setsockopt");
}

static void rest_until(struct timespec *next)
{
	next->tv_nsec += 1000000000 / STEPS;
	if (next->tv_nsec >= 1000000000) {
		next->tv_nsec -= 1000000000;
		next->tv_sec++;
	}
	clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, next, NULL);
}

static unsigned set_all(const int *fds, unsigned count, unsigned rate, unsigned seconds)
{
	struct timespec next;
	unsigned done = 0;

	clock_gettime(CLOCK_MONOTONIC, &next);
	for (unsigned step = 1; step <= seconds * STEPS; step++) {
		for (; done < (uint64_t)rate * step / STEPS; done++)
			set(fds[done % count]);
		rest_until(&next);
	}
	return done;
}

int main(int argc, char **argv)
{
	_cleanup_free_ int *fds = NULL;
	unsigned port, count;

	if (argc != 6) {
		fprintf(stderr, "usage: tw-bench-events CGROUP-FOLDER FIRST-PORT CONNECTIONS RATE "
				"SECONDS\n");
		return 2;
	}
	port = (unsigned)strtoul(argv[2], NULL, 10);
	count = (unsigned)strtoul(argv[3], NULL, 10);
	fds = calloc(count ?: 1, sizeof(*fds));
	if (!fds || !count)
		fail("connections");
	enter(argv[1]);
	for (unsigned i = 0; i < count; i++)
		fds[i] = make_connection(port + i);
	printf("%u\n", set_all(fds, count, (unsigned)strtoul(argv[4], NULL, 10),
			       (unsigned)strtoul(argv[5], NULL, 10)));
	return 0;
}
