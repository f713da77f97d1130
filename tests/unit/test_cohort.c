// SPDX-License-Identifier: GPL-2.0-only
#include "unit.h"

#include "policy/cohort.h"

#define FLEET 10000

/* The README has these too: whoever computes XXH64 finds the same. */
static void cohort__gives_the_places_of_the_readme(void **state)
{
	static const struct {
		const char *cohort, *node;
		unsigned place;
	} vectors[] = {
		{ "default", "node-1", 888 },	 /* XXH64 9a2697f611deb068 */
		{ "default", "node-2", 828 },	 /* d7ff467e64171a6c */
		{ "canary", "node-1", 236 },	 /* f0f44fb85d814c4c */
		{ "default", "node-951", 0 },	 /* in each share but 0 % */
		{ "default", "node-1115", 999 }, /* only in 100 % */
		{ "default", "ip-10-0-0-1.ec2.internal", 453 },
		{ "default", "gke-prod-pool-1-6c5b8d7f-x2kq",
		  12 }, /* over 32 bytes: the long form */
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(vectors); i++)
		assert_int_equal(tw_cohort_place(vectors[i].cohort, vectors[i].node),
				 vectors[i].place);
}

static void cohort__has_a_node_from_its_place_on(void **state)
{
	(void)state;
	assert_false(tw_cohort_has("default", "node-951", 0));
	assert_true(tw_cohort_has("default", "node-951", 1));
	assert_false(tw_cohort_has("default", "node-1115", 999));
	assert_true(tw_cohort_has("default", "node-1115", 1000));
	assert_false(tw_cohort_has("default", "node-1", 888));
	assert_true(tw_cohort_has("default", "node-1", 889));
}

static void fleet_name(unsigned i, char name[static 32])
{
	snprintf(name, 32, "node-%u", i);
}

/* With fixed names this is one fixed answer; the bounds are five standard deviations. */
static void cohort__spreads_a_fleet_evenly(void **state)
{
	static const struct {
		unsigned share, least, most;
	} cases[] = {
		{ 1, 1, 26 },	     { 10, 51, 149 },	  { 50, 392, 608 },
		{ 250, 2284, 2716 }, { 500, 4750, 5250 }, { 1000, FLEET, FLEET },
	};

	(void)state;
	for (size_t c = 0; c < ARRAY_SIZE(cases); c++) {
		unsigned inside = 0;

		for (unsigned i = 0; i < FLEET; i++) {
			char name[32];

			fleet_name(i, name);
			inside += tw_cohort_has("default", name, cases[c].share);
		}
		assert_in_range(inside, cases[c].least, cases[c].most);
	}
}

static void cohort__only_goes_in_as_the_share_grows(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 500; i++) {
		bool before = false;
		char name[32];

		fleet_name(i, name);
		for (unsigned share = 0; share <= TW_WHOLE_SHARE; share++) {
			bool has = tw_cohort_has("default", name, share);

			assert_true(has || !before);
			before = has;
		}
		assert_true(before);
	}
}

/* Two cohorts have two orders: of the first tenth of one, about a tenth is in the other's. */
static void cohort__has_an_order_of_its_own(void **state)
{
	unsigned both = 0;

	(void)state;
	for (unsigned i = 0; i < FLEET; i++) {
		char name[32];

		fleet_name(i, name);
		both += tw_cohort_has("default", name, 100) && tw_cohort_has("canary", name, 100);
	}
	assert_in_range(both, 50, 150);
}

static void share__is_read_with_one_decimal(void **state)
{
	static const struct {
		const char *text;
		int error;
		unsigned share;
	} cases[] = {
		{ "0%", 0, 0 },
		{ "0.0%", 0, 0 },
		{ "0.1%", 0, 1 },
		{ "1%", 0, 10 },
		{ "12.5%", 0, 125 },
		{ "99.9%", 0, 999 },
		{ "100%", 0, 1000 },
		{ "100.0%", 0, 1000 },
		{ "100.1%", -ERANGE, 0 },
		{ "101%", -ERANGE, 0 },
		{ "4294967297%", -ERANGE, 0 },
		{ "99999999999999999999999%", -ERANGE, 0 },
		{ "12.25%", -EINVAL, 0 },
		{ "12.%", -EINVAL, 0 },
		{ ".5%", -EINVAL, 0 },
		{ "25", -EINVAL, 0 },
		{ "25 %", -EINVAL, 0 },
		{ "25%%", -EINVAL, 0 },
		{ "-1%", -EINVAL, 0 },
		{ "+1%", -EINVAL, 0 },
		{ "0x10%", -EINVAL, 0 },
		{ "%", -EINVAL, 0 },
		{ "", -EINVAL, 0 },
		{ "half", -EINVAL, 0 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		unsigned share = 12345;

		assert_int_equal(tw_share_parse(cases[i].text, &share), cases[i].error);
		assert_int_equal(share, cases[i].error ? 12345 : cases[i].share);
	}
}

static void share__is_written_as_it_is_read(void **state)
{
	char text[TW_SHARE_LEN];
	unsigned back;

	(void)state;
	for (unsigned share = 0; share <= TW_WHOLE_SHARE; share++) {
		assert_int_equal(tw_share_parse(tw_share_format(share, text), &back), 0);
		assert_int_equal(back, share);
	}
	assert_string_equal(tw_share_format(1, text), "0.1%");
	assert_string_equal(tw_share_format(250, text), "25%");
	assert_string_equal(tw_share_format(1000, text), "100%");
}

static void share__goes_by_the_standard_steps(void **state)
{
	static const unsigned steps[][2] = {
		{ 0, 1 },     { 1, 10 },    { 9, 10 },	   { 10, 50 },	  { 50, 250 },
		{ 249, 250 }, { 250, 500 }, { 500, 1000 }, { 999, 1000 }, { 1000, 1000 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(steps); i++)
		assert_int_equal(tw_share_next(steps[i][0]), steps[i][1]);
}

static void node_name__has_bounds(void **state)
{
	char longest[TW_NODE_LEN + 1];

	(void)state;
	memset(longest, 'n', sizeof(longest));
	longest[TW_NODE_LEN] = '\0';
	assert_false(tw_node_name_valid(longest));
	longest[TW_NODE_LEN - 1] = '\0';
	assert_true(tw_node_name_valid(longest));
	assert_true(tw_node_name_valid("a"));
	assert_true(tw_node_name_valid("(none)"));
	assert_false(tw_node_name_valid(""));
	assert_false(tw_node_name_valid("a b"));
	assert_false(tw_node_name_valid("a/b"));
	assert_false(tw_node_name_valid("a#b"));
	assert_false(tw_node_name_valid("a\n"));
	assert_false(tw_node_name_valid("a\x7f"));
	assert_false(tw_node_name_valid("\xc3\xa4"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(cohort__gives_the_places_of_the_readme),
		cmocka_unit_test(cohort__has_a_node_from_its_place_on),
		cmocka_unit_test(cohort__spreads_a_fleet_evenly),
		cmocka_unit_test(cohort__only_goes_in_as_the_share_grows),
		cmocka_unit_test(cohort__has_an_order_of_its_own),
		cmocka_unit_test(share__is_read_with_one_decimal),
		cmocka_unit_test(share__is_written_as_it_is_read),
		cmocka_unit_test(share__goes_by_the_standard_steps),
		cmocka_unit_test(node_name__has_bounds),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
