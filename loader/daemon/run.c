// SPDX-License-Identifier: GPL-2.0-only
#include "daemon/run.h"

#include <errno.h>
#include <event2/event.h>
#include <signal.h>
#include <string.h>

#include "daemon/auditor.h"
#include "daemon/cgroups.h"
#include "daemon/death_guard.h"
#include "daemon/events.h"
#include "daemon/http.h"
#include "daemon/overview.h"
#include "daemon/stats.h"
#include "daemon/sweeper.h"
#include "daemon/web.h"
#include "kernel/cgroup_names.h"
#include "kernel/state.h"
#include "lib/cleanup.h"
#include "lib/heap.h"
#include "lib/log.h"
#include "lib/notify.h"
#include "node/file_watch.h"
#include "policy/load.h"

struct loop {
	struct event_base *base;
	struct event *hangup;
	struct event *interrupt;
	struct event *terminate;
	struct event *tick;
	struct tw_enforcer *enforcer;
	const struct tw_run *run;
	struct tw_stats stats;
	struct tw_file_watch *policy;
	struct tw_cgroups *cgroups; /* NULL: --once */
	struct tw_sweeper *sweeper; /* NULL: open connections are left alone */
	struct tw_auditor *auditor; /* NULL where nothing is served */
	struct tw_web *web;
	struct tw_reloads reloads;
	struct tw_death_guard *guard; /* NULL: none is watched */
	struct tw_events *events;     /* NULL: --once */
	char refusal[TW_REFUSAL_LEN]; /* said last; "" where the next one is news */
	bool refused;		      /* the last policy was */
	struct tw_fault unswept;      /* why --once did not sweep; "" where it did */
};

/* --- what is told ----------------------------------------------------------------- */

/* Tell of an attach, or a load of a policy; `refusal` is NULL where it was accepted. */
static void tell(struct loop *loop, enum tw_notice_kind kind, bool refused, const char *message)
{
	const struct tw_enforcer *enforcer = loop->enforcer;
	struct tw_notice notice = {
		.kind = kind,
		.generation = enforcer->live.number,
		.refused = refused,
		.message = message ? strdup(message) : NULL,
	};

	if (kind == TW_NOTICE_ATTACHED)
		notice.cgroup = strdup(enforcer->attach_path);
	memcpy(notice.digest, enforcer->digest, sizeof(notice.digest));
	tw_events_tell(loop->events, &notice);
}

/* --- the policy ------------------------------------------------------------------- */

/* Say why a policy is refused, once for each reason, and note it where `status` finds it. */
static void refuse(struct loop *loop, const char *reason, const struct tw_diags *diags)
{
	loop->refused = true;
	loop->reloads.refused++;
	if (!strcmp(loop->refusal, reason))
		return;
	snprintf(loop->refusal, sizeof(loop->refusal), "%s", reason);
	if (diags)
		tw_log_diags(diags);
	tw_error("the policy is refused, the running one stays: %s", reason);
	tell(loop, TW_NOTICE_POLICY, true, reason);
	if (tw_state_refused(&loop->enforcer->program.maps, reason))
		tw_warning("cannot note the refusal for `tcpwarden status`");
}

/* The first error, as one line. */
static void first_error(const struct tw_diags *diags, char text[static TW_REFUSAL_LEN])
{
	snprintf(text, TW_REFUSAL_LEN, "no memory");
	for (size_t i = 0; i < diags->count; i++) {
		const struct tw_diag *diag = &diags->list[i];

		if (diag->severity != TW_ERROR)
			continue;
		if (diag->mark.line)
			snprintf(text, TW_REFUSAL_LEN, "%s:%u:%u: %s", diag->mark.file,
				 diag->mark.line, diag->mark.column, diag->message);
		else
			snprintf(text, TW_REFUSAL_LEN, "%s: %s", diag->mark.file, diag->message);
		return;
	}
}

static void sweep_all(struct loop *loop)
{
	if (loop->sweeper)
		tw_sweeper_all(loop->sweeper);
}

static void accept_policy(struct loop *loop, bool changed)
{
	bool refused = loop->refused;

	loop->refused = false;
	loop->refusal[0] = '\0';
	if (changed)
		loop->reloads.applied++;
	else
		loop->reloads.unchanged++;
	if (changed) {
		tw_enforcer_say(loop->enforcer, "policy loaded");
		tell(loop, TW_NOTICE_POLICY, false, NULL);
		if (loop->guard)
			tw_death_guard_refresh(loop->guard);
		sweep_all(loop);
		tw_cgroups_check(loop->cgroups);
		return;
	}
	if (refused) {
		tw_info("the policy is good again, and the one that runs");
		tell(loop, TW_NOTICE_POLICY, false, NULL);
		tw_state_refused(&loop->enforcer->program.maps, NULL);
	}
}

