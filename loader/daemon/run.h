/* SPDX-License-Identifier: GPL-2.0-only */
/* The run loop: signals in, policy switches and counts out. One thread, no timer unless asked for. */
#ifndef TW_DAEMON_RUN_H
#define TW_DAEMON_RUN_H

#include <stdbool.h>

#include "daemon/enforcer.h"
#include "kernel/sandbox.h"
#include "lib/fault.h"

struct tw_run {
	const char *policy;  /* path, or NULL: the embedded one */
	unsigned stats;	     /* seconds between lines of counts; 0: none */
	bool sweep;	     /* bring open connections under the policy too */
	unsigned sweep_rate; /* writes a second */
	bool once;	     /* until the first sweep has ended */
	bool detach;	     /* what follows the loop: told to those who follow the events */
	const char *run_dir; /* see tw_events_open() */
	int listener;	     /* to serve metrics and the page on, the caller's; -1: none */
	const struct tw_sandbox *sandbox; /* to enter once all is open; NULL: none */
};

/*
 * From here until the loop runs, signals wait: an early Ctrl-C is then handled as
 * any other, and does what --on-exit says.
 */
void tw_run_hold_signals(void);

/*
 * Run until SIGINT or SIGTERM. A change of the policy's files, and SIGHUP, load
 * it again: a bad one is refused, with its located errors in the log, and the
 * running one stays. Cgroups that come get their own policies at once.
 */
int tw_run_loop(struct tw_enforcer *enforcer, const struct tw_run *run, struct tw_fault *fault);

#endif
