// SPDX-License-Identifier: GPL-2.0-only
#include "node/pods.h"

#include <errno.h>
#include <string.h>

#include "lib/cleanup.h"

/* The folders, by UID. */
struct table {
	struct tw_pod_folder *list;
	size_t count;
	bool full;
};

/* A pod's own cgroup, whose UID nothing was known of. */
struct waiting {
	char uid[TW_POD_UID_LEN];
	char *cgroup;
};

struct tw_pods {
	char *root;
	struct table table;
	int error; /* of the last read */
	struct waiting *waiting;
	size_t waiting_count;
	size_t met;
	bool forgot;
};

/* --- the folders ---------------------------------------------------------------------- */

static void table_free(struct table *table)
{
	free(table->list);
	*table = (struct table){ 0 };
}

static int by_uid(const void *a, const void *b)
{
	const struct tw_pod_folder *x = a, *y = b;

	return strcmp(x->uid, y->uid);
}

static int table_add(struct table *table, const struct tw_pod_folder *folder)
{
	/* Room for a power of two. */
	if (!(table->count & (table->count - 1))) {
		struct tw_pod_folder *list = reallocarray(
			table->list, table->count ? 2 * table->count : 1, sizeof(*list));

		if (!list)
			return -ENOMEM;
		table->list = list;
	}
	table->list[table->count++] = *folder;
	return 0;
}

static int read_folder(DIR *dir, struct table *table)
{
	const struct dirent *entry;
	struct tw_pod_folder folder;
	int error;

	for (;;) {
		errno = 0;
		entry = readdir(dir);
		if (!entry)
			return -errno;
		if (entry->d_type != DT_DIR && entry->d_type != DT_UNKNOWN)
			continue;
		if (!tw_pod_folder_parse(entry->d_name, &folder))
			continue;
		if (table->count == TW_MAX_PODS) {
			table->full = true;
			return 0;
		}
		error = table_add(table, &folder);
		if (error)
			return error;
	}
}

static int read_root(struct tw_pods *pods)
{
	_cleanup_closedir_ DIR *dir = opendir(pods->root);
	_cleanup_(table_free) struct table table = { 0 };
	int missing = dir ? 0 : -errno, error = 0;

	if (dir)
		error = read_folder(dir, &table);
	else if (missing != -ENOENT && missing != -ENOTDIR)
		error = missing;
	if (error)
		return error;
	if (table.count)
		qsort(table.list, table.count, sizeof(*table.list), by_uid);
	table_free(&pods->table);
	pods->table = table;
	table = (struct table){ 0 };
	return missing;
}

int tw_pods_read(struct tw_pods *pods)
{
	pods->error = read_root(pods);
	return pods->error;
}

/* NULL: none has this UID, or several have. */
static const struct tw_pod_folder *find(const struct table *table, const char *uid)
{
	const struct tw_pod_folder *found, *end = table->list + table->count;
	struct tw_pod_folder key;

	snprintf(key.uid, sizeof(key.uid), "%s", uid);
	found = table->count ? bsearch(&key, table->list, table->count, sizeof(key), by_uid) : NULL;
	if (!found || (found > table->list && !by_uid(found - 1, found)) ||
	    (found + 1 < end && !by_uid(found + 1, found)))
		return NULL;
	return found;
}

/* --- cgroups ------------------------------------------------------------------------------ */

static void stop_waiting(struct tw_pods *pods, size_t i)
{
	free(pods->waiting[i].cgroup);
	pods->waiting[i] = pods->waiting[--pods->waiting_count];
}

/* Remember the pod's own cgroup, once. */
static void wait_for(struct tw_pods *pods, const struct tw_pod_path *pod, const char *cgroup)
{
	struct waiting *waiting = &pods->waiting[pods->waiting_count];

	for (size_t i = 0; i < pods->waiting_count; i++)
		if (!strcmp(pods->waiting[i].uid, pod->uid) &&
		    !strncmp(pods->waiting[i].cgroup, cgroup, pod->len) &&
		    !pods->waiting[i].cgroup[pod->len])
			return;
	if (pods->waiting_count == TW_MAX_PODS || !(waiting->cgroup = strndup(cgroup, pod->len))) {
		pods->forgot = true;
		return;
	}
	memcpy(waiting->uid, pod->uid, sizeof(waiting->uid));
	pods->waiting_count++;
}

struct tw_pod tw_pods_of(struct tw_pods *pods, const char *cgroup)
{
	const struct tw_pod_folder *folder;
	struct tw_pod_path pod;

	if (!tw_pod_path_parse(cgroup, &pod))
		return (struct tw_pod){ .state = TW_POD_NONE };
	pods->met++;
	folder = find(&pods->table, pod.uid);
	if (!folder) {
		wait_for(pods, &pod, cgroup);
		return (struct tw_pod){ .state = TW_POD_UNKNOWN };
	}
	return (struct tw_pod){ TW_POD_KNOWN, folder->namespace, folder->name };
}

struct tw_pod tw_pods_of_fn(const char *cgroup, void *data)
{
	return tw_pods_of(data, cgroup);
}

const char *tw_pods_name(struct tw_pods *pods, const char *cgroup, char buf[static TW_POD_TEXT_LEN])
{
	struct tw_pod pod = tw_pods_of(pods, cgroup);

	if (pod.state != TW_POD_KNOWN)
		return NULL;
	snprintf(buf, TW_POD_TEXT_LEN, "%s/%s", pod.namespace, pod.name);
	return buf;
}

char *tw_pods_next_known(struct tw_pods *pods)
{
	for (size_t i = 0; i < pods->waiting_count; i++) {
		char *cgroup = pods->waiting[i].cgroup;

		if (!find(&pods->table, pods->waiting[i].uid))
			continue;
		pods->waiting[i].cgroup = NULL;
		stop_waiting(pods, i);
		return cgroup;
	}
	return NULL;
}

bool tw_pods_forgot(struct tw_pods *pods)
{
	bool forgot = pods->forgot;

	pods->forgot = false;
	return forgot;
}

void tw_pods_ask_again(struct tw_pods *pods)
{
	while (pods->waiting_count)
		stop_waiting(pods, pods->waiting_count - 1);
}

void tw_pods_gone(struct tw_pods *pods, const char *cgroup)
{
	for (size_t i = pods->waiting_count; i-- > 0;)
		if (!strcmp(pods->waiting[i].cgroup, cgroup))
			stop_waiting(pods, i);
}

struct tw_pods_counts tw_pods_counts(const struct tw_pods *pods)
{
	return (struct tw_pods_counts){
		.known = pods->table.count,
		.waiting = pods->waiting_count,
		.met = pods->met,
		.error = pods->error,
		.full = pods->table.full,
	};
}

const char *tw_pods_root(const struct tw_pods *pods)
{
	return pods->root;
}

/* --- all ------------------------------------------------------------------------------------ */

int tw_pods_open(const char *root, struct tw_pods **ret_pods)
{
	struct tw_pods *pods = calloc(1, sizeof(*pods));

	if (!pods)
		return -ENOMEM;
	pods->root = strdup(root);
	pods->waiting = calloc(TW_MAX_PODS, sizeof(*pods->waiting));
	if (!pods->root || !pods->waiting || tw_pods_read(pods) == -ENOMEM) {
		tw_pods_close(pods);
		return -ENOMEM;
	}
	*ret_pods = pods;
	return 0;
}

void tw_pods_close(struct tw_pods *pods)
{
	if (!pods)
		return;
	tw_pods_ask_again(pods);
	free(pods->waiting);
	table_free(&pods->table);
	free(pods->root);
	free(pods);
}
