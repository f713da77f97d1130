/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The setsockopt hook (bpf/guard.bpf.c), which holds policies with precedence
 * strictest or policy where an application sets its own values later. It costs
 * each setsockopt() of the cgroup, so it is there only while a policy needs it.
 */
#ifndef TW_KERNEL_GUARD_H
#define TW_KERNEL_GUARD_H

#include <stdbool.h>

#include <tcpwarden/abi.h>

#include "lib/fault.h"

/* Whether a policy of the generation needs the hook, if only to count what it would do. */
bool tw_guard_needed(const struct tw_generation *generation);

/* Whether it is attached to a cgroup that still exists. */
bool tw_guard_attached(void);

/*
 * Load the program on the pinned maps and attach it to the cgroup open at
 * `cgroup`; one that is attached is replaced without a moment between.
 */
int tw_guard_attach(int cgroup, struct tw_fault *fault);

/* Detach it; 0 also where it is not attached. */
int tw_guard_remove(struct tw_fault *fault);

/*
 * Load it with maps of its own that vanish with it. *ret_follows: this kernel
 * lets it write `user_timeout: auto` anew when an application moves a timer;
 * else the next sweep does.
 */
int tw_guard_try(bool *ret_follows, struct tw_fault *fault);

#endif
