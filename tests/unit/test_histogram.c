// SPDX-License-Identifier: GPL-2.0-only
#include "unit.h"

#include "daemon/histogram.h"

static void check_bounds(const struct tw_histogram_bounds *bounds)
{
	struct tw_histogram histogram = { .of = bounds };

	assert_in_range(bounds->count, 1, TW_HISTOGRAM_BUCKETS);
	for (unsigned i = 0; i < bounds->count; i++) {
		assert_true(!i || bounds->ns[i] > bounds->ns[i - 1]);
		tw_histogram_add(&histogram, bounds->ns[i]);
		assert_int_equal(histogram.bucket[i], 1);
		tw_histogram_add(&histogram, bounds->ns[i] + 1);
		assert_int_equal(histogram.bucket[i + 1], 1);
		histogram.bucket[i + 1] = 0;
	}
	tw_histogram_add(&histogram, 0);
	assert_int_equal(histogram.bucket[0], 2);
}

static void histogram__puts_each_where_it_belongs(void **state)
{
	(void)state;
	check_bounds(&tw_histogram_moments);
	check_bounds(&tw_histogram_minutes);
}

static void histogram__sums_up(void **state)
{
	struct tw_histogram histogram = { 0 };

	(void)state;
	assert_ptr_equal(tw_histogram_bounds(&histogram), &tw_histogram_moments);
	tw_histogram_add(&histogram, 3000000);
	tw_histogram_add(&histogram, 60000000);
	tw_histogram_add(&histogram, UINT64_C(60000000000));
	assert_int_equal(histogram.count, 3);
	assert_int_equal(histogram.sum_ns, UINT64_C(60063000000));
	assert_int_equal(tw_histogram_at_most(&histogram, 0), 0);
	assert_int_equal(tw_histogram_at_most(&histogram, 2), 1);
	assert_int_equal(tw_histogram_at_most(&histogram, 6), 2);
	assert_int_equal(tw_histogram_at_most(&histogram, TW_HISTOGRAM_BUCKETS - 1), 2);
	assert_int_equal(tw_histogram_at_most(&histogram, TW_HISTOGRAM_BUCKETS), 3);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(histogram__puts_each_where_it_belongs),
		cmocka_unit_test(histogram__sums_up),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
