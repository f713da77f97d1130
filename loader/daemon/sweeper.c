// SPDX-License-Identifier: GPL-2.0-only
#include "daemon/sweeper.h"

#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>

#include "kernel/sweep.h"
#include "lib/buf.h"
#include "lib/cleanup.h"
#include "lib/clock.h"
#include "lib/log.h"

/* Writes are paced in steps of this many a second. */
#define STEPS	  100
#define SECOND_US 1000000

struct tw_sweeper {
	const struct tw_cgroup_tree *tree;
	struct tw_sweeper_options options;
	struct event *tick;	    /* goes on with the sweep */
	struct event *late;	    /* begins the sweep of late cgroups */
	struct tw_buf late_cgroups; /* their paths, each with its NUL */
	struct tw_buf next_cgroups; /* those whose turn is the time after that */
	bool news;		    /* there are some that tw_sweeper_again() did not bring */

	struct tw_sweep *sweep; /* NULL: none yet; loading it takes long, so it is kept */

	bool running; /* a sweep is under way: */
	struct tw_netns_list namespaces;
	size_t next;	    /* of them, in this pass */
	bool walking;	    /* one of them is under way */
	bool full;	    /* all namespaces; else those of late cgroups */
	bool logged;	    /* what it changed is */
	unsigned pass;	    /* from 1 */
	bool written;	    /* in this pass */
	size_t not_entered; /* in the first pass */
	int error;	    /* the first that cut it short; 0: none */
	uint64_t begun;	    /* tw_clock_monotonic() */

	struct tw_sweep_totals totals;
};

/* --- its figures ------------------------------------------------------------------------ */

static void add_counts(struct tw_sweep_counts *sum, struct tw_sweep_counts counts)
{
	sum->seen += counts.seen;
	sum->written += counts.written;
	sum->failed += counts.failed;
	sum->orphans += counts.orphans;
}

struct tw_sweep_totals tw_sweeper_totals(const struct tw_sweeper *sweeper)
{
	static const struct tw_sweep_totals none = { .full = { .of = &tw_histogram_minutes } };

	return sweeper ? sweeper->totals : none;
}

/* --- its end -------------------------------------------------------------------------- */

static void stop(struct tw_sweeper *sweeper)
{
	event_del(sweeper->tick);
	if (sweeper->running)
		add_counts(&sweeper->totals.sockets, tw_sweep_counts(sweeper->sweep));
	sweeper->running = false;
	tw_netns_list_free(&sweeper->namespaces);
}

static void say(const struct tw_sweeper *sweeper)
{
	struct tw_sweep_counts counts = tw_sweep_counts(sweeper->sweep);
	size_t missed = sweeper->not_entered + sweeper->namespaces.refused;

	if (!sweeper->logged)
		return;
	if (sweeper->full || counts.written)
		tw_info("swept %zu network namespace%s: %llu open connections changed, %llu "
			"refused, "
			"%llu orphans passed over%s",
			sweeper->namespaces.count, sweeper->namespaces.count == 1 ? "" : "s",
			counts.written, counts.failed, counts.orphans,
			tw_sweep_by_fds(sweeper->sweep)
				? "; by descriptors, which misses sockets that no process has"
				: "");
	if (missed)
		tw_warning("the sweep could not reach the sockets of %zu processes or network "
			   "namespaces; it needs CAP_SYS_ADMIN and CAP_SYS_PTRACE",
			   missed);
}

static void sweep_late_soon(struct tw_sweeper *sweeper)
{
	const struct timeval delay = { .tv_sec = TW_SWEEP_COALESCE_MS / 1000 };

	if (!sweeper->running && !event_pending(sweeper->late, EV_TIMEOUT, NULL))
		event_add(sweeper->late, &delay);
}

static void tell(const struct tw_sweeper *sweeper, const struct tw_fault *fault)
{
	if (sweeper->options.done)
		sweeper->options.done(fault, sweeper->options.data);
}

static void finish(struct tw_sweeper *sweeper)
{
	struct tw_fault fault = TW_FAULT_INIT;
	int error = sweeper->error;
	bool full = sweeper->full;

	say(sweeper);
	if (full)
		tw_histogram_add(&sweeper->totals.full, tw_clock_monotonic() - sweeper->begun);
	stop(sweeper);
	if (error)
		tw_fault(&fault, error, "the sweep of a network namespace ended early: %m");
	if (full)
		tell(sweeper, error ? &fault : NULL);
	if (sweeper->late_cgroups.len || sweeper->next_cgroups.len)
		sweep_late_soon(sweeper);
}

