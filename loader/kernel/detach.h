/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef TW_KERNEL_DETACH_H
#define TW_KERNEL_DETACH_H

#include <stdbool.h>
#include <sys/types.h>

#include "lib/fault.h"

/*
 * End a `run` that holds the lock (SIGTERM, and wait for it to let go), then
 * remove the link, all pins and the folder. *ret_found: there was something to
 * remove; *ret_ended: the process that was ended, or 0.
 */
int tw_detach(bool *ret_found, pid_t *ret_ended, struct tw_fault *fault);

#endif
