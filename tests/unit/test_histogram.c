// SPDX-License-Identifier: GPL-2.0-only
#include "unit.h"

#include "daemon/histogram.h"

static void histogram__puts_each_where_it_belongs(void **state)
{
	struct tw_histogram histogram = { 0 };

	(void)state;
	for (unsigned i = 0; i < TW_HISTOGRAM_BUCKETS; i++) {
		assert_true(!i || tw_histogram_bounds[i] > tw_histogram_bounds[i - 1]);
		tw_histogram_add(&histogram, tw_histogram_bounds[i]);
		assert_int_equal(histogram.bucket[i], 1);
		tw_histogram_add(&histogram, tw_histogram_bounds[i] + 1);
		assert_int_equal(histogram.bucket[i + 1], 1);
		histogram.bucket[i + 1] = 0;
	}
	tw_histogram_add(&histogram, 0);
	assert_int_equal(histogram.bucket[0], 2);
}

static void histogram__sums_up(void **state)
{
	struct tw_histogram histogram = { 0 };

	(void)state;
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
