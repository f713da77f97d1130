/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef TW_KERNEL_DETACH_H
#define TW_KERNEL_DETACH_H

#include <stdbool.h>
#include <sys/types.h>

#include "lib/fault.h"

struct tw_detached {
	bool found;		     /* there was something to remove */
	pid_t ended;		     /* the `run` that was ended, or 0 */
	unsigned long long restored; /* sockets that got values back */
	unsigned long long left; /* sockets that carry values of ours and could not be reached */
};

/*
 * End a `run` that holds the lock (SIGTERM, and wait for it to let go), detach,
 * with `restore` give every socket its own values back, and remove all pins and
 * the folder. Interrupted, it can be repeated: a record goes only with its value.
 */
int tw_detach(bool restore, struct tw_detached *ret_detached, struct tw_fault *fault);

#endif
