/* SPDX-License-Identifier: GPL-2.0-only */
/* One owner at a time: an exclusive flock(2) on TW_PIN_ROOT, kept until the descriptor closes. */
#ifndef TW_KERNEL_OWNER_H
#define TW_KERNEL_OWNER_H

#include <stdbool.h>
#include <sys/types.h>

#include "lib/fault.h"

/*
 * Take the lock and write our pid to the pinned map. Needs tw_pins_prepare().
 * -EWOULDBLOCK: another process holds it, and the fault names it; with `wait`
 * it waits instead, and -EINTR means that a signal ended the wait.
 */
int tw_owner_lock(bool wait, int *ret_fd, struct tw_fault *fault);

/*
 * The process that holds the lock now, 0 where none does. -ESRCH: it is held,
 * but by a process that is not visible from here (another pid namespace).
 * -EROFS: nothing can be read where bpffs is mounted read-only.
 */
int tw_owner_pid(pid_t *ret_pid);

#endif
