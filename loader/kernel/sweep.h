/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Connections that are open already, brought under the generation in force:
 * one pass over one network namespace at a time, in steps of a bounded number
 * of writes. By bpf/sweep.bpf.c where iterators may set options (5.15 and
 * later); before, by the descriptors of the processes, see sweep_fd.h.
 */
#ifndef TW_KERNEL_SWEEP_H
#define TW_KERNEL_SWEEP_H

#include <stdbool.h>

#include <tcpwarden/abi.h>

#include "kernel/netns.h"
#include "lib/fault.h"

enum tw_sweep_mode {
	TW_SWEEP_ENFORCE,
	TW_SWEEP_RESTORE, /* let go of all that is ours, whatever the policy */
};

struct tw_sweep;

/*
 * Load the iterators on the pinned maps. Nothing of it is pinned. Where the
 * environment has TCPWARDEN_SWEEP=descriptors, it goes by them on any kernel.
 */
int tw_sweep_open(enum tw_sweep_mode mode, struct tw_sweep **ret_sweep, struct tw_fault *fault);
void tw_sweep_close(struct tw_sweep *sweep);

/* Another sweep by the same, which is loaded already. */
int tw_sweep_restart(struct tw_sweep *sweep);

/* Whether it goes by the descriptors of processes, and so misses sockets that none has. */
bool tw_sweep_by_fds(const struct tw_sweep *sweep);

/*
 * Begin a pass over `ns`. In the `first` pass all outcomes are counted, and
 * what observing policies would do; in later ones only what is written. 1: it
 * holds no TCP sockets, so there is nothing to walk. -EPERM: may not enter.
 */
int tw_sweep_begin(struct tw_sweep *sweep, const struct tw_netns *ns, bool first);

/* Go on until `writes` sockets were written: 1, there may be more; 0, the pass is over. */
int tw_sweep_step(struct tw_sweep *sweep, unsigned writes, unsigned *ret_written);

/* Summed over all passes so far, from the last restart. */
struct tw_sweep_counts tw_sweep_counts(const struct tw_sweep *sweep);

/* Sockets that carry a record now, in any namespace, but for orphans; of TW_SWEEP_RESTORE. */
int tw_sweep_remaining(struct tw_sweep *sweep, __u64 *ret_sockets);

#endif