/* --- its course ------------------------------------------------------------------------ */

/* Go on when the rate allows it after so many writes. */
static void go_on(struct tw_sweeper *sweeper, unsigned written)
{
	uint64_t us = (uint64_t)written * SECOND_US / sweeper->options.rate;
	const struct timeval delay = { .tv_sec = (time_t)(us / SECOND_US),
				       .tv_usec = (suseconds_t)(us % SECOND_US) };

	event_add(sweeper->tick, &delay);
}

/* Of this process or machine: no privilege helps, and no namespace is to blame. */
static bool is_lack(int error)
{
	return error == -EMFILE || error == -ENFILE || error == -ENOMEM;
}

static void note_error(struct tw_sweeper *sweeper, int error)
{
	sweeper->error = sweeper->error ?: error;
}

/* Begin the next namespace, or the next pass. False: the sweep is over. */
static bool begin_next(struct tw_sweeper *sweeper)
{
	const struct tw_netns *ns;
	int error;

	if (sweeper->next == sweeper->namespaces.count) {
		if (!sweeper->written || sweeper->pass == TW_SWEEP_PASSES)
			return false;
		sweeper->pass++;
		sweeper->next = 0;
		sweeper->written = false;
	}
	ns = &sweeper->namespaces.list[sweeper->next++];
	error = tw_sweep_begin(sweeper->sweep, ns, sweeper->pass == 1);
	sweeper->walking = !error;
	if (is_lack(error))
		note_error(sweeper, error);
	else if (error < 0 && sweeper->pass == 1)
		sweeper->not_entered++;
	return true;
}

/* One step a turn of the loop: at most a namespace, at most the writes of a moment. */
static void on_tick(evutil_socket_t fd, short what, void *data)
{
	struct tw_sweeper *sweeper = data;
	unsigned budget = sweeper->options.rate / STEPS ?: 1, written = 0;
	int more;

	(void)fd;
	(void)what;
	if (!sweeper->walking) {
		if (begin_next(sweeper))
			go_on(sweeper, 0);
		else
			finish(sweeper);
		return;
	}
	more = tw_sweep_step(sweeper->sweep, budget, &written);
	sweeper->walking = more > 0;
	sweeper->written = sweeper->written || written;
	if (more < 0)
		note_error(sweeper, more);
	go_on(sweeper, written);
}

static int open_sweep(struct tw_sweeper *sweeper, struct tw_fault *fault)
{
	sigset_t all, before;
	int error;

	/* A signal would interrupt the verifier, which then gives up: EAGAIN. */
	sigfillset(&all);
	sigprocmask(SIG_BLOCK, &all, &before);
	error = tw_sweep_open(TW_SWEEP_ENFORCE, &sweeper->sweep, fault);
	sigprocmask(SIG_SETMASK, &before, NULL);
	return error;
}

static int start(struct tw_sweeper *sweeper, struct tw_fault *fault)
{
	int error = sweeper->sweep ? 0 : open_sweep(sweeper, fault);

	if (error)
		return error;
	error = tw_sweep_restart(sweeper->sweep);
	if (error)
		return tw_fault(fault, error, "cannot begin a sweep: %m");
	sweeper->running = true;
	sweeper->next = 0;
	sweeper->pass = 1;
	sweeper->walking = false;
	sweeper->written = false;
	sweeper->not_entered = 0;
	sweeper->error = 0;
	sweeper->begun = tw_clock_monotonic();
	go_on(sweeper, 0);
	return 0;
}

static void start_or_tell(struct tw_sweeper *sweeper)
{
	struct tw_fault fault = TW_FAULT_INIT;

	if (!start(sweeper, &fault))
		return;
	stop(sweeper);
	tell(sweeper, &fault);
}

void tw_sweeper_all(struct tw_sweeper *sweeper)
{
	int error;

	stop(sweeper);
	sweeper->full = true;
	sweeper->logged = true;
	error = tw_netns_find(&sweeper->namespaces);
	if (error)
		tw_warning("not all network namespaces are swept: %s", strerror(-error));
	start_or_tell(sweeper);
}

