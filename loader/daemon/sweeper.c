// SPDX-License-Identifier: GPL-2.0-only
#include "daemon/sweeper.h"

#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>
#include <string.h>

#include "kernel/sweep.h"
#include "lib/buf.h"
#include "lib/cleanup.h"
#include "lib/log.h"

#define TICK_MS 10

struct tw_sweeper {
	const struct tw_cgroup_tree *tree;
	struct tw_sweeper_options options;
	struct event *tick;	    /* goes on with the sweep */
	struct event *late;	    /* begins the sweep of late cgroups */
	struct tw_buf late_cgroups; /* their paths, each with its NUL */

	/* The sweep under way; NULL: none. */
	struct tw_sweep *sweep;
	struct tw_netns_list namespaces;
	size_t next;	    /* of them, in this pass */
	bool walking;	    /* one of them is under way */
	bool full;	    /* all namespaces; else those of late cgroups */
	unsigned pass;	    /* from 1 */
	bool written;	    /* in this pass */
	size_t not_entered; /* in the first pass */
};

/* --- its end -------------------------------------------------------------------------- */

static void stop(struct tw_sweeper *sweeper)
{
	event_del(sweeper->tick);
	tw_sweep_close(sweeper->sweep);
	sweeper->sweep = NULL;
	tw_netns_list_free(&sweeper->namespaces);
}

static void say(const struct tw_sweeper *sweeper)
{
	struct tw_sweep_counts counts = tw_sweep_counts(sweeper->sweep);
	size_t missed = sweeper->not_entered + sweeper->namespaces.refused;

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

static void finish(struct tw_sweeper *sweeper)
{
	bool full = sweeper->full;

	say(sweeper);
	stop(sweeper);
	if (full && sweeper->options.done)
		sweeper->options.done(sweeper->options.data);
	if (sweeper->late_cgroups.len && !event_pending(sweeper->late, EV_TIMEOUT, NULL))
		event_active(sweeper->late, EV_TIMEOUT, 0);
}

/* --- its course ------------------------------------------------------------------------ */

static void go_on(struct tw_sweeper *sweeper, unsigned ms)
{
	const struct timeval delay = { .tv_usec = (suseconds_t)ms * 1000 };

	event_add(sweeper->tick, &delay);
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
	if (error < 0 && sweeper->pass == 1)
		sweeper->not_entered++;
	return true;
}

/* One step a turn of the loop: at most a namespace, at most the writes of a tick. */
static void on_tick(evutil_socket_t fd, short what, void *data)
{
	struct tw_sweeper *sweeper = data;
	unsigned budget = sweeper->options.rate * TICK_MS / 1000 ?: 1, written = 0;
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
		tw_warning("a sweep of one network namespace ended early: %s", strerror(-more));
	go_on(sweeper, written ? TICK_MS : 0);
}

static int start(struct tw_sweeper *sweeper, struct tw_fault *fault)
{
	int error = tw_sweep_open(TW_SWEEP_ENFORCE, &sweeper->sweep, fault);

	if (error)
		return error;
	sweeper->next = 0;
	sweeper->pass = 1;
	sweeper->walking = false;
	sweeper->written = false;
	sweeper->not_entered = 0;
	go_on(sweeper, 0);
	return 0;
}

static void start_or_say(struct tw_sweeper *sweeper)
{
	struct tw_fault fault = TW_FAULT_INIT;

	if (!start(sweeper, &fault))
		return;
	tw_error("open connections are not swept: %s", fault.text);
	stop(sweeper);
	if (sweeper->full && sweeper->options.done)
		sweeper->options.done(sweeper->options.data);
}

void tw_sweeper_all(struct tw_sweeper *sweeper)
{
	int error;

	stop(sweeper);
	sweeper->full = true;
	error = tw_netns_find(&sweeper->namespaces);
	if (error)
		tw_warning("not all network namespaces are swept: %s", strerror(-error));
	start_or_say(sweeper);
}

/* --- late cgroups ------------------------------------------------------------------------ */

static void find_namespaces(struct tw_sweeper *sweeper)
{
	const char *end = sweeper->late_cgroups.data + sweeper->late_cgroups.len;

	for (const char *path = sweeper->late_cgroups.data; path < end; path += strlen(path) + 1) {
		_cleanup_close_ int cgroup = -1;
		int procs;

		if (tw_cgroup_open(sweeper->tree, path, &cgroup))
			continue;
		procs = openat(cgroup, "cgroup.procs", O_RDONLY | O_CLOEXEC);
		if (procs >= 0)
			tw_netns_find_in(procs, &sweeper->namespaces);
	}
	tw_buf_truncate(&sweeper->late_cgroups, 0);
}

static void on_late(evutil_socket_t fd, short what, void *data)
{
	struct tw_sweeper *sweeper = data;

	(void)fd;
	(void)what;
	if (sweeper->sweep)
		return; /* finish() comes back to it */
	sweeper->full = false;
	find_namespaces(sweeper);
	if (sweeper->namespaces.count)
		start_or_say(sweeper);
	else
		tw_netns_list_free(&sweeper->namespaces);
}

void tw_sweeper_cgroup(struct tw_sweeper *sweeper, const char *path)
{
	const struct timeval delay = { .tv_sec = TW_SWEEP_COALESCE_MS / 1000 };

	if (tw_buf_add(&sweeper->late_cgroups, path, strlen(path) + 1)) {
		tw_sweeper_all(sweeper);
		return;
	}
	if (!sweeper->sweep && !event_pending(sweeper->late, EV_TIMEOUT, NULL))
		event_add(sweeper->late, &delay);
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
	if (sweeper->late)
		event_free(sweeper->late);
	tw_buf_free(&sweeper->late_cgroups);
	free(sweeper);
}
