// SPDX-License-Identifier: GPL-2.0-only
#include "kernel/live.h"

#include <bpf/bpf.h>
#include <ctype.h>
#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "kernel/descriptor.h"
#include "kernel/pins.h"
#include "kernel/records.h"
#include "kernel/sock_diag.h"
#include "lib/cleanup.h"

#define PROTOCOL_MPTCP 262 /* <linux/in.h>: IPPROTO_MPTCP */

void tw_live_free(struct tw_live *live)
{
	free(live->sockets);
	*live = TW_LIVE_INIT;
}

const char *tw_live_state(unsigned state)
{
	static const char *const names[] = { "?",	   "ESTAB",	 "SYN-SENT",  "SYN-RECV",
					     "FIN-WAIT-1", "FIN-WAIT-2", "TIME-WAIT", "UNCONN",
					     "CLOSE-WAIT", "LAST-ACK",	 "LISTEN",    "CLOSING" };

	return state < ARRAY_SIZE(names) ? names[state] : "?";
}

static int by_address(const void *a, const void *b)
{
	const struct tw_live_socket *x = a, *y = b;
	int order = memcmp(x->local.addr, y->local.addr, sizeof(x->local.addr));

	if (!order)
		order = x->local.port - y->local.port;
	if (!order)
		order = memcmp(x->remote.addr, y->remote.addr, sizeof(x->remote.addr));
	return order ? order : x->remote.port - y->remote.port;
}

static int by_inode(const void *a, const void *b)
{
	const struct tw_live_socket *x = a, *y = b;

	return x->inode < y->inode ? -1 : x->inode > y->inode;
}

/* Where a socket listens on the local port, the connection was probably accepted. */
static void guess_directions(struct tw_live *live)
{
	uint64_t listening[TW_PORTS / 64] = { 0 };

	for (size_t i = 0; i < live->count; i++) {
		unsigned port = live->sockets[i].local.port;

		if (live->sockets[i].state == TW_LIVE_LISTEN)
			listening[port / 64] |= 1ULL << port % 64;
	}
	for (size_t i = 0; i < live->count; i++) {
		unsigned port = live->sockets[i].local.port;

		live->sockets[i].direction = listening[port / 64] >> port % 64 & 1 ? TW_IN : TW_OUT;
	}
}

static void sort(struct tw_live *live, int (*compare)(const void *, const void *))
{
	if (live->count)
		qsort(live->sockets, live->count, sizeof(*live->sockets), compare);
}

/* All TCP sockets of this network namespace, by inode. */
static int dump(struct tw_live *ret_live, struct tw_fault *fault)
{
	_cleanup_live_ struct tw_live live = TW_LIVE_INIT;
	int error = tw_sock_diag_list(&live);

	if (error)
		return tw_fault(fault, error, "cannot list the TCP sockets by sock_diag: %m%s",
				error == -ENOENT ? "; load the module tcp_diag" : "");
	sort(&live, by_inode);
	guess_directions(&live);
	*ret_live = live;
	live = TW_LIVE_INIT;
	return 0;
}

/* --- the process that has a socket --------------------------------------------------- */

/* The direction from the record that the programs keep of a socket they changed. */
static void read_record(int fd, struct tw_live_socket *socket)
{
	_cleanup_close_ int stored = bpf_obj_get(TW_PIN_RECORDS);
	_cleanup_close_ int seats = bpf_obj_get(TW_PIN_SEATS);
	const struct tw_records records = { .stored = stored, .seats = seats };
	struct tw_record record;

	if (tw_records_read(&records, fd, &record))
		return;
	socket->direction = (enum tw_direction)record.direction;
	socket->direction_known = true;
}

static int look_into(int fd, struct tw_live_socket *socket)
{
	socklen_t len = sizeof(__u32);
	__u32 protocol = 0;
	int error;

	error = tw_descriptor_read(fd, &socket->options);
	if (error)
		return error;
	getsockopt(fd, SOL_SOCKET, SO_PROTOCOL, &protocol, &len);
	socket->mptcp = protocol == PROTOCOL_MPTCP;
	socket->seen = true;
	read_record(fd, socket);
	return 0;
}

static int look_into_process(int pidfd, const char *number, struct tw_live_socket *socket)
{
	_cleanup_close_ int fd =
		(int)syscall(SYS_pidfd_getfd, pidfd, (int)strtol(number, NULL, 10), 0);

	return fd < 0 ? -errno : look_into(fd, socket);
}

/* The descriptors of a process, and a descriptor of itself. NULL: see errno; ESRCH, it is gone. */
static DIR *open_process(pid_t pid, int *ret_pidfd)
{
	_cleanup_close_ int pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
	char path[64];
	DIR *fds;

	if (pidfd < 0)
		return NULL;
	snprintf(path, sizeof(path), "/proc/%d/fd", (int)pid);
	fds = opendir(path);
	if (fds)
		*ret_pidfd = TAKE_FD(pidfd);
	else if (errno == ENOENT)
		errno = ESRCH;
	return fds;
}

