// SPDX-License-Identifier: GPL-2.0-only
#include "unit.h"

#include "policy/tree.h"

struct parsed {
	struct tw_diags diags;
	struct tw_node root;
	int result;
};

static void parsed_free(struct parsed *parsed)
{
	tw_diags_free(&parsed->diags);
	tw_node_free(&parsed->root);
}
#define _cleanup_parsed_ _cleanup_(parsed_free)

static struct parsed parse_bytes(const char *text, size_t len)
{
	struct parsed parsed = { 0 };

	parsed.result = tw_tree_parse("f", text, len, &parsed.diags, &parsed.root);
	return parsed;
}

static struct parsed parse(const char *text)
{
	return parse_bytes(text, strlen(text));
}

static void assert_mark(struct tw_mark mark, unsigned line, unsigned column)
{
	assert_string_equal(mark.file, "f");
	assert_int_equal(mark.line, line);
	assert_int_equal(mark.column, column);
}

static void tree__locates_every_node_and_key(void **state)
{
	_cleanup_parsed_ struct parsed parsed =
		parse("# a comment\na: {\xc3\xa4: 60:10:3, c: [on, '0x10']}\nd:\n");
	const struct tw_node *root = &parsed.root;
	const struct tw_node *map, *list;

	(void)state;
	assert_int_equal(parsed.result, 0);
	assert_int_equal(root->kind, TW_NODE_MAP);
	assert_int_equal(root->count, 2);
	assert_mark(root->mark, 2, 1);
	assert_string_equal(root->entries[0].key, "a");
	assert_mark(root->entries[0].key_mark, 2, 1);

	map = &root->entries[0].value;
	assert_int_equal(map->kind, TW_NODE_MAP);
	assert_mark(map->mark, 2, 4);
	assert_string_equal(map->entries[0].key, "\xc3\xa4");
	assert_string_equal(map->entries[0].value.text, "60:10:3");
	assert_mark(map->entries[0].value.mark, 2, 8);
	assert_mark(map->entries[1].key_mark, 2, 17);

	list = &map->entries[1].value;
	assert_int_equal(list->kind, TW_NODE_LIST);
	assert_int_equal(list->count, 2);
	assert_null(list->entries[0].key);
	assert_string_equal(list->entries[0].value.text, "on");
	assert_string_equal(list->entries[1].value.text, "0x10");
	assert_mark(list->entries[1].value.mark, 2, 25);

	assert_true(root->entries[1].value.absent);
	assert_string_equal(root->entries[1].value.text, "");
}

static void tree__tells_nothing_from_empty_text(void **state)
{
	_cleanup_parsed_ struct parsed parsed = parse("[~, , '', \"\"]");

	(void)state;
	assert_int_equal(parsed.result, -EINVAL); /* `, ,` is no YAML */
	parsed_free(&parsed);
	parsed = parse("[~, '', \"\"]");
	assert_int_equal(parsed.result, 0);
	for (size_t i = 0; i < 3; i++)
		assert_false(parsed.root.entries[i].value.absent);
}

static void tree__takes_what_yaml_takes_around_a_document(void **state)
{
	static const char *const texts[] = { "---\na: b\n", "%YAML 1.1\n---\na: b\n...\n",
					     "a: b",	    "\357\273\277a: b\n",
					     "a: b\r\n",    "\n\n# c\na: b # d\n",
					     "? a\n: b\n" };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		_cleanup_parsed_ struct parsed parsed = parse(texts[i]);

		assert_int_equal(parsed.result, 0);
		assert_int_equal(parsed.diags.count, 0);
		assert_string_equal(parsed.root.entries[0].key, "a");
		assert_string_equal(parsed.root.entries[0].value.text, "b");
	}
}

static void tree__counts_lines_as_libyaml_does(void **state)
{
	_cleanup_parsed_ struct parsed parsed =
		parse("a: b\r# \xe2\x80\xa8# \xc2\x85# \xe2\x80\xa9# \r\nc: d\n");

	(void)state;
	assert_int_equal(parsed.result, 0);
	assert_mark(parsed.root.entries[1].key_mark, 6, 1);
}

static void assert_refused(const char *text, size_t len, unsigned line, unsigned column,
			   const char *message)
{
	_cleanup_parsed_ struct parsed parsed = parse_bytes(text, len);

	assert_int_equal(parsed.result, -EINVAL);
	assert_int_equal(parsed.diags.errors, 1);
	unit_assert_diag(&parsed.diags, 0, line, column, message);
	assert_null(parsed.root.entries);
	assert_null(parsed.root.text);
}

