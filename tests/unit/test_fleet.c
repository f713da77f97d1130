// SPDX-License-Identifier: GPL-2.0-only
#include "unit.h"

#include <sys/stat.h>
#include <unistd.h>

#include "node/fleet.h"

#include <tcpwarden/abi.h>

static int parse(const char *text, struct tw_diags *diags, struct tw_fleet *fleet)
{
	return tw_fleet_parse("f", text, strlen(text), diags, fleet);
}

static void fleet__leaves_out_blanks_and_comments(void **state)
{
	_cleanup_diags_ struct tw_diags diags = TW_DIAGS_INIT;
	_cleanup_fleet_ struct tw_fleet fleet = TW_FLEET_INIT;

	(void)state;
	assert_int_equal(parse("# a fleet\n\n b \r\na # the first\n \t\n#c\nd", &diags, &fleet), 0);
	assert_int_equal(fleet.count, 3);
	assert_string_equal(fleet.nodes[0], "b");
	assert_string_equal(fleet.nodes[1], "a");
	assert_string_equal(fleet.nodes[2], "d");
}

static void fleet__says_all_that_is_wrong(void **state)
{
	static const char rule[] = "a node's name must be 1 to 253 printable ASCII characters "
				   "without blanks, \"/\" and \"#\", got \"%s\"";
	_cleanup_diags_ struct tw_diags diags = TW_DIAGS_INIT;
	_cleanup_fleet_ struct tw_fleet fleet = TW_FLEET_INIT;
	char expected[256];

	(void)state;
	assert_int_equal(parse("a\n  x y\nb\na\na/b\n", &diags, &fleet), -EINVAL);
	assert_int_equal(diags.errors, 3);
	assert_null(fleet.nodes);
	snprintf(expected, sizeof(expected), rule, "x y");
	unit_assert_diag(&diags, 0, 2, 3, expected);
	unit_assert_diag(&diags, 1, 4, 1, "duplicate node \"a\" (first at f:1)");
	snprintf(expected, sizeof(expected), rule, "a/b");
	unit_assert_diag(&diags, 2, 5, 1, expected);
}

static void fleet__refuses_a_nul_within_a_name(void **state)
{
	_cleanup_diags_ struct tw_diags diags = TW_DIAGS_INIT;
	_cleanup_fleet_ struct tw_fleet fleet = TW_FLEET_INIT;

	(void)state;
	assert_int_equal(tw_fleet_parse("f", "a\0b\n\0\n", 6, &diags, &fleet), -EINVAL);
	assert_int_equal(diags.errors, 2);
}

static void fleet__refuses_one_without_nodes(void **state)
{
	static const char *const texts[] = { "", "\n\n", "# a\n" };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		_cleanup_diags_ struct tw_diags diags = TW_DIAGS_INIT;
		_cleanup_fleet_ struct tw_fleet fleet = TW_FLEET_INIT;

		assert_int_equal(parse(texts[i], &diags, &fleet), -EINVAL);
		unit_assert_diag(&diags, 0, 0, 0, "no nodes: expected a node's name on each line");
	}
}

static void fleet__takes_nodes_to_the_limit_and_not_past_it(void **state)
{
	_cleanup_buf_ struct tw_buf text = TW_BUF_INIT;

	(void)state;
	for (unsigned i = 0; i <= TW_MAX_FLEET; i++) {
		_cleanup_diags_ struct tw_diags diags = TW_DIAGS_INIT;
		_cleanup_fleet_ struct tw_fleet fleet = TW_FLEET_INIT;

		assert_int_equal(tw_buf_addf(&text, "n%u\n", i), 0);
		if (i < TW_MAX_FLEET - 1)
			continue;
		assert_int_equal(parse(text.data, &diags, &fleet), i < TW_MAX_FLEET ? 0 : -EINVAL);
		if (i < TW_MAX_FLEET)
			assert_int_equal(fleet.count, TW_MAX_FLEET);
		else
			unit_assert_diag(&diags, 0, TW_MAX_FLEET + 1, 1, "more than 100000 nodes");
	}
}

static void fleet__says_why_a_file_cannot_be_read(void **state)
{
	static const struct {
		const char *path;
		int error;
		const char *message;
	} cases[] = {
		{ "/nonexistent", -ENOENT, "cannot read it: No such file or directory" },
		{ "/tmp", -EISDIR, "cannot read it: Is a directory" },
		{ "/dev/null", -EINVAL,
		  "not a regular file; for a pipe give - and standard input" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_diags_ struct tw_diags diags = TW_DIAGS_INIT;
		_cleanup_fleet_ struct tw_fleet fleet = TW_FLEET_INIT;

		assert_int_equal(tw_fleet_load(cases[i].path, &diags, &fleet), cases[i].error);
		unit_assert_diag(&diags, 0, 0, 0, cases[i].message);
	}
}

/* A sparse file: as long as may be, then one byte longer. */
static void fleet__has_a_largest_file(void **state)
{
	char path[] = "/tmp/tw-fleet-XXXXXX";
	int fd = mkstemp(path);

	(void)state;
	assert_true(fd >= 0);
	for (int more = 0; more < 2; more++) {
		_cleanup_diags_ struct tw_diags diags = TW_DIAGS_INIT;
		_cleanup_fleet_ struct tw_fleet fleet = TW_FLEET_INIT;

		assert_int_equal(ftruncate(fd, TW_MAX_FLEET_FILE + more), 0);
		assert_int_equal(tw_fleet_load(path, &diags, &fleet), more ? -EFBIG : -EINVAL);
		if (more)
			unit_assert_diag(&diags, 0, 0, 0, "a list of nodes must be at most 16 MiB");
	}
	close(fd);
	unlink(path);
}

static void fleet__reads_standard_input_from_a_pipe(void **state)
{
	_cleanup_diags_ struct tw_diags diags = TW_DIAGS_INIT;
	_cleanup_fleet_ struct tw_fleet fleet = TW_FLEET_INIT;
	int before = dup(STDIN_FILENO), ends[2];

	(void)state;
	assert_int_equal(pipe(ends), 0);
	assert_int_equal(write(ends[1], "a\nb\n", 4), 4);
	close(ends[1]);
	assert_int_equal(dup2(ends[0], STDIN_FILENO), STDIN_FILENO);
	assert_int_equal(tw_fleet_load("-", &diags, &fleet), 0);
	assert_int_equal(fleet.count, 2);
	dup2(before, STDIN_FILENO);
	close(before);
	close(ends[0]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(fleet__leaves_out_blanks_and_comments),
		cmocka_unit_test(fleet__says_all_that_is_wrong),
		cmocka_unit_test(fleet__refuses_a_nul_within_a_name),
		cmocka_unit_test(fleet__refuses_one_without_nodes),
		cmocka_unit_test(fleet__takes_nodes_to_the_limit_and_not_past_it),
		cmocka_unit_test(fleet__says_why_a_file_cannot_be_read),
		cmocka_unit_test(fleet__has_a_largest_file),
		cmocka_unit_test(fleet__reads_standard_input_from_a_pipe),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
