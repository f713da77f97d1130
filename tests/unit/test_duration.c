// SPDX-License-Identifier: GPL-2.0-only
#include "unit.h"

#include "lib/duration.h"

static void duration__parses_units_in_order(void **state)
{
	static const struct {
		const char *text;
		uint64_t ms;
	} cases[] = {
		{ "0", 0 },
		{ "0s", 0 },
		{ "60", 60000 },
		{ "007", 7000 },
		{ "500ms", 500 },
		{ "90s", 90000 },
		{ "2m", 120000 },
		{ "1h30m", 5400000 },
		{ "1h1m1s1ms", 3661001 },
		{ "1h1ms", 3600001 },
		{ "2m5ms", 120005 },
		{ "100m", 6000000 },
		{ "9223372036854775807ms", UINT64_MAX / 2 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		uint64_t ms = 1;

		assert_int_equal(tw_duration_parse(cases[i].text, &ms), 0);
		assert_int_equal(ms, cases[i].ms);
	}
}

static void duration__refuses_all_else(void **state)
{
	static const char *const texts[] = {
		"",    "s",    "ms",   "-1",   "+1",   " 1",   "1 ",   "1 s",	"1d",
		"1S",  "1.5s", "1e3",  "0x10", "1h30", "1m1h", "1s1s", "1ms1s", "1mss",
		"1sm", "1hms", "1h m", "1s,5", "on",   "auto", "1:2",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		uint64_t ms = 77;

		assert_int_equal(tw_duration_parse(texts[i], &ms), -EINVAL);
		assert_int_equal(ms, 77);
	}
}

static void duration__refuses_what_is_too_long(void **state)
{
	static const char *const texts[] = {
		"9223372036854775808ms",      "18446744073709551615ms", "18446744073709551616ms",
		"99999999999999999999999999", "9223372036854775807h",	"2562047788015h12m55s808ms",
		"9223372036854775s808ms",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		uint64_t ms = 77;

		assert_int_equal(tw_duration_parse(texts[i], &ms), -ERANGE);
		assert_int_equal(ms, 77);
	}
}

static void duration__formats_the_shortest_form(void **state)
{
	static const struct {
		uint64_t ms;
		const char *text;
	} cases[] = {
		{ 0, "0s" },
		{ 1, "1ms" },
		{ 1500, "1s500ms" },
		{ 60000, "1m" },
		{ 90000, "1m30s" },
		{ 3600000, "1h" },
		{ 3661001, "1h1m1s1ms" },
		{ 2147483647, "596h31m23s647ms" },
		{ UINT64_MAX / 2, "2562047788015h12m55s807ms" },
		{ UINT64_MAX, "5124095576030h25m51s615ms" },
	};
	char buf[TW_DURATION_LEN];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		assert_string_equal(tw_duration_format(cases[i].ms, buf), cases[i].text);
}

static void duration__reads_back_what_it_formats(void **state)
{
	uint64_t seed = 4711;
	char buf[TW_DURATION_LEN];

	(void)state;
	for (unsigned i = 0; i < 10000; i++) {
		uint64_t ms = unit_random(&seed) >> (1 + i % 63), back;

		assert_int_equal(tw_duration_parse(tw_duration_format(ms, buf), &back), 0);
		assert_int_equal(back, ms);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(duration__parses_units_in_order),
		cmocka_unit_test(duration__refuses_all_else),
		cmocka_unit_test(duration__refuses_what_is_too_long),
		cmocka_unit_test(duration__formats_the_shortest_form),
		cmocka_unit_test(duration__reads_back_what_it_formats),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
