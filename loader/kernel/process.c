// SPDX-License-Identifier: GPL-2.0-only
#include "kernel/process.h"

#include <ctype.h>
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/buf.h"
#include "lib/cleanup.h"
#include "lib/file.h"
#include "lib/path.h"

int tw_process_cgroup(pid_t pid, char **ret_path, struct tw_fault *fault)
{
	_cleanup_buf_ struct tw_buf text = TW_BUF_INIT;
	char path[64], *line, *rest;
	int error;

	snprintf(path, sizeof(path), "/proc/%d/cgroup", (int)pid);
	error = tw_file_read(path, 65536, &text);
	if (error)
		return error == -ENOENT || error == -ESRCH
			       ? tw_fault(fault, -ESRCH, "there is no process %d", (int)pid)
			       : tw_fault(fault, error, "cannot read %s: %m", path);
	rest = text.data;
	while ((line = strsep(&rest, "\n"))) {
		char *normal;

		if (strncmp(line, "0::", 3))
			continue;
		normal = tw_path_normal(line + 3);
		if (!normal && errno == ENOMEM)
			return tw_fault(fault, -ENOMEM, "cannot read %s: %m", path);
		if (!normal)
			return tw_fault(
				fault, -EINVAL,
				"the cgroup of process %d is outside this cgroup namespace: "
				"%s",
				(int)pid, line + 3);
		*ret_path = normal;
		return 0;
	}
	return tw_fault(fault, -ENOENT, "process %d is in no cgroup of version 2", (int)pid);
}

/* Whether both are the same network namespace. */
static bool same_namespace(int fd)
{
	struct stat theirs, ours;

	return fstat(fd, &theirs) == 0 && stat("/proc/self/ns/net", &ours) == 0 &&
	       theirs.st_ino == ours.st_ino && theirs.st_dev == ours.st_dev;
}

int tw_process_enter(pid_t pid, struct tw_fault *fault)
{
	_cleanup_close_ int fd = -1;
	char path[64];
	int error;

	snprintf(path, sizeof(path), "/proc/%d/ns/net", (int)pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd >= 0 && (same_namespace(fd) || setns(fd, CLONE_NEWNET) == 0))
		return 0;
	error = -errno;
	if (error == -ENOENT)
		return tw_fault(fault, -ESRCH, "process %d is gone", (int)pid);
	return tw_fault(fault, error, "cannot enter the network namespace of process %d: %m%s",
			(int)pid, error == -EACCES || error == -EPERM ? "; run as root" : "");
}

static bool is_32bit(const char *pid)
{
	char path[NAME_MAX + sizeof("/proc//exe")];
	unsigned char ident[EI_CLASS + 1];
	_cleanup_close_ int fd = -1;

	snprintf(path, sizeof(path), "/proc/%s/exe", pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	return fd >= 0 && read(fd, ident, sizeof(ident)) == sizeof(ident) &&
	       !memcmp(ident, ELFMAG, SELFMAG) && ident[EI_CLASS] == ELFCLASS32;
}

pid_t tw_process_fork(void)
{
	sigset_t all, before;
	pid_t pid;

	sigfillset(&all);
	sigprocmask(SIG_BLOCK, &all, &before);
	pid = fork();
	if (pid != 0)
		sigprocmask(SIG_SETMASK, &before, NULL);
	return pid;
}

unsigned tw_process_count_32bit(void)
{
	_cleanup_closedir_ DIR *proc = opendir("/proc");
	struct dirent *entry;
	unsigned count = 0;

	while (proc && (entry = readdir(proc)))
		count += isdigit((unsigned char)entry->d_name[0]) && is_32bit(entry->d_name);
	return count;
}
