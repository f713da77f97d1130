// SPDX-License-Identifier: GPL-2.0-only
#include "kernel/cgroup_names.h"

#include <errno.h>
#include <string.h>

#include "lib/cleanup.h"

struct tw_cgroup_name {
	uint64_t id;
	size_t offset; /* of its path in `paths` */
};

static int add(const char *path, uint64_t id, void *data)
{
	struct tw_cgroup_names *names = data;
	size_t offset = names->paths.len;

	if (names->count == names->size) {
		size_t size = names->size ? names->size * 2 : 256;
		struct tw_cgroup_name *list = reallocarray(names->list, size, sizeof(*list));

		if (!list)
			return -ENOMEM;
		names->list = list;
		names->size = size;
	}
	names->list[names->count++] = (struct tw_cgroup_name){ id, offset };
	return tw_buf_add(&names->paths, path, strlen(path) + 1);
}

static int by_id(const void *a, const void *b)
{
	const struct tw_cgroup_name *x = a, *y = b;

	return (x->id > y->id) - (x->id < y->id);
}

int tw_cgroup_names_read(const struct tw_cgroup_tree *tree, struct tw_cgroup_names *ret_names)
{
	_cleanup_cgroup_names_ struct tw_cgroup_names names = TW_CGROUP_NAMES_INIT;
	int error = tw_cgroup_walk(tree, "/", add, &names);

	if (error)
		return error;
	qsort(names.list, names.count, sizeof(*names.list), by_id);
	*ret_names = names;
	names = TW_CGROUP_NAMES_INIT;
	return 0;
}

void tw_cgroup_names_free(struct tw_cgroup_names *names)
{
	free(names->list);
	tw_buf_free(&names->paths);
	*names = TW_CGROUP_NAMES_INIT;
}

const char *tw_cgroup_names_find(const struct tw_cgroup_names *names, uint64_t id)
{
	const struct tw_cgroup_name key = { .id = id };
	const struct tw_cgroup_name *found;

	if (!id)
		return "/";
	found = bsearch(&key, names->list, names->count, sizeof(key), by_id);
	return found ? names->paths.data + found->offset : NULL;
}
