/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The policy model: what the policy files say, checked, in the units of
 * abi.h, but still independent of the machine.
 */
#ifndef TW_POLICY_MODEL_H
#define TW_POLICY_MODEL_H

#include <stdbool.h>
#include <stddef.h>

#include <tcpwarden/abi.h>

#include "lib/cleanup.h"
#include "lib/diag.h"
#include "lib/inet.h"
#include "policy/catalogue.h"

#define TW_MAX_CGROUP_PATTERNS 64  /* match.cgroup paths of a policy */
#define TW_MAX_POD_PATTERNS    64  /* match.namespace, and match.pod, of a policy */
#define TW_MAX_POD_PATTERN_LEN 253 /* as long as a pod's name may be */
#define TW_MAX_NODE_PATTERNS   64  /* match.node patterns of a policy */
#define TW_MAX_MUST_BEAT       32  /* elements of must_beat of a policy */

/* Bits of the directions that match.direction allows. */
#define TW_ANY_DIRECTION ((1u << TW_OUT) | (1u << TW_IN))

/* An idle timeout on the way: of the catalogue, or just a duration. */
struct tw_must_beat {
	const struct tw_middlebox *box; /* NULL: a duration */
	uint64_t ms;			/* 0: the catalogue gives none */
	struct tw_mark mark;
};

struct tw_model_policy {
	char name[TW_NAME_LEN];
	struct tw_mark mark; /* of the name: what warnings about the whole policy point at */

	/* The lists are in order and without duplicates: tw_model_policy_sort(). */
	char **cgroups; /* absolute paths, no trailing slash ("/" stays), wildcards as written; none: all */
	size_t cgroup_count;
	char **namespaces; /* shell patterns; none: all, and where there is no pod pattern, no pod */
	size_t namespace_count;
	char **pods; /* shell patterns, likewise */
	size_t pod_count;
	struct tw_cidr *remotes; /* none: all */
	size_t remote_count;
	struct tw_port_range *ports; /* none: all */
	size_t port_count;
	char **nodes; /* shell patterns; none: all */
	size_t node_count;
	struct tw_must_beat *must_beat;
	size_t must_beat_count;
	unsigned directions; /* bits 1 << enum tw_direction */

	struct tw_options want; /* valid where `fields` says so */
	unsigned fields;	/* TW_BIT()s; 0: an exemption */
	bool auto_timeout;	/* user_timeout: auto (TW_USER_TIMEOUT is in `fields`) */
	bool observe;		/* mode: observe, its own or the file's */
	enum tw_precedence precedence;
	unsigned rollout;	  /* per mille of the nodes; on the others it observes */
	char cohort[TW_NAME_LEN]; /* whose order nodes go in by; see policy/cohort.h */
	bool guarded;
	unsigned max_deaths; /* a minute; valid where it is guarded */

	/* Where the values stand, for warnings; line 0 where the key is absent. */
	struct tw_mark keepalive_mark;
	struct tw_mark user_timeout_mark;
	struct tw_mark match_mark;
	struct tw_mark rollout_mark;
	struct tw_mark cohort_mark;
	struct tw_mark guard_mark;
};

struct tw_model {
	struct tw_model_policy *policies;
	size_t count;
	bool observe; /* mode: observe for all */
	char **files; /* the names that marks borrow */
	size_t file_count;
};

/* Whether it selects by pod: nothing outside of pods is selected then. */
static inline bool tw_model_by_pod(const struct tw_model_policy *policy)
{
	return policy->namespace_count || policy->pod_count;
}

#define TW_MODEL_INIT ((struct tw_model){ 0 })

/* As policies spell them. */
extern const char *const tw_precedence_names[TW_PRECEDENCE_POLICY + 1];

/* Whether the policy turns `field`, keepalive or the user timeout, off. */
bool tw_model_policy_off(const struct tw_model_policy *policy, enum tw_field field);

void tw_model_free(struct tw_model *model);
#define _cleanup_model_ _cleanup_(tw_model_free)

/*
 * Bring the lists in order (text; tw_cidr_compare(); first port; durations, then
 * names) and drop duplicates.
 */
void tw_model_policy_sort(struct tw_model_policy *policy);

#endif
