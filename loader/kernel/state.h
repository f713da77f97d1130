/* SPDX-License-Identifier: GPL-2.0-only */
/* What people ask of the kernel: read from the pins, with or without a daemon. */
#ifndef TW_KERNEL_STATE_H
#define TW_KERNEL_STATE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include <tcpwarden/abi.h>

#include "kernel/errors.h"
#include "kernel/maps.h"
#include "lib/buf.h"
#include "lib/fault.h"

/* The counts of one policy, summed over CPUs; order of the policies as in the generation. */
struct tw_policy_counts {
	struct tw_counts direction[TW_DIRECTIONS];
	struct tw_tally tally;
};

/* "set", "already" and so on, as JSON and metrics have them. */
const char *tw_outcome_name(enum tw_outcome outcome);

/* "keepalive", "unacked", "zero_window", "connect", likewise. */
const char *tw_reason_name(enum tw_reason reason);

/* "allowed", "limited", "replaced", "would_limit", "would_replace", likewise. */
const char *tw_app_action_name(enum tw_app_action action);

/* Both directions together. */
static inline __u64 tw_counts_total(const struct tw_policy_counts *counts, enum tw_outcome outcome)
{
	return counts->direction[TW_OUT].sockets[outcome] +
	       counts->direction[TW_IN].sockets[outcome];
}

struct tw_snapshot {
	bool attached;	  /* our link is in the kernel and its cgroup lives */
	bool daemon;	  /* a `run` holds the lock */
	pid_t daemon_pid; /* 0: not visible from this pid namespace */
	uint64_t number;  /* of the generation; 0: none */
	struct tw_state state;
	struct tw_loaded loaded; /* zero where `number` is 0 */
	struct tw_policy_counts counts[TW_MAX_POLICIES];
	__u64 events_lost; /* deaths that were counted and not told of */
	struct tw_error_counts errors;
};

/*
 * Read all of it; 0 also where nothing is attached. `ret_snapshot` is large:
 * allocate it. -EACCES, -EPERM: the fault says what is needed.
 */
int tw_snapshot_read(struct tw_snapshot *ret_snapshot, struct tw_fault *fault);

/* The counts of a generation's policies; `ret_counts` has TW_MAX_POLICIES. */
int tw_counts_read(const struct tw_maps *maps, const struct tw_loaded *loaded,
		   struct tw_policy_counts *ret_counts);

/* One tally, summed over CPUs; `counter` may be TW_NO_COUNTER. */
int tw_tally_read(const struct tw_maps *maps, uint32_t counter, struct tw_tally *ret_tally);

/* Deaths that the kernel counted and did not tell of; `maps` needs `events_lost` alone. */
int tw_events_lost_read(const struct tw_maps *maps, __u64 *ret_lost);

/* The pinned maps that tw_loaded_read() takes. */
int tw_state_open(int *ret_current, int *ret_loaded, struct tw_fault *fault);

/* The generation in force, as people know it. -ENOENT: none. */
int tw_loaded_read(int current, int loaded, struct tw_loaded *ret_loaded);

/*
 * Append the canonical text of the generation in force, read from the pins and
 * checked against its digest. -ENOENT: nothing is loaded.
 */
int tw_text_read(struct tw_buf *buf, struct tw_fault *fault);

/* Note where we are attached, on which node, and that this version took over; a refusal stays noted. */
int tw_state_attached(const struct tw_maps *maps, const char *path, uint64_t cgroup,
		      const char *node);

/* Note that a policy was refused, and why; `text` may be cut. NULL: the last load was good. */
int tw_state_refused(const struct tw_maps *maps, const char *text);

#endif
