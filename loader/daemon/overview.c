// SPDX-License-Identifier: GPL-2.0-only
#include "daemon/overview.h"

#include <errno.h>
#include <string.h>

#include "kernel/cgroup_sets.h"
#include "kernel/current.h"
#include "lib/clock.h"

static void not_ready(struct tw_overview *overview, const char *reason, int error)
{
	overview->ready = false;
	if (overview->not_ready[0])
		return;
	snprintf(overview->not_ready, sizeof(overview->not_ready), "%s%s%s", reason,
		 error ? ": " : "", error ? strerror(-error) : "");
}

/* The link: there, on our cgroup, running our program. */
static void read_link(const struct tw_enforcer *enforcer, struct tw_overview *overview)
{
	uint64_t cgroup = 0;
	bool ours = false;
	int error = tw_link_cgroup(&cgroup);

	if (error == -ENOENT) {
		not_ready(overview, "the link is gone: nothing is enforced", 0);
		return;
	}
	if (!error)
		error = tw_link_runs(&enforcer->program, &ours);
	overview->attached = !error && cgroup;
	if (error)
		not_ready(overview, "the link cannot be read", error);
	else if (!cgroup)
		not_ready(overview, "the cgroup that we were attached to was removed", 0);
	else if (cgroup != enforcer->attach_cgroup)
		not_ready(overview, "the link is attached to another cgroup", 0);
	else if (!ours)
		not_ready(overview, "the link runs the program of another process", 0);
}

void tw_overview_read_ready(const struct tw_enforcer *enforcer, struct tw_overview *ret_overview)
{
	uint64_t number = 0;
	int error;

	ret_overview->attached = false;
	ret_overview->ready = true;
	ret_overview->not_ready[0] = '\0';
	read_link(enforcer, ret_overview);
	error = tw_current_number(enforcer->program.maps.current, &number);
	if (error)
		not_ready(ret_overview, "the generation in force cannot be read", error);
	else if (number != enforcer->live.number)
		not_ready(ret_overview, "the generation in force is not the one that we published",
			  0);
}

void tw_overview_read(const struct tw_enforcer *enforcer, struct tw_overview *ret_overview)
{
	const struct tw_maps *maps = &enforcer->program.maps;
	__u64 lost = 0;
	int error;

	ret_overview->now_ns = tw_clock_now();
	ret_overview->attach_path = enforcer->attach_path;
	tw_overview_read_ready(enforcer, ret_overview);
	error = tw_loaded_read(maps->current, maps->loaded, &ret_overview->loaded);
	if (!error)
		error = tw_counts_read(maps, &ret_overview->loaded, ret_overview->counts);
	if (!error)
		error = tw_tally_read(maps, TW_NO_COUNTER, &ret_overview->none);
	if (!error)
		error = tw_errors_read(maps->errors, &ret_overview->errors);
	if (!error)
		error = tw_cgroup_sets_count(enforcer->live.cgroups.map, &ret_overview->cgroups);
	if (!error)
		error = tw_events_lost_read(maps, &lost);
	ret_overview->events_lost = lost;
	if (error)
		not_ready(ret_overview, "the maps cannot be read", error);
}

static int add_event(const struct tw_notice *notice, struct tw_overview *overview)
{
	_cleanup_buf_ struct tw_buf text = TW_BUF_INIT;
	int error = tw_notice_describe(notice, &text);
	struct tw_overview_event *event;

	if (error || !text.data)
		return error;
	event = &overview->events[overview->event_count++];
	event->at_ns = notice->at_ns;
	event->kind = tw_notice_kind_name(notice->kind);
	event->text = TAKE_PTR(text.data);
	return 0;
}

void tw_overview_add_events(const struct tw_events *events, struct tw_overview *overview)
{
	const struct tw_history *history = tw_events_history(events);
	const struct tw_notice *notice;

	overview->events_lost += tw_events_lost(events);
	for (unsigned ago = 0; ago < TW_OVERVIEW_MINUTES; ago++)
		for (int r = 0; r < TW_REASONS; r++)
			overview->deaths[TW_OVERVIEW_MINUTES - 1 - ago][r] = tw_history_deaths(
				history, overview->now_ns, ago, (enum tw_reason)r);
	for (size_t back = 0; overview->event_count < TW_OVERVIEW_EVENTS; back++) {
		notice = tw_history_recent(history, back);
		if (!notice || add_event(notice, overview))
			return;
	}
}

const struct tw_audit *tw_overview_audit(const struct tw_overview *overview)
{
	const struct tw_audit *audit = overview->audit;

	return audit && audit->generation && audit->generation == overview->loaded.number ? audit
											  : NULL;
}

void tw_overview_free(struct tw_overview *overview)
{
	for (size_t i = 0; i < overview->event_count; i++)
		free(overview->events[i].text);
	overview->event_count = 0;
}
