// SPDX-License-Identifier: GPL-2.0-only
#include "kernel/netns.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <sched.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/vfs.h>

#include "lib/cleanup.h"
#include "lib/file.h"
#include "lib/grow.h"

void tw_netns_list_free(struct tw_netns_list *list)
{
	for (size_t i = 0; i < list->count; i++)
		close(list->list[i].fd);
	free(list->list);
	*list = TW_NETNS_LIST_INIT;
}

static bool known(const struct tw_netns_list *list, ino_t inode)
{
	for (size_t i = 0; i < list->count; i++)
		if (list->list[i].inode == inode)
			return true;
	return false;
}

static int append(struct tw_netns_list *list, int fd, ino_t inode)
{
	if (TW_GROW(list->list, list->count, list->size))
		return -ENOMEM;
	list->list[list->count++] = (struct tw_netns){ .fd = fd, .inode = inode };
	return 0;
}

/* Add what `name` in `folder` leads to, if it is a namespace that is not there yet. */
static int add(struct tw_netns_list *list, int folder, const char *name)
{
	_cleanup_close_ int fd = -1;
	struct statfs fs;
	struct stat st;
	int error;

	if (fstatat(folder, name, &st, 0) < 0) {
		list->refused += errno == EACCES || errno == EPERM;
		return 0;
	}
	if (known(list, st.st_ino))
		return 0;
	fd = openat(folder, name, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0) {
		list->refused += errno == EACCES || errno == EPERM;
		return errno == EMFILE || errno == ENFILE ? -errno : 0;
	}
	if (fstatfs(fd, &fs) < 0)
		return 0;
	/* Where 5.10.y refuses, it leads to the folder of links and says nothing. */
	list->refused += fs.f_type == PROC_SUPER_MAGIC;
	if (fs.f_type != NSFS_MAGIC || fstat(fd, &st) < 0 || known(list, st.st_ino))
		return 0;
	error = append(list, fd, st.st_ino);
	if (!error)
		TAKE_FD(fd);
	return error;
}

static int add_processes(struct tw_netns_list *list)
{
	_cleanup_closedir_ DIR *proc = opendir("/proc");
	struct dirent *entry;
	int error = 0;

	if (!proc)
		return -errno;
	while (!error && (entry = readdir(proc))) {
		char name[NAME_MAX + sizeof("/ns/net")];

		if (!isdigit((unsigned char)entry->d_name[0]))
			continue;
		snprintf(name, sizeof(name), "%s/ns/net", entry->d_name);
		error = add(list, dirfd(proc), name);
	}
	return error;
}

static int add_folder(struct tw_netns_list *list, const char *path)
{
	_cleanup_closedir_ DIR *folder = opendir(path);
	struct dirent *entry;
	int error = 0;

	if (!folder && (errno == EACCES || errno == EPERM))
		list->refused++;
	else if (!folder && errno != ENOENT && errno != ENOTDIR)
		return -errno;
	while (folder && !error && (entry = readdir(folder)))
		if (entry->d_name[0] != '.')
			error = add(list, dirfd(folder), entry->d_name);
	return error;
}

/* Each namespace takes a descriptor: more than the 1024 that are the usual soft limit. */
static void allow_descriptors(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < limit.rlim_max) {
		limit.rlim_cur = limit.rlim_max;
		setrlimit(RLIMIT_NOFILE, &limit);
	}
}

int tw_netns_find(struct tw_netns_list *list)
{
	int error;

	allow_descriptors();
	error = add(list, AT_FDCWD, "/proc/self/ns/net");
	if (!error)
		error = add_processes(list);
	if (!error)
		error = add_folder(list, "/run/netns");
	if (!error)
		error = add_folder(list, "/var/run/netns");
	return error;
}

int tw_netns_find_in(int procs, struct tw_netns_list *list)
{
	_cleanup_fclose_ FILE *file = fdopen(procs, "r");
	int pid, error = 0;

	if (!file) {
		error = -errno;
		close(procs);
		return error;
	}
	while (!error && fscanf(file, "%d", &pid) == 1) {
		char name[64];

		snprintf(name, sizeof(name), "/proc/%d/ns/net", pid);
		error = add(list, AT_FDCWD, name);
	}
	return error;
}

int tw_netns_enter(const struct tw_netns *ns, int *ret_back)
{
	_cleanup_close_ int own = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
	struct stat st;

	if (own < 0 || fstat(own, &st) < 0)
		return -errno;
	if (st.st_ino == ns->inode) {
		*ret_back = -1;
		return 0;
	}
	if (setns(ns->fd, CLONE_NEWNET) < 0)
		return -errno;
	*ret_back = TAKE_FD(own);
	return 0;
}

void tw_netns_leave(int back)
{
	if (back < 0)
		return;
	/* We were there and hold it open: it can only work, and nothing could go on without. */
	if (setns(back, CLONE_NEWNET) < 0)
		abort();
	close(back);
}

/* "TCP: inuse 5 orphan 0 ...", and "TCP6: inuse 3": the sockets that this namespace has hashed. */
static long in_use(const char *path, const char *key)
{
	_cleanup_buf_ struct tw_buf text = TW_BUF_INIT;
	const char *at;
	long count;

	if (tw_file_read(path, 4096, &text))
		return -1;
	at = strstr(tw_buf_string(&text), key);
	if (!at || sscanf(at + strlen(key), " inuse %ld", &count) != 1)
		return -1;
	return count;
}

bool tw_netns_has_tcp(void)
{
	return in_use("/proc/thread-self/net/sockstat", "\nTCP:") != 0 ||
	       in_use("/proc/thread-self/net/sockstat6", "TCP6:") > 0;
}
