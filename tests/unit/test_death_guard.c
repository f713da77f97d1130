// SPDX-License-Identifier: GPL-2.0-only
#include "unit.h"

#include <event2/event.h>

#include "daemon/death_guard.h"

static void unexpected_trip(const struct tw_model_policy *policy, uint64_t deaths, void *data)
{
	(void)policy;
	(void)deaths;
	(void)data;
	fail();
}

static void unexpected_switch(void *data)
{
	(void)data;
	fail();
}

/* Maps that cannot be read are said once, and read again on the next tick. */
static void death_guard__tries_again_without_its_maps(void **state)
{
	const struct tw_death_guard_calls calls = { unexpected_trip, unexpected_switch, NULL };
	struct tw_enforcer enforcer = TW_ENFORCER_INIT;
	struct event_base *base = event_base_new();
	struct tw_fault fault = TW_FAULT_INIT;
	struct tw_death_guard *guard = NULL;

	(void)state;
	assert_non_null(base);
	enforcer.program.maps.current = -1;
	assert_int_equal(tw_death_guard_open(base, &enforcer, &calls, &guard, &fault), 0);
	tw_death_guard_refresh(guard);
	assert_int_equal(event_base_get_num_events(base, EVENT_BASE_COUNT_ADDED), 1);
	assert_int_equal(event_base_loop(base, EVLOOP_ONCE), 0);
	assert_int_equal(event_base_get_num_events(base, EVENT_BASE_COUNT_ADDED), 1);
	tw_death_guard_close(guard);
	tw_death_guard_close(NULL);
	event_base_free(base);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(death_guard__tries_again_without_its_maps),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
