// SPDX-License-Identifier: GPL-2.0-only
#include "kernel/cgroup_sets.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <libgen.h>
#include <string.h>

#include <tcpwarden/abi.h>

#include "kernel/current.h"
#include "lib/cleanup.h"
#include "lib/grow.h"
#include "lib/log.h"
#include "lib/path.h"
#include "policy/compile.h"

struct element {
	uint64_t id;
	struct tw_cgroup_sets sets;
};

/* What a walk of the tree found. */
struct collection {
	const struct tw_cgroup_scope *scope;
	struct element *list;
	size_t count;
	size_t size;
	size_t more; /* that the map has no room for */
};

static void collection_free(struct collection *collection)
{
	free(collection->list);
}

static void compile(const struct tw_cgroup_scope *scope, const char *path,
		    struct tw_cgroup_sets *ret_sets)
{
	struct tw_pod pod = scope->pod_of(path, scope->pods);

	tw_compile_cgroup(scope->model, path, &pod, ret_sets);
}

static int collect(const char *path, uint64_t id, void *data)
{
	struct collection *collection = data;
	struct element *element;

	if (collection->count == TW_MAX_CGROUPS) {
		collection->more++;
		return 0;
	}
	if (TW_GROW(collection->list, collection->count, collection->size))
		return -ENOMEM;
	element = &collection->list[collection->count++];
	element->id = id;
	compile(collection->scope, path, &element->sets);
	return 0;
}

/* Walk the tree from `path`, and say where that is more than the map holds. */
static int collect_below(struct collection *collection, const char *path)
{
	int error = tw_cgroup_walk(collection->scope->tree, path, collect, collection);

	if (!error && collection->more)
		tw_warning("%zu cgroups are more than the %d that can have their own policies; "
			   "they have their ancestors'",
			   collection->more, TW_MAX_CGROUPS);
	return error;
}

static int put(int map, const struct element *element)
{
	return bpf_map_update_elem(map, &element->id, &element->sets, BPF_ANY) < 0 ? -errno : 0;
}

static int fill(int map, const struct collection *found)
{
	int error = 0;

	for (size_t i = 0; i < found->count && !error; i++)
		error = put(map, &found->list[i]);
	return error;
}

int tw_cgroup_sets_make(const struct tw_cgroup_scope *scope, int *ret_map)
{
	_cleanup_(collection_free) struct collection found = { .scope = scope };
	LIBBPF_OPTS(bpf_map_create_opts, opts, .map_flags = BPF_F_NO_PREALLOC);
	_cleanup_close_ int map = -1;
	int error;

	error = collect_below(&found, scope->attach_path);
	if (error)
		return error;
	/* Of full size, which takes 1 MiB: a node starts small and fills up without a reload. */
	map = bpf_map_create(BPF_MAP_TYPE_HASH, "tw_cgroups", sizeof(uint64_t),
			     sizeof(struct tw_cgroup_sets), TW_MAX_CGROUPS, &opts);
	if (map < 0)
		return -errno;
	error = fill(map, &found);
	if (!error)
		*ret_map = TAKE_FD(map);
	return error;
}

static bool in_scope(const struct tw_cgroup_scope *scope, const char *path)
{
	return tw_cgroup_depth(path) <= TW_MAX_CGROUP_DEPTH &&
	       tw_path_is_below(path, scope->attach_path);
}

/* Whether sockets of a cgroup meet others by its own element than they did by its ancestor's. */
static bool differs(const struct tw_cgroup_sets *own, const struct tw_cgroup_sets *above)
{
	if (memcmp(&own->must, &above->must, sizeof(own->must)) != 0)
		return true;
	for (size_t i = 0; i < TW_SET_WORDS; i++)
		if ((own->may.word[i] & own->own_may) != above->may.word[i])
			return true;
	return false;
}

int tw_cgroup_sets_put(const struct tw_cgroup_elements *elements,
		       const struct tw_cgroup_scope *scope, const char *path, uint64_t id)
{
	_cleanup_free_ char *parent = strdup(path);
	struct element element = { .id = id };
	struct tw_cgroup_sets above;
	struct tw_change change;
	int error;

	if (!in_scope(scope, path))
		return 0;
	if (!parent)
		return -ENOMEM;
	compile(scope, path, &element.sets);
	compile(scope, dirname(parent), &above);
	error = tw_change_begin(elements->current, &change);
	if (error)
		return error;
	error = put(elements->map, &element);
	tw_change_end(&change);
	return error ?: differs(&element.sets, &above);
}

static int remove_element(int map, uint64_t id)
{
	return bpf_map_delete_elem(map, &id) < 0 && errno != ENOENT ? -errno : 0;
}

int tw_cgroup_sets_remove(const struct tw_cgroup_elements *elements, uint64_t id)
{
	struct tw_change change;
	int error = tw_change_begin(elements->current, &change);

	if (error)
		return error;
	error = remove_element(elements->map, id);
	tw_change_end(&change);
	return error;
}

#define BATCH 1024

int tw_cgroup_sets_count(int map, uint32_t *ret_count)
{
	_cleanup_free_ uint64_t *ids = calloc(BATCH, sizeof(*ids));
	_cleanup_free_ struct tw_cgroup_sets *sets = calloc(BATCH, sizeof(*sets));
	uint32_t total = 0, from = 0, count;
	bool first = true, more = true;

	if (!ids || !sets)
		return -ENOMEM;
	for (; more; first = false) {
		count = BATCH;
		if (bpf_map_lookup_batch(map, first ? NULL : &from, &from, ids, sets, &count,
					 NULL) < 0) {
			if (errno != ENOENT)
				return -errno;
			more = false;
		}
		total += count;
	}
	*ret_count = total;
	return 0;
}

static int by_id(const void *a, const void *b)
{
	const struct element *x = a, *y = b;

	return (x->id > y->id) - (x->id < y->id);
}

/* Delete the elements of cgroups that were not found; `found` is sorted. */
static int remove_others(int map, const struct collection *found)
{
	struct element key = { 0 }, next;
	int error = bpf_map_get_next_key(map, NULL, &key.id);

	while (!error) {
		error = bpf_map_get_next_key(map, &key.id, &next.id);
		if (!bsearch(&key, found->list, found->count, sizeof(key), by_id))
			remove_element(map, key.id);
		key.id = next.id;
	}
	return error == -ENOENT ? 0 : error;
}

int tw_cgroup_sets_sync(const struct tw_cgroup_elements *elements,
			const struct tw_cgroup_scope *scope)
{
	_cleanup_(collection_free) struct collection found = { .scope = scope };
	struct tw_change change;
	int error = collect_below(&found, scope->attach_path);

	if (error)
		return error;
	qsort(found.list, found.count, sizeof(*found.list), by_id);
	error = tw_change_begin(elements->current, &change);
	if (error)
		return error;
	error = remove_others(elements->map, &found) ?: fill(elements->map, &found);
	tw_change_end(&change);
	return error;
}

int tw_cgroup_sets_renew(const struct tw_cgroup_elements *elements,
			 const struct tw_cgroup_scope *scope, const char *path)
{
	_cleanup_(collection_free) struct collection found = { .scope = scope };
	struct tw_change change;
	int error;

	if (!in_scope(scope, path))
		return 0;
	error = collect_below(&found, path) ?: tw_change_begin(elements->current, &change);
	if (error)
		return error;
	error = fill(elements->map, &found);
	tw_change_end(&change);
	return error;
}
