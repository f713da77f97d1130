/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef TW_KERNEL_HZ_H
#define TW_KERNEL_HZ_H

#include <stdint.h>

/*
 * The kernel's HZ (CONFIG_HZ), jiffies a second. The resolution of the coarse
 * clocks is one tick (kernel/time/posix-timers.c: KTIME_LOW_RES).
 */
uint32_t tw_hz_get(void);

/* 2^40 / HZ, rounded up: what tw_seconds() in bpf/apply.bpf.h multiplies by. */
uint64_t tw_hz_reciprocal(void);

#endif
