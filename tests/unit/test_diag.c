// SPDX-License-Identifier: GPL-2.0-only
#include "unit.h"

static struct tw_mark at(const char *file, unsigned line, unsigned column)
{
	return (struct tw_mark){ .file = file, .line = line, .column = column };
}

static void assert_printed(const struct tw_diags *diags, const char *expected)
{
	_cleanup_free_ char *text = unit_print_diags(diags);

	assert_string_equal(text, expected);
}

static void diag__prints_in_order_of_place(void **state)
{
	_cleanup_diags_ struct tw_diags diags = TW_DIAGS_INIT;

	(void)state;
	tw_diags_add(&diags, TW_ERROR, at("b", 1, 1), "sixth");
	tw_diags_add(&diags, TW_ERROR, at("a", 2, 9), "third");
	tw_diags_add(&diags, TW_WARNING, at("a", 10, 1), "fifth, %s", "formatted");
	tw_diags_add(&diags, TW_ERROR, at("a", 2, 9), "fourth, added later");
	tw_diags_add(&diags, TW_WARNING, at("a", 2, 2), "second");
	tw_diags_add(&diags, TW_ERROR, at("a", 0, 0), "first");
	assert_int_equal(diags.errors, 4);
	assert_int_equal(diags.warnings, 2);
	assert_false(diags.truncated);
	assert_printed(&diags, "a: error: first\n"
			       "a:2:2: warning: second\n"
			       "a:2:9: error: third\n"
			       "a:2:9: error: fourth, added later\n"
			       "a:10:1: warning: fifth, formatted\n"
			       "b:1:1: error: sixth\n");
}

static void diag__shows_the_line_and_a_caret(void **state)
{
	static const char text[] = "one\r\n\ttwo: \xc3\xa4 0\rthree\xe2\x80\xa8"
				   "four";
	_cleanup_diags_ struct tw_diags diags = TW_DIAGS_INIT;

	(void)state;
	tw_diags_add(&diags, TW_ERROR, at("f", 1, 3), "e");
	tw_diags_add(&diags, TW_ERROR, at("f", 2, 9), "after a tab and two bytes");
	tw_diags_add(&diags, TW_ERROR, at("f", 4, 5), "at the end");
	tw_diags_add(&diags, TW_ERROR, at("f", 9, 1), "past the end");
	tw_diags_add(&diags, TW_ERROR, at("g", 1, 1), "of another file");
	tw_diags_excerpt(&diags, "f", text, strlen(text));
	assert_printed(&diags, "f:1:3: error: e\n"
			       "    one\n"
			       "      ^\n"
			       "f:2:9: error: after a tab and two bytes\n"
			       "    \ttwo: \xc3\xa4 0\n"
			       "    \t       ^\n"
			       "f:4:5: error: at the end\n"
			       "    four\n"
			       "        ^\n"
			       "f:9:1: error: past the end\n"
			       "g:1:1: error: of another file\n");
	assert_null(diags.list[4].excerpt);
}

static void diag__shows_nothing_that_a_terminal_acts_on(void **state)
{
	static const char text[] = "\xef\xbb\xbf"
				   "a\x1b[31m\x7f \xc2\x9b \xff z";
	_cleanup_diags_ struct tw_diags diags = TW_DIAGS_INIT;

	(void)state;
	tw_diags_add(&diags, TW_ERROR, at("f", 1, 1), "got \"%s\"",
		     "\x1b[31m\nf:1:1: error: forged\xc2\x9b\xff\xc3\xa4");
	tw_diags_excerpt(&diags, "f", text, strlen(text));
	assert_printed(&diags, "f:1:1: error: got \"?[31m?f:1:1: error: forged?\?\?\xc3\xa4\"\n"
			       "    a?[31m? ? ? z\n"
			       "    ^\n");
}

static void diag__shows_the_part_of_a_long_line_around_the_caret(void **state)
{
	_cleanup_diags_ struct tw_diags diags = TW_DIAGS_INIT;
	_cleanup_free_ char *printed = NULL;
	char line[1001] = "", *excerpt, *caret;

	(void)state;
	memset(line, '.', 1000);
	line[700] = 'X';
	tw_diags_add(&diags, TW_ERROR, at("f", 1, 701), "here");
	tw_diags_excerpt(&diags, "f", line, 1000);
	printed = unit_print_diags(&diags);
	excerpt = strchr(printed, '\n') + 1;
	caret = strchr(excerpt, '\n') + 1;
	assert_int_equal(caret - excerpt, 4 + 100 + 1);
	assert_int_equal(excerpt[strcspn(caret, "^")], 'X');
}

static void diag__counts_what_it_does_not_keep(void **state)
{
	_cleanup_diags_ struct tw_diags diags = TW_DIAGS_INIT;
	_cleanup_free_ char *text = NULL;

	(void)state;
	for (unsigned i = 0; i < TW_MAX_DIAGS; i++)
		tw_diags_add(&diags, TW_ERROR, at("f", 1000 - i, 1), "e");
	assert_false(diags.truncated);
	tw_diags_add(&diags, TW_ERROR, at("f", 1, 1), "e");
	tw_diags_add(&diags, TW_WARNING, at("f", 1, 1), "w");
	assert_int_equal(diags.count, TW_MAX_DIAGS);
	assert_int_equal(diags.errors, TW_MAX_DIAGS + 1);
	assert_int_equal(diags.warnings, 1);
	assert_true(diags.truncated);
	text = unit_print_diags(&diags);
	assert_non_null(strstr(text, "\n101 errors and 1 warnings in all; not all are shown\n"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(diag__prints_in_order_of_place),
		cmocka_unit_test(diag__shows_the_line_and_a_caret),
		cmocka_unit_test(diag__shows_nothing_that_a_terminal_acts_on),
		cmocka_unit_test(diag__shows_the_part_of_a_long_line_around_the_caret),
		cmocka_unit_test(diag__counts_what_it_does_not_keep),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
