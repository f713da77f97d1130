/* SPDX-License-Identifier: GPL-2.0-only */
/* A line of counts, for people who watch `run`. */
#ifndef TW_DAEMON_STATS_H
#define TW_DAEMON_STATS_H

#include "kernel/program.h"

struct tw_policy_counts;
struct tw_loaded;

/* What was seen last; zero-initialise. */
struct tw_stats {
	struct tw_loaded *loaded;
	struct tw_policy_counts *counts; /* by policy of `loaded` */
};

/*
 * Print what came since the last line, by policy and outcome, and the total of
 * sockets set, on standard output.
 */
void tw_stats_print(struct tw_stats *stats, const struct tw_maps *maps);

void tw_stats_free(struct tw_stats *stats);

#endif
