// SPDX-License-Identifier: GPL-2.0-only
#include "kernel/detach.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "kernel/owner.h"
#include "kernel/pins.h"
#include "lib/cleanup.h"

/* Tell the owner to go, and see it gone. By a pidfd: a pid may be used again meanwhile. */
static int end_owner(pid_t *ret_ended, struct tw_fault *fault)
{
	_cleanup_close_ int pidfd = -1;
	pid_t pid = 0, again = 0;
	struct pollfd exited;
	int error = tw_owner_pid(&pid);

	if (error)
		return tw_fault(
			fault, error,
			"cannot detach: a tcpwarden holds the lock on " TW_PIN_ROOT
			" in a process that cannot be seen from this pid namespace; stop it first");
	if (!pid)
		return 0;
	pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
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

int tw_detach(bool *ret_found, pid_t *ret_ended, struct tw_fault *fault)
{
	_cleanup_close_ int lock = -1;
	pid_t ended = 0;
	struct stat st;
	int error;

	if (stat(TW_PIN_ROOT, &st) < 0) {
		if (errno != ENOENT)
			return tw_fault(fault, -errno,
					"cannot look at " TW_PIN_ROOT ": %m; run as root");
		*ret_found = false;
		*ret_ended = 0;
		return 0;
	}
	while ((error = tw_owner_lock(false, &lock, fault)) == -EWOULDBLOCK) {
		error = end_owner(&ended, fault);
		if (error)
			break;
	}
	if (!error)
		error = tw_pins_remove(fault);
	if (error)
		return error;
	*ret_found = true;
	*ret_ended = ended;
	return 0;
}
