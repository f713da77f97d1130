// SPDX-License-Identifier: GPL-2.0-only
#include "daemon/histogram.h"

#define MS 1000000ULL

const uint64_t tw_histogram_bounds[TW_HISTOGRAM_BUCKETS] = {
	1 * MS,	  2500000,  5 * MS,   10 * MS,	 25 * MS,   50 * MS,
	100 * MS, 250 * MS, 500 * MS, 1000 * MS, 2500 * MS, 5000 * MS,
};

void tw_histogram_add(struct tw_histogram *histogram, uint64_t ns)
{
	unsigned bucket = 0;

	while (bucket < TW_HISTOGRAM_BUCKETS && ns > tw_histogram_bounds[bucket])
		bucket++;
	histogram->bucket[bucket]++;
	histogram->count++;
	histogram->sum_ns += ns;
}

uint64_t tw_histogram_at_most(const struct tw_histogram *histogram, unsigned bucket)
{
	uint64_t sum = 0;

	for (unsigned i = 0; i <= bucket && i <= TW_HISTOGRAM_BUCKETS; i++)
		sum += histogram->bucket[i];
	return sum;
}
