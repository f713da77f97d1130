/* SPDX-License-Identifier: GPL-2.0-only */
/* Whether what was measured again and again stayed flat. */
#ifndef TW_SOAK_FLAT_H
#define TW_SOAK_FLAT_H

#include <stddef.h>

#define TW_SAMPLES 150 /* of each series, at even distances */

#define TW_THIRD (TW_SAMPLES / 3)

/* What a third of the samples has to say. */
double tw_least(const double third[static TW_THIRD]);
double tw_median(const double third[static TW_THIRD]);

struct tw_series {
	const char *what; /* with its unit */
	/*
	 * Of memory and the like the least: what it has when it is at rest, while a sweep
	 * or a reload in hand takes some for a moment. What leaks is had at rest too.
	 */
	double (*typical)(const double third[static TW_THIRD]);
	double may_grow;
	double at[TW_SAMPLES];
};

double tw_series_first(const struct tw_series *series); /* third */
double tw_series_last(const struct tw_series *series);
double tw_series_growth(const struct tw_series *series); /* from the one to the other */

/* What it grows by in the time of `count` samples, where it goes on like that. */
double tw_series_slope(const struct tw_series *series, double count);

#endif
