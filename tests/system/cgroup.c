// SPDX-License-Identifier: GPL-2.0-only
/* The cgroup2 tree, pure or hybrid. */
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/cleanup.h"
#include "runner.h"

static char *mount_point;

/* A line of mountinfo, proc(5): id parent dev ROOT POINT options... - TYPE source options */
static bool is_cgroup2_mount(char *line, char **ret_point)
{
	const char *end = strstr(line, " - cgroup2 ");
	char root[16], point[256];

	if (!end || sscanf(line, "%*s %*s %*s %15s %255s", root, point) != 2 || strcmp(root, "/"))
		return false;
	*ret_point = tw_format("%s", point);
	return true;
}

int tw_cgroup_find_mount(void)
{
	_cleanup_fclose_ FILE *file = fopen("/proc/self/mountinfo", "re");
	_cleanup_free_ char *line = NULL;
	size_t size = 0;

	if (!file)
		return -errno;
	while (getline(&line, &size, file) > 0)
		if (is_cgroup2_mount(line, &mount_point))
			return 0;
	return -ENOENT;
}

const char *tw_cgroup_folder(const char *path)
{
	return tw_format("%s%s", mount_point, path);
}

const char *tw_cgroup(const char *parent, const char *name)
{
	char *path = tw_format("%s/%s", strcmp(parent, "/") ? parent : "", name);

	for (char *slash = path + strlen(parent) + 1; (slash = strchr(slash, '/')); slash++) {
		*slash = '\0';
		if (mkdir(tw_cgroup_folder(path), 0755) < 0 && errno != EEXIST)
			FAIL("make cgroup %s: %s", path, strerror(errno));
		*slash = '/';
	}
	if (mkdir(tw_cgroup_folder(path), 0755) < 0 && errno != EEXIST)
		FAIL("make cgroup %s: %s", path, strerror(errno));
	return path;
}

void tw_cgroup_enter(const char *path)
{
	_cleanup_free_ char *procs = tw_format("%s%s/cgroup.procs", mount_point, path);
	_cleanup_close_ int fd = open(procs, O_WRONLY | O_CLOEXEC);

	if (fd < 0 || write(fd, "0", 1) < 0)
		FAIL("enter cgroup %s: %s", path, strerror(errno));
}

/* In a cgroup the files are the kernel's and go with their folder. */
static int remove_folder(const char *path, const struct stat *st, int type, struct FTW *at)
{
	(void)st;
	(void)at;
	return type == FTW_DP ? rmdir(path) : 0;
}

static int remove_all(const char *path, const struct stat *st, int type, struct FTW *at)
{
	(void)st;
	(void)at;
	return type == FTW_DP ? rmdir(path) : unlink(path);
}

static int remove_tree(const char *folder)
{
	int64_t end = tw_wait_end();
	int r;

	/* A process may be reaped a moment before it leaves its cgroup: EBUSY. */
	do {
		r = nftw(folder, remove_folder, 16, FTW_DEPTH | FTW_PHYS) ? -errno : 0;
	} while (r == -EBUSY && tw_wait_more(end));
	return r < 0 || access(folder, F_OK) == 0 ? (r ?: -EEXIST) : 0;
}

int tw_cgroup_remove(const char *path)
{
	_cleanup_free_ char *folder = tw_format("%s%s", mount_point, path);

	return remove_tree(folder);
}

#define LATER "later"

void tw_cgroup_remove_later(const char *folder)
{
	tw_write_file(LATER, "%s", folder);
}

int tw_cgroup_remove_late(void)
{
	_cleanup_free_ char *path = tw_format("%s/" LATER, tw_folder);
	_cleanup_free_ char *folder = tw_read_file(path);

	return folder ? remove_tree(folder) : 0;
}

int tw_folder_remove(const char *path)
{
	return nftw(path, remove_all, 16, FTW_DEPTH | FTW_PHYS) ? -errno : 0;
}
