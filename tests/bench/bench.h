/* SPDX-License-Identifier: GPL-2.0-only */
/* What is measured, and the figures: bench.c fills them, report.c prints them. */
#ifndef TW_BENCH_H
#define TW_BENCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#define TW_BENCH_MAX_ROUNDS 1001

/* The ends of a connection. */
enum tw_end {
	TW_CONNECTING = 1,
	TW_ACCEPTED = 2,
	TW_LISTENER = 4, /* what it carries, its children inherit */
	TW_BOTH = TW_CONNECTING | TW_ACCEPTED,
};

/* One way to make connections. */
struct tw_variant {
	const char *key;    /* in the JSON */
	const char *title;  /* in the table */
	const char *cgroup; /* where its sockets are made, below the tree; three deep in all */
	unsigned app;	    /* ends whose five options the application sets itself */
	unsigned carries;   /* ends that must carry the values; the other must not */
};

/* A figure of each round. */
struct tw_series {
	double value[TW_BENCH_MAX_ROUNDS];
	size_t count;
};

/* What a variant took; a connection is both its ends. */
struct tw_figures {
	struct tw_series rate;	     /* connections a second */
	struct tw_series cpu;	     /* us a connection */
	struct tw_series over_bare;  /* us a connection, less bare's in the same round */
	struct tw_series bpf;	     /* ns in our program a connection; none: no program there */
	struct tw_series over_empty; /* the same, less the empty program's in the same round */
	double runs;		     /* of our program a connection */
};

/* Of the idle `run`, as the script that starts it measured. */
struct tw_idle {
	double rss_kib;
	double wakeups; /* a second */
};

enum tw_bench_variant {
	TW_BARE,
	TW_EMPTY,
	TW_WARDEN,
	TW_WARDEN_OUT,
	TW_WARDEN_NONE,
	TW_WARDEN_ALREADY,
	TW_APP,
	TW_APP_OUT,
	TW_APP_LISTENER,
	TW_VARIANTS,
};

extern const struct tw_variant tw_variants[TW_VARIANTS];

void tw_report_table(const struct tw_figures *figures, const struct tw_idle *idle);
void tw_report_json(FILE *out, const struct tw_figures *figures, const struct tw_idle *idle);

#endif