static void reload(struct loop *loop)
{
	_cleanup_diags_ struct tw_diags diags = TW_DIAGS_INIT;
	_cleanup_model_ struct tw_model model = TW_MODEL_INIT;
	struct tw_fault fault = TW_FAULT_INIT;
	char text[TW_REFUSAL_LEN];
	int error;

	if (tw_policy_load(loop->run->policy, &diags, &model)) {
		first_error(&diags, text);
		refuse(loop, text, &diags);
		return;
	}
	error = tw_enforcer_switch(loop->enforcer, &model, &fault);
	if (error && error != -EALREADY) {
		refuse(loop, fault.text, NULL);
		return;
	}
	if (!error)
		tw_log_diags(&diags);
	accept_policy(loop, !error);
}

static void on_policy_changed(void *data)
{
	reload(data);
	tw_heap_trim();
}

static void on_tripped(const struct tw_model_policy *policy, uint64_t deaths, void *data)
{
	struct loop *loop = data;
	const struct tw_enforcer *enforcer = loop->enforcer;
	char text[TW_REFUSAL_LEN];

	snprintf(text, sizeof(text),
		 "guard: policy \"%s\" observes on node %s from now on, generation %llu: %llu "
		 "connections died under it in the last minute, more than max_deaths_per_minute: "
		 "%u; it enforces again once it is changed",
		 policy->name, enforcer->place.node, (unsigned long long)enforcer->live.number,
		 (unsigned long long)deaths, policy->max_deaths);
	tw_error("%s", text);
	tell(loop, TW_NOTICE_POLICY, false, text);
}

/* What the policy wrote is let go of. */
static void on_tripped_switched(void *data)
{
	sweep_all(data);
}

/* An MPTCP socket was set, which the hook cannot hold: its subflows are for the sweep. */
static void on_past_hook(uint64_t cgroup_id, void *data)
{
	struct loop *loop = data;
	_cleanup_free_ char *path = NULL;
	int error = tw_cgroup_path_of(&loop->enforcer->tree, cgroup_id, &path);

	if (!error)
		tw_sweeper_again(loop->sweeper, path);
	else if (error != -ENOENT)
		tw_warning("what an application set on an MPTCP socket stays until the next sweep: "
			   "%s",
			   strerror(-error));
}

/* --- events -------------------------------------------------------------------------- */

static void on_hangup(evutil_socket_t signal, short what, void *data)
{
	struct loop *loop = data;
	uint64_t number = loop->enforcer->live.number;

	(void)signal;
	(void)what;
	/* Asked for by a person, so an answer each time. */
	loop->refusal[0] = '\0';
	on_policy_changed(loop);
	if (!loop->refused && number == loop->enforcer->live.number)
		tw_info("the policy has not changed");
}

static void on_end(evutil_socket_t signal, short what, void *data)
{
	struct loop *loop = data;

	(void)signal;
	(void)what;
	event_base_loopbreak(loop->base);
}

static void on_swept(const struct tw_fault *fault, void *data)
{
	struct loop *loop = data;

	tw_auditor_start(loop->auditor);
	tw_heap_trim();
	if (!loop->run->once) {
		if (fault)
			tw_error("open connections are not swept: %s", fault->text);
		return;
	}
	loop->unswept = fault ? *fault : TW_FAULT_INIT;
	/* Not loopbreak: where the sweep cannot even begin, the loop has not begun either. */
	event_base_loopexit(loop->base, NULL);
}

static void on_tick(evutil_socket_t fd, short what, void *data)
{
	struct loop *loop = data;

	(void)fd;
	(void)what;
	tw_stats_print(&loop->stats, &loop->enforcer->program.maps);
}

static void handled_signals(sigset_t *ret_set)
{
	sigemptyset(ret_set);
	sigaddset(ret_set, SIGHUP);
	sigaddset(ret_set, SIGINT);
	sigaddset(ret_set, SIGTERM);
}

void tw_run_hold_signals(void)
{
	sigset_t set;

	handled_signals(&set);
	sigprocmask(SIG_BLOCK, &set, NULL);
}

static void release_signals(void)
{
	sigset_t set;

	handled_signals(&set);
	sigprocmask(SIG_UNBLOCK, &set, NULL);
}

static int add(struct event *event, const struct timeval *period)
{
	return event && event_add(event, period) == 0 ? 0 : -ENOMEM;
}

static int add_events(struct loop *loop)
{
	struct timeval period = { .tv_sec = loop->run->stats };
	int error;

	loop->base = event_base_new();
	if (!loop->base)
		return -ENOMEM;
	loop->hangup = evsignal_new(loop->base, SIGHUP, on_hangup, loop);
	loop->interrupt = evsignal_new(loop->base, SIGINT, on_end, loop);
	loop->terminate = evsignal_new(loop->base, SIGTERM, on_end, loop);
	error = add(loop->hangup, NULL) ?: add(loop->interrupt, NULL) ?: add(loop->terminate, NULL);
	if (error || !loop->run->stats)
		return error;
	loop->tick = event_new(loop->base, -1, EV_PERSIST, on_tick, loop);
	return add(loop->tick, &period);
}

