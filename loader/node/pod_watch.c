// SPDX-License-Identifier: GPL-2.0-only
#include "node/pod_watch.h"

#include <errno.h>
#include <event2/event.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "lib/cleanup.h"
#include "lib/inotify.h"

#define MAX_LOOKS 64

#define FOLDERS                                                                                \
	(IN_CREATE | IN_DELETE | IN_MOVED_FROM | IN_MOVED_TO | IN_DELETE_SELF | IN_MOVE_SELF | \
	 IN_ONLYDIR)

struct tw_pod_watch {
	int fd;
	char *root;
	int root_wd;  /* -1: the root is not there */
	int above_wd; /* of the nearest folder above that is */
	char *next;   /* the name that the root's path goes on with there */
	void (*changed)(void *data);
	void *data;
	struct event *readable;
	bool any; /* of the events read in this turn, some concern us */
	bool way; /* and some of them tell that the root comes or goes */
};

/* Watch a folder; where this one is not there, -1. */
static int add(const struct tw_pod_watch *watch, const char *path)
{
	return inotify_add_watch(watch->fd, *path ? path : "/", FOLDERS);
}

/* Exchange a watch; the one before may be of a folder that was moved away. */
static void exchange(const struct tw_pod_watch *watch, int *wd, int by, int other)
{
	int before = *wd;

	*wd = by;
	if (before >= 0 && before != by && before != other)
		inotify_rm_watch(watch->fd, before);
}

/* Watch what is there of the way to the root at this moment. */
static int look(struct tw_pod_watch *watch)
{
	_cleanup_free_ char *above = strdup(watch->root);
	char *slash = above;
	int wd = -1;

	if (!above)
		return -ENOMEM;
	exchange(watch, &watch->root_wd, add(watch, watch->root), watch->above_wd);
	while (wd < 0 && (slash = strrchr(above, '/'))) {
		*slash = '\0';
		wd = add(watch, above);
	}
	if (wd < 0)
		return -errno;
	exchange(watch, &watch->above_wd, wd, watch->root_wd);
	free(watch->next);
	slash = watch->root + (slash - above) + 1;
	watch->next = strndup(slash, strcspn(slash, "/"));
	return watch->next ? 0 : -ENOMEM;
}

/*
 * Watch the root, and the nearest folder above that is there: it sees the root,
 * or the way to it, come and go. Looked at until nothing came in between.
 */
static int choose(struct tw_pod_watch *watch)
{
	int error = look(watch), root, above;

	for (int i = 0; i < MAX_LOOKS && !error; i++) {
		root = watch->root_wd;
		above = watch->above_wd;
		error = look(watch);
		if (root == watch->root_wd && above == watch->above_wd)
			break;
	}
	return error;
}

/* The folder above may be a busy one: of its names only one is on the way. */
static bool concerns(const struct tw_pod_watch *watch, const struct inotify_event *event)
{
	return event->wd != watch->above_wd || !event->len || !watch->next ||
	       !strcmp(event->name, watch->next);
}

static void on_event(const struct inotify_event *event, void *data)
{
	struct tw_pod_watch *watch = data;

	if (!concerns(watch, event))
		return;
	watch->any = true;
	watch->way |= event->wd != watch->root_wd ||
		      event->mask & (IN_DELETE_SELF | IN_MOVE_SELF | IN_IGNORED);
}

static void on_readable(evutil_socket_t fd, short what, void *data)
{
	struct tw_pod_watch *watch = data;

	(void)what;
	watch->any = watch->way = false;
	tw_inotify_read(fd, on_event, watch);
	if (!watch->any)
		return;
	if (watch->way)
		choose(watch);
	watch->changed(watch->data);
}

static int start(struct event_base *base, struct tw_pod_watch *watch, const char *root)
{
	int error;

	watch->root = strdup(root);
	watch->fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
	if (watch->fd < 0 || !watch->root)
		return watch->fd < 0 ? -errno : -ENOMEM;
	error = choose(watch);
	if (error)
		return error;
	watch->readable = event_new(base, watch->fd, EV_READ | EV_PERSIST, on_readable, watch);
	return watch->readable && !event_add(watch->readable, NULL) ? 0 : -ENOMEM;
}

int tw_pod_watch_start(struct event_base *base, const char *root, void (*changed)(void *data),
		       void *data, struct tw_pod_watch **ret_watch, struct tw_fault *fault)
{
	struct tw_pod_watch *watch = calloc(1, sizeof(*watch));
	int error;

	if (!watch)
		return tw_fault(fault, -ENOMEM, "cannot follow %s: %m", root);
	*watch = (struct tw_pod_watch){
		.fd = -1, .root_wd = -1, .above_wd = -1, .changed = changed, .data = data
	};
	error = start(base, watch, root);
	if (error) {
		tw_pod_watch_stop(watch);
		return tw_fault(fault, error, "cannot follow %s by inotify: %m%s", root,
				error == -ENOSPC ? "; raise fs.inotify.max_user_watches" : "");
	}
	*ret_watch = watch;
	return 0;
}

void tw_pod_watch_stop(struct tw_pod_watch *watch)
{
	if (!watch)
		return;
	if (watch->readable)
		event_free(watch->readable);
	tw_closep(&watch->fd);
	free(watch->root);
	free(watch->next);
	free(watch);
}
