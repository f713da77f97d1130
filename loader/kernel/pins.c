// SPDX-License-Identifier: GPL-2.0-only
#include "kernel/pins.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/magic.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "kernel/link.h"
#include "lib/cleanup.h"
#include "lib/mounts.h"

#define RELEASE_MS 1000 /* at most, that a link's release is waited for */

bool tw_bpffs_mounted(void)
{
	struct statfs fs;

	return statfs(TW_BPFFS, &fs) == 0 && fs.f_type == BPF_FS_MAGIC;
}

bool tw_bpffs_hidden(void)
{
	return !tw_bpffs_mounted() && tw_mounts_at(TW_BPFFS);
}

static int mount_bpffs(struct tw_fault *fault)
{
	if (tw_bpffs_hidden())
		return tw_fault(
			fault, -ENODEV,
			"no bpf file system on " TW_BPFFS ": a folder of the host is mounted "
			"there that is none, and ours would end with this container; on the "
			"host: mount -t bpf bpf " TW_BPFFS);
	if (mount("bpf", TW_BPFFS, "bpf", 0, "mode=0700") < 0)
		return tw_fault(fault, -errno,
				"no bpf file system on " TW_BPFFS
				" and cannot mount one: %m; as root: "
				"mount -t bpf bpf " TW_BPFFS);
	return 0;
}

/*
 * A bpf file system mounted without mode= is everybody's to write in: whoever
 * made our folder before us could take the pins away.
 */
static int check_folder(const char *path, struct tw_fault *fault)
{
	struct stat st;

	if (lstat(path, &st) < 0)
		return tw_fault(fault, -errno, "cannot look at %s: %m", path);
	if (S_ISDIR(st.st_mode) && (st.st_uid == geteuid() || !st.st_uid) && !(st.st_mode & 077))
		return 0;
	return tw_fault(fault, -EPERM,
			"cannot use %s: it is not a folder that is ours alone (owner %u, mode "
			"%03o); somebody else made it, so remove it, and mount " TW_BPFFS
			" with -o mode=0700",
			path, st.st_uid, st.st_mode & 07777);
}

static int make_folder(const char *path, struct tw_fault *fault)
{
	if (mkdir(path, 0700) == 0)
		return 0;
	if (errno == EEXIST)
		return check_folder(path, fault);
	return tw_fault(fault, -errno, "cannot make the folder %s: %m%s", path,
			errno == EPERM || errno == EACCES ? "; run as root"
			: errno == EROFS		  ? "; mount -o remount,rw " TW_BPFFS
							  : "");
}

int tw_pins_prepare(struct tw_fault *fault)
{
	int error = tw_bpffs_mounted() ? 0 : mount_bpffs(fault);

	if (!error)
		error = make_folder(TW_PIN_ROOT, fault);
	return error ?: make_folder(TW_PIN_DIR, fault);
}

static bool is_link(const char *name)
{
	return !strncmp(name, "link_", 5);
}

static int remove_below(int parent, const char *name);

/*
 * Detach before the pin goes: a link that loses its last reference is released
 * a moment later, and `detach` promises that nothing runs when it returns. The
 * program of a link that cannot be detached (a tracepoint's), else 0.
 */
static __u32 detach_link(const char *path)
{
	_cleanup_close_ int link = bpf_obj_get(path);
	struct bpf_link_info info = { 0 };
	__u32 len = sizeof(info);

	if (link < 0 || bpf_link_detach(link) == 0)
		return 0;
	return bpf_obj_get_info_by_fd(link, &info, &len) < 0 ? 0 : info.prog_id;
}

/* A program goes with its last link, which the kernel releases in its own time. */
static void await_release(__u32 program)
{
	for (int ms = 0; program && ms < RELEASE_MS; ms++) {
		_cleanup_close_ int fd = bpf_prog_get_fd_by_id(program);

		if (fd < 0)
			return;
		usleep(1000);
	}
}

