/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Compile a model into a generation: pure, in memory, laid out as the maps
 * hold it. What depends on the machine comes in as arguments.
 */
#ifndef TW_POLICY_COMPILE_H
#define TW_POLICY_COMPILE_H

#include <stddef.h>
#include <stdint.h>

#include <tcpwarden/abi.h>

#include "lib/buf.h"
#include "policy/model.h"
#include "policy/pattern.h"
#include "policy/pod.h"

/* The node that policies are compiled for. */
struct tw_place {
	char node[TW_NODE_LEN]; /* its name */
	struct tw_set tripped;	/* policies whose guard tripped here, so that they observe */
};

struct tw_compiled_prefix {
	struct tw_prefix key;
	struct tw_set set; /* bits of all covering prefixes and of policies without match.remote */
};

struct tw_compiled {
	struct tw_generation *generation;    /* but for attach_cgroup and the policies' counters */
	struct tw_compiled_prefix *prefixes; /* sorted; generation->prefixes of them */
	struct tw_set *port_sets;	     /* element i is port class i + 1 */
	size_t port_set_count;
	__u8 here[TW_MAX_POLICIES]; /* enum tw_here, by policy */
	struct tw_buf text;	    /* canonical form, the same on each node */
	__u64 digest[2];	    /* of the text, see tw_canon_digest() */
};

void tw_compiled_free(struct tw_compiled *compiled);
#define _cleanup_compiled_ _cleanup_(tw_compiled_free)

/*
 * For the node at `place`; NULL: for one that all policies select, in each one's
 * share. A policy that does not select the node meets nothing; one outside its
 * share, or tripped, observes. -ENOMEM; -E2BIG where the canonical text exceeds
 * its limit.
 */
int tw_compile(const struct tw_model *model, const struct tw_place *place,
	       struct tw_compiled *ret_compiled);

/* What a policy is on this node: enum tw_here. `number` is its own in the model. */
__u8 tw_compile_here(const struct tw_model_policy *policy, size_t number,
		     const struct tw_place *place);

/* Whether one of the policy's match.node patterns, if it has any, selects this name. */
bool tw_policy_selects_node(const struct tw_model_policy *policy, const char *node);

/*
 * The policies that select the cgroup at `path` (absolute in the cgroup2
 * tree, "/" is the root), which belongs to `pod`: see struct tw_cgroup_sets.
 * Deeper than TW_MAX_CGROUP_DEPTH no pattern covers it, and no pod is known.
 */
void tw_compile_cgroup(const struct tw_model *model, const char *path, const struct tw_pod *pod,
		       struct tw_cgroup_sets *ret_sets);

/* Whether the pod is known and is one that the policy selects. */
bool tw_compile_selects_pod(const struct tw_model_policy *policy, const struct tw_pod *pod);

/* The sets that a connection meets, as the BPF program finds them. */
const struct tw_set *tw_compiled_remote(const struct tw_compiled *compiled,
					const __u8 addr[static 16]);
const struct tw_set *tw_compiled_port(const struct tw_compiled *compiled, __u16 port);

#endif
