/* SPDX-License-Identifier: GPL-2.0-only */
/* What the daemon knows at one moment: what metrics and the page are made of. */
#ifndef TW_DAEMON_OVERVIEW_H
#define TW_DAEMON_OVERVIEW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "daemon/auditor.h"
#include "daemon/enforcer.h"
#include "daemon/events.h"
#include "daemon/histogram.h"
#include "daemon/sweeper.h"
#include "kernel/errors.h"
#include "kernel/features.h"
#include "kernel/state.h"

/* How the loads of the policy ended, since the daemon's start. */
struct tw_reloads {
	uint64_t applied;
	uint64_t unchanged;
	uint64_t refused;
	bool last_refused;
};

#define TW_OVERVIEW_MINUTES TW_HISTORY_MINUTES
#define TW_OVERVIEW_EVENTS  20

struct tw_overview_event {
	uint64_t at_ns;	  /* CLOCK_REALTIME */
	const char *kind; /* one word, a constant */
	char *text;	  /* what happened, for people */
};

/* Everything is copied but what says "borrowed". Large: allocate it. */
struct tw_overview {
	uint64_t now_ns;	 /* CLOCK_REALTIME */
	const char *attach_path; /* borrowed */
	bool attached;		 /* our link is in the kernel and its cgroup lives */
	bool ready;		 /* and runs our program with our generation */
	char not_ready[256];	 /* why not */
	struct tw_loaded loaded; /* number 0: none */
	struct tw_policy_counts counts[TW_MAX_POLICIES];
	struct tw_tally none; /* of sockets under no policy */
	struct tw_error_counts errors;
	uint32_t cgroups;
	struct tw_histogram cgroup_ready; /* from a cgroup's creation to its own element */
	struct tw_reloads reloads;
	const char *refusal; /* borrowed; of the last load, where it was refused */
	struct tw_sweep_totals sweeps;
	const struct tw_audit *audit; /* borrowed */
	uint64_t events_lost;	      /* in the kernel, and by readers that did not read */
	/* Deaths, oldest minute first, the last being the current one. */
	uint32_t deaths[TW_OVERVIEW_MINUTES][TW_REASONS];
	struct tw_overview_event events[TW_OVERVIEW_EVENTS]; /* latest first */
	size_t event_count;
};

/*
 * Read what the kernel knows: all but the borrowed fields, and what the daemon
 * alone can tell (reloads, sweeps, events, deaths). What cannot be read is a
 * reason not to be ready.
 */
void tw_overview_read(const struct tw_enforcer *enforcer, struct tw_overview *ret_overview);

/* Only `attached`, `ready` and `not_ready`. */
void tw_overview_read_ready(const struct tw_enforcer *enforcer, struct tw_overview *ret_overview);

/* Add what was told of: deaths by minute, the last events, and those that were lost. */
void tw_overview_add_events(const struct tw_events *events, struct tw_overview *overview);

/* The audit, where it is of the generation in force; else NULL. */
const struct tw_audit *tw_overview_audit(const struct tw_overview *overview);

void tw_overview_free(struct tw_overview *overview);

#endif
