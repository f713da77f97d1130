// SPDX-License-Identifier: GPL-2.0-only
#include "unit.h"

#include "lib/endpoint.h"
#include "lib/path.h"

static void endpoint__reads_and_writes_both_families(void **state)
{
	static const struct {
		const char *text, *written;
	} good[] = {
		{ "192.0.2.1:80", "192.0.2.1:80" },
		{ "[::1]:80", "[::1]:80" },
		{ "[::]:65535", "[::]:65535" },
		{ "[2001:DB8:0:0::1]:443", "[2001:db8::1]:443" },
		{ "[::ffff:192.0.2.1]:1", "192.0.2.1:1" },
		{ "[ffff:ffff:ffff:ffff:ffff:ffff:255.255.255.255]:65535",
		  "[ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff]:65535" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(good); i++) {
		struct tw_endpoint endpoint;
		char buf[TW_ENDPOINT_LEN];

		assert_int_equal(tw_endpoint_parse(good[i].text, &endpoint), 0);
		assert_string_equal(tw_endpoint_format(&endpoint, buf), good[i].written);
	}
}

static void endpoint__refuses_what_is_none(void **state)
{
	static const char *const bad[] = {
		"",
		":",
		":80",
		"192.0.2.1",
		"192.0.2.1:",
		"192.0.2:80",
		"192.0.2.1:80x",
		"192.0.2.1:-1",
		"192.0.2.1:1-2",
		"::1:80",
		"[::1]",
		"[::1]80",
		"[::1:80",
		"[]:80",
		"]:80",
		"[:80",
		"[192.0.2.1]:80",
		"host:80",
		"[fe80::1%lo]:80",
		"1111111111111111111111111111111111111111111111111111111:80",
	};
	struct tw_endpoint endpoint = { .port = 7 };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		assert_int_equal(tw_endpoint_parse(bad[i], &endpoint), -EINVAL);
	assert_int_equal(tw_endpoint_parse("192.0.2.1:0", &endpoint), -ERANGE);
	assert_int_equal(tw_endpoint_parse("192.0.2.1:65536", &endpoint), -ERANGE);
	assert_int_equal(endpoint.port, 7);
}

static void path__has_one_form(void **state)
{
	static const struct {
		const char *text, *normal;
	} cases[] = {
		{ "/", "/" },
		{ "//", "/" },
		{ "/a", "/a" },
		{ "/a//b/", "/a/b" },
		{ "/.a/..b", "/.a/..b" },
		{ "", NULL },
		{ "a", NULL },
		{ "/a/./b", NULL },
		{ "/..", NULL },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_free_ char *normal = tw_path_normal(cases[i].text);

		if (cases[i].normal)
			assert_string_equal(normal, cases[i].normal);
		else
			assert_null(normal);
	}
}

static void path__is_below_by_components(void **state)
{
	(void)state;
	assert_true(tw_path_is_below("/a", "/"));
	assert_true(tw_path_is_below("/", "/"));
	assert_true(tw_path_is_below("/a", "/a"));
	assert_true(tw_path_is_below("/a/b", "/a"));
	assert_false(tw_path_is_below("/ab", "/a"));
	assert_false(tw_path_is_below("/a", "/a/b"));
	assert_false(tw_path_is_below("/", "/a"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(endpoint__reads_and_writes_both_families),
		cmocka_unit_test(endpoint__refuses_what_is_none),
		cmocka_unit_test(path__has_one_form),
		cmocka_unit_test(path__is_below_by_components),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
