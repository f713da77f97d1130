/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A process that makes one variant's connections when it is told to: in the
 * variant's cgroup, with the library preloaded that the variant has.
 */
#ifndef TW_BENCH_WORKER_H
#define TW_BENCH_WORKER_H

#include <stdbool.h>

#include "bench.h"

/* What is asked of a worker. */
struct tw_order {
	unsigned warm;	      /* connections before those that are measured */
	unsigned connections; /* and two more around them, whose options are looked at */
	bool kernel_threads;  /* measure them, too */
};

/* Of each connection, in ns. */
struct tw_cost {
	double wall;
	double cpu;    /* of the process, with the softirq work done in its time */
	double kernel; /* of all kernel threads, where asked for */
};

/* Start the worker of a variant; returns our end of the line to it. */
int tw_worker_start(const char *tree, const struct tw_variant *variant);

/* Let it do a turn. */
struct tw_cost tw_worker_turn(int worker, const struct tw_order *order);

/* Be a worker, until the line on standard input ends: what tw_worker_start() makes of us. */
void tw_worker_main(const char *tree, const struct tw_variant *variant);

#endif
