/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Cgroups that come and go while a policy is in force, and the pods whose they
 * are: each new one gets its own policies at once, and where that was late, the
 * sweep brings its sockets under them.
 */
#ifndef TW_DAEMON_CGROUPS_H
#define TW_DAEMON_CGROUPS_H

#include "daemon/enforcer.h"
#include "daemon/histogram.h"
#include "daemon/sweeper.h"

struct event_base;
struct tw_cgroups;

/*
 * Follow the tree at and below the enforcer's attach point. From here on no
 * change is missed; what came before is read now. What cannot be followed is
 * said, and new cgroups then have their ancestors' policies. The enforcer and
 * the sweeper, which may be NULL, are borrowed.
 */
int tw_cgroups_open(struct event_base *base, struct tw_enforcer *enforcer,
		    struct tw_sweeper *sweeper, struct tw_cgroups **ret_cgroups,
		    struct tw_fault *fault);
void tw_cgroups_close(struct tw_cgroups *cgroups);

/* See tw_identity_check(); to be called after each load of a policy. */
void tw_cgroups_check(const struct tw_cgroups *cgroups);

/* From a cgroup's creation to its own element. */
struct tw_histogram tw_cgroups_ready(const struct tw_cgroups *cgroups);

#endif
