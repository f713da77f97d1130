// SPDX-License-Identifier: GPL-2.0-only
#include "unit.h"

#include "daemon/history.h"
#include "lib/clock.h"

#define MINUTE (60 * TW_NS_PER_SECOND)
#define NOW    (29400000 * MINUTE) /* some minute's start */

static void take(struct tw_history *history, uint64_t at_ns, enum tw_reason reason)
{
	struct tw_notice notice = {
		.at_ns = at_ns, .kind = TW_NOTICE_DEAD, .reason = reason, .cgroup = strdup("/a")
	};

	tw_history_take(history, &notice);
	assert_null(notice.cgroup);
}

static void history__the_latest_come_first_and_are_bounded(void **state)
{
	_cleanup_free_ struct tw_history *history = calloc(1, sizeof(*history));

	(void)state;
	assert_null(tw_history_recent(history, 0));
	for (uint64_t i = 0; i < 3; i++)
		take(history, NOW + i, TW_DEAD_CONNECT);
	assert_int_equal(tw_history_recent(history, 0)->at_ns, NOW + 2);
	assert_int_equal(tw_history_recent(history, 2)->at_ns, NOW);
	assert_null(tw_history_recent(history, 3));
	for (uint64_t i = 3; i < 3 * TW_HISTORY_NOTICES; i++)
		take(history, NOW + i, TW_DEAD_CONNECT);
	assert_int_equal(tw_history_recent(history, 0)->at_ns, NOW + 3 * TW_HISTORY_NOTICES - 1);
	assert_int_equal(tw_history_recent(history, TW_HISTORY_NOTICES - 1)->at_ns,
			 NOW + 2 * TW_HISTORY_NOTICES);
	assert_null(tw_history_recent(history, TW_HISTORY_NOTICES));
	tw_history_free(history);
	assert_null(tw_history_recent(history, 0));
}

static void history__deaths_by_minute_and_reason(void **state)
{
	_cleanup_free_ struct tw_history *history = calloc(1, sizeof(*history));
	struct tw_notice policy = { .at_ns = NOW, .kind = TW_NOTICE_POLICY };

	(void)state;
	take(history, NOW - 1, TW_DEAD_KEEPALIVE);
	take(history, NOW, TW_DEAD_KEEPALIVE);
	take(history, NOW + MINUTE - 1, TW_DEAD_KEEPALIVE);
	take(history, NOW + 1, TW_DEAD_UNACKED);
	tw_history_take(history, &policy);
	assert_int_equal(tw_history_deaths(history, NOW, 0, TW_DEAD_KEEPALIVE), 2);
	assert_int_equal(tw_history_deaths(history, NOW, 0, TW_DEAD_UNACKED), 1);
	assert_int_equal(tw_history_deaths(history, NOW, 0, TW_DEAD_CONNECT), 0);
	assert_int_equal(tw_history_deaths(history, NOW, 1, TW_DEAD_KEEPALIVE), 1);
	assert_int_equal(tw_history_deaths(history, NOW, 2, TW_DEAD_KEEPALIVE), 0);
	/* An hour later the place is another minute's. */
	assert_int_equal(tw_history_deaths(history, NOW + 59 * MINUTE, 59, TW_DEAD_KEEPALIVE), 2);
	assert_int_equal(tw_history_deaths(history, NOW + 60 * MINUTE, 60, TW_DEAD_KEEPALIVE), 0);
	assert_int_equal(tw_history_deaths(history, NOW + 60 * MINUTE, 0, TW_DEAD_KEEPALIVE), 0);
	take(history, NOW + 60 * MINUTE, TW_DEAD_CONNECT);
	assert_int_equal(tw_history_deaths(history, NOW + 60 * MINUTE, 0, TW_DEAD_CONNECT), 1);
	assert_int_equal(tw_history_deaths(history, NOW + 60 * MINUTE, 0, TW_DEAD_KEEPALIVE), 0);
	/* One that lay in the ring for longer does not take the place of a younger minute. */
	take(history, NOW, TW_DEAD_KEEPALIVE);
	assert_int_equal(tw_history_deaths(history, NOW + 60 * MINUTE, 0, TW_DEAD_CONNECT), 1);
	assert_int_equal(tw_history_deaths(history, NOW + 60 * MINUTE, 0, TW_DEAD_KEEPALIVE), 0);
	tw_history_free(history);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(history__the_latest_come_first_and_are_bounded),
		cmocka_unit_test(history__deaths_by_minute_and_reason),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
