/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Pods that become known: their cgroups get the policies that select them, and
 * the sweep settles the sockets that waited for it.
 */
#ifndef TW_DAEMON_IDENTITY_H
#define TW_DAEMON_IDENTITY_H

#include "daemon/enforcer.h"
#include "daemon/sweeper.h"

struct event_base;
struct tw_identity;

/* Follow the pods of the enforcer; it and the sweeper, which may be NULL, are borrowed. */
int tw_identity_start(struct event_base *base, struct tw_enforcer *enforcer,
		      struct tw_sweeper *sweeper, struct tw_identity **ret_identity,
		      struct tw_fault *fault);
void tw_identity_stop(struct tw_identity *identity);

/*
 * Look for pods now, as for the cgroup of one that is not known: the kubelet
 * made its folder before, but the news may be read after.
 */
void tw_identity_look(struct tw_identity *identity);

/*
 * Say, once, where a policy selects by pod and no pod can be selected here: on a cgroup v1
 * node pods have no cgroup of their own in the cgroup2 tree. To be called after each load of a policy.
 */
void tw_identity_check(struct tw_identity *identity);

#endif
