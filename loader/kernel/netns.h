/* SPDX-License-Identifier: GPL-2.0-only */
/* The network namespaces of this machine that a process or an entry of /run/netns names. */
#ifndef TW_KERNEL_NETNS_H
#define TW_KERNEL_NETNS_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

struct tw_netns {
	int fd;
	ino_t inode; /* names it: /proc/PID/ns/net links to net:[inode] */
};

struct tw_netns_list {
	struct tw_netns *list;
	size_t count;
	size_t size;
	size_t refused; /* processes and folders that we may not look into */
};

#define TW_NETNS_LIST_INIT ((struct tw_netns_list){ 0 })

void tw_netns_list_free(struct tw_netns_list *list);
#define _cleanup_netns_list_ _cleanup_(tw_netns_list_free)

/*
 * Every distinct one, our own first: of all processes in /proc, and the bind
 * mounts in /run/netns and /var/run/netns. Those that vanish are passed over.
 */
int tw_netns_find(struct tw_netns_list *list);

/* Add the namespaces of the processes in an open cgroup.procs. */
int tw_netns_find_in(int procs, struct tw_netns_list *list);

/*
 * Enter `ns`; *ret_back leads back to ours through tw_netns_leave(). Entering
 * our own takes no privilege; another takes CAP_SYS_ADMIN: -EPERM.
 */
int tw_netns_enter(const struct tw_netns *ns, int *ret_back);
void tw_netns_leave(int back);

/* Whether the namespace we are in holds TCP sockets; true where it cannot be told. */
bool tw_netns_has_tcp(void);

#endif
