// SPDX-License-Identifier: GPL-2.0-only
#include "unit.h"

#include "lib/utf8.h"

static void utf8__decodes_each_length_at_its_ends(void **state)
{
	static const struct {
		const char *text;
		int bytes;
		uint32_t character;
	} cases[] = {
		{ "\x01", 1, 0x01 },
		{ "\x7f", 1, 0x7f },
		{ "\xc2\x80", 2, 0x80 },
		{ "\xdf\xbf", 2, 0x7ff },
		{ "\xe0\xa0\x80", 3, 0x800 },
		{ "\xed\x9f\xbf", 3, 0xd7ff },
		{ "\xee\x80\x80", 3, 0xe000 },
		{ "\xef\xbf\xbf", 3, 0xffff },
		{ "\xf0\x90\x80\x80", 4, 0x10000 },
		{ "\xf4\x8f\xbf\xbf", 4, 0x10ffff },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		uint32_t c = 0;

		assert_int_equal(tw_utf8_decode(cases[i].text, strlen(cases[i].text), &c),
				 cases[i].bytes);
		assert_int_equal(c, cases[i].character);
	}
}

static void utf8__refuses_what_rfc_3629_does(void **state)
{
	static const char *const texts[] = {
		"\x80",
		"\xbf",
		"\xc0\x80",
		"\xc1\xbf",
		"\xc2",
		"\xc2\x20",
		"\xe0\x9f\xbf",
		"\xe0\xa0",
		"\xed\xa0\x80",
		"\xed\xbf\xbf",
		"\xe2\x82",
		"\xf0\x90\x80",
		"\xf0\x8f\xbf\xbf",
		"\xf4\x90\x80\x80",
		"\xf5\x80\x80\x80",
		"\xf8\x88\x80\x80\x80",
		"\xfe",
		"\xff",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		uint32_t c = 77;

		assert_int_equal(tw_utf8_decode(texts[i], strlen(texts[i]), &c), -EILSEQ);
		assert_int_equal(c, 77);
	}
}

static void utf8__finds_line_breaks(void **state)
{
	(void)state;
	assert_int_equal(tw_utf8_line_break("\n", 1), 1);
	assert_int_equal(tw_utf8_line_break("\r\n", 2), 2);
	assert_int_equal(tw_utf8_line_break("\r\n", 1), 1);
	assert_int_equal(tw_utf8_line_break("\rx", 2), 1);
	assert_int_equal(tw_utf8_line_break("\xc2\x85", 2), 2);
	assert_int_equal(tw_utf8_line_break("\xe2\x80\xa8", 3), 3);
	assert_int_equal(tw_utf8_line_break("\xe2\x80\xa9", 3), 3);
	assert_int_equal(tw_utf8_line_break("\xe2\x80\xaa", 3), 0);
	assert_int_equal(tw_utf8_line_break("x\n", 2), 0);
	assert_int_equal(tw_utf8_line_break("", 0), 0);
}

static void utf8__clips_between_characters(void **state)
{
	(void)state;
	assert_int_equal(tw_utf8_clip("abc", 3), 3);
	assert_int_equal(tw_utf8_clip("abc", 2), 2);
	assert_int_equal(tw_utf8_clip("a\xc3\xa4z", 2), 1);
	assert_int_equal(tw_utf8_clip("a\xc3\xa4z", 3), 3);
	assert_int_equal(tw_utf8_clip("\xf0\x90\x80\x80!", 3), 0);
}

static void utf8__knows_what_a_terminal_shows(void **state)
{
	(void)state;
	assert_true(tw_utf8_is_printable(' '));
	assert_true(tw_utf8_is_printable('~'));
	assert_true(tw_utf8_is_printable(0xa0));
	assert_false(tw_utf8_is_printable(0x1f));
	assert_false(tw_utf8_is_printable(0x7f));
	assert_false(tw_utf8_is_printable(0x9b));
	assert_int_equal(tw_utf8_byte_order_mark("\xef\xbb\xbf", 3), 3);
	assert_int_equal(tw_utf8_byte_order_mark("\xef\xbb", 2), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(utf8__decodes_each_length_at_its_ends),
		cmocka_unit_test(utf8__refuses_what_rfc_3629_does),
		cmocka_unit_test(utf8__finds_line_breaks),
		cmocka_unit_test(utf8__clips_between_characters),
		cmocka_unit_test(utf8__knows_what_a_terminal_shows),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
