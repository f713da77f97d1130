/* SPDX-License-Identifier: GPL-2.0-only */
/* Other people's sockops programs that have the last word over ours. */
#ifndef TW_KERNEL_NEIGHBOURS_H
#define TW_KERNEL_NEIGHBOURS_H

#include <stdbool.h>

#include "kernel/features.h"

/*
 * List the programs that run after ours on a connection of the attach point: on
 * its cgroup those attached later, and all on its ancestors, which the kernel
 * runs last (bpf_prog_array: from the socket's cgroup upwards). False: nothing
 * of ours is attached, so there is nothing to say.
 */
bool tw_neighbours_check(struct tw_check *ret_check);

#endif
