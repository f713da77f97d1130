// SPDX-License-Identifier: GPL-2.0-only
#include "unit.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/log.h"

static int saved = -1, reader = -1;

/* Standard error becomes a pipe in packet mode: one read gives one write. */
static int capture(void **state)
{
	int fds[2];

	(void)state;
	tw_log_set_window(TW_LOG_WINDOW_MS);
	saved = dup(STDERR_FILENO);
	if (saved < 0 || pipe2(fds, O_DIRECT | O_NONBLOCK) < 0)
		return -1;
	reader = fds[0];
	if (dup2(fds[1], STDERR_FILENO) < 0)
		return -1;
	close(fds[1]);
	return 0;
}

static int release(void **state)
{
	(void)state;
	tw_log_set_level(TW_LOG_INFO);
	tw_log_set_format(TW_LOG_TEXT);
	tw_log_set_window(TW_LOG_WINDOW_MS);
	unsetenv("JOURNAL_STREAM");
	dup2(saved, STDERR_FILENO);
	close(saved);
	close(reader);
	return 0;
}

/* What one write wrote, or "" where there was none. */
static const char *written(void)
{
	static char text[2 * TW_LOG_LINE];
	ssize_t n = read(reader, text, sizeof(text) - 1);

	text[n < 0 ? 0 : n] = '\0';
	return text;
}

static void log__writes_a_line_a_message(void **state)
{
	(void)state;
	errno = ENOSPC;
	tw_error("cannot open %s: %m", "policy.yaml");
	assert_int_equal(errno, ENOSPC);
	tw_warning("second\nline\x1b[31m");
	tw_info("third");
	tw_debug("not by default");
	assert_string_equal(written(),
			    "tcpwarden: error: cannot open policy.yaml: No space left on device\n");
	assert_string_equal(written(), "tcpwarden: warning: second line [31m\n");
	assert_string_equal(written(), "tcpwarden: third\n");
	assert_string_equal(written(), "");
}

static void log__filters_by_level(void **state)
{
	(void)state;
	tw_log_set_level(TW_LOG_DEBUG);
	tw_debug("seen");
	tw_log_set_level(TW_LOG_ERROR);
	tw_warning("not seen");
	tw_error("seen too");
	assert_string_equal(written(), "tcpwarden: debug: seen\n");
	assert_string_equal(written(), "tcpwarden: error: seen too\n");
	assert_string_equal(written(), "");
}

static void log__gives_the_journal_priorities(void **state)
{
	char stream[64];
	struct stat st;

	(void)state;
	assert_int_equal(fstat(STDERR_FILENO, &st), 0);
	snprintf(stream, sizeof(stream), "%ju:%ju", (uintmax_t)st.st_dev, (uintmax_t)st.st_ino);
	setenv("JOURNAL_STREAM", stream, 1);
	tw_log_set_level(TW_LOG_DEBUG);
	tw_error("e");
	tw_warning("w");
	tw_info("i");
	tw_debug("d");
	assert_string_equal(written(), "<3>e\n");
	assert_string_equal(written(), "<4>w\n");
	assert_string_equal(written(), "<6>i\n");
	assert_string_equal(written(), "<7>d\n");

	/* The stream of somebody else: standard error was sent elsewhere. */
	snprintf(stream, sizeof(stream), "%ju:%ju", (uintmax_t)st.st_dev, (uintmax_t)st.st_ino + 1);
	setenv("JOURNAL_STREAM", stream, 1);
	tw_error("e");
	assert_string_equal(written(), "tcpwarden: error: e\n");
}

/* A pipe in packet mode splits at 4096 bytes, so the line comes in parts. */
static void log__cuts_what_is_too_long(void **state)
{
	_cleanup_buf_ struct tw_buf got = TW_BUF_INIT;
	const char *part;

	(void)state;
	tw_info("%0*d", 2 * TW_LOG_LINE, 7);
	while (*(part = written()))
		tw_buf_add(&got, part, strlen(part));
	assert_in_range(got.len, TW_LOG_LINE - 256, TW_LOG_LINE);
	assert_string_equal(got.data + got.len - 5, "0...\n");
}

