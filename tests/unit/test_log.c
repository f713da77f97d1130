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
	assert_int_equal(got.len, TW_LOG_LINE - 1);
	assert_string_equal(got.data + got.len - 5, "0...\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(log__writes_a_line_a_message, capture, release),
		cmocka_unit_test_setup_teardown(log__filters_by_level, capture, release),
		cmocka_unit_test_setup_teardown(log__gives_the_journal_priorities, capture,
						release),
		cmocka_unit_test_setup_teardown(log__cuts_what_is_too_long, capture, release),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
