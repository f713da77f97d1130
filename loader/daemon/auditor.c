// SPDX-License-Identifier: GPL-2.0-only
#include "daemon/auditor.h"

#include <errno.h>
#include <event2/event.h>
#include <signal.h>
#include <string.h>

#include "kernel/current.h"
#include "kernel/generation.h"
#include "kernel/iterator.h"
#include "lib/cleanup.h"
#include "lib/clock.h"
#include "lib/log.h"

struct tw_auditor {
	const struct tw_enforcer *enforcer;
	struct event *tick;
	struct tw_audit last;
	uint64_t begun_ns;	     /* CLOCK_MONOTONIC of the last begin; 0: never */
	bool failed;		     /* said once, until it works again */
	struct tw_iterator iterator; /* loading it takes long, so it is kept */

	bool running;			  /* an audit is under way: */
	struct tw_generation *generation; /* NULL: it begins with the next tick */
	struct tw_netns_list namespaces;
	size_t next; /* of them */
	struct tw_audit audit;
};

static void stop(struct tw_auditor *auditor)
{
	event_del(auditor->tick);
	auditor->running = false;
	tw_netns_list_free(&auditor->namespaces);
	free(auditor->generation);
	auditor->generation = NULL;
}

static void finish(struct tw_auditor *auditor, int error)
{
	uint64_t number = 0;

	stop(auditor);
	if (error && !auditor->failed)
		tw_warning("cannot look at the open sockets: %s; what metrics and page say of them "
			   "is old",
			   strerror(-error));
	auditor->failed = error;
	if (error || tw_current_number(auditor->enforcer->program.maps.current, &number))
		return;
	/* Where the policy was switched meanwhile, the figures are of neither. */
	if (number != auditor->audit.generation)
		return;
	auditor->audit.at_ns = tw_clock_now();
	auditor->last = auditor->audit;
}

static int visit(const struct tw_socket *socket, void *data)
{
	struct tw_auditor *auditor = data;
	enum tw_socket_verdict verdict = tw_verdict_of(socket, auditor->generation);

	auditor->audit.sockets[verdict]++;
	if (socket->winner < TW_MAX_POLICIES)
		auditor->audit.policy[socket->winner][verdict]++;
	return 0;
}

static void go_on(struct tw_auditor *auditor)
{
	const struct timeval now = { 0 };

	event_add(auditor->tick, &now);
}

static int open_iterator(struct tw_auditor *auditor)
{
	const struct tw_iterator_options options = { .pinned = true, .read_only = true };
	struct tw_fault fault = TW_FAULT_INIT;
	sigset_t all, before;
	int error;

	if (auditor->iterator.program >= 0)
		return 0;
	/* A signal would interrupt the verifier, which then gives up: EAGAIN. */
	sigfillset(&all);
	sigprocmask(SIG_BLOCK, &all, &before);
	error = tw_iterator_open(&options, &auditor->iterator, &fault);
	sigprocmask(SIG_SETMASK, &before, NULL);
	return error;
}

static int begin(struct tw_auditor *auditor)
{
	int error = open_iterator(auditor);

	if (error)
		return error;
	auditor->generation = calloc(1, sizeof(*auditor->generation));
	if (!auditor->generation)
		return -ENOMEM;
	auditor->next = 0;
	memset(&auditor->audit, 0, sizeof(auditor->audit));
	error = tw_iterator_begin(&auditor->iterator);
	auditor->audit.generation = auditor->enforcer->live.number;
	if (!error)
		error = tw_generation_read_live(&auditor->enforcer->live, auditor->generation);
	return error ?: tw_netns_find(&auditor->namespaces);
}

/* One network namespace. 1: there is more to do. */
static int step(struct tw_auditor *auditor)
{
	int error;

	if (auditor->next == auditor->namespaces.count)
		return 0;
	error = tw_iterator_list(&auditor->iterator, &auditor->namespaces.list[auditor->next++],
				 visit, auditor);
	return error < 0 && error != -EPERM ? error : 1;
}

static void on_tick(evutil_socket_t fd, short what, void *data)
{
	struct tw_auditor *auditor = data;
	int more;

	(void)fd;
	(void)what;
	if (auditor->generation)
		more = step(auditor);
	else
		more = begin(auditor) ?: 1;
	if (more > 0)
		go_on(auditor);
	else
		finish(auditor, more);
}

/* Not at once: whoever asks does not wait for it. */
void tw_auditor_start(struct tw_auditor *auditor)
{
	if (!auditor || auditor->running)
		return;
	auditor->begun_ns = tw_clock_monotonic();
	auditor->running = true;
	go_on(auditor);
}

void tw_auditor_refresh(struct tw_auditor *auditor, uint64_t generation)
{
	uint64_t age = tw_clock_monotonic() - auditor->begun_ns;

	if (!auditor->begun_ns || age > TW_AUDIT_SECONDS * TW_NS_PER_SECOND ||
	    (auditor->last.generation != generation && age > TW_NS_PER_SECOND))
		tw_auditor_start(auditor);
}

const struct tw_audit *tw_auditor_last(const struct tw_auditor *auditor)
{
	return &auditor->last;
}

int tw_auditor_open(struct event_base *base, const struct tw_enforcer *enforcer,
		    struct tw_auditor **ret_auditor)
{
	struct tw_auditor *auditor = calloc(1, sizeof(*auditor));

	if (!auditor)
		return -ENOMEM;
	auditor->enforcer = enforcer;
	auditor->iterator = TW_ITERATOR_INIT;
	auditor->tick = evtimer_new(base, on_tick, auditor);
	if (!auditor->tick) {
		free(auditor);
		return -ENOMEM;
	}
	*ret_auditor = auditor;
	return 0;
}

void tw_auditor_close(struct tw_auditor *auditor)
{
	if (!auditor)
		return;
	stop(auditor);
	tw_iterator_close(&auditor->iterator);
	event_free(auditor->tick);
	free(auditor);
}
