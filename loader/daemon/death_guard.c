// SPDX-License-Identifier: GPL-2.0-only
#include "daemon/death_guard.h"

#include <errno.h>
#include <event2/event.h>
#include <string.h>

#include "kernel/state.h"
#include "lib/cleanup.h"
#include "lib/clock.h"
#include "lib/log.h"
#include "lib/window.h"

/* A policy in force whose guard may trip. */
struct watched {
	struct tw_loaded_policy policy;
	size_t number; /* in the model */
	uint64_t deaths;
	struct tw_window window;
};

struct tw_death_guard {
	struct tw_enforcer *enforcer;
	struct tw_death_guard_calls calls;
	struct event *tick;
	struct watched *watched;
	size_t count;
	bool stale;  /* what is watched could not be read: on the next tick */
	bool failed; /* said once, until it works again */
};

static bool may_trip(const struct tw_loaded_policy *policy)
{
	return policy->guarded && policy->here & TW_HERE_SELECTED &&
	       !(policy->flags & TW_POLICY_OBSERVE);
}

/* --- counting ------------------------------------------------------------------------ */

static int count_deaths(struct tw_death_guard *guard, struct watched *watched)
{
	struct tw_tally tally;
	uint64_t dead = 0;
	int error = tw_tally_read(&guard->enforcer->program.maps, watched->policy.counter, &tally);

	if (error)
		return error;
	for (int reason = 0; reason < TW_REASONS; reason++)
		dead += tally.dead[reason];
	watched->deaths =
		tw_window_add(&watched->window, tw_clock_monotonic() / TW_NS_PER_MS, dead);
	return 0;
}

/* The policies that saw too many, as a set. */
static int count_all(struct tw_death_guard *guard, struct tw_set *ret_tripped, bool *ret_any)
{
	struct tw_set tripped = { 0 };
	bool any = false;

	for (size_t i = 0; i < guard->count; i++) {
		struct watched *watched = &guard->watched[i];
		int error = count_deaths(guard, watched);

		if (error)
			return error;
		if (watched->deaths <= watched->policy.max_deaths)
			continue;
		tripped.word[watched->number / 64] |= 1ULL << watched->number % 64;
		any = true;
	}
	*ret_tripped = tripped;
	*ret_any = any;
	return 0;
}

/* --- tripping ------------------------------------------------------------------------ */

static void say_failed(struct tw_death_guard *guard, const char *why)
{
	if (!guard->failed)
		tw_error("the guards of policies do not work: %s; it is tried again", why);
	guard->failed = true;
}

static void tell(const struct tw_death_guard *guard, const struct tw_set *tripped)
{
	for (size_t i = 0; i < guard->count; i++) {
		const struct watched *watched = &guard->watched[i];

		if (tripped->word[watched->number / 64] >> watched->number % 64 & 1)
			guard->calls.tripped(&guard->enforcer->model.policies[watched->number],
					     watched->deaths, guard->calls.data);
	}
}

static void on_tick(evutil_socket_t fd, short what, void *data)
{
	struct tw_death_guard *guard = data;
	struct tw_fault fault = TW_FAULT_INIT;
	struct tw_set tripped;
	bool any;
	int error;

	(void)fd;
	(void)what;
	if (guard->stale)
		tw_death_guard_refresh(guard);
	if (guard->stale)
		return;
	error = count_all(guard, &tripped, &any);
	if (error) {
		say_failed(guard, strerror(-error));
		return;
	}
	if (any && tw_enforcer_trip(guard->enforcer, &tripped, &fault)) {
		say_failed(guard, fault.text);
		return;
	}
	guard->failed = false;
	if (!any)
		return;
	tell(guard, &tripped);
	tw_death_guard_refresh(guard);
	guard->calls.switched(guard->calls.data);
}

/* --- what is watched -------------------------------------------------------------------- */

static const struct watched *find(const struct tw_death_guard *guard,
				  const struct tw_loaded_policy *policy)
{
	for (size_t i = 0; i < guard->count; i++) {
		const struct tw_loaded_policy *known = &guard->watched[i].policy;

		if (!strcmp(known->name, policy->name) &&
		    !memcmp(known->digest, policy->digest, sizeof(known->digest)))
			return &guard->watched[i];
	}
	return NULL;
}

static int read_watched(struct tw_death_guard *guard, struct watched *watched, size_t *ret_count)
{
	const struct tw_maps *maps = &guard->enforcer->program.maps;
	_cleanup_free_ struct tw_loaded *loaded = calloc(1, sizeof(*loaded));
	int error = loaded ? tw_loaded_read(maps->current, maps->loaded, loaded) : -ENOMEM;
	size_t count = 0;

	for (uint32_t i = 0; !error && i < loaded->policies; i++) {
		const struct watched *known;

		if (!may_trip(&loaded->policy[i]))
			continue;
		known = find(guard, &loaded->policy[i]);
		watched[count] = known ? *known : (struct watched){ 0 };
		watched[count].policy = loaded->policy[i];
		watched[count].number = i;
		error = count_deaths(guard, &watched[count++]);
	}
	if (!error)
		*ret_count = count;
	return error;
}

/* There was room for all policies, and most nodes watch none. */
static struct watched *shrink(struct watched *watched, size_t count)
{
	struct watched *smaller = NULL;

	if (count)
		smaller = realloc(watched, count * sizeof(*watched));
	else
		free(watched);
	return count && !smaller ? watched : smaller;
}

static void run_timer(struct tw_death_guard *guard)
{
	const struct timeval step = { .tv_sec = TW_WINDOW_STEP_MS / 1000 };

	if (!guard->count && !guard->stale)
		event_del(guard->tick);
	else if (!event_pending(guard->tick, EV_TIMEOUT, NULL))
		event_add(guard->tick, &step);
}

void tw_death_guard_refresh(struct tw_death_guard *guard)
{
	_cleanup_free_ struct watched *watched = calloc(TW_MAX_POLICIES, sizeof(*watched));
	size_t count = 0;
	int error = watched ? read_watched(guard, watched, &count) : -ENOMEM;

	guard->stale = error;
	if (error) {
		say_failed(guard, strerror(-error));
	} else {
		free(guard->watched);
		guard->watched = shrink(TAKE_PTR(watched), count);
		guard->count = count;
	}
	run_timer(guard);
}

int tw_death_guard_open(struct event_base *base, struct tw_enforcer *enforcer,
			const struct tw_death_guard_calls *calls, struct tw_death_guard **ret_guard,
			struct tw_fault *fault)
{
	struct tw_death_guard *guard = calloc(1, sizeof(*guard));

	if (!guard)
		return tw_fault(fault, -ENOMEM, "cannot watch the guards of policies: %m");
	guard->enforcer = enforcer;
	guard->calls = *calls;
	guard->tick = event_new(base, -1, EV_PERSIST, on_tick, guard);
	if (!guard->tick) {
		tw_death_guard_close(guard);
		return tw_fault(fault, -ENOMEM, "cannot watch the guards of policies: %m");
	}
	tw_death_guard_refresh(guard);
	*ret_guard = guard;
	return 0;
}

void tw_death_guard_close(struct tw_death_guard *guard)
{
	if (!guard)
		return;
	if (guard->tick)
		event_free(guard->tick);
	free(guard->watched);
	free(guard);
}
