/* SPDX-License-Identifier: GPL-2.0-only */
/* The BPF programs in the kernel: loaded, attached, pinned, taken over. */
#ifndef TW_KERNEL_PROGRAM_H
#define TW_KERNEL_PROGRAM_H

#include <stdbool.h>
#include <stdint.h>

#include "kernel/maps.h"
#include "lib/fault.h"

struct tw_program {
	int fd;		     /* -1: not loaded, and there are no maps */
	struct tw_maps maps; /* owned */
};

#define TW_PROGRAM_INIT ((struct tw_program){ .fd = -1 })

/*
 * Load the program on the pinned maps of this ABI version, making and pinning
 * those that are not there. Nothing is attached.
 */
int tw_program_load(struct tw_program *ret_program, struct tw_fault *fault);

/* Load it with maps of its own that vanish with it: whether this kernel takes it. */
int tw_program_try(struct tw_fault *fault);

/*
 * Attach to the cgroup open at `cgroup`: a pinned link of ours is updated in
 * place, so that there is no moment without; else a new link is made and
 * pinned. A pinned link whose cgroup is gone is replaced.
 */
int tw_program_attach(struct tw_program *program, int cgroup, struct tw_fault *fault);

void tw_program_close(struct tw_program *program);
#define _cleanup_program_ _cleanup_(tw_program_close)

/*
 * The cgroup that the pinned link is attached to. -ENOENT: there is no link;
 * an id of 0: its cgroup was removed.
 */
int tw_link_cgroup(uint64_t *ret_id);

/* The same of the link pinned by another ABI version. -ENOENT: there is none. */
int tw_link_cgroup_of_others(uint64_t *ret_id);

/* Whether the pinned link runs this very program. -ENOENT: there is no link. */
int tw_link_runs(const struct tw_program *program, bool *ret_ours);

#endif
