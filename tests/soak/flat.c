// SPDX-License-Identifier: GPL-2.0-only
#include "flat.h"

#include <stdlib.h>
#include <string.h>

static int by_value(const void *a, const void *b)
{
	const double *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

static double rank(const double third[static TW_THIRD], size_t which)
{
	double sorted[TW_THIRD];

	memcpy(sorted, third, sizeof(sorted));
	qsort(sorted, TW_THIRD, sizeof(*sorted), by_value);
	return sorted[which];
}

double tw_least(const double third[static TW_THIRD])
{
	return rank(third, 0);
}

double tw_median(const double third[static TW_THIRD])
{
	return rank(third, TW_THIRD / 2);
}

double tw_series_first(const struct tw_series *series)
{
	return series->typical(series->at);
}

double tw_series_last(const struct tw_series *series)
{
	return series->typical(&series->at[TW_SAMPLES - TW_THIRD]);
}

double tw_series_growth(const struct tw_series *series)
{
	return tw_series_last(series) - tw_series_first(series);
}

double tw_series_slope(const struct tw_series *series, double count)
{
	/* From the middle of the first third to the middle of the last. */
	const unsigned apart = TW_SAMPLES - TW_THIRD;

	return tw_series_growth(series) / apart * count;
}
