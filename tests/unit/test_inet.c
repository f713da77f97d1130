// SPDX-License-Identifier: GPL-2.0-only
#include "unit.h"

#include "lib/inet.h"

static void inet__parses_prefixes(void **state)
{
	static const struct {
		const char *text, *back;
		uint8_t len;
	} cases[] = {
		{ "10.0.0.0/8", "10.0.0.0/8", 104 },
		{ "0.0.0.0/0", "0.0.0.0/0", 96 },
		{ "192.0.2.1", "192.0.2.1/32", 128 },
		{ "192.0.2.1/32", "192.0.2.1/32", 128 },
		{ "fd00::/8", "fd00::/8", 8 },
		{ "::1", "::1/128", 128 },
		{ "::/0", "::/0", 0 },
		{ "2001:DB8:0:0::/33", "2001:db8::/33", 33 },
		{ "::ffff:10.0.0.0/104", "10.0.0.0/8", 104 },
		{ "::ffff:0:0/96", "0.0.0.0/0", 96 },
		{ "::/95", "::/95", 95 },
		{ "ffff:ffff:ffff:ffff:ffff:ffff:255.255.255.255/128",
		  "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff/128", 128 },
	};
	char buf[TW_CIDR_LEN];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct tw_cidr cidr = { 0 }, again = { 0 };

		assert_int_equal(tw_cidr_parse(cases[i].text, &cidr), 0);
		assert_int_equal(cidr.len, cases[i].len);
		assert_string_equal(tw_cidr_format(&cidr, buf), cases[i].back);
		assert_int_equal(tw_cidr_parse(buf, &again), 0);
		assert_memory_equal(&cidr, &again, sizeof(cidr));
	}
}

static void inet__stores_ipv4_as_v4_mapped(void **state)
{
	static const uint8_t addr[16] = { [10] = 0xff, [11] = 0xff, [12] = 10, [13] = 20 };
	struct tw_cidr cidr;

	(void)state;
	assert_int_equal(tw_cidr_parse("10.20.0.0/16", &cidr), 0);
	assert_memory_equal(cidr.addr, addr, sizeof(addr));
	assert_int_equal(cidr.len, 112);
}

static void inet__names_the_prefix_that_was_meant(void **state)
{
	static const struct {
		const char *text, *meant;
	} cases[] = {
		{ "10.1.2.3/8", "10.0.0.0/8" },
		{ "10.0.0.1/31", "10.0.0.0/31" },
		{ "255.255.255.255/0", "0.0.0.0/0" },
		{ "fd00::1/8", "fd00::/8" },
		{ "fd00::/7", "fc00::/7" },
		{ "ffff::1/127", "ffff::/127" },
		{ "::ffff:1.2.3.4/90", "::ffc0:0:0/90" },
	};
	char buf[TW_CIDR_LEN];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct tw_cidr cidr;

		assert_int_equal(tw_cidr_parse(cases[i].text, &cidr), -EDOM);
		assert_string_equal(tw_cidr_format(&cidr, buf), cases[i].meant);
	}
}

static void inet__refuses_what_is_no_prefix(void **state)
{
	static const struct {
		const char *text;
		int error;
	} cases[] = {
		{ "", -EINVAL },
		{ "/", -EINVAL },
		{ "/8", -EINVAL },
		{ "10.0.0.0/", -EINVAL },
		{ "10.0.0.0/x", -EINVAL },
		{ "10.0.0.0/8 ", -EINVAL },
		{ "10.0.0.0/8/8", -EINVAL },
		{ "10.0.0.0/+8", -EINVAL },
		{ "10.0.0.0/-1", -EINVAL },
		{ "10.0.0.0/08", -EINVAL },
		{ " 10.0.0.0", -EINVAL },
		{ "10.0.0", -EINVAL },
		{ "010.0.0.1", -EINVAL },
		{ "10.0.0.256", -EINVAL },
		{ "fe80::1%lo", -EINVAL },
		{ "localhost", -EINVAL },
		{ "1111:2222:3333:4444:5555:6666:7777:8888:9999:0000:1111", -EINVAL },
		{ "10.0.0.0/33", -ERANGE },
		{ "fd00::/129", -ERANGE },
		{ "10.0.0.0/4294967304", -ERANGE },
		{ "10.0.0.0/99999999999x", -EINVAL },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct tw_cidr cidr, before;

		memset(&cidr, 0x5a, sizeof(cidr));
		before = cidr;
		assert_int_equal(tw_cidr_parse(cases[i].text, &cidr), cases[i].error);
		assert_memory_equal(&cidr, &before, sizeof(cidr));
	}
}

