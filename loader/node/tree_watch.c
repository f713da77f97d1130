// SPDX-License-Identifier: GPL-2.0-only
#include "node/tree_watch.h"

#include <errno.h>
#include <search.h>
#include <string.h>

#include "lib/buf.h"
#include "lib/cleanup.h"
#include "lib/inotify.h"

#define MASK (IN_CREATE | IN_DELETE | IN_ONLYDIR | IN_DONT_FOLLOW)

/* A watched cgroup, found by its watch descriptor or by its path. */
struct folder {
	int wd;
	uint64_t id;
	char *path;
	unsigned scan;	     /* that found it last */
	struct folder *next; /* that was not found either */
};

struct tw_tree_watch {
	int fd;
	const struct tw_cgroup_tree *tree;
	char *top;
	tw_cgroup_event_fn call;
	void *data;
	void *by_wd; /* tsearch(3) roots over the same folders */
	void *by_path;
	bool lost;
	bool telling;  /* folders found now are news */
	unsigned scan; /* of the whole tree, the number of the last one */
	struct folder *gone;
};

static int compare_wd(const void *a, const void *b)
{
	const struct folder *x = a, *y = b;

	return (x->wd > y->wd) - (x->wd < y->wd);
}

static int compare_path(const void *a, const void *b)
{
	const struct folder *x = a, *y = b;

	return strcmp(x->path, y->path);
}

static struct folder *find(void *const *root, const struct folder *like,
			   int (*compare)(const void *, const void *))
{
	struct folder **found = tfind(like, root, compare);

	return found ? *found : NULL;
}

static void forget(struct tw_tree_watch *watch, struct folder *folder)
{
	tdelete(folder, &watch->by_wd, compare_wd);
	tdelete(folder, &watch->by_path, compare_path);
	free(folder->path);
	free(folder);
}

static void tell_removed(struct tw_tree_watch *watch, struct folder *folder)
{
	watch->call(TW_CGROUP_REMOVED, folder->path, folder->id, 0, watch->data);
	forget(watch, folder);
}

static int remember(struct tw_tree_watch *watch, int wd, const char *path, uint64_t id)
{
	struct folder *before =
		find(&watch->by_path, &(struct folder){ .path = (char *)path }, compare_path);
	struct folder *folder = calloc(1, sizeof(*folder));

	if (!folder)
		return -ENOMEM;
	/* Another one of that name, whose end was lost. */
	if (before)
		tell_removed(watch, before);
	folder->wd = wd;
	folder->scan = watch->scan;
	folder->id = id;
	folder->path = strdup(path);
	if (!folder->path || !tsearch(folder, &watch->by_wd, compare_wd)) {
		free(folder->path);
		free(folder);
		return -ENOMEM;
	}
	if (!tsearch(folder, &watch->by_path, compare_path)) {
		forget(watch, folder);
		return -ENOMEM;
	}
	return 0;
}

/* Watch one cgroup, unless it is watched; one that vanishes is passed over. */
static int add(const char *path, uint64_t id, void *data)
{
	struct tw_tree_watch *watch = data;
	_cleanup_buf_ struct tw_buf full = TW_BUF_INIT;
	struct folder *known;
	int error, wd;

	error = tw_buf_addf(&full, "%s%s", watch->tree->mount, path);
	if (error)
		return error;
	wd = inotify_add_watch(watch->fd, full.data, MASK);
	if (wd < 0)
		return errno == ENOENT || errno == ENOTDIR ? 0 : -errno;
	known = find(&watch->by_wd, &(struct folder){ .wd = wd }, compare_wd);
	if (known) {
		known->scan = watch->scan;
		return 0;
	}
	error = remember(watch, wd, path, id);
	if (!error && watch->telling)
		watch->call(TW_CGROUP_CREATED, path, id, 0, watch->data);
	return error;
}

static void handle(const struct inotify_event *event, void *data)
{
	struct tw_tree_watch *watch = data;
	_cleanup_buf_ struct tw_buf path = TW_BUF_INIT;
	struct folder *parent, *child;
	int error;

	if (event->mask & IN_Q_OVERFLOW)
		watch->lost = true;
	parent = find(&watch->by_wd, &(struct folder){ .wd = event->wd }, compare_wd);
	if (!parent)
		return;
	if (event->mask & IN_IGNORED) {
		/* It is gone itself, which its parent may tell only after this. */
		tell_removed(watch, parent);
		return;
	}
	if (!(event->mask & IN_ISDIR))
		return;
	if (tw_buf_addf(&path, "%s/%s", strcmp(parent->path, "/") ? parent->path : "",
			event->name)) {
		watch->lost = true;
		return;
	}
	if (event->mask & IN_CREATE) {
		/* With what was made below it before it was watched. */
		error = tw_cgroup_walk(watch->tree, path.data, add, watch);
		if (error && error != -ENOENT)
			watch->lost = true;
		return;
	}
	child = find(&watch->by_path, &(struct folder){ .path = path.data }, compare_path);
	if (child) {
		inotify_rm_watch(watch->fd, child->wd);
		tell_removed(watch, child);
	}
}

static void collect_gone(const void *node, VISIT visit, void *data)
{
	struct folder *folder = *(struct folder *const *)node;
	struct tw_tree_watch *watch = data;

	if ((visit == postorder || visit == leaf) && folder->scan != watch->scan) {
		folder->next = watch->gone;
		watch->gone = folder;
	}
}

/* Find out what the lost events would have told. */
static void scan_again(struct tw_tree_watch *watch)
{
	watch->scan++;
	if (tw_cgroup_walk(watch->tree, watch->top, add, watch))
		return;
	twalk_r(watch->by_wd, collect_gone, watch);
	while (watch->gone) {
		struct folder *folder = watch->gone;

		watch->gone = folder->next;
		tell_removed(watch, folder);
	}
}

bool tw_tree_watch_read(struct tw_tree_watch *watch)
{
	watch->lost = false;
	tw_inotify_read(watch->fd, handle, watch);
	if (watch->lost)
		scan_again(watch);
	return watch->lost;
}

int tw_tree_watch_open(const struct tw_cgroup_tree *tree, const char *path, tw_cgroup_event_fn call,
		       void *data, struct tw_tree_watch **ret_watch)
{
	struct tw_tree_watch *watch = calloc(1, sizeof(*watch));
	int error;

	if (!watch)
		return -ENOMEM;
	*watch = (struct tw_tree_watch){ .tree = tree, .call = call, .data = data };
	watch->top = strdup(path);
	watch->fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
	error = watch->fd < 0 ? -errno : watch->top ? 0 : -ENOMEM;
	if (!error)
		error = tw_cgroup_walk(tree, path, add, watch);
	if (error) {
		tw_tree_watch_close(watch);
		return error;
	}
	watch->telling = true;
	*ret_watch = watch;
	return 0;
}

void tw_tree_watch_close(struct tw_tree_watch *watch)
{
	if (!watch)
		return;
	while (watch->by_wd)
		forget(watch, *(struct folder **)watch->by_wd);
	tw_closep(&watch->fd);
	free(watch->top);
	free(watch);
}

int tw_tree_watch_fd(const struct tw_tree_watch *watch)
{
	return watch->fd;
}
