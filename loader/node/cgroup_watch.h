/* SPDX-License-Identifier: GPL-2.0-only */
/* Follow the cgroup tree in an event loop, by the best means that the kernel allows. */
#ifndef TW_NODE_CGROUP_WATCH_H
#define TW_NODE_CGROUP_WATCH_H

#include "kernel/cgroup.h"
#include "kernel/cgroup_events.h"

struct event_base;

struct tw_cgroup_watch_calls {
	tw_cgroup_event_fn changed; /* a cgroup came or went; outside the watched one too */
	void (*lost)(void *data);   /* changes were missed: read the tree again */
	void *data;
};

struct tw_cgroup_watch;

/* Start to watch at and below `path`; all arguments but `calls` are borrowed. */
int tw_cgroup_watch_start(struct event_base *base, const struct tw_cgroup_tree *tree,
			  const char *path, const struct tw_cgroup_watch_calls *calls,
			  struct tw_cgroup_watch **ret_watch, struct tw_fault *fault);
void tw_cgroup_watch_stop(struct tw_cgroup_watch *watch);

#endif
