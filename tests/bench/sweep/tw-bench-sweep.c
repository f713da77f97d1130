/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Connections for the sweep to find: on loopback, both ends in this process,
 * in the cgroup and the network namespace that it is in.
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
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

/* Each source address has as many ports as Linux gives out by default. */
#define PER_ADDRESS 20000
#define PORT	    7000

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

static void allow_descriptors(int count)
{
	struct rlimit limit = { .rlim_cur = (rlim_t)count, .rlim_max = (rlim_t)count };

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

static int listen_on(void)
{
	struct sockaddr_in at = address(1, PORT);
	int fd = check(socket(AF_INET, SOCK_STREAM, 0), "socket");

	check(bind(fd, (struct sockaddr *)&at, sizeof(at)), "bind");
	check(listen(fd, 128), "listen");
	return fd;
}

static void connect_one(int listener, int host)
{
	struct sockaddr_in from = address(host, 0), to = address(1, PORT);
	int fd = check(socket(AF_INET, SOCK_STREAM, 0), "socket");

	check(bind(fd, (struct sockaddr *)&from, sizeof(from)), "bind");
	check(connect(fd, (struct sockaddr *)&to, sizeof(to)), "connect");
	check(accept(listener, NULL, NULL), "accept");
}

static void open_connections(int count)
{
	int listener = listen_on();

	for (int i = 0; i < count; i++)
		connect_one(listener, 2 + i / PER_ADDRESS);
}

static void stay(void)
{
	char byte;

	while (read(STDIN_FILENO, &byte, 1) > 0)
		;
}

/* A child with a namespace of its own; it says so through `ready`, and dies with us. */
static void start_namespace(int connections, int ready)
{
	pid_t pid = check(fork(), "fork");

	if (pid)
		return;
	check(prctl(PR_SET_PDEATHSIG, SIGKILL), "prctl");
	check(unshare(CLONE_NEWNET), "make a network namespace");
	loopback_up();
	if (connections)
		open_connections(connections);
	check((int)write(ready, "r", 1), "write");
	for (;;)
		pause();
}

static void start_namespaces(int count, int connections)
{
	int ends[2];
	char byte;

	check(pipe(ends), "pipe");
	for (int i = 0; i < count; i++) {
		start_namespace(connections, ends[1]);
		check((int)read(ends[0], &byte, 1), "read");
	}
}

int main(int argc, char **argv)
{
	int connections = argc > 1 ? number(argv[1]) : 0;
	int namespaces = argc > 2 ? number(argv[2]) : 0;

	allow_descriptors(2 * connections + 64);
	if (namespaces)
		start_namespaces(namespaces, connections);
	else
		open_connections(connections);
	printf("ready\n");
	fflush(stdout);
	stay();
	return 0;
}
