/* SPDX-License-Identifier: GPL-2.0-only */
/* Least privilege: a `run` keeps the capabilities and the system calls that it needs. */
#ifndef TW_KERNEL_SANDBOX_H
#define TW_KERNEL_SANDBOX_H

#include <stdbool.h>

#include "lib/fault.h"

struct tw_sandbox {
	bool sweep; /* other network namespaces, other processes' descriptors */
	bool start; /* what only the start needs: mount a bpf file system, open sockets */
};

/*
 * Give up the rest, for good and for every child: capabilities, new privileges
 * by execve(2), system calls. To be called before anything is read that others
 * wrote, with `start`; and without, once all is open that stays open.
 *
 * That a capability cannot be given up is an error. A kernel without seccomp, or
 * an outer sandbox that forbids filters, is warned of: connections are under
 * their policy all the same.
 */
int tw_sandbox_enter(const struct tw_sandbox *needs, struct tw_fault *fault);

/* Whether this process may install filters; for `doctor`. */
bool tw_sandbox_has_filters(void);

#endif