static int remove_link(int folder, const char *name)
{
	char path[64 + NAME_MAX];
	__u32 program;

	snprintf(path, sizeof(path), "/proc/self/fd/%d/%s", folder, name);
	program = detach_link(path);
	if (unlinkat(folder, name, 0) < 0 && errno != ENOENT)
		return -errno;
	await_release(program);
	return 0;
}

/* One pass over an open folder: its links and folders, or the rest of it. */
static int remove_pass(DIR *dir, bool links)
{
	struct dirent *entry;
	int error = 0;

	rewinddir(dir);
	while (!error && (entry = readdir(dir))) {
		const char *name = entry->d_name;
		bool folder = entry->d_type == DT_DIR;

		if (!strcmp(name, ".") || !strcmp(name, ".."))
			continue;
		if ((folder || is_link(name)) != links)
			continue;
		if (folder)
			error = remove_below(dirfd(dir), name);
		else if (is_link(name))
			error = remove_link(dirfd(dir), name);
		else if (unlinkat(dirfd(dir), name, 0) < 0 && errno != ENOENT)
			error = -errno;
	}
	return error;
}

static int remove_below(int parent, const char *name)
{
	_cleanup_closedir_ DIR *dir = NULL;
	int fd = openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	int error;

	if (fd < 0)
		return errno == ENOENT ? 0 : -errno;
	dir = fdopendir(fd);
	if (!dir) {
		error = -errno;
		close(fd);
		return error;
	}
	error = remove_pass(dir, true);
	if (!error)
		error = remove_pass(dir, false);
	if (!error && unlinkat(parent, name, AT_REMOVEDIR) < 0 && errno != ENOENT)
		error = -errno;
	return error;
}

int tw_pins_remove(struct tw_fault *fault)
{
	int error = remove_below(AT_FDCWD, TW_PIN_ROOT);

	if (error)
		return tw_fault(fault, error, "cannot remove " TW_PIN_ROOT ": %m; run as root");
	return 0;
}

int tw_pins_remove_own(struct tw_fault *fault)
{
	int error = remove_below(AT_FDCWD, TW_PIN_DIR);

	if (error)
		return tw_fault(fault, error, "cannot remove " TW_PIN_DIR ": %m; run as root");
	return 0;
}

int tw_pins_remove_links(struct tw_fault *fault)
{
	int error = tw_link_remove(TW_PIN_GUARD, fault);

	return error ?: tw_link_remove(TW_PIN_LINK, fault);
}

/* A folder of another ABI version: v2, but not our own. */
static bool is_other(const struct dirent *entry)
{
	return entry->d_type == DT_DIR && entry->d_name[0] == 'v' &&
	       strcmp(entry->d_name, strrchr(TW_PIN_DIR, '/') + 1) != 0;
}

int tw_pins_other_link(char **ret_path)
{
	_cleanup_closedir_ DIR *root = opendir(TW_PIN_ROOT);
	const struct dirent *entry;

	if (!root)
		return -errno;
	while ((entry = readdir(root))) {
		_cleanup_free_ char *path = NULL;

		if (!is_other(entry))
			continue;
		if (asprintf(&path, TW_PIN_ROOT "/%s%s", entry->d_name, strrchr(TW_PIN_LINK, '/')) <
		    0)
			return -ENOMEM;
		if (access(path, F_OK) < 0)
			continue;
		*ret_path = TAKE_PTR(path);
		return 0;
	}
	return -ENOENT;
}

int tw_pins_remove_others(struct tw_fault *fault)
{
	_cleanup_closedir_ DIR *root = opendir(TW_PIN_ROOT);
	int error = root ? 0 : -errno;
	const struct dirent *entry;

	while (root && !error && (entry = readdir(root)))
		if (is_other(entry))
			error = remove_below(dirfd(root), entry->d_name);
	if (error)
		return tw_fault(fault, error,
				"cannot remove the pins of another version below " TW_PIN_ROOT
				": %m");
	return 0;
}

bool tw_pins_have_maps(void)
{
	return access(TW_PIN_DIR "/tw_current", F_OK) == 0 && access(TW_PIN_RECORDS, F_OK) == 0;
}
