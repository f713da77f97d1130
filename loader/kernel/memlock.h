/* SPDX-License-Identifier: GPL-2.0-only */
/* The limit of locked memory, which maps and programs count against before Linux 5.11. */
#ifndef TW_KERNEL_MEMLOCK_H
#define TW_KERNEL_MEMLOCK_H

#include <stdbool.h>

/*
 * Whether this kernel charges maps to RLIMIT_MEMLOCK (later ones charge them to
 * the memory cgroup); true too where that cannot be asked for lack of CAP_BPF.
 */
bool tw_memlock_charges(void);

/* Where it does, lift the limit. -EPERM: it is there, and to lift it takes CAP_SYS_RESOURCE. */
int tw_memlock_lift(void);

#endif
