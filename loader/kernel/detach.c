// SPDX-License-Identifier: GPL-2.0-only
#include "kernel/detach.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "kernel/owner.h"
#include "kernel/pins.h"
#include "kernel/program.h"
#include "kernel/sweep.h"
#include "lib/cleanup.h"

/* Tell the owner to go, and see it gone. By a pidfd: a pid may be used again meanwhile. */
static int end_owner(pid_t *ret_ended, struct tw_fault *fault)
{
	_cleanup_close_ int pidfd = -1;
	pid_t pid = 0, again = 0;
	struct pollfd exited;
	int error = tw_owner_pid(&pid);

	if (error == -EROFS)
		return tw_fault(fault, error,
				"cannot detach: %m; mount it for writing: "
				"mount -o remount,rw " TW_BPFFS);
	if (error)
		return tw_fault(
			fault, error,
			"cannot detach: a tcpwarden holds the lock on " TW_PIN_ROOT
			" in a process that cannot be seen from this pid namespace; stop it first");
	if (!pid)
		return 0;
	pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
	if (pidfd < 0 && errno != ESRCH)
		return tw_fault(fault, -errno,
				"cannot detach: process %d holds the lock on " TW_PIN_ROOT
				" and cannot be watched: %m; stop it first",
				(int)pid);
	if (pidfd < 0 || tw_owner_pid(&again) || again != pid)
		return 0; /* it went by itself */
	if (syscall(SYS_pidfd_send_signal, pidfd, SIGTERM, NULL, 0) < 0 && errno != ESRCH)
		return tw_fault(fault, -errno,
				"cannot detach: process %d holds the lock on " TW_PIN_ROOT
				" and cannot be told to stop: %m; stop it first",
				(int)pid);
	exited = (struct pollfd){ .fd = pidfd, .events = POLLIN };
	while (poll(&exited, 1, -1) < 0)
		if (errno != EINTR)
			return tw_fault(fault, -errno, "cannot wait for process %d: %m", (int)pid);
	*ret_ended = pid;
	return 0;
}

/* A pass over all namespaces; as fast as it goes, since letting go probes nobody. */
static int restore_pass(struct tw_sweep *sweep, const struct tw_netns_list *list)
{
	for (size_t i = 0; i < list->count; i++) {
		unsigned written;
		int more;

		if (tw_sweep_begin(sweep, &list->list[i], false))
			continue;
		while ((more = tw_sweep_step(sweep, UINT_MAX, &written)) > 0)
			;
		if (more < 0)
			return more;
	}
	return 0;
}

/* As often as a pass finds something, for what the iterator missed; the sweep does three. */
static int restore_all(struct tw_detached *detached, struct tw_fault *fault)
{
	_cleanup_netns_list_ struct tw_netns_list list = TW_NETNS_LIST_INIT;
	struct tw_sweep *sweep;
	__u64 left = 0, before;
	int error = tw_sweep_open(TW_SWEEP_RESTORE, &sweep, fault);

	if (error)
		return error;
	error = tw_netns_find(&list);
	do {
		before = tw_sweep_counts(sweep).written;
		if (!error)
			error = restore_pass(sweep, &list);
	} while (!error && tw_sweep_counts(sweep).written != before);
	if (!error)
		error = tw_sweep_remaining(sweep, &left);
	if (error)
		tw_fault(fault, error, "cannot give the sockets their values back: %m");
	detached->restored = tw_sweep_counts(sweep).written;
	detached->left = left;
	tw_sweep_close(sweep);
	return error;
}

static int stop_enforcing(bool restore, struct tw_detached *detached, struct tw_fault *fault)
{
	uint64_t cgroup;
	int error = 0;

	if (restore && tw_link_cgroup(&cgroup) != -ENOENT)
		error = tw_pins_remove_links(fault);
	if (!error && restore && tw_pins_have_maps())
		error = restore_all(detached, fault);
	return error ?: tw_pins_remove(fault);
}

int tw_detach(bool restore, struct tw_detached *ret_detached, struct tw_fault *fault)
{
	struct tw_detached detached = { 0 };
	_cleanup_close_ int lock = -1;
	struct stat st;
	int error;

	if (stat(TW_PIN_ROOT, &st) < 0) {
		if (errno != ENOENT)
			return tw_fault(fault, -errno,
					"cannot look at " TW_PIN_ROOT ": %m; run as root");
		*ret_detached = detached;
		return 0;
	}
	detached.found = true;
	while ((error = tw_owner_lock(false, &lock, fault)) == -EWOULDBLOCK) {
		error = end_owner(&detached.ended, fault);
		if (error)
			break;
	}
	if (!error)
		error = stop_enforcing(restore, &detached, fault);
	if (!error)
		*ret_detached = detached;
	return error;
}
