// SPDX-License-Identifier: GPL-2.0-only
#include "node/file_watch.h"

#include <errno.h>
#include <event2/event.h>
#include <limits.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "lib/buf.h"
#include "lib/cleanup.h"
#include "lib/inotify.h"

/* In a folder on the way to the policy names come and go; in the one that holds it files change too. */
#define WAY                                                                                    \
	(IN_CREATE | IN_DELETE | IN_MOVED_FROM | IN_MOVED_TO | IN_DELETE_SELF | IN_MOVE_SELF | \
	 IN_ONLYDIR | IN_MASK_ADD)
#define HOLDER (WAY | IN_MODIFY | IN_CLOSE_WRITE | IN_ATTRIB)

#define MAX_LINKS 40 /* that a path may lead through, path_resolution(7) */

struct tw_file_watch {
	struct event_base *base;
	int fd;
	char *path;
	struct tw_buf names; /* on the way to the policy, each with its NUL */
	void (*changed)(void *data);
	void *data;
	struct event *readable;
	struct event *delay;
};

/* Where a symlink leads; *ret_target stays where it is none. -ENOMEM. */
static int read_link(const char *path, char **ret_target)
{
	char target[PATH_MAX];
	ssize_t len = readlink(path, target, sizeof(target));

	if (len <= 0 || len >= (ssize_t)sizeof(target))
		return 0;
	*ret_target = strndup(target, (size_t)len);
	return *ret_target ? 0 : -ENOMEM;
}

static char *join(const char *folder, const char *name, int len)
{
	char *path;

	return asprintf(&path, "%s/%.*s", folder, len, name) < 0 ? NULL : path;
}

/* A path that is being walked: the name that `rest` starts with is looked for in `at`. */
struct way {
	char *at;
	char *rest;
	unsigned links;
};

static void replace(char **text, char *by)
{
	free(*text);
	*text = by;
}

static void way_free(struct way *way)
{
	free(way->at);
	free(way->rest);
}

/* A folder that is not there, or not ours to look into, is passed over. */
static int watch_folder(int fd, const char *path, uint32_t mask)
{
	if (inotify_add_watch(fd, path, mask) < 0 && (errno == ENOSPC || errno == ENOMEM))
		return -errno;
	return 0;
}

/* Go on by the name that was found `here`, which is a symlink where `target` is set. */
static int go_on(struct way *way, char **here, const char *target, const char *after)
{
	if (!target) {
		replace(&way->at, TAKE_PTR(*here));
		replace(&way->rest, strdup(after));
	} else {
		if (*target == '/')
			replace(&way->at, strdup("/"));
		replace(&way->rest, join(target, after, (int)strlen(after)));
	}
	if (!way->at || !way->rest)
		return -ENOMEM;
	return !target || way->links++ < MAX_LINKS;
}

/* Watch one folder and go on by one name. 0: the way ends; 1: it goes on. */
static int step(struct tw_file_watch *watch, int fd, struct way *way)
{
	const char *name = way->rest + strspn(way->rest, "/");
	size_t len = strcspn(name, "/");
	const char *after = name + len + strspn(name + len, "/");
	_cleanup_free_ char *here = join(way->at, name, (int)len);
	_cleanup_free_ char *target = NULL;
	int error = here ? watch_folder(fd, way->at, *after ? WAY : HOLDER) : -ENOMEM;

	if (error || !len)
		return error;
	if (tw_buf_add(&watch->names, name, len) || tw_buf_add(&watch->names, "", 1))
		return -ENOMEM;
	error = read_link(here, &target);
	return error ?: go_on(way, &here, target, after);
}

/*
 * Watch all that can change what the path says: each folder that a name on the
 * way to it stands in, with symlinks walked through, and itself if it is a
 * folder. What is not there cannot be watched: the folder above sees it come.
 * -ENOSPC: there are too many watches.
 */
static int watch_way(struct tw_file_watch *watch, int fd)
{
	_cleanup_(way_free) struct way way = {
		.at = strdup(*watch->path == '/' ? "/" : "."),
		.rest = strdup(watch->path),
	};

	int r = way.at && way.rest ? 1 : -ENOMEM;

	tw_buf_truncate(&watch->names, 0);
	while (r > 0)
		r = step(watch, fd, &way);
	return r;
}

