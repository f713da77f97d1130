// SPDX-License-Identifier: GPL-2.0-only
/* Sockets that are not the test's own: the kernel's list, and those of other programs. */
#include <dirent.h>
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "harness.h"
#include "lib/cleanup.h"
#include "net.h"

/* --- sock_diag(7) --- */

struct diag_request {
	struct nlmsghdr header;
	struct inet_diag_req_v2 body;
};

static int request_established(void)
{
	struct diag_request request = {
		.header = { .nlmsg_len = sizeof(request),
			    .nlmsg_type = SOCK_DIAG_BY_FAMILY,
			    .nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP },
		.body = { .sdiag_family = AF_INET,
			  .sdiag_protocol = IPPROTO_TCP,
			  .idiag_states = 1 << TW_TCP_ESTABLISHED },
	};
	int fd = SYS(socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_SOCK_DIAG));

	SYS(send(fd, &request, sizeof(request), 0));
	return fd;
}

static bool has_ports(const struct inet_diag_msg *msg, int local_port, int remote_port)
{
	return ntohs(msg->id.idiag_sport) == local_port &&
	       ntohs(msg->id.idiag_dport) == remote_port;
}

/* Look through one batch of the answer. 1: found; 0: go on; -ENOENT: that was the last. */
static int search_batch(const char *buf, size_t len, int local_port, int remote_port,
			struct tw_diag_socket *ret_socket)
{
	const struct nlmsghdr *header = (const void *)buf;

	for (; NLMSG_OK(header, len); header = NLMSG_NEXT(header, len)) {
		const struct inet_diag_msg *msg = NLMSG_DATA(header);

		if (header->nlmsg_type == NLMSG_DONE)
			return -ENOENT;
		if (header->nlmsg_type == NLMSG_ERROR)
			tw_skip("no tcp_diag in this kernel: the sockets cannot be listed");
		if (!has_ports(msg, local_port, remote_port))
			continue;
		ret_socket->timer = msg->idiag_timer;
		ret_socket->expires_ms = (int)msg->idiag_expires;
		return 1;
	}
	return 0;
}

bool tw_diag_find(int local_port, int remote_port, struct tw_diag_socket *ret_socket)
{
	_cleanup_close_ int fd = request_established();
	_Alignas(struct nlmsghdr) char buf[16384];
	int r = 0;

	while (r == 0) {
		size_t len = (size_t)SYS(recv(fd, buf, sizeof(buf), 0));

		r = search_batch(buf, len, local_port, remote_port, ret_socket);
	}
	return r > 0;
}

/* --- sockets of other processes, pidfd_getfd(2) --- */

static bool is_peer(int fd, const struct sockaddr_storage *client)
{
	struct sockaddr_storage address = { 0 };
	socklen_t len = sizeof(address);

	return getpeername(fd, (struct sockaddr *)&address, &len) == 0 &&
	       !memcmp(&address, client, len);
}

static int search_process(pid_t pid, const struct sockaddr_storage *client)
{
	_cleanup_free_ char *path = tw_format("/proc/%d/fd", pid);
	_cleanup_close_ int pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
	_cleanup_closedir_ DIR *folder = opendir(path);
	const struct dirent *entry;

	while (folder && pidfd >= 0 && (entry = readdir(folder))) {
		_cleanup_close_ int fd =
			(int)syscall(SYS_pidfd_getfd, pidfd, atoi(entry->d_name), 0);

		if (fd >= 0 && is_peer(fd, client))
			return TAKE_FD(fd);
	}
	return -1;
}

static int search_processes(const struct sockaddr_storage *client)
{
	_cleanup_closedir_ DIR *proc = opendir("/proc");
	const struct dirent *entry;
	int fd = -1;

	while (proc && fd < 0 && (entry = readdir(proc))) {
		pid_t pid = atoi(entry->d_name);

		if (pid > 0 && pid != getpid())
			fd = search_process(pid, client);
	}
	return fd;
}

int tw_peer_of(int client)
{
	struct sockaddr_storage address = { 0 };
	socklen_t len = sizeof(address);
	int fd = -1;

	SYS(getsockname(client, (struct sockaddr *)&address, &len));
	WAIT_FOR((fd = search_processes(&address)) >= 0);
	return fd;
}
