/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Sweeps in the event loop: which namespaces, how fast, how often. Full sweeps
 * after attach and after each switch, repeated until a pass changes nothing
 * (at most TW_SWEEP_PASSES: the iterator may miss a socket while the table
 * changes under it); small ones for cgroups that were met late. Never by the
 * clock.
 */
#ifndef TW_DAEMON_SWEEPER_H
#define TW_DAEMON_SWEEPER_H

#include <stdbool.h>
#include <tcpwarden/abi.h>

#include "daemon/histogram.h"
#include "kernel/cgroup.h"
#include "lib/fault.h"

#define TW_SWEEP_PASSES	     3
#define TW_SWEEP_RATE	     5000 /* writes a second: overdue sockets probe at once when written */
#define TW_SWEEP_COALESCE_MS 1000 /* from a late cgroup to its sweep */

/* Since the daemon's start. */
struct tw_sweep_totals {
	struct tw_sweep_counts sockets; /* of all sweeps */
	struct tw_histogram full;	/* how long those took that came to their end */
};

struct event_base;
struct tw_sweeper;

struct tw_sweeper_options {
	unsigned rate; /* writes a second */
	/* A full sweep ended (`fault` is NULL), or a sweep could not begin; may be NULL. */
	void (*done)(const struct tw_fault *fault, void *data);
	void *data;
};

/* `tree` is borrowed. */
int tw_sweeper_open(struct event_base *base, const struct tw_cgroup_tree *tree,
		    const struct tw_sweeper_options *options, struct tw_sweeper **ret_sweeper,
		    struct tw_fault *fault);
void tw_sweeper_close(struct tw_sweeper *sweeper);

/* Sweep every namespace, from the start where a sweep is under way. */
void tw_sweeper_all(struct tw_sweeper *sweeper);

/* Sweep the namespaces of the tasks of a cgroup whose policies came after it. */
void tw_sweeper_cgroup(struct tw_sweeper *sweeper, const char *path);

/*
 * Sweep them because applications there go on setting values that nothing holds
 * at once. That may be so for ever, so what it changes is counted, not logged.
 * What is set until TW_RESWEEP_MS from now is put right by it too: it begins at
 * least a second from now.
 */
void tw_sweeper_again(struct tw_sweeper *sweeper, const char *path);

/* `sweeper` may be NULL: nothing was swept. */
struct tw_sweep_totals tw_sweeper_totals(const struct tw_sweeper *sweeper);

#endif
