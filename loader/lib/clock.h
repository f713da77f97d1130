/* SPDX-License-Identifier: GPL-2.0-only */
/* Time in nanoseconds; wall-clock time since the epoch, and as RFC 3339. */
#ifndef TW_LIB_CLOCK_H
#define TW_LIB_CLOCK_H

#include <stdint.h>

#define TW_NS_PER_SECOND 1000000000ULL
#define TW_NS_PER_MS	 1000000ULL

#define TW_TIME_LEN 32 /* RFC 3339 with milliseconds, and a NUL */

/* CLOCK_REALTIME now. */
uint64_t tw_clock_now(void);

/* CLOCK_MONOTONIC now. */
uint64_t tw_clock_monotonic(void);

/* A time of CLOCK_BOOTTIME, which BPF programs have, as CLOCK_REALTIME. */
uint64_t tw_clock_from_boot(uint64_t boot_ns);

/* A CLOCK_REALTIME time as RFC 3339 in UTC: 2026-01-31T23:59:59.123Z. */
const char *tw_clock_format(uint64_t ns, char buf[static TW_TIME_LEN]);

/* What tw_clock_format() made. -EINVAL: something else. */
int tw_clock_parse(const char *text, uint64_t *ret_ns);

#endif
