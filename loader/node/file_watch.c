// SPDX-License-Identifier: GPL-2.0-only
#include "node/file_watch.h"

#include <errno.h>
#include <event2/event.h>
#include <libgen.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>

#include "lib/cleanup.h"

#define MASK                                                                                \
	(IN_CREATE | IN_DELETE | IN_MOVED_FROM | IN_MOVED_TO | IN_MODIFY | IN_CLOSE_WRITE | \
	 IN_ATTRIB | IN_DELETE_SELF | IN_MOVE_SELF | IN_ONLYDIR)

struct tw_file_watch {
	int fd;
	char *path;
	char *real; /* what it leads to; NULL while it is not there */
	void (*changed)(void *data);
	void *data;
	struct event *readable;
	struct event *delay;
};

static bool watch_folder(struct tw_file_watch *watch, const char *folder)
{
	return inotify_add_watch(watch->fd, folder, MASK) >= 0;
}

/* The folder that holds `path`, or where that is not there, the nearest above it that is. */
static void watch_holder(struct tw_file_watch *watch, const char *path)
{
	_cleanup_free_ char *folder = strdup(path);
	char *up = folder;

	while (up) {
		up = dirname(up);
		if (watch_folder(watch, up) || !strcmp(up, "/") || !strcmp(up, "."))
			return;
	}
}

/*
 * Watch all that can change what `path` says: the folder that holds it, itself
 * if it is a folder, and the folder of what it leads to if it is a symlink.
 * A watch that is there already is left as it is.
 */
static void choose(struct tw_file_watch *watch)
{
	free(watch->real);
	watch->real = realpath(watch->path, NULL);
	watch_holder(watch, watch->path);
	watch_folder(watch, watch->path);
	if (watch->real)
		watch_holder(watch, watch->real);
}

static bool is_component(const char *path, const char *name)
{
	size_t len = strlen(name);

	for (const char *at = path; (at = strstr(at, name)); at++)
		if ((at == path || at[-1] == '/') && (!at[len] || at[len] == '/'))
			return true;
	return false;
}

static bool ends_with(const char *text, const char *end)
{
	size_t len = strlen(text), n = strlen(end);

	return len >= n && !strcmp(text + len - n, end);
}

/*
 * Whether a name in a watched folder has to do with the policy: the folder may
 * be a busy one. `..data` is what a ConfigMap's swap renames.
 */
static bool concerns(const struct tw_file_watch *watch, const struct inotify_event *event)
{
	if (!event->len)
		return true;
	return !strcmp(event->name, "..data") || ends_with(event->name, ".yaml") ||
	       is_component(watch->path, event->name) ||
	       (watch->real && is_component(watch->real, event->name));
}

static void on_readable(evutil_socket_t fd, short what, void *data)
{
	const struct timeval delay = { .tv_usec = TW_FILE_WATCH_DELAY_MS * 1000 };
	_Alignas(struct inotify_event) char events[4096];
	struct tw_file_watch *watch = data;
	bool changed = false;
	ssize_t len;

	(void)what;
	while ((len = read(fd, events, sizeof(events))) > 0) {
		const struct inotify_event *event;

		for (char *at = events; at < events + len; at += sizeof(*event) + event->len) {
			event = (const struct inotify_event *)(const void *)at;
			changed = changed || concerns(watch, event);
		}
	}
	/* From the first event: one that waits already is not put off. */
	if (changed && !event_pending(watch->delay, EV_TIMEOUT, NULL))
		event_add(watch->delay, &delay);
}

static void on_delay(evutil_socket_t fd, short what, void *data)
{
	struct tw_file_watch *watch = data;

	(void)fd;
	(void)what;
	/* First the watches: what changes from here on is another event. */
	choose(watch);
	watch->changed(watch->data);
}

static int start(struct tw_file_watch *watch, struct event_base *base, const char *path)
{
	watch->path = strdup(path);
	if (!watch->path)
		return -ENOMEM;
	watch->fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
	if (watch->fd < 0)
		return -errno;
	choose(watch);
	watch->readable = event_new(base, watch->fd, EV_READ | EV_PERSIST, on_readable, watch);
	watch->delay = evtimer_new(base, on_delay, watch);
	if (!watch->readable || !watch->delay || event_add(watch->readable, NULL))
		return -ENOMEM;
	return 0;
}

int tw_file_watch_start(struct event_base *base, const char *path, void (*changed)(void *data),
			void *data, struct tw_file_watch **ret_watch, struct tw_fault *fault)
{
	struct tw_file_watch *watch = calloc(1, sizeof(*watch));
	int error;

	if (!watch)
		return tw_fault(fault, -ENOMEM, "cannot follow %s: %m", path);
	*watch = (struct tw_file_watch){ .fd = -1, .changed = changed, .data = data };
	error = start(watch, base, path);
	if (error) {
		tw_file_watch_stop(watch);
		return tw_fault(fault, error, "cannot follow %s: %m", path);
	}
	*ret_watch = watch;
	return 0;
}

void tw_file_watch_stop(struct tw_file_watch *watch)
{
	if (!watch)
		return;
	if (watch->readable)
		event_free(watch->readable);
	if (watch->delay)
		event_free(watch->delay);
	tw_closep(&watch->fd);
	free(watch->path);
	free(watch->real);
	free(watch);
}
