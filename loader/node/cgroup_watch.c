// SPDX-License-Identifier: GPL-2.0-only
#include "node/cgroup_watch.h"

#include <errno.h>
#include <event2/event.h>
#include <stdlib.h>

#include "lib/cleanup.h"
#include "lib/log.h"
#include "node/tree_watch.h"

struct tw_cgroup_watch {
	struct tw_cgroup_watch_calls calls;
	struct tw_cgroup_events *events; /* the tracepoints, or */
	struct tw_tree_watch *tree;	 /* inotify */
	struct event *readable;
};

static void on_readable(evutil_socket_t fd, short what, void *data)
{
	struct tw_cgroup_watch *watch = data;
	bool lost;

	(void)fd;
	(void)what;
	lost = watch->events ? tw_cgroup_events_read(watch->events)
			     : tw_tree_watch_read(watch->tree);
	if (lost)
		watch->calls.lost(watch->calls.data);
}

/* Tracepoints, else inotify; the descriptor to poll. */
static int open_source(struct tw_cgroup_watch *watch, const struct tw_cgroup_tree *tree,
		       const char *path, struct tw_fault *fault)
{
	_cleanup_close_ int cgroup = -1;
	uint64_t id;
	int error;

	error = tw_cgroup_open(tree, path, &cgroup);
	if (!error)
		error = tw_cgroup_id(cgroup, &id);
	if (error)
		return tw_fault(fault, error, "cannot follow the cgroup %s: %m", path);
	if (!tw_cgroup_events_open(id, watch->calls.changed, watch->calls.data, &watch->events,
				   fault))
		return tw_cgroup_events_fd(watch->events);
	tw_info("%s; following them by inotify, one watch a cgroup", fault->text);
	error = tw_tree_watch_open(tree, path, watch->calls.changed, watch->calls.data,
				   &watch->tree);
	if (error)
		return tw_fault(fault, error, "cannot follow cgroups by inotify: %m%s",
				error == -ENOSPC ? "; raise fs.inotify.max_user_watches" : "");
	return tw_tree_watch_fd(watch->tree);
}

int tw_cgroup_watch_start(struct event_base *base, const struct tw_cgroup_tree *tree,
			  const char *path, const struct tw_cgroup_watch_calls *calls,
			  struct tw_cgroup_watch **ret_watch, struct tw_fault *fault)
{
	struct tw_cgroup_watch *watch = calloc(1, sizeof(*watch));
	int fd;

	if (!watch)
		return tw_fault(fault, -ENOMEM, "cannot follow cgroups: %m");
	watch->calls = *calls;
	fd = open_source(watch, tree, path, fault);
	if (fd >= 0) {
		watch->readable = event_new(base, fd, EV_READ | EV_PERSIST, on_readable, watch);
		if (!watch->readable || event_add(watch->readable, NULL))
			fd = tw_fault(fault, -ENOMEM, "cannot follow cgroups: %m");
	}
	if (fd < 0) {
		tw_cgroup_watch_stop(watch);
		return fd;
	}
	*ret_watch = watch;
	return 0;
}

void tw_cgroup_watch_stop(struct tw_cgroup_watch *watch)
{
	if (!watch)
		return;
	if (watch->readable)
		event_free(watch->readable);
	tw_cgroup_events_close(watch->events);
	tw_tree_watch_close(watch->tree);
	free(watch);
}
