// SPDX-License-Identifier: GPL-2.0-only
#include "unit.h"

#include "policy/catalogue.h"

static void catalogue__is_in_order_and_complete(void **state)
{
	(void)state;
	for (size_t i = 0; i < tw_catalogue_count; i++) {
		const struct tw_middlebox *box = &tw_catalogue[i];

		assert_true(*box->name && *box->what && *box->source);
		assert_int_equal(strspn(box->name, "abcdefghijklmnopqrstuvwxyz0123456789-"),
				 strlen(box->name));
		assert_ptr_equal(tw_catalogue_find(box->name), box);
		/* A name that reads as a duration could not be told from one. */
		assert_false(box->name[0] >= '0' && box->name[0] <= '9');
		if (i)
			assert_true(strcmp(tw_catalogue[i - 1].name, box->name) < 0);
	}
}

static void catalogue__knows_the_common_ones(void **state)
{
	static const struct {
		const char *name;
		uint32_t seconds;
		bool refreshed;
	} known[] = {
		{ "ipvs", 900, true },
		{ "aws-nlb", 350, true },
		{ "aws-nat-gateway", 350, true },
		{ "azure-lb", 240, true },
		{ "gcp-vpc", 600, true },
		{ "haproxy", 0, false },
		{ "aws-alb", 60, false },
		{ "envoy", 3600, false },
		{ "nginx", 75, false },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(known); i++) {
		const struct tw_middlebox *box = tw_catalogue_find(known[i].name);

		assert_non_null(box);
		assert_int_equal(box->seconds, known[i].seconds);
		assert_int_equal(box->refreshed, known[i].refreshed);
	}
	assert_null(tw_catalogue_find(""));
	assert_null(tw_catalogue_find("IPVS"));
	assert_null(tw_catalogue_find("ipv"));
}

static void assert_suggests(const char *wrong, const char *expected)
{
	_cleanup_buf_ struct tw_buf buf = TW_BUF_INIT;

	assert_int_equal(tw_catalogue_suggest(wrong, &buf), 0);
	assert_string_equal(tw_buf_string(&buf), expected);
}

static void catalogue__suggests_what_is_near(void **state)
{
	(void)state;
	assert_suggests("ivps", "ipvs");
	assert_suggests("IPVS-x", "ipvs");
	assert_suggests("aws-nlbs", "aws-alb, aws-nlb");
	assert_suggests("azure", "azure-lb");
	assert_suggests("gcp", "gcp-cloud-nat, gcp-vpc");
	assert_suggests("nginx_ingress", "nginx, nginx-stream");
}

static void catalogue__suggests_nothing_where_nothing_is_near(void **state)
{
	char longest[2000];

	(void)state;
	memset(longest, 'x', sizeof(longest));
	longest[sizeof(longest) - 1] = '\0';
	assert_suggests(longest, "");
	assert_suggests("cisco", "");
	assert_suggests("1h30", "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(catalogue__is_in_order_and_complete),
		cmocka_unit_test(catalogue__knows_the_common_ones),
		cmocka_unit_test(catalogue__suggests_what_is_near),
		cmocka_unit_test(catalogue__suggests_nothing_where_nothing_is_near),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
