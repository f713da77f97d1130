/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The sweep without an iterator that may write, 5.10 to 5.14: the iterator
 * tells which policy each socket meets, and we set the options ourselves on
 * descriptors that pidfd_getfd(2) takes from the processes that have them.
 * May go with the last 5.10.
 *
 * It misses sockets in no descriptor table: not yet accepted, on their way
 * through SCM_RIGHTS, fixed files of io_uring.
 * The kernel's own lock is not held over the five options, so an application
 * that sets one in this very moment may be overwritten.
 */
#ifndef TW_KERNEL_SWEEP_FD_H
#define TW_KERNEL_SWEEP_FD_H

#include "kernel/iterator.h"

struct tw_sweep_fd;

/* The iterator is borrowed. */
int tw_sweep_fd_open(struct tw_iterator *iterator, bool restore, struct tw_sweep_fd **ret_sweep,
		     struct tw_fault *fault);
void tw_sweep_fd_close(struct tw_sweep_fd *sweep);

/* As tw_sweep_begin(), tw_sweep_step(), tw_sweep_counts(). */
int tw_sweep_fd_begin(struct tw_sweep_fd *sweep, const struct tw_netns *ns, bool first);
int tw_sweep_fd_step(struct tw_sweep_fd *sweep, unsigned writes, unsigned *ret_written);
struct tw_sweep_counts tw_sweep_fd_counts(const struct tw_sweep_fd *sweep);

#endif
