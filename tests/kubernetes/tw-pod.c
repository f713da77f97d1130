// SPDX-License-Identifier: GPL-2.0-only
/*
 * What the pods of the test run: both ends of connections, each telling which options its sockets
 * have, as the application sees them. A line is printed when it differs from the one before:
 *
 *   out held 1 120 20 5 225000    a connection that is opened once, and kept
 *   out new ...                   one that was just opened, and is closed again
 *   in held ..., in new ...       the same as the other end has them
 *
 * The figures are keepalive, idle, interval, probes, and user timeout in ms.
 */
#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

enum {
	PACE_MS = 20,
	LINE = 128,
	MAX_HELD = 16
};

/* What a new connection says, so that the other end knows which it is. */
#define HELD 'h'
#define NEW  'n'

static int fail(const char *what)
{
	fprintf(stderr, "tw-pod: %s: %s\n", what, strerror(errno));
	return 1;
}

/* --- options -------------------------------------------------------------------------- */

static int option(int fd, int level, int name)
{
	socklen_t len = sizeof(int);
	int value = -1;

	getsockopt(fd, level, name, &value, &len);
	return value;
}

/* Say what the socket has, where that is news. */
static void tell(const char *which, int fd, char last[static LINE])
{
	char now[LINE];

	snprintf(now, LINE, "%d %d %d %d %d", option(fd, SOL_SOCKET, SO_KEEPALIVE),
		 option(fd, IPPROTO_TCP, TCP_KEEPIDLE), option(fd, IPPROTO_TCP, TCP_KEEPINTVL),
		 option(fd, IPPROTO_TCP, TCP_KEEPCNT), option(fd, IPPROTO_TCP, TCP_USER_TIMEOUT));
	if (!strcmp(now, last))
		return;
	memcpy(last, now, LINE);
	printf("%s %s\n", which, now);
}

/* --- connections ----------------------------------------------------------------------- */

static struct sockaddr_in address(const char *ip, const char *port)
{
	struct sockaddr_in addr = { .sin_family = AF_INET };

	addr.sin_port = htons((unsigned short)strtoul(port, NULL, 10));
	if (inet_pton(AF_INET, ip, &addr.sin_addr) != 1)
		addr.sin_addr.s_addr = htonl(INADDR_ANY);
	return addr;
}

static int dial(const char *ip, const char *port)
{
	struct sockaddr_in addr = address(ip, port);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd >= 0 && connect(fd, (struct sockaddr *)&addr, sizeof(addr)) < 0) {
		close(fd);
		fd = -1;
	}
	return fd;
}

/* The server may not listen yet. */
static int dial_patiently(const char *ip, const char *port)
{
	int fd;

	while ((fd = dial(ip, port)) < 0)
		poll(NULL, 0, PACE_MS);
	return fd;
}

static void introduce(int fd, char kind)
{
	if (send(fd, &kind, 1, MSG_NOSIGNAL) != 1)
		fprintf(stderr, "tw-pod: send: %s\n", strerror(errno));
}

/* The first connection is told of before it is used. */
static _Noreturn void client(const char *ip, const char *port)
{
	char last_held[LINE] = "", last_new[LINE] = "";
	int held = dial_patiently(ip, port);

	tell("out held", held, last_held);
	introduce(held, HELD);
	for (;;) {
		int fd = dial_patiently(ip, port);

		tell("out new", fd, last_new);
		introduce(fd, NEW);
		close(fd);
		tell("out held", held, last_held);
		poll(NULL, 0, PACE_MS);
	}
}

static int listen_on(const char *port)
{
	struct sockaddr_in addr = address("", port);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0 || bind(fd, (struct sockaddr *)&addr, sizeof(addr)) < 0 || listen(fd, 128) < 0)
		return -1;
	return fd;
}

/* Returns whether the connection is to be kept. */
static int receive(int fd, char last_new[static LINE])
{
	char kind = NEW;

	tell("in new", fd, last_new);
	if (recv(fd, &kind, 1, 0) == 1 && kind == HELD)
		return 1;
	close(fd);
	return 0;
}

static int server(const char *port)
{
	static char last_held[MAX_HELD][LINE];
	char last_new[LINE] = "";
	int held[MAX_HELD], count = 0;
	int listener = listen_on(port);

	if (listener < 0)
		return fail("listen");
	for (;;) {
		struct pollfd incoming = { .fd = listener, .events = POLLIN };
		int fd = poll(&incoming, 1, PACE_MS) > 0 ? accept(listener, NULL, NULL) : -1;

		if (fd >= 0 && receive(fd, last_new) && count < MAX_HELD)
			held[count++] = fd;
		for (int i = 0; i < count; i++)
			tell("in held", held[i], last_held[i]);
	}
}

/* --- looking around -------------------------------------------------------------------- */

/* The page at http://ip:port/path on standard output; 1 where its status is not 200. */
static int get(const char *ip, const char *port, const char *path)
{
	int fd = dial(ip, port), ok = 0;
	char text[4096];
	ssize_t size;

	if (fd < 0)
		return fail("connect");
	dprintf(fd, "GET %s HTTP/1.0\r\nHost: %s\r\n\r\n", path, ip);
	for (int first = 1; (size = read(fd, text, sizeof(text))) > 0; first = 0) {
		if (first)
			ok = size > 12 && !memcmp(text + 8, " 200", 4);
		fwrite(text, 1, (size_t)size, stdout);
	}
	close(fd);
	return !ok;
}

