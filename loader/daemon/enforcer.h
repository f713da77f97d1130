/* SPDX-License-Identifier: GPL-2.0-only */
/* Enforcement on this node, owned: from a policy to a switch in the kernel. */
#ifndef TW_DAEMON_ENFORCER_H
#define TW_DAEMON_ENFORCER_H

#include <stdbool.h>
#include <stdint.h>

#include "kernel/cgroup.h"
#include "kernel/generation.h"
#include "kernel/program.h"
#include "lib/cleanup.h"
#include "lib/fault.h"
#include "node/pods.h"
#include "policy/compile.h"
#include "policy/model.h"

struct tw_enforcer {
	const char *attach_path; /* borrowed, normal form */
	uint64_t attach_cgroup;
	int cgroup;
	int lock;
	struct tw_cgroup_tree tree;
	struct tw_program program;
	struct tw_pods *pods;
	struct tw_model model; /* the policy in force */
	__u64 digest[2];       /* of its canonical form */
	struct tw_place place; /* this node, as the policy in force is compiled for */
	struct tw_generation_live live;
};

#define TW_ENFORCER_INIT                                    \
	((struct tw_enforcer){ .cgroup = -1,                \
			       .lock = -1,                  \
			       .tree = TW_CGROUP_TREE_INIT, \
			       .program = TW_PROGRAM_INIT,  \
			       .live = TW_GENERATION_LIVE_INIT })

/*
 * Find the cgroup to attach to, on the node of this name whose pods log below
 * `pod_logs`. -ENOENT and -ENOTDIR: it is not there, which is bad usage; other
 * errors are the machine's.
 */
int tw_enforcer_open(struct tw_enforcer *enforcer, const char *attach_path, const char *node_name,
		     const char *pod_logs, struct tw_fault *fault);

/* Become the owner of this node's enforcement; see tw_owner_lock() for `wait` and errors. */
int tw_enforcer_own(struct tw_enforcer *enforcer, bool wait, struct tw_fault *fault);

/*
 * Load the program, publish the policy, attach: from here on it is enforced. A
 * failure leaves what was enforced before, or where nothing was, no pins. On
 * success the enforcer takes the model over, and *model is empty.
 */
int tw_enforcer_start(struct tw_enforcer *enforcer, struct tw_model *model, struct tw_fault *fault);

/*
 * What follows a start and holds up no enforcement: deaths are watched, what
 * another version pinned goes, which until now was in force beside ours, and the
 * processes that filled maps are awaited (kernel/slots.h). What fails is said;
 * enforcement goes on.
 */
void tw_enforcer_settle(void);

/* Switch to another policy, likewise. -EALREADY: it has the digest of the one in force. */
int tw_enforcer_switch(struct tw_enforcer *enforcer, struct tw_model *model,
		       struct tw_fault *fault);

/*
 * Let the policies of `more`, whose guards tripped, observe from now on: the same
 * policy in a new generation. They do until their part of the policy changes,
 * over restarts too.
 */
int tw_enforcer_trip(struct tw_enforcer *enforcer, const struct tw_set *more,
		     struct tw_fault *fault);

/* Log what is enforced: "`what`: generation 2, 3 policies, at and below cgroup /". */
void tw_enforcer_say(const struct tw_enforcer *enforcer, const char *what);

/* What new cgroups are compiled against. */
struct tw_cgroup_scope tw_enforcer_scope(const struct tw_enforcer *enforcer);

/* Let go of the lock and all descriptors; what is pinned goes on. */
void tw_enforcer_close(struct tw_enforcer *enforcer);
#define _cleanup_enforcer_ _cleanup_(tw_enforcer_close)

#endif
