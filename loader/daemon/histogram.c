// SPDX-License-Identifier: GPL-2.0-only
#include "daemon/histogram.h"

#include "lib/clock.h"

#define MS TW_NS_PER_MS
#define S  TW_NS_PER_SECOND

const struct tw_histogram_bounds tw_histogram_moments = {
	12,
	{ 1 * MS, 5 * MS / 2, 5 * MS, 10 * MS, 25 * MS, 50 * MS, 100 * MS, 250 * MS, 500 * MS,
	  1 * S, 2500 * MS, 5 * S },
};

const struct tw_histogram_bounds tw_histogram_minutes = {
	9,
	{ 10 * MS, 50 * MS, 100 * MS, 500 * MS, 1 * S, 5 * S, 10 * S, 60 * S, 300 * S },
};

const struct tw_histogram_bounds *tw_histogram_bounds(const struct tw_histogram *histogram)
{
	return histogram->of ? histogram->of : &tw_histogram_moments;
}

void tw_histogram_add(struct tw_histogram *histogram, uint64_t ns)
{
	const struct tw_histogram_bounds *bounds = tw_histogram_bounds(histogram);
	unsigned bucket = 0;

	while (bucket < bounds->count && ns > bounds->ns[bucket])
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