/* The line without its time, which is checked to be one. */
static const char *written_json(void)
{
	static const char start[] = "{\"time\":\"20";
	const char *line = written();

	assert_memory_equal(line, start, sizeof(start) - 1);
	assert_int_equal(line[33], '"');
	return line + 35;
}

static void log__as_json(void **state)
{
	(void)state;
	tw_log_set_format(TW_LOG_JSON);
	tw_error("cannot open \"%s\": %s", "a\\b", "c\nd");
	tw_info("\xff and \xc3\xa9");
	assert_string_equal(written_json(), "\"level\":\"error\",\"message\":\"cannot open "
					    "\\\"a\\\\b\\\": c d\"}\n");
	assert_string_equal(written_json(), "\"level\":\"info\",\"message\":\"? and \xc3\xa9\"}\n");
}

static void log__json_of_a_long_message_is_whole(void **state)
{
	_cleanup_buf_ struct tw_buf got = TW_BUF_INIT;
	static char quotes[2 * TW_LOG_LINE];
	const char *part;

	(void)state;
	memset(quotes, '"', sizeof(quotes) - 1);
	tw_log_set_format(TW_LOG_JSON);
	tw_info("long: %s", quotes);
	while (*(part = written()))
		tw_buf_add(&got, part, strlen(part));
	assert_string_equal(got.data + got.len - 8, "\\\"...\"}\n");
}

static void log__json_of_diagnostics(void **state)
{
	_cleanup_diags_ struct tw_diags diags = TW_DIAGS_INIT;
	const struct tw_mark mark = { .file = "p.yaml", .line = 7, .column = 16 };

	(void)state;
	tw_diags_add(&diags, TW_ERROR, mark, "probes must be 1..127, got 0");
	tw_log_set_format(TW_LOG_JSON);
	tw_log_diags(&diags);
	assert_string_equal(written_json(), "\"level\":\"error\",\"message\":\"p.yaml:7:16: "
					    "probes must be 1..127, got 0\"}\n");
}

/* One place that says the same over and over. */
static void repeat(int from, int to)
{
	for (int i = from; i < to; i++)
		tw_warning("again: %d", i);
}

static void log__repeats_are_limited_and_counted(void **state)
{
	char line[64];

	(void)state;
	tw_log_set_window(3600 * 1000);
	repeat(0, TW_LOG_BURST + 3);
	tw_info("another place");
	for (int i = 0; i < TW_LOG_BURST; i++) {
		snprintf(line, sizeof(line), "tcpwarden: warning: again: %d\n", i);
		assert_string_equal(written(), line);
	}
	assert_string_equal(written(), "tcpwarden: another place\n");
	assert_string_equal(written(), "");
	tw_log_flush();
	assert_string_equal(written(), "tcpwarden: warning: 3 messages were left out, the last: "
				       "again: 12\n");
	tw_log_flush();
	assert_string_equal(written(), "");
}

static void log__the_next_window_says_what_was_left_out(void **state)
{
	const char *line;

	(void)state;
	tw_log_set_window(200);
	repeat(0, 10 * TW_LOG_BURST);
	while (*(line = written()))
		assert_null(strstr(line, "left out"));
	do {
		repeat(99, 100);
		line = written();
	} while (!*line);
	assert_non_null(strstr(line, "again: 99 ("));
	assert_non_null(strstr(line, " like it left out)\n"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(log__writes_a_line_a_message, capture, release),
		cmocka_unit_test_setup_teardown(log__filters_by_level, capture, release),
		cmocka_unit_test_setup_teardown(log__gives_the_journal_priorities, capture,
						release),
		cmocka_unit_test_setup_teardown(log__cuts_what_is_too_long, capture, release),
		cmocka_unit_test_setup_teardown(log__as_json, capture, release),
		cmocka_unit_test_setup_teardown(log__json_of_a_long_message_is_whole, capture,
						release),
		cmocka_unit_test_setup_teardown(log__json_of_diagnostics, capture, release),
		cmocka_unit_test_setup_teardown(log__repeats_are_limited_and_counted, capture,
						release),
		cmocka_unit_test_setup_teardown(log__the_next_window_says_what_was_left_out,
						capture, release),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