/* Follow what policies depend on. From here on no change is missed; what came before is read now. */
static int follow(struct loop *loop, struct tw_fault *fault)
{
	const struct tw_death_guard_calls guard = { on_tripped, on_tripped_switched, loop };
	const struct tw_events_calls events = { loop->run->sweep ? on_past_hook : NULL, loop };
	const struct tw_enforcer *enforcer = loop->enforcer;
	const struct tw_sweeper_options sweep = {
		.rate = loop->run->sweep_rate,
		.done = on_swept,
		.data = loop,
	};
	int error;

	if (loop->run->sweep) {
		error = tw_sweeper_open(loop->base, &enforcer->tree, &sweep, &loop->sweeper, fault);
		if (error)
			return error;
		if (loop->run->once)
			tw_fault(&loop->unswept, -EINTR, "it was ended before they were swept");
		sweep_all(loop);
	}
	if (loop->run->once)
		return 0;
	error = tw_events_open(loop->base, loop->run->run_dir, &enforcer->tree,
			       &enforcer->program.maps, &events, &loop->events, fault);
	if (error)
		return error;
	tell(loop, TW_NOTICE_ATTACHED, false, NULL);
	error = tw_death_guard_open(loop->base, loop->enforcer, &guard, &loop->guard, fault);
	if (error)
		return error;
	error = tw_cgroups_open(loop->base, loop->enforcer, loop->sweeper, &loop->cgroups, fault);
	if (error)
		return error;
	if (!loop->run->policy)
		return 0;
	error = tw_file_watch_start(loop->base, loop->run->policy, on_policy_changed, loop,
				    &loop->policy, fault);
	if (!error)
		reload(loop);
	return error;
}

/* --- who asks -------------------------------------------------------------------------- */

static void fill_overview(struct tw_overview *overview, void *data)
{
	struct loop *loop = data;

	tw_auditor_refresh(loop->auditor, overview->loaded.number);
	overview->reloads = loop->reloads;
	overview->reloads.last_refused = loop->refused;
	overview->refusal = loop->refused ? loop->refusal : NULL;
	overview->cgroup_ready = tw_cgroups_ready(loop->cgroups);
	overview->sweeps = tw_sweeper_totals(loop->sweeper);
	overview->audit = tw_auditor_last(loop->auditor);
	if (loop->events)
		tw_overview_add_events(loop->events, overview);
}

static int serve(struct loop *loop, struct tw_fault *fault)
{
	const struct tw_web_options options = { loop->enforcer, fill_overview, loop };
	char address[TW_HTTP_ADDRESS_LEN];
	int error;

	if (loop->run->listener < 0 || loop->run->once)
		return 0;
	error = tw_auditor_open(loop->base, loop->enforcer, &loop->auditor);
	if (!error)
		error = tw_web_open(loop->base, loop->run->listener, &options, &loop->web);
	if (error)
		return tw_fault(fault, error, "cannot serve metrics: %m");
	tw_info("metrics and a page for people: http://%s",
		tw_http_address(loop->run->listener, address));
	return 0;
}

static void loop_close(struct loop *loop)
{
	struct event *events[] = { loop->hangup, loop->interrupt, loop->terminate, loop->tick };

	for (size_t i = 0; i < ARRAY_SIZE(events); i++)
		if (events[i])
			event_free(events[i]);
	tw_web_close(loop->web);
	tw_auditor_close(loop->auditor);
	tw_death_guard_close(loop->guard);
	tw_cgroups_close(loop->cgroups);
	tw_sweeper_close(loop->sweeper);
	tw_file_watch_stop(loop->policy);
	tw_events_close(loop->events);
	if (loop->base)
		event_base_free(loop->base);
	tw_stats_free(&loop->stats);
}

/* To systemd, whose unit counts as started from here on. */
static void say_ready(void)
{
	int error = tw_notify("READY=1");

	if (error)
		tw_warning("cannot tell the service manager that all is up: %s", strerror(-error));
}

int tw_run_loop(struct tw_enforcer *enforcer, const struct tw_run *run, struct tw_fault *fault)
{
	_cleanup_(loop_close) struct loop loop = {
		.enforcer = enforcer,
		.run = run,
		.unswept = TW_FAULT_INIT,
	};
	int error = add_events(&loop);

	if (error)
		return tw_fault(fault, error, "cannot make the event loop: %m");
	loop.reloads.applied = 1; /* the one that it starts with */
	error = serve(&loop, fault) ?: follow(&loop, fault);
	if (error)
		return error;
	say_ready();
	if (run->sandbox)
		error = tw_sandbox_enter(run->sandbox, fault);
	if (error)
		return error;
	tw_heap_trim();
	release_signals();
	if (event_base_dispatch(loop.base) < 0)
		return tw_fault(fault, -EIO, "the event loop failed");
	if (loop.unswept.text[0])
		return tw_fault(
			fault, -EIO,
			"attached, and new connections are under the policy; those that are "
			"open are not: %s",
			loop.unswept.text);
	if (run->detach)
		tw_events_tell(loop.events, &(struct tw_notice){ .kind = TW_NOTICE_DETACHED });
	return 0;
}
