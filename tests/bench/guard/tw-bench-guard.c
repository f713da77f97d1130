// SPDX-License-Identifier: GPL-2.0-only
/*
 * What one setsockopt(2) takes on a connection of a cgroup: one of the five
 * options, and one that is none of them. Prints nanoseconds a call, the best of
 * many turns, since what else the machine does can only add.
 *
 *   tw-bench-guard CGROUP-FOLDER TURNS CALLS
 *
 * Run it in a network namespace of its own, loopback up.
 */
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "lib/cleanup.h"

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

static void stay_on_one_cpu(void)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET((size_t)sched_getcpu(), &set);
	if (sched_setaffinity(0, sizeof(set), &set) < 0)
		fail("sched_setaffinity");
}

static int make_connection(void)
{
	struct sockaddr_in address = { .sin_family = AF_INET,
				       .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof(address);
	int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (listener < 0 || fd < 0 || bind(listener, (struct sockaddr *)&address, len) < 0 ||
	    listen(listener, 1) < 0 || getsockname(listener, (struct sockaddr *)&address, &len) < 0)
		fail("listen");
	if (connect(fd, (struct sockaddr *)&address, len) < 0)
		fail("connect");
	return fd;
}

static uint64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

static double measure(int fd, int option, int value, unsigned turns, unsigned calls)
{
	uint64_t best = UINT64_MAX;

	for (unsigned i = 0; i < turns; i++) {
		uint64_t start = now_ns(), took;

		for (unsigned n = 0; n < calls; n++)
			if (setsockopt(fd, IPPROTO_TCP, option, &value, sizeof(value)) < 0)
				fail("setsockopt");
		took = now_ns() - start;
		best = took < best ? took : best;
	}
	return (double)best / calls;
}

int main(int argc, char **argv)
{
	unsigned turns, calls;
	int fd;

	if (argc != 4) {
		fprintf(stderr, "usage: tw-bench-guard CGROUP-FOLDER TURNS CALLS\n");
		return 2;
	}
	turns = (unsigned)strtoul(argv[2], NULL, 10);
	calls = (unsigned)strtoul(argv[3], NULL, 10);
	enter(argv[1]);
	stay_on_one_cpu();
	fd = make_connection();
	printf("%.1f %.1f\n", measure(fd, TCP_KEEPCNT, 9, turns, calls),
	       measure(fd, TCP_NODELAY, 1, turns, calls));
	return 0;
}
