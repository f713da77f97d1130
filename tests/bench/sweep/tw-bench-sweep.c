/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Connections for the sweep to find: on loopback, both ends in a process of the
 * cgroup and the network namespace that it is started in.
 *
 *   tw-bench-sweep CONNECTIONS [NAMESPACES]
 *
 * With NAMESPACES, so many more of them, each with CONNECTIONS connections and a
 * process of its own. Prints "ready" when all are there, and stays until its
 * standard input ends.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

/* A process may open so many descriptors without CAP_SYS_RESOURCE on most machines. */
#define PER_PROCESS 1900
#define DESCRIPTORS 4096
#define PORT	    7000

/* What a child opens. */
struct share {
	int connections; /* at most PER_PROCESS */
	int number;	 /* from 0: its port and its source address */
	bool own_namespace;
};

static _Noreturn __attribute__((format(printf, 1, 2))) void fail(const char *format, ...)
{
	va_list args;

	fprintf(stderr, "tw-bench-sweep: ");
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fprintf(stderr, ": %s\n", strerror(errno));
	exit(1);
}

static int number(const char *text)
{
	char *end;
	long value = strtol(text, &end, 10);

	if (*end || value < 0 || value > 1000000) {
		errno = EINVAL;
		fail("not a number: %s", text);
	}
	return (int)value;
}

static int check(int r, const char *what)
{
	if (r < 0)
		fail("%s", what);
	return r;
}

static void allow_descriptors(void)
{
	struct rlimit limit;

	check(getrlimit(RLIMIT_NOFILE, &limit), "read the limit of descriptors");
	limit.rlim_cur = DESCRIPTORS;
	check(setrlimit(RLIMIT_NOFILE, &limit), "raise the limit of descriptors");
}

static void loopback_up(void)
{
	int fd = check(socket(AF_INET, SOCK_DGRAM, 0), "socket");
	struct ifreq request = { .ifr_name = "lo", .ifr_flags = IFF_UP };

	check(ioctl(fd, SIOCSIFFLAGS, &request), "set lo up");
	close(fd);
}

/* 127.0.0.HOST */
static struct sockaddr_in address(int host, int port)
{
	return (struct sockaddr_in){
		.sin_family = AF_INET,
		.sin_port = htons((uint16_t)port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK - 1 + (uint32_t)host),
	};
}

static int listen_on(int port)
{
	struct sockaddr_in at = address(1, port);
	int fd = check(socket(AF_INET, SOCK_STREAM, 0), "socket");

	check(bind(fd, (struct sockaddr *)&at, sizeof(at)), "bind");
	check(listen(fd, 128), "listen");
	return fd;
}

static void connect_one(int listener, int host, int port)
{
	struct sockaddr_in from = address(host, 0), to = address(1, port);
	int fd = check(socket(AF_INET, SOCK_STREAM, 0), "socket");

	check(bind(fd, (struct sockaddr *)&from, sizeof(from)), "bind");
	check(connect(fd, (struct sockaddr *)&to, sizeof(to)), "connect");
	check(accept(listener, NULL, NULL), "accept");
}

static void open_connections(const struct share *share)
{
	int port = PORT + share->number, listener = listen_on(port);

	for (int i = 0; i < share->connections; i++)
		connect_one(listener, 2 + share->number, port);
}

/* A child that opens its share and says so through `ready`; it dies with us. */
static void start(const struct share *share, int ready)
{
	if (check(fork(), "fork"))
		return;
	check(prctl(PR_SET_PDEATHSIG, SIGKILL), "prctl");
	if (share->own_namespace) {
		check(unshare(CLONE_NEWNET), "make a network namespace");
		loopback_up();
	}
	if (share->connections)
		open_connections(share);
	check((int)write(ready, "r", 1), "write");
	close(ready);
	for (;;)
		pause();
}

/* A child that failed has said why, and its end of the pipe is closed. */
static void start_and_wait(const struct share *share)
{
	int ends[2];
	char byte;

	check(pipe(ends), "pipe");
	start(share, ends[1]);
	close(ends[1]);
	if (check((int)read(ends[0], &byte, 1), "read") == 0)
		exit(1);
	close(ends[0]);
}

static void start_namespaces(int count, int connections)
{
	struct share share = { .connections = connections, .own_namespace = true };

	while (count--)
		start_and_wait(&share);
}

static void start_processes(int connections)
{
	for (int i = 0; i * PER_PROCESS < connections; i++) {
		int left = connections - i * PER_PROCESS;
		struct share share = {
			.connections = left < PER_PROCESS ? left : PER_PROCESS,
			.number = i,
		};

		start_and_wait(&share);
	}
}

static void stay(void)
{
	char byte;

	while (read(STDIN_FILENO, &byte, 1) > 0)
		;
}

int main(int argc, char **argv)
{
	int connections = argc > 1 ? number(argv[1]) : 0;
	int namespaces = argc > 2 ? number(argv[2]) : 0;

	allow_descriptors();
	if (namespaces)
		start_namespaces(namespaces, connections);
	else
		start_processes(connections);
	printf("ready\n");
	fflush(stdout);
	stay();
	return 0;
}