static long bpf(enum bpf_cmd command, union bpf_attr *attr)
{
	return syscall(SYS_bpf, command, attr, sizeof(*attr));
}

/* Say the program's name where it is one of ours, which it tells by its beginning. */
static void tell_program(__u32 id)
{
	struct bpf_prog_info info = { 0 };
	union bpf_attr attr = { .prog_id = id };
	int fd = (int)bpf(BPF_PROG_GET_FD_BY_ID, &attr);

	if (fd < 0)
		return;
	attr = (union bpf_attr){
		.info = { .bpf_fd = (__u32)fd, .info_len = sizeof(info), .info = (__u64)&info },
	};
	if (!bpf(BPF_OBJ_GET_INFO_BY_FD, &attr) && !strncmp(info.name, "tw_", 3))
		printf("program %s\n", info.name);
	close(fd);
}

/* All that the kernel has: attached anywhere, or only pinned, or held by a process. */
static int tell_programs(void)
{
	union bpf_attr attr = { 0 };

	while (!bpf(BPF_PROG_GET_NEXT_ID, &attr)) {
		__u32 id = attr.next_id;

		tell_program(id);
		attr = (union bpf_attr){ .start_id = id };
	}
	return errno == ENOENT ? 0 : fail("the node's programs");
}

/* Say what a process may do, where it is one of ours: the lines of proc(5) with these names. */
static void tell_process(const char *pid)
{
	static const char told[] =
		" CapInh CapPrm CapEff CapBnd CapAmb NoNewPrivs Seccomp Seccomp_filters ";
	char line[512], name[LINE], value[LINE], word[LINE + 2];
	FILE *file;

	snprintf(line, sizeof(line), "/proc/%.20s/status", pid);
	file = fopen(line, "re");
	if (!file)
		return;
	while (fgets(line, sizeof(line), file)) {
		if (sscanf(line, "%127[^:]: %127s", name, value) != 2)
			continue;
		if (!strcmp(name, "Name") && strcmp(value, "tcpwarden") != 0)
			break;
		snprintf(word, sizeof(word), " %s ", name);
		if (strstr(told, word))
			printf("process %s %s\n", name, value);
	}
	fclose(file);
}

static int tell_processes(void)
{
	DIR *dir = opendir("/proc");
	struct dirent *entry;

	if (!dir)
		return fail("/proc");
	while ((entry = readdir(dir)))
		if (entry->d_name[0] >= '1' && entry->d_name[0] <= '9')
			tell_process(entry->d_name);
	closedir(dir);
	return 0;
}

/* The record has the time and the process: "audit: type=1326 audit(SECONDS.MS:NUMBER): ... comm=...". */
static int is_refusal(const char *record, long since)
{
	static const char begin[] = " type=1326 audit(";
	const char *stamp = strstr(record, begin);

	return stamp && atol(stamp + strlen(begin)) >= since &&
	       strstr(record, " comm=\"tcpwarden\" ");
}

/* System calls that a filter has refused to us since that time. An audit daemon, where one runs, has
   them instead of the kernel's log. */
static int tell_refusals(long since)
{
	int fd = open("/dev/kmsg", O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	char record[8192];
	ssize_t size;

	if (fd < 0)
		return fail("/dev/kmsg");
	/* One record a read; EPIPE: some were overwritten before we came to them. */
	while ((size = read(fd, record, sizeof(record) - 1)) > 0 || (size < 0 && errno == EPIPE)) {
		record[size > 0 ? size : 0] = '\0';
		record[strcspn(record, "\n")] = '\0';
		if (is_refusal(record, since))
			printf("refused %s\n", record);
	}
	close(fd);
	return errno == EAGAIN ? 0 : fail("the kernel's log");
}

/* What is on the node: the entries of its bpf file system; of ours, the programs in its kernel, the
   processes, and what they were refused since a time, in seconds since 1970. */
static int left(const char *bpffs, long since)
{
	DIR *dir = opendir(bpffs);
	struct dirent *entry;

	if (!dir)
		return fail(bpffs);
	while ((entry = readdir(dir)))
		if (entry->d_name[0] != '.')
			printf("pin %s\n", entry->d_name);
	closedir(dir);
	return tell_programs() || tell_processes() || tell_refusals(since);
}

int main(int argc, char **argv)
{
	const char *command = argc > 1 ? argv[1] : "";

	setvbuf(stdout, NULL, _IOLBF, 0);
	if (!strcmp(command, "serve") && argc == 3)
		return server(argv[2]);
	if (!strcmp(command, "connect") && argc == 4)
		client(argv[2], argv[3]);
	if (!strcmp(command, "get") && argc == 5)
		return get(argv[2], argv[3], argv[4]);
	if (!strcmp(command, "left") && argc == 4)
		return left(argv[2], atol(argv[3]));
	fprintf(stderr, "usage: tw-pod serve PORT | connect IP PORT | get IP PORT PATH | "
			"left BPFFS SINCE\n");
	return 2;
}
