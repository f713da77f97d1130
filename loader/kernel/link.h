/* SPDX-License-Identifier: GPL-2.0-only */
/* Pinned links of programs to a cgroup: made, taken over, asked. */
#ifndef TW_KERNEL_LINK_H
#define TW_KERNEL_LINK_H

#include <linux/bpf.h>
#include <stdint.h>

#include "lib/fault.h"

/*
 * Attach `program` to the cgroup open at `cgroup`: the link pinned at `pin` is
 * updated in place, so that there is no moment without; else a new link is made
 * and pinned. A pinned link whose cgroup is gone is replaced.
 */
int tw_link_attach(const char *pin, int program, int cgroup, enum bpf_attach_type type,
		   struct tw_fault *fault);

/*
 * The cgroup that the link pinned at `pin` is attached to, and the program that
 * it runs; either may be NULL. -ENOENT: there is no link; an id of 0: its cgroup
 * was removed.
 */
int tw_link_read(const char *pin, uint64_t *ret_cgroup, uint32_t *ret_program);

/* Detach and remove it; 0 also where there is none. */
int tw_link_remove(const char *pin, struct tw_fault *fault);

#endif
