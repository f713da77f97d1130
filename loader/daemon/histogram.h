/* SPDX-License-Identifier: GPL-2.0-only */
/* How long something took, many times: counts in buckets, as Prometheus has them. */
#ifndef TW_DAEMON_HISTOGRAM_H
#define TW_DAEMON_HISTOGRAM_H

#include <stdint.h>

#define TW_HISTOGRAM_BUCKETS 12

/* Upper bounds in nanoseconds, inclusive, rising: 1 ms to 5 s. */
extern const uint64_t tw_histogram_bounds[TW_HISTOGRAM_BUCKETS];

/* All zero: nothing was seen. */
struct tw_histogram {
	uint64_t bucket[TW_HISTOGRAM_BUCKETS + 1]; /* not cumulative; the last is +Inf's own */
	uint64_t count;
	uint64_t sum_ns;
};

void tw_histogram_add(struct tw_histogram *histogram, uint64_t ns);

/* How many were at most tw_histogram_bounds[bucket]: the value of `le`. The last one's is `count`. */
uint64_t tw_histogram_at_most(const struct tw_histogram *histogram, unsigned bucket);

#endif
