// SPDX-License-Identifier: GPL-2.0-only
#include "kernel/cgroup_names.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>

#include "lib/cleanup.h"
#include "lib/grow.h"

struct tw_cgroup_name {
	uint64_t id;
	size_t offset; /* of its path in `paths` */
};

static int add(const char *path, uint64_t id, void *data)
{
	struct tw_cgroup_names *names = data;
	size_t offset = names->paths.len;

	if (TW_GROW(names->list, names->count, names->size))
		return -ENOMEM;
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

/* --- one --------------------------------------------------------------------------- */

#define FILEID_KERNFS 0xfe /* include/linux/exportfs.h: the handle is the id */

static int open_by_id(const struct tw_cgroup_tree *tree, uint64_t id, int *ret_fd)
{
	union {
		struct file_handle handle;
		char room[sizeof(struct file_handle) + sizeof(id)];
	} by = { .handle = { .handle_bytes = sizeof(id), .handle_type = FILEID_KERNFS } };
	_cleanup_close_ int root = -1;
	int error = tw_cgroup_open(tree, "/", &root);

	if (error)
		return error;
	memcpy(by.handle.f_handle, &id, sizeof(id));
	*ret_fd = open_by_handle_at(root, &by.handle, O_PATH | O_CLOEXEC);
	return *ret_fd < 0 ? -errno : 0;
}

/* -ESTALE: it is gone; other errors: this is not the way here. */
static int path_by_id(const struct tw_cgroup_tree *tree, uint64_t id, char **ret_path)
{
	size_t mount = strlen(tree->mount);
	char link[32], path[PATH_MAX];
	_cleanup_close_ int fd = -1;
	int error = open_by_id(tree, id, &fd);
	ssize_t len;

	if (error)
		return error;
	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	len = readlink(link, path, sizeof(path) - 1);
	if (len < 0)
		return -errno;
	path[len] = '\0';
	if (strncmp(path, tree->mount, mount) || (path[mount] && path[mount] != '/'))
		return -EXDEV;
	*ret_path = strdup(path[mount] ? path + mount : "/");
	return *ret_path ? 0 : -ENOMEM;
}

struct search {
	uint64_t id;
	char *path;
};

/* Ends the walk, by an error that is none, where the cgroup is found. */
static int visit(const char *path, uint64_t id, void *data)
{
	struct search *search = data;

	if (id != search->id)
		return 0;
	search->path = strdup(path);
	return search->path ? -ECANCELED : -ENOMEM;
}

int tw_cgroup_path_of(const struct tw_cgroup_tree *tree, uint64_t id, char **ret_path)
{
	struct search search = { .id = id };
	char *path = id ? NULL : strdup("/");
	int error = path ? 0 : -ENOMEM;

	if (id)
		error = path_by_id(tree, id, &path);
	if (error && error != -ESTALE && error != -ENOMEM) {
		error = tw_cgroup_walk(tree, "/", visit, &search) ?: -ENOENT;
		path = search.path;
	}
	if (path)
		*ret_path = path;
	return path ? 0 : error == -ESTALE ? -ENOENT : error;
}
