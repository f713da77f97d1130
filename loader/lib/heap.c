// SPDX-License-Identifier: GPL-2.0-only
#include "lib/heap.h"

#include <malloc.h>

#define LARGE (64 * 1024)

void tw_heap_frugal(void)
{
	mallopt(M_MMAP_THRESHOLD, LARGE);
	mallopt(M_TRIM_THRESHOLD, LARGE);
}

void tw_heap_trim(void)
{
	malloc_trim(0);
}
