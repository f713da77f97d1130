/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What getsockopt says of the connected TCP sockets of other processes, by
 * their own descriptors (pidfd_getfd):
 *
 *   tw-sockopts PID...
 *
 * One line a socket: "tcp|mptcp LOCAL-PORT REMOTE-PORT ON IDLE INTERVAL PROBES
 * USER-TIMEOUT". An MPTCP socket has no TCP_USER_TIMEOUT, and it does not show
 * what its subflows carry. A process that ends meanwhile is passed over.
 */
#include <dirent.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#define TW_IPPROTO_MPTCP 262
#define OPTIONS		 5

static int option(int fd, int level, int name)
{
	int value = -1;
	socklen_t len = sizeof(value);

	if (getsockopt(fd, level, name, &value, &len) < 0)
		return -1;
	return value;
}

static int port_of(const struct sockaddr_storage *address)
{
	if (address->ss_family == AF_INET)
		return ntohs(((const struct sockaddr_in *)address)->sin_port);
	return ntohs(((const struct sockaddr_in6 *)address)->sin6_port);
}

static bool is_inet(int fd)
{
	int domain = option(fd, SOL_SOCKET, SO_DOMAIN);

	return domain == AF_INET || domain == AF_INET6;
}

static void show(int fd, const char *protocol)
{
	static const struct {
		int level, name;
	} options[OPTIONS] = {
		{ SOL_SOCKET, SO_KEEPALIVE },	   { IPPROTO_TCP, TCP_KEEPIDLE },
		{ IPPROTO_TCP, TCP_KEEPINTVL },	   { IPPROTO_TCP, TCP_KEEPCNT },
		{ IPPROTO_TCP, TCP_USER_TIMEOUT },
	};
	struct sockaddr_storage local, remote;
	socklen_t len = sizeof(local);

	if (getsockname(fd, (struct sockaddr *)&local, &len) < 0)
		return;
	len = sizeof(remote);
	if (getpeername(fd, (struct sockaddr *)&remote, &len) < 0)
		return; /* it listens, or is closed */
	printf("%s %d %d", protocol, port_of(&local), port_of(&remote));
	for (int i = 0; i < OPTIONS; i++)
		printf(" %d", option(fd, options[i].level, options[i].name));
	putchar('\n');
}

static void look_at(int fd)
{
	int protocol = option(fd, SOL_SOCKET, SO_PROTOCOL);

	if (!is_inet(fd))
		return;
	if (protocol == IPPROTO_TCP)
		show(fd, "tcp");
	else if (protocol == TW_IPPROTO_MPTCP)
		show(fd, "mptcp");
}

static bool names_socket(int folder, const char *name)
{
	char target[32];
	ssize_t len = readlinkat(folder, name, target, sizeof(target));

	return len > 7 && !memcmp(target, "socket:", 7);
}

static void look_at_process(int pidfd, DIR *descriptors)
{
	const struct dirent *entry;

	while ((entry = readdir(descriptors))) {
		int fd;

		if (!names_socket(dirfd(descriptors), entry->d_name))
			continue;
		fd = (int)syscall(SYS_pidfd_getfd, pidfd, atoi(entry->d_name), 0);
		if (fd < 0)
			continue;
		look_at(fd);
		close(fd);
	}
}

static int look_at_pid(const char *pid)
{
	char path[64];
	DIR *descriptors;
	int pidfd;

	pidfd = (int)syscall(SYS_pidfd_open, atoi(pid), 0);
	if (pidfd < 0)
		return errno == ESRCH ? 0 : -errno;
	snprintf(path, sizeof(path), "/proc/%s/fd", pid);
	descriptors = opendir(path);
	if (descriptors) {
		look_at_process(pidfd, descriptors);
		closedir(descriptors);
	}
	close(pidfd);
	return 0;
}

int main(int argc, char **argv)
{
	int error;

	for (int i = 1; i < argc; i++) {
		error = look_at_pid(argv[i]);
		if (error) {
			fprintf(stderr, "tw-sockopts: process %s: %s\n", argv[i], strerror(-error));
			return 1;
		}
	}
	return 0;
}
