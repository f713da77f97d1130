// SPDX-License-Identifier: GPL-2.0-only
#include "kernel/owner.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>

#include <tcpwarden/abi.h>

#include "kernel/libbpf_log.h"
#include "kernel/pins.h"
#include "lib/buf.h"
#include "lib/file.h"

#define ORPHAN_MS 1000 /* at most, that a lock of nobody's is waited for */

/* Field 22 of /proc/PID/stat; what follows the command's last parenthesis counts from field 3. */
static int start_time(pid_t pid, uint64_t *ret_time)
{
	_cleanup_buf_ struct tw_buf stat = TW_BUF_INIT;
	char path[32], *rest, *word = NULL;
	int error;

	snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	error = tw_file_read(path, 4096, &stat);
	if (error)
		return error == -ENOENT ? -ESRCH : error;
	rest = strrchr(stat.data, ')');
	if (!rest || rest[1] != ' ')
		return -EPROTO;
	rest += 2;
	for (int field = 3; field <= 22 && rest; field++)
		word = strsep(&rest, " ");
	if (!word || !rest)
		return -EPROTO;
	*ret_time = strtoull(word, NULL, 10);
	return 0;
}

static int open_lock_folder(void)
{
	int fd = open(TW_PIN_ROOT, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	return fd < 0 ? -errno : fd;
}

static int owner_map(bool create)
{
	int fd = bpf_obj_get(TW_PIN_OWNER);

	if (fd >= 0 || errno != ENOENT || !create)
		return fd < 0 ? -errno : fd;
	fd = bpf_map_create(BPF_MAP_TYPE_ARRAY, "tw_owner", sizeof(__u32), sizeof(struct tw_owner),
			    1, NULL);
	if (fd < 0)
		return -errno;
	if (bpf_obj_pin(fd, TW_PIN_OWNER) < 0) {
		int error = -errno;

		close(fd);
		return error;
	}
	return fd;
}

int tw_owner_pid(pid_t *ret_pid)
{
	_cleanup_close_ int folder = open_lock_folder();
	_cleanup_close_ int map = -1;
	struct tw_owner owner;
	uint64_t started;
	__u32 zero = 0;

	if (folder < 0 || flock(folder, LOCK_SH | LOCK_NB) == 0) {
		*ret_pid = 0;
		return folder == -ENOENT || folder >= 0 ? 0 : folder;
	}
	map = owner_map(false);
	if (map == -EROFS)
		return map;
	if (map < 0 || bpf_map_lookup_elem(map, &zero, &owner) < 0)
		return -ESRCH;
	if (!owner.pid || start_time((pid_t)owner.pid, &started) || started != owner.start_time)
		return -ESRCH;
	*ret_pid = (pid_t)owner.pid;
	return 0;
}

/*
 * Say who holds the lock; 0 where it has been let go meanwhile, or was only
 * looked at. Where it is nobody that can be seen, it may be a child of an owner
 * that has ended, until its one system call ends: see kernel/slots.h.
 */
static int refuse(int *waited_ms, struct tw_fault *fault)
{
	pid_t pid = 0;
	int error = tw_owner_pid(&pid);

	if (!error && !pid)
		return 0;
	if (error == -ESRCH && (*waited_ms)++ < ORPHAN_MS) {
		usleep(1000);
		return 0;
	}
	if (!error)
		return tw_fault(fault, -EWOULDBLOCK,
				"tcpwarden already runs here as process %d; "
				"stop it first, or wait for it with --wait",
				(int)pid);
	return tw_fault(fault, -EWOULDBLOCK,
			"tcpwarden already runs here, in a process that cannot be seen from this "
			"pid namespace; stop it first, or wait for it with --wait");
}

/* Whether the folder behind `fd` is still the one that others would lock. */
static bool still_there(int fd)
{
	struct stat ours, now;

	return fstat(fd, &ours) == 0 && stat(TW_PIN_ROOT, &now) == 0 && ours.st_ino == now.st_ino &&
	       ours.st_dev == now.st_dev;
}

static int announce(struct tw_fault *fault)
{
	struct tw_owner owner = { .pid = (__u32)getpid() };
	_cleanup_close_ int map = owner_map(true);
	uint64_t started = 0;
	__u32 zero = 0;

	if (map < 0)
		return tw_fault(fault, map, "cannot make the map " TW_PIN_OWNER ": %m%s%s",
				map == -EPERM ? "; " : "", map == -EPERM ? tw_libbpf_why(map) : "");
	start_time(getpid(), &started);
	owner.start_time = started;
	if (bpf_map_update_elem(map, &zero, &owner, BPF_ANY) < 0)
		return tw_fault(fault, -errno, "cannot write our pid to " TW_PIN_OWNER ": %m");
	return 0;
}

int tw_owner_lock(bool wait, int *ret_fd, struct tw_fault *fault)
{
	int waited_ms = 0;

	for (;;) {
		_cleanup_close_ int fd = open_lock_folder();
		int error;

		if (fd < 0)
			return tw_fault(fault, fd, "cannot open " TW_PIN_ROOT ": %m");
		if (flock(fd, LOCK_EX | (wait ? 0 : LOCK_NB)) < 0) {
			error = errno == EWOULDBLOCK ? refuse(&waited_ms, fault)
						     : tw_fault(fault, -errno,
								"cannot lock " TW_PIN_ROOT ": %m");
			if (!error)
				continue;
			return error;
		}
		if (!still_there(fd)) {
			/* `detach` removed it while we waited. */
			error = tw_pins_prepare(fault);
			if (error)
				return error;
			continue;
		}
		error = announce(fault);
		if (!error)
			*ret_fd = TAKE_FD(fd);
		return error;
	}
}
