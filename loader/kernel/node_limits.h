/* SPDX-License-Identifier: GPL-2.0-only */
/* What this node itself does to idle and busy connections, and a policy compared with it. */
#ifndef TW_KERNEL_NODE_LIMITS_H
#define TW_KERNEL_NODE_LIMITS_H

#include <stddef.h>

#include <tcpwarden/abi.h>

#include "kernel/features.h"
#include "policy/model.h"
#include "policy/timing.h"

/* Of the network namespace of this process. What cannot be read is as the kernel starts with it. */
struct tw_node_limits {
	struct tw_options fresh; /* the effective values of a new socket */
	struct tw_timing_system timing;
	unsigned conntrack; /* seconds: nf_conntrack_tcp_timeout_established; 0: not loaded */
	unsigned ipvs;	    /* seconds: IPVS's TCP timeout; 0: not loaded, or not readable */
	int ipvs_error;	    /* -errno where IPVS is loaded and its timeouts cannot be read */
};

#define TW_FRESH_DEFAULT                                                            \
	((struct tw_options){                                                       \
		.value = { [TW_IDLE] = 7200, [TW_INTERVAL] = 75, [TW_PROBES] = 9 }, \
	})

void tw_node_limits_read(struct tw_node_limits *ret_limits);

#define TW_MAX_NODE_CHECKS 4

/* Compare; the number of checks written. Nothing here is worse than TW_CHECK_DEGRADED. */
size_t tw_node_limits_check(const struct tw_node_limits *limits, const struct tw_model *model,
			    struct tw_check ret_checks[static TW_MAX_NODE_CHECKS]);

#endif
