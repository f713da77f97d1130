// SPDX-License-Identifier: GPL-2.0-only
#include "unit.h"

#include "lib/window.h"

static void window__starts_at_what_was_before(void **state)
{
	struct tw_window window = { 0 };

	(void)state;
	assert_int_equal(tw_window_add(&window, 1000, 77), 0);
	assert_int_equal(tw_window_add(&window, 3000, 78), 1);
}

static void window__forgets_after_a_minute(void **state)
{
	struct tw_window window = { 0 };
	uint64_t now = 0;

	(void)state;
	tw_window_add(&window, now, 0);
	for (unsigned i = 1; i <= 30; i++) /* ten at once, right at the start */
		assert_int_equal(tw_window_add(&window, now += TW_WINDOW_STEP_MS, 10), 10);
	assert_int_equal(tw_window_add(&window, now += TW_WINDOW_STEP_MS, 10), 0);
}

/* One a step for ever is thirty a minute. */
static void window__sums_a_steady_rate(void **state)
{
	struct tw_window window = { 0 };

	(void)state;
	for (uint64_t i = 0; i < 1000; i++)
		assert_int_equal(tw_window_add(&window, i * TW_WINDOW_STEP_MS, i), i < 30 ? i : 30);
}

static void window__counts_all_where_samples_come_late(void **state)
{
	struct tw_window window = { 0 };

	(void)state;
	tw_window_add(&window, 0, 0);
	assert_int_equal(tw_window_add(&window, 300000, 50), 50);
	assert_int_equal(tw_window_add(&window, 300001, 51), 51);
	assert_int_equal(tw_window_add(&window, 360000, 51), 1);
}

/* Asked more often than needed it still sees a minute: no sample of it is lost that counts. */
static void window__never_sees_less_than_a_minute(void **state)
{
	struct tw_window window = { 0 };
	uint64_t seed = 5, now = 0, total = 0, at[5000], totals[5000];

	(void)state;
	for (unsigned i = 0; i < 5000; i++) {
		uint64_t grown;
		unsigned j = 0;

		now += unit_below(&seed, 3000);
		total += unit_below(&seed, 5);
		at[i] = now;
		totals[i] = total;
		grown = tw_window_add(&window, now, total);
		while (now - at[j] >= TW_WINDOW_MS)
			j++;
		assert_true(grown >= total - totals[j]);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(window__starts_at_what_was_before),
		cmocka_unit_test(window__forgets_after_a_minute),
		cmocka_unit_test(window__sums_a_steady_rate),
		cmocka_unit_test(window__counts_all_where_samples_come_late),
		cmocka_unit_test(window__never_sees_less_than_a_minute),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
