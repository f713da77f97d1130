// SPDX-License-Identifier: GPL-2.0-only
#include "unit.h"

static void buf__is_an_empty_string_at_first(void **state)
{
	_cleanup_buf_ struct tw_buf buf = TW_BUF_INIT;

	(void)state;
	assert_string_equal(tw_buf_string(&buf), "");
	assert_int_equal(tw_buf_add(&buf, NULL, 0), 0);
	assert_string_equal(tw_buf_string(&buf), "");
	assert_int_equal(buf.len, 0);
}

static void buf__stays_a_string_while_it_grows(void **state)
{
	_cleanup_buf_ struct tw_buf buf = TW_BUF_INIT;
	_cleanup_free_ char *expected = calloc(1, 5001);

	(void)state;
	assert_non_null(expected);
	for (size_t i = 0; i < 5000; i++) {
		expected[i] = (char)('a' + i % 26);
		assert_int_equal(tw_buf_addf(&buf, "%c", expected[i]), 0);
		assert_int_equal(strlen(buf.data), i + 1);
	}
	assert_string_equal(tw_buf_string(&buf), expected);
}

static void buf__keeps_nul_bytes(void **state)
{
	_cleanup_buf_ struct tw_buf buf = TW_BUF_INIT;

	(void)state;
	assert_int_equal(tw_buf_add(&buf, "a\0b", 3), 0);
	assert_int_equal(tw_buf_addf(&buf, "%s-%d", "c", 7), 0);
	assert_int_equal(buf.len, 6);
	assert_memory_equal(buf.data, "a\0bc-7", 7);
}

static void buf__formats_what_is_longer_than_its_room(void **state)
{
	_cleanup_buf_ struct tw_buf buf = TW_BUF_INIT;

	(void)state;
	assert_int_equal(tw_buf_addf(&buf, "%0*d", 10000, 1), 0);
	assert_int_equal(buf.len, 10000);
	assert_int_equal(strlen(buf.data), 10000);
}

static void buf__truncates(void **state)
{
	_cleanup_buf_ struct tw_buf buf = TW_BUF_INIT;

	(void)state;
	tw_buf_truncate(&buf, 0);
	assert_string_equal(tw_buf_string(&buf), "");
	assert_int_equal(tw_buf_addf(&buf, "policies"), 0);
	tw_buf_truncate(&buf, 6);
	assert_string_equal(tw_buf_string(&buf), "polici");
	assert_int_equal(buf.len, 6);
}

static void buf__refuses_more_than_memory_and_stays(void **state)
{
	_cleanup_buf_ struct tw_buf buf = TW_BUF_INIT;

	(void)state;
	assert_int_equal(tw_buf_add(&buf, "kept", 4), 0);
	assert_int_equal(tw_buf_reserve(&buf, SIZE_MAX), -ENOMEM);
	assert_int_equal(tw_buf_reserve(&buf, SIZE_MAX - 5), -ENOMEM);
	assert_int_equal(tw_buf_reserve(&buf, SIZE_MAX / 2), -ENOMEM);
	assert_string_equal(tw_buf_string(&buf), "kept");
	assert_int_equal(buf.len, 4);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(buf__is_an_empty_string_at_first),
		cmocka_unit_test(buf__stays_a_string_while_it_grows),
		cmocka_unit_test(buf__keeps_nul_bytes),
		cmocka_unit_test(buf__formats_what_is_longer_than_its_room),
		cmocka_unit_test(buf__truncates),
		cmocka_unit_test(buf__refuses_more_than_memory_and_stays),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
