/* SPDX-License-Identifier: GPL-2.0-only */
/* The kernel's events of deaths and settings as notices: the policy and the cgroup by name, the time of day. */
#ifndef TW_DAEMON_DEATH_H
#define TW_DAEMON_DEATH_H

#include <tcpwarden/abi.h>

#include "daemon/notice.h"
#include "kernel/cgroup.h"

/* Who knows the names. */
struct tw_namer {
	const struct tw_cgroup_tree *tree; /* borrowed */
	int current;			   /* descriptors of the pinned maps, borrowed */
	int loaded;
	struct tw_loaded *now;	  /* as last read; zero-initialise both */
	struct tw_loaded *before; /* the one that was in force before, for what died under it */
};

/* Of a TW_EVENT_DEAD or TW_EVENT_SETTING. -ENOMEM. A cgroup that is gone has no path, a counter that is gone no name. */
int tw_namer_notice(struct tw_namer *namer, const struct tw_event *event,
		    struct tw_notice *ret_notice);

void tw_namer_free(struct tw_namer *namer);
#define _cleanup_namer_ _cleanup_(tw_namer_free)

#endif
