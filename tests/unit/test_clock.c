// SPDX-License-Identifier: GPL-2.0-only
#include "unit.h"

#include <time.h>

#include "lib/clock.h"

static void clock__rfc_3339_and_back(void **state)
{
	char buf[TW_TIME_LEN];
	uint64_t ns = 0;

	(void)state;
	assert_string_equal(tw_clock_format(0, buf), "1970-01-01T00:00:00.000Z");
	assert_string_equal(tw_clock_format(1709164799999999999ULL, buf),
			    "2024-02-28T23:59:59.999Z");
	assert_int_equal(tw_clock_parse(buf, &ns), 0);
	assert_int_equal(ns, 1709164799999000000ULL);
}

static void clock__refuses_what_is_no_time(void **state)
{
	static const char *const bad[] = {
		"",
		"2024-02-28",
		"2024-02-28T23:59:59Z",
		"2024-02-28T23:59:59.99Z",
		"2024-02-28T23:59:59.-99Z",
		"2024-02-28T23:59:59.999",
		"2024-02-28T23:59:59.999Zx",
		"2024-13-28T23:59:59.999Z",
		"2024-1-28T23:59:59.999Z",
		"2024-01-28T23:59:59.+99Z",
		"1969-12-31T23:59:59.999Z",
		"9999-01-28T23:59:59.999Z", /* past 64 bits */
	};
	uint64_t ns = 7;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		assert_int_equal(tw_clock_parse(bad[i], &ns), -EINVAL);
	assert_int_equal(ns, 7);
}

static void clock__of_boot_is_of_the_day(void **state)
{
	struct timespec boot;
	uint64_t before = tw_clock_now(), at;

	(void)state;
	clock_gettime(CLOCK_BOOTTIME, &boot);
	at = tw_clock_from_boot((uint64_t)boot.tv_sec * TW_NS_PER_SECOND + (uint64_t)boot.tv_nsec);
	assert_in_range(at, before - TW_NS_PER_SECOND, tw_clock_now() + TW_NS_PER_SECOND);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(clock__rfc_3339_and_back),
		cmocka_unit_test(clock__refuses_what_is_no_time),
		cmocka_unit_test(clock__of_boot_is_of_the_day),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