static void tree__refuses_with_the_place(void **state)
{
	static const struct {
		const char *text;
		unsigned line, column;
		const char *message;
	} cases[] = {
		{ "", 1, 1, "the file is empty; it needs version and policies" },
		{ "# x\n", 1, 1, "the file is empty; it needs version and policies" },
		{ "a: [b\n", 2, 1,
		  "not YAML: did not find expected ',' or ']' while parsing a flow sequence (from "
		  "line 1)" },
		{ "a: b: c\n", 1, 5,
		  "not YAML: mapping values are not allowed in this context; text that starts or "
		  "ends with a colon must be quoted" },
		{ "a: 'b\n", 2, 1,
		  "not YAML: found unexpected end of stream while scanning a quoted scalar (from "
		  "line 1)" },
		{ "a: *b\n", 1, 4, "aliases are not supported" },
		{ "a: &b c\n", 1, 4, "anchors are not supported" },
		{ "a: &b [c]\n", 1, 4, "anchors are not supported" },
		{ "a: &b {c: d}\n", 1, 4, "anchors are not supported" },
		{ "a: !!int 1\n", 1, 4, "tags are not supported" },
		{ "a: !x [1]\n", 1, 4, "tags are not supported" },
		{ "a: !x {b: c}\n", 1, 4, "tags are not supported" },
		{ "a: ! 1\n", 1, 4, "tags are not supported" },
		{ "a: b\n---\nc: d\n", 2, 1, "a second document; a policy file holds one" },
		{ "a: b\n---\n- [\n", 2, 1, "a second document; a policy file holds one" },
		{ "a: b\nc: d\na: e\n", 3, 1, "duplicate key \"a\" (first at f:1:1)" },
		{ "{a: b, \"a\": c}\n", 1, 8, "duplicate key \"a\" (first at f:1:2)" },
		{ "[a]: b\n", 1, 1, "a key must be text" },
		{ "{? {a: b} : c}\n", 1, 4, "a key must be text" },
		{ "a: \"b\\0c\"\n", 1, 4, "a NUL byte in text" },
		{ "\"b\\x00c\": a\n", 1, 1, "a NUL byte in text" },
		{ "a: \xc3\xa4\xff\n", 1, 5, "not UTF-8" },
		{ "\377\376a", 1, 1, "not UTF-8" },
		{ "a\n\n  \x07\n", 3, 3, "a control character; it cannot stand in YAML" },
		{ "a: \xef\xbf\xbf\n", 1, 4, "a control character; it cannot stand in YAML" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		assert_refused(cases[i].text, strlen(cases[i].text), cases[i].line, cases[i].column,
			       cases[i].message);
	assert_refused("a: \0b\n", 6, 1, 4, "a NUL byte; this is no text file");
}

static void tree__reports_all_at_once(void **state)
{
	_cleanup_parsed_ struct parsed parsed = parse("a: &x !t b\nc: *x\nd: !t e\n");
	_cleanup_parsed_ struct parsed duplicates = parse("a: 1\na: {b: 1, b: 2}\na: 3\n[c]: d\n");

	(void)state;
	assert_int_equal(parsed.result, -EINVAL);
	assert_int_equal(parsed.diags.errors, 3);
	unit_assert_diag(&parsed.diags, 0, 1, 4, "anchors are not supported");
	unit_assert_diag(&parsed.diags, 1, 2, 4, "aliases are not supported");
	unit_assert_diag(&parsed.diags, 2, 3, 4, "tags are not supported");

	assert_int_equal(duplicates.result, -EINVAL);
	assert_int_equal(duplicates.diags.errors, 4);
	unit_assert_diag(&duplicates.diags, 0, 2, 1, "duplicate key \"a\" (first at f:1:1)");
	unit_assert_diag(&duplicates.diags, 1, 2, 11, "duplicate key \"b\" (first at f:2:5)");
	unit_assert_diag(&duplicates.diags, 3, 4, 1, "a key must be text");
}

static void add_times(struct tw_buf *buf, const char *text, size_t times)
{
	for (size_t i = 0; i < times; i++)
		assert_int_equal(tw_buf_add(buf, text, strlen(text)), 0);
}

static void tree__nests_to_the_limit_and_not_past_it(void **state)
{
	for (unsigned past = 0; past < 2; past++) {
		_cleanup_buf_ struct tw_buf lists = TW_BUF_INIT, maps = TW_BUF_INIT;
		struct parsed list, map;

		(void)state;
		add_times(&lists, "[", TW_MAX_TREE_DEPTH + past);
		add_times(&lists, "]", TW_MAX_TREE_DEPTH + past);
		add_times(&maps, "{a: ", TW_MAX_TREE_DEPTH + past);
		add_times(&maps, "}", TW_MAX_TREE_DEPTH + past);
		list = parse(lists.data);
		map = parse(maps.data);
		assert_int_equal(list.result, past ? -EINVAL : 0);
		assert_int_equal(map.result, past ? -EINVAL : 0);
		if (past) {
			unit_assert_diag(&list.diags, 0, 1, 17, "nested more than 16 deep");
			unit_assert_diag(&map.diags, 0, 1, 16 * 4 + 1, "nested more than 16 deep");
		}
		parsed_free(&list);
		parsed_free(&map);
	}
}

static void tree__takes_keys_to_the_limit_and_not_past_it(void **state)
{
	for (unsigned past = 0; past < 2; past++) {
		_cleanup_buf_ struct tw_buf text = TW_BUF_INIT;
		_cleanup_parsed_ struct parsed parsed = { 0 };

		(void)state;
		for (unsigned i = 0; i < TW_MAX_TREE_KEYS + past; i++)
			assert_int_equal(tw_buf_addf(&text, "k%u: v\n", i), 0);
		parsed = parse(text.data);
		assert_int_equal(parsed.result, past ? -EINVAL : 0);
		if (past)
			unit_assert_diag(&parsed.diags, 0, 65, 1, "more than 64 keys in one map");
		else
			assert_int_equal(parsed.root.count, TW_MAX_TREE_KEYS);
	}
}

/* A mebibyte of what costs a naive parser the square of it; the alarm is the verdict. */
static void tree__does_not_drown_in_a_mebibyte(void **state)
{
	static const char *const texts[] = { "[",      "{",	"- ",  "? ",  "a: ",
					     "a: 1\n", "[],\n", "*a ", "&a ", "- b\n",
					     "\"",     "!!x ",	"#",   "\n",  "{a: [" };

	(void)state;
	alarm(60);
	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		_cleanup_buf_ struct tw_buf text = TW_BUF_INIT;
		_cleanup_parsed_ struct parsed parsed = { 0 };

		add_times(&text, texts[i], 1024 * 1024 / strlen(texts[i]));
		parsed = parse(text.data);
		assert_int_equal(parsed.result, strcmp(texts[i], "- b\n") ? -EINVAL : 0);
		assert_int_equal(parsed.diags.errors > 0, parsed.result < 0);
	}
	alarm(0);
}

/* Every prefix of a document, and every byte of it changed: an answer, and no leak. */
static void tree__answers_whatever_it_is_given(void **state)
{
	char text[] = "a: {b: [c, 'd', \"\\x41\"], ? e : f}\n- \xc3\xa4\n&x *y !!z |\n  g\n";
	size_t len = strlen(text);

	(void)state;
	for (size_t i = 0; i < len; i++) {
		_cleanup_parsed_ struct parsed cut = parse_bytes(text, i);

		assert_true(cut.result == 0 || cut.diags.errors > 0);
		for (unsigned c = 0; c < 256; c++) {
			char before = text[i];
			struct parsed changed;

			text[i] = (char)c;
			changed = parse_bytes(text, len);
			text[i] = before;
			assert_true(changed.result == 0 || changed.diags.errors > 0);
			parsed_free(&changed);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(tree__locates_every_node_and_key),
		cmocka_unit_test(tree__tells_nothing_from_empty_text),
		cmocka_unit_test(tree__takes_what_yaml_takes_around_a_document),
		cmocka_unit_test(tree__counts_lines_as_libyaml_does),
		cmocka_unit_test(tree__refuses_with_the_place),
		cmocka_unit_test(tree__reports_all_at_once),
		cmocka_unit_test(tree__nests_to_the_limit_and_not_past_it),
		cmocka_unit_test(tree__takes_keys_to_the_limit_and_not_past_it),
		cmocka_unit_test(tree__does_not_drown_in_a_mebibyte),
		cmocka_unit_test(tree__answers_whatever_it_is_given),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
