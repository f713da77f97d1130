/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Cgroups that come and go, by inotify(7): one watch a folder. For kernels and
 * privileges that refuse the tracepoint (kernel/cgroup_events.h).
 */
#ifndef TW_NODE_TREE_WATCH_H
#define TW_NODE_TREE_WATCH_H

#include <stdbool.h>

#include "kernel/cgroup.h"
#include "kernel/cgroup_events.h"

struct tw_tree_watch;

/*
 * Watch the cgroup at `path` of `tree`, borrowed, and all below it down to the
 * depth that policies can select. What is there already is not told. -ENOSPC:
 * more folders than fs.inotify.max_user_watches.
 */
int tw_tree_watch_open(const struct tw_cgroup_tree *tree, const char *path, tw_cgroup_event_fn call,
		       void *data, struct tw_tree_watch **ret_watch);
void tw_tree_watch_close(struct tw_tree_watch *watch);

/* A descriptor that polls readable while changes wait. */
int tw_tree_watch_fd(const struct tw_tree_watch *watch);

/* Deliver what waits. True: changes were lost, so the tree is to be read again. */
bool tw_tree_watch_read(struct tw_tree_watch *watch);

#endif
