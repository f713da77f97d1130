// SPDX-License-Identifier: GPL-2.0-only
#include "kernel/hz.h"

#include <time.h>

uint32_t tw_hz_get(void)
{
	struct timespec tick;

	/* Cannot fail: the clock exists since 2.6.32. */
	clock_getres(CLOCK_MONOTONIC_COARSE, &tick);
	return (uint32_t)((1000000000 + tick.tv_nsec / 2) / tick.tv_nsec);
}

uint64_t tw_hz_reciprocal(void)
{
	uint32_t hz = tw_hz_get();

	return ((1ULL << 40) + hz - 1) / hz;
}
