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
	const char *key;     /* in the JSON */
	const char *title;   /* in the table */
	const char *cgroup;  /* where its sockets are made, below the tree */
	unsigned app;	     /* ends whose five options the application sets itself */
	unsigned carries;    /* ends that must carry the values; the other must not */
	const char *preload; /* a library that sets them, or NULL */
	bool four;	     /* what is set is all but the user timeout, as by those libraries */
	bool compared;	     /* with others to the end: it has long turns */
	const char *above;   /* key of the variant that does all of this but one step, or NULL */
};

/* `bare` is the first. */
extern const struct tw_variant tw_variants[];
extern const size_t tw_variant_count;

/* A figure of each round. */
struct tw_series {
	double value[TW_BENCH_MAX_ROUNDS];
	size_t count;
};

/* What a variant took; a connection is both its ends. Without long turns two series are empty. Differences are taken within each round. */
struct tw_figures {
	struct tw_series rate;	     /* connections a second, in long turns */
	struct tw_series cpu;	     /* us a connection, in short turns: of the process */
	struct tw_series over_bare;  /* the same, less bare's */
	struct tw_series whole;	     /* us a connection, in long turns: and of kernel threads */
	struct tw_series whole_over; /* the same, less bare's */
	struct tw_series bpf;	     /* ns in our program a connection; none: no program there */
	struct tw_series over_empty; /* the same, less the empty program's */
	struct tw_series over_above; /* the same, less that of the variant `above` */
	double runs;		     /* of our program a connection */
};

/* What a run of the program of deaths takes where nobody dies, in ns; and what all runs add. */
struct tw_tracepoint {
	struct tw_series deaths;
	struct tw_series empty; /* a program there that does nothing */
	struct tw_series over_empty;
	struct tw_series cpu; /* us of CPU that it adds to a connection of `bare` */
};

/* How long the turns are, and how many each variant has. */
struct tw_turns {
	unsigned rounds; /* timed; and so many with the kernel's count of BPF run time */
	unsigned connections;
	unsigned long_rounds;
	unsigned long_connections;
};

void tw_report_table(const struct tw_figures *figures, const struct tw_tracepoint *tracepoint,
		     const struct tw_turns *turns);
void tw_report_json(FILE *out, const struct tw_figures *figures,
		    const struct tw_tracepoint *tracepoint, const struct tw_turns *turns);

/* All values of all rounds, in the order of time. */
void tw_report_rounds(FILE *out, const struct tw_figures *figures);

/* Say what went wrong, with errno where it is set, and exit. */
_Noreturn __attribute__((format(printf, 1, 2))) void tw_bench_fail(const char *format, ...);

#endif