/* --- late cgroups ------------------------------------------------------------------------ */

static int find_namespaces_in(const char *path, uint64_t id, void *data)
{
	struct tw_sweeper *sweeper = data;
	_cleanup_close_ int cgroup = -1;
	int procs;

	(void)id;
	if (tw_cgroup_open(sweeper->tree, path, &cgroup))
		return 0;
	procs = openat(cgroup, "cgroup.procs", O_RDONLY | O_CLOEXEC);
	return procs < 0 ? 0 : tw_netns_find_in(procs, &sweeper->namespaces);
}

/* Those below it have its policies, so they are not late themselves: a container in its pod. */
static void find_namespaces(struct tw_sweeper *sweeper)
{
	const char *end = sweeper->late_cgroups.data + sweeper->late_cgroups.len;

	for (const char *path = sweeper->late_cgroups.data; path < end; path += strlen(path) + 1) {
		int error = tw_cgroup_walk(sweeper->tree, path, find_namespaces_in, sweeper);

		if (error && error != -ENOENT)
			tw_warning("not all connections of cgroup %s are swept: %s", path,
				   strerror(-error));
	}
	tw_buf_truncate(&sweeper->late_cgroups, 0);
}

static void turn_cgroups(struct tw_sweeper *sweeper)
{
	struct tw_buf late = sweeper->late_cgroups;

	sweeper->late_cgroups = sweeper->next_cgroups;
	sweeper->next_cgroups = late;
	sweeper->logged = sweeper->news;
	sweeper->news = false;
}

static void on_late(evutil_socket_t fd, short what, void *data)
{
	struct tw_sweeper *sweeper = data;

	(void)fd;
	(void)what;
	if (sweeper->running)
		return; /* finish() comes back to it */
	sweeper->full = false;
	find_namespaces(sweeper);
	turn_cgroups(sweeper);
	if (sweeper->namespaces.count)
		start_or_tell(sweeper);
	else
		tw_netns_list_free(&sweeper->namespaces);
	if (sweeper->late_cgroups.len)
		sweep_late_soon(sweeper);
}

void tw_sweeper_cgroup(struct tw_sweeper *sweeper, const char *path)
{
	if (tw_buf_add(&sweeper->late_cgroups, path, strlen(path) + 1)) {
		tw_sweeper_all(sweeper);
		return;
	}
	sweeper->news = true;
	sweep_late_soon(sweeper);
}

void tw_sweeper_again(struct tw_sweeper *sweeper, const char *path)
{
	bool waits = sweeper->running || event_pending(sweeper->late, EV_TIMEOUT, NULL);
	struct tw_buf *cgroups = waits ? &sweeper->next_cgroups : &sweeper->late_cgroups;

	if (tw_buf_add(cgroups, path, strlen(path) + 1)) {
		tw_sweeper_all(sweeper);
		return;
	}
	sweep_late_soon(sweeper);
}

int tw_sweeper_open(struct event_base *base, const struct tw_cgroup_tree *tree,
		    const struct tw_sweeper_options *options, struct tw_sweeper **ret_sweeper,
		    struct tw_fault *fault)
{
	struct tw_sweeper *sweeper = calloc(1, sizeof(*sweeper));

	if (!sweeper)
		return tw_fault(fault, -ENOMEM, "cannot sweep: %m");
	sweeper->tree = tree;
	sweeper->options = *options;
	sweeper->totals.full.of = &tw_histogram_minutes;
	sweeper->tick = evtimer_new(base, on_tick, sweeper);
	sweeper->late = evtimer_new(base, on_late, sweeper);
	if (!sweeper->tick || !sweeper->late) {
		tw_sweeper_close(sweeper);
		return tw_fault(fault, -ENOMEM, "cannot sweep: %m");
	}
	*ret_sweeper = sweeper;
	return 0;
}

void tw_sweeper_close(struct tw_sweeper *sweeper)
{
	if (!sweeper)
		return;
	if (sweeper->tick) {
		stop(sweeper);
		event_free(sweeper->tick);
	}
	tw_sweep_close(sweeper->sweep);
	if (sweeper->late)
		event_free(sweeper->late);
	tw_buf_free(&sweeper->late_cgroups);
	tw_buf_free(&sweeper->next_cgroups);
	free(sweeper);
}
