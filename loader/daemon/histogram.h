/* SPDX-License-Identifier: GPL-2.0-only */
/* How long something took, many times: counts in buckets, as Prometheus has them. */
#ifndef TW_DAEMON_HISTOGRAM_H
#define TW_DAEMON_HISTOGRAM_H

#include <stdint.h>

#define TW_HISTOGRAM_BUCKETS 12 /* at most */

/* Upper bounds in nanoseconds, inclusive, rising. */
struct tw_histogram_bounds {
	unsigned count;
	uint64_t ns[TW_HISTOGRAM_BUCKETS];
};

extern const struct tw_histogram_bounds tw_histogram_moments; /* 1 ms to 5 s */
extern const struct tw_histogram_bounds tw_histogram_minutes; /* 10 ms to 5 min */

/* All zero: nothing was seen, and it is of moments. */
struct tw_histogram {
	const struct tw_histogram_bounds *of; /* NULL: moments */
	uint64_t bucket[TW_HISTOGRAM_BUCKETS +
			1]; /* not cumulative; the one after the bounds' is +Inf's own */
	uint64_t count;
	uint64_t sum_ns;
};

void tw_histogram_add(struct tw_histogram *histogram, uint64_t ns);

const struct tw_histogram_bounds *tw_histogram_bounds(const struct tw_histogram *histogram);

/* How many were at most that bound: the value of `le`. That of the one after the last is `count`. */
uint64_t tw_histogram_at_most(const struct tw_histogram *histogram, unsigned bucket);

#endif