static bool covers(const char *a, const char *b)
{
	struct tw_cidr outer, inner;

	assert_int_equal(tw_cidr_parse(a, &outer), 0);
	assert_int_equal(tw_cidr_parse(b, &inner), 0);
	return tw_cidr_covers(&outer, &inner);
}

static void inet__covers_within_a_family(void **state)
{
	(void)state;
	assert_true(covers("10.0.0.0/8", "10.0.0.0/8"));
	assert_true(covers("10.0.0.0/8", "10.255.0.0/16"));
	assert_true(covers("10.0.0.0/9", "::ffff:10.64.0.0/112"));
	assert_true(covers("0.0.0.0/0", "203.0.113.7"));
	assert_true(covers("::/0", "::1"));
	assert_true(covers("::/0", "::/95"));
	assert_false(covers("10.0.0.0/9", "10.128.0.0/9"));
	assert_false(covers("10.0.0.0/9", "10.0.0.0/8"));
	assert_false(covers("::/0", "0.0.0.0/0"));
	assert_false(covers("::/64", "10.0.0.1"));
	assert_false(covers("0.0.0.0/0", "::1"));
}

static void inet__orders_covering_prefixes_first(void **state)
{
	static const char *const ordered[] = { "0.0.0.0/0",   "10.0.0.0/8", "10.0.0.0/9",
					       "10.1.0.0/16", "11.0.0.0/8", "::/0",
					       "::/95",	      "::1",	    "fd00::/8" };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(ordered); i++) {
		for (size_t j = 0; j < ARRAY_SIZE(ordered); j++) {
			struct tw_cidr a, b;
			int order;

			assert_int_equal(tw_cidr_parse(ordered[i], &a), 0);
			assert_int_equal(tw_cidr_parse(ordered[j], &b), 0);
			order = tw_cidr_compare(&a, &b);
			assert_int_equal((order > 0) - (order < 0), (i > j) - (i < j));
		}
	}
}

static void inet__parses_ports(void **state)
{
	static const struct {
		const char *text;
		int error;
		uint16_t first, last;
	} cases[] = {
		{ "1", 0, 1, 1 },
		{ "65535", 0, 65535, 65535 },
		{ "9000-9099", 0, 9000, 9099 },
		{ "1-65535", 0, 1, 65535 },
		{ "80-80", 0, 80, 80 },
		{ "0", -ERANGE, 0, 0 },
		{ "65536", -ERANGE, 0, 0 },
		{ "0-80", -ERANGE, 0, 0 },
		{ "80-65536", -ERANGE, 0, 0 },
		{ "4294967297", -ERANGE, 0, 0 },
		{ "81-80", -EDOM, 0, 0 },
		{ "", -EINVAL, 0, 0 },
		{ "-80", -EINVAL, 0, 0 },
		{ "80-", -EINVAL, 0, 0 },
		{ "80-81-82", -EINVAL, 0, 0 },
		{ "80 -81", -EINVAL, 0, 0 },
		{ "080", -EINVAL, 0, 0 },
		{ "+80", -EINVAL, 0, 0 },
		{ "http", -EINVAL, 0, 0 },
		{ "0x50", -EINVAL, 0, 0 },
		{ "99999999999x", -EINVAL, 0, 0 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct tw_port_range range = { 7, 8 };

		assert_int_equal(tw_port_range_parse(cases[i].text, &range), cases[i].error);
		assert_int_equal(range.first, cases[i].error ? 7 : cases[i].first);
		assert_int_equal(range.last, cases[i].error ? 8 : cases[i].last);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(inet__parses_prefixes),
		cmocka_unit_test(inet__stores_ipv4_as_v4_mapped),
		cmocka_unit_test(inet__names_the_prefix_that_was_meant),
		cmocka_unit_test(inet__refuses_what_is_no_prefix),
		cmocka_unit_test(inet__covers_within_a_family),
		cmocka_unit_test(inet__orders_covering_prefixes_first),
		cmocka_unit_test(inet__parses_ports),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
