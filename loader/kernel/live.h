/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Sockets that are open, for those who ask about one of them: found by
 * sock_diag(7) in a network namespace, looked into through the process that has
 * them (pidfd_getfd(2)), which is exact.
 */
#ifndef TW_KERNEL_LIVE_H
#define TW_KERNEL_LIVE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include <tcpwarden/abi.h>

#include "kernel/cgroup.h"
#include "lib/endpoint.h"
#include "lib/fault.h"

#define TW_LIVE_LISTEN 10 /* include/net/tcp_states.h: TCP_LISTEN */

struct tw_live_socket {
	struct tw_endpoint local;
	struct tw_endpoint remote; /* of a listening socket :: and 0 */
	unsigned state;		   /* include/net/tcp_states.h; tw_live_state() names it */
	uint32_t inode;		   /* 0: no process has it */
	uint64_t cgroup_id;	   /* 0: the kernel does not say (before 5.8) */
	uint32_t rto_ms;	   /* retransmission timeout; 0: not known */
	enum tw_direction direction;
	bool direction_known; /* from the socket's record; else it is a guess by listening ports */
	bool seen;	      /* the descriptor was had: `options` and `mptcp` are valid */
	bool mptcp;	      /* `options` are not those of its subflows */
	struct tw_options options;
};

struct tw_live {
	struct tw_live_socket *sockets; /* by local, then remote address */
	size_t count;
};

#define TW_LIVE_INIT ((struct tw_live){ 0 })

void tw_live_free(struct tw_live *live);
#define _cleanup_live_ _cleanup_(tw_live_free)

/* ESTAB, LISTEN and so on, as ss(8) has them. */
const char *tw_live_state(unsigned state);

/* The TCP sockets of a process in the current network namespace. -ESRCH: it is gone. */
int tw_live_of_process(pid_t pid, struct tw_live *ret_live, struct tw_fault *fault);

/*
 * The connection between two addresses in the current network namespace, with
 * its options. -ENOENT: there is none; -EACCES: no process that this one may
 * look into has it.
 */
int tw_live_find(const struct tw_endpoint *local, const struct tw_endpoint *remote,
		 struct tw_live_socket *ret_socket, struct tw_fault *fault);

#endif
