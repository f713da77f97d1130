// SPDX-License-Identifier: GPL-2.0-only
#include "kernel/cgroup.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include <tcpwarden/abi.h>

#include "lib/buf.h"
#include "lib/mounts.h"

int tw_cgroup_tree_open(struct tw_cgroup_tree *ret_tree, struct tw_fault *fault)
{
	_cleanup_free_ char *mount = NULL;
	int error, fd;

	error = tw_mounts_find("cgroup2", &mount);
	if (error)
		return tw_fault(fault, error,
				"cannot find the cgroup2 tree: %m; mount it: "
				"mount -t cgroup2 none /sys/fs/cgroup");
	fd = open(mount, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return tw_fault(fault, -errno, "cannot open the cgroup2 tree at %s: %m", mount);
	ret_tree->fd = fd;
	ret_tree->mount = TAKE_PTR(mount);
	return 0;
}

void tw_cgroup_tree_close(struct tw_cgroup_tree *tree)
{
	tw_closep(&tree->fd);
	free(tree->mount);
	*tree = TW_CGROUP_TREE_INIT;
}

int tw_cgroup_open(const struct tw_cgroup_tree *tree, const char *path, int *ret_fd)
{
	int fd;

	while (*path == '/')
		path++;
	fd = openat(tree->fd, *path ? path : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	*ret_fd = fd;
	return 0;
}

int tw_cgroup_id(int fd, uint64_t *ret_id)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return -errno;
	*ret_id = st.st_ino;
	return 0;
}

struct walk {
	struct tw_buf path; /* of the cgroup being visited; "" is the root */
	tw_cgroup_visit visit;
	void *data;
};

/*
 * Links to a folder in which there is none: its name and its ".". Most cgroups
 * are such, and to read one is to read the names of some 40 files.
 */
#define NO_FOLDERS 2

static int walk_below(struct walk *walk, DIR *dir, unsigned depth);

/* Visit one cgroup and what is below it; `parent` is the open folder that holds `name`. */
static int walk_one(struct walk *walk, int parent, const char *name, unsigned depth)
{
	_cleanup_closedir_ DIR *dir = NULL;
	struct stat st;
	int error, fd;

	if (fstatat(parent, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return errno == ENOENT ? 0 : -errno;
	error = walk->visit(walk->path.len ? walk->path.data : "/", st.st_ino, walk->data);
	if (error < 0 || depth == TW_MAX_CGROUP_DEPTH || st.st_nlink == NO_FOLDERS)
		return error;
	fd = openat(parent, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	/*
	 * A user to whom a cgroup is delegated may close it to all others, and so to us
	 * where we lack CAP_DAC_READ_SEARCH: what is below it has its policies.
	 */
	if (fd < 0)
		return errno == ENOENT || errno == EACCES ? 0 : -errno;
	dir = fdopendir(fd);
	if (!dir) {
		error = -errno;
		close(fd);
		return error;
	}
	return walk_below(walk, dir, depth + 1);
}

static int walk_below(struct walk *walk, DIR *dir, unsigned depth)
{
	size_t len = walk->path.len;
	struct dirent *entry;
	int error;

	for (;;) {
		errno = 0;
		entry = readdir(dir);
		if (!entry)
			/* A cgroup that was removed under us is empty, not an error. */
			return errno == ENOENT || errno == ENODEV ? 0 : -errno;
		if (entry->d_type != DT_DIR || !strcmp(entry->d_name, ".") ||
		    !strcmp(entry->d_name, ".."))
			continue;
		error = tw_buf_addf(&walk->path, "/%s", entry->d_name);
		if (!error)
			error = walk_one(walk, dirfd(dir), entry->d_name, depth);
		tw_buf_truncate(&walk->path, len);
		if (error < 0)
			return error;
	}
}

unsigned tw_cgroup_depth(const char *path)
{
	unsigned depth = 0;

	for (; *path; path++)
		depth += path[0] == '/' && path[1] && path[1] != '/';
	return depth;
}

int tw_cgroup_walk(const struct tw_cgroup_tree *tree, const char *path, tw_cgroup_visit visit,
		   void *data)
{
	struct walk walk = { .visit = visit, .data = data };
	unsigned depth = tw_cgroup_depth(path);
	_cleanup_close_ int fd = -1;
	int error;

	if (depth > TW_MAX_CGROUP_DEPTH)
		return 0;
	error = tw_cgroup_open(tree, path, &fd);
	if (error)
		return error;
	if (strcmp(path, "/"))
		error = tw_buf_addf(&walk.path, "%s", path);
	if (!error)
		error = walk_one(&walk, fd, ".", depth);
	tw_buf_free(&walk.path);
	return error < 0 ? error : 0;
}