static struct tw_live_socket *find_inode(const struct tw_live *live, uint32_t inode)
{
	struct tw_live_socket wanted = { .inode = inode };

	if (!inode || !live->count)
		return NULL;
	return bsearch(&wanted, live->sockets, live->count, sizeof(wanted), by_inode);
}

/* Look into the sockets of `live` that the process has, and mark them by `mine`. */
static void look_into_all(DIR *fds, int pidfd, const struct tw_live *live, bool *mine)
{
	const struct dirent *entry;

	while ((entry = readdir(fds))) {
		struct tw_live_socket *socket =
			find_inode(live, (uint32_t)tw_descriptor_inode(dirfd(fds), entry->d_name));

		if (!socket)
			continue;
		mine[socket - live->sockets] = true;
		if (!socket->seen)
			look_into_process(pidfd, entry->d_name, socket);
	}
}

int tw_live_of_process(pid_t pid, struct tw_live *ret_live, struct tw_fault *fault)
{
	_cleanup_live_ struct tw_live live = TW_LIVE_INIT;
	_cleanup_close_ int pidfd = -1;
	_cleanup_closedir_ DIR *fds = open_process(pid, &pidfd);
	_cleanup_free_ bool *mine = NULL;
	size_t kept = 0;
	int error;

	if (!fds)
		return tw_fault(fault, -errno,
				"cannot look into the descriptors of process %d: %m%s", (int)pid,
				errno == EACCES || errno == EPERM ? "; run as root" : "");
	error = dump(&live, fault);
	if (error)
		return error;
	mine = calloc(live.count + 1, sizeof(*mine));
	if (!mine)
		return tw_fault(fault, -ENOMEM, "cannot list sockets: %m");
	look_into_all(fds, pidfd, &live, mine);
	for (size_t i = 0; i < live.count; i++)
		if (mine[i])
			live.sockets[kept++] = live.sockets[i];
	live.count = kept;
	sort(&live, by_address);
	*ret_live = live;
	live = TW_LIVE_INIT;
	return 0;
}

/* Look into the socket where this process has it. */
static void look_into_one(pid_t pid, struct tw_live_socket *socket)
{
	_cleanup_close_ int pidfd = -1;
	_cleanup_closedir_ DIR *fds = open_process(pid, &pidfd);
	const struct dirent *entry;

	while (fds && !socket->seen && (entry = readdir(fds)))
		if (tw_descriptor_inode(dirfd(fds), entry->d_name) == socket->inode)
			look_into_process(pidfd, entry->d_name, socket);
}

/* Look for the process that has the socket, among those that this one may look into. */
static int look_into_any(struct tw_live_socket *socket)
{
	_cleanup_closedir_ DIR *proc = opendir("/proc");
	const struct dirent *process;

	if (!proc)
		return -errno;
	while (!socket->seen && (process = readdir(proc)))
		if (isdigit((unsigned char)process->d_name[0]))
			look_into_one((pid_t)strtol(process->d_name, NULL, 10), socket);
	return socket->seen ? 0 : -EACCES;
}

static bool is_between(const struct tw_live_socket *socket, const struct tw_endpoint *local,
		       const struct tw_endpoint *remote)
{
	return socket->state != TW_LIVE_LISTEN && !memcmp(&socket->local, local, sizeof(*local)) &&
	       !memcmp(&socket->remote, remote, sizeof(*remote));
}

int tw_live_find(const struct tw_endpoint *local, const struct tw_endpoint *remote,
		 struct tw_live_socket *ret_socket, struct tw_fault *fault)
{
	_cleanup_live_ struct tw_live live = TW_LIVE_INIT;
	char from[TW_ENDPOINT_LEN], to[TW_ENDPOINT_LEN];
	struct tw_live_socket *found = NULL;
	int error = dump(&live, fault);

	if (error)
		return error;
	tw_endpoint_format(local, from);
	tw_endpoint_format(remote, to);
	for (size_t i = 0; i < live.count && !found; i++)
		if (is_between(&live.sockets[i], local, remote))
			found = &live.sockets[i];
	if (!found)
		return tw_fault(
			fault, -ENOENT,
			"no connection from %s to %s: looked through the %zu TCP sockets of "
			"this network namespace (for another: nsenter --net, or --pid)",
			from, to, live.count);
	if (!found->inode || look_into_any(found))
		return tw_fault(
			fault, -EACCES,
			"cannot read the options of the connection from %s to %s (%s): looked "
			"for socket:[%u] in /proc/*/fd, and no process that this one may look "
			"into has it; run as root, in the host's pid namespace",
			from, to, tw_live_state(found->state), found->inode);
	*ret_socket = *found;
	return 0;
}
