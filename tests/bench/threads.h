/* SPDX-License-Identifier: GPL-2.0-only */
/* The CPU time of the kernel's threads: work for our connections that is done after them. */
#ifndef TW_BENCH_THREADS_H
#define TW_BENCH_THREADS_H

#include <stddef.h>

#define TW_MAX_THREADS 4096

struct tw_threads {
	struct {
		int pid;
		double ns;
	} list[TW_MAX_THREADS];
	size_t count;
};

/* What each has used so far. */
void tw_threads_read(struct tw_threads *ret_threads);

/* What they used between the two; one that ended meanwhile is left out. */
double tw_threads_used(const struct tw_threads *before, const struct tw_threads *after);

#endif