static bool ends_with(const char *text, const char *end)
{
	size_t len = strlen(text), n = strlen(end);

	return len >= n && !strcmp(text + len - n, end);
}

static bool is_on_the_way(const struct tw_file_watch *watch, const char *name)
{
	const char *at = tw_buf_string(&watch->names), *end = at + watch->names.len;

	for (; at < end; at += strlen(at) + 1)
		if (!strcmp(at, name))
			return true;
	return false;
}

/*
 * Whether a name in a watched folder has to do with the policy: the folder may
 * be a busy one. `..data` is what a ConfigMap's swap renames.
 */
static bool concerns(const struct tw_file_watch *watch, const struct inotify_event *event)
{
	return !event->len || !strcmp(event->name, "..data") || ends_with(event->name, ".yaml") ||
	       is_on_the_way(watch, event->name);
}

/* From the first event: one that waits already is not put off. */
static void on_event(const struct inotify_event *event, void *data)
{
	const struct timeval delay = { .tv_usec = TW_FILE_WATCH_DELAY_MS * 1000 };
	const struct tw_file_watch *watch = data;

	if (concerns(watch, event) && !event_pending(watch->delay, EV_TIMEOUT, NULL))
		event_add(watch->delay, &delay);
}

static void on_readable(evutil_socket_t fd, short what, void *data)
{
	(void)what;
	tw_inotify_read(fd, on_event, data);
}

/* Watch nothing any more. */
static void forget(struct tw_file_watch *watch)
{
	if (watch->readable)
		event_free(watch->readable);
	tw_closep(&watch->fd);
	watch->readable = NULL;
	watch->fd = -1;
}

/* A new descriptor, with watches on what matters now and on nothing else. */
static int choose(struct tw_file_watch *watch)
{
	_cleanup_close_ int fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
	struct event *readable;
	int error;

	if (fd < 0)
		return -errno;
	readable = event_new(watch->base, fd, EV_READ | EV_PERSIST, on_readable, watch);
	error = readable && event_add(readable, NULL) == 0 ? watch_way(watch, fd) : -ENOMEM;
	if (error) {
		if (readable)
			event_free(readable);
		return error;
	}
	forget(watch);
	watch->readable = readable;
	watch->fd = TAKE_FD(fd);
	return 0;
}

static void on_delay(evutil_socket_t fd, short what, void *data)
{
	const struct timeval again = { .tv_sec = 1 };
	struct tw_file_watch *watch = data;

	(void)fd;
	(void)what;
	/* First the watches: what changes from here on is another event. Without new ones, the old. */
	if (choose(watch) && watch_way(watch, watch->fd))
		event_add(watch->delay, &again);
	watch->changed(watch->data);
}

static int start(struct tw_file_watch *watch, const char *path)
{
	watch->path = strdup(path);
	watch->delay = evtimer_new(watch->base, on_delay, watch);
	if (!watch->path || !watch->delay)
		return -ENOMEM;
	return choose(watch);
}

int tw_file_watch_start(struct event_base *base, const char *path, void (*changed)(void *data),
			void *data, struct tw_file_watch **ret_watch, struct tw_fault *fault)
{
	struct tw_file_watch *watch = calloc(1, sizeof(*watch));
	int error;

	if (!watch)
		return tw_fault(fault, -ENOMEM, "cannot follow %s: %m", path);
	*watch = (struct tw_file_watch){
		.base = base,
		.fd = -1,
		.changed = changed,
		.data = data,
		.names = TW_BUF_INIT,
	};
	error = start(watch, path);
	if (error) {
		tw_file_watch_stop(watch);
		return tw_fault(fault, error, "cannot follow %s: %m%s", path,
				error == -ENOSPC ? "; raise fs.inotify.max_user_watches" : "");
	}
	*ret_watch = watch;
	return 0;
}

void tw_file_watch_stop(struct tw_file_watch *watch)
{
	if (!watch)
		return;
	forget(watch);
	if (watch->delay)
		event_free(watch->delay);
	free(watch->path);
	tw_buf_free(&watch->names);
	free(watch);
}
