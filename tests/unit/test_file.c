// SPDX-License-Identifier: GPL-2.0-only
#include "unit.h"

#include <fcntl.h>
#include <sys/stat.h>

#include "lib/file.h"

static char folder[] = "/tmp/tcpwarden-file-XXXXXX";

static int setup(void **state)
{
	(void)state;
	return mkdtemp(folder) && chdir(folder) == 0 ? 0 : -1;
}

static int teardown(void **state)
{
	(void)state;
	unlink("file");
	unlink("fifo");
	return chdir("/") == 0 && rmdir(folder) == 0 ? 0 : -1;
}

static void write_file(size_t len)
{
	_cleanup_fclose_ FILE *file = fopen("file", "w");

	assert_non_null(file);
	for (size_t i = 0; i < len; i++)
		fputc('a' + (int)(i % 26), file);
}

static void file__reads_to_the_limit_and_not_past_it(void **state)
{
	_cleanup_buf_ struct tw_buf buf = TW_BUF_INIT;

	(void)state;
	write_file(50000);
	assert_int_equal(tw_file_read("file", 50000, &buf), 0);
	assert_int_equal(buf.len, 50000);
	assert_int_equal(buf.data[49999], 'a' + 49999 % 26);
	assert_int_equal(tw_file_read("file", 49999, &buf), -EFBIG);
	assert_int_equal(buf.len, 50000);
	assert_int_equal(strlen(buf.data), 50000);
}

static void file__appends(void **state)
{
	_cleanup_buf_ struct tw_buf buf = TW_BUF_INIT;

	(void)state;
	write_file(3);
	assert_int_equal(tw_file_read("file", 10, &buf), 0);
	assert_int_equal(tw_file_read("file", 10, &buf), 0);
	assert_string_equal(tw_buf_string(&buf), "abcabc");
}

static void file__reads_an_empty_file(void **state)
{
	_cleanup_buf_ struct tw_buf buf = TW_BUF_INIT;

	(void)state;
	write_file(0);
	assert_int_equal(tw_file_read("file", 0, &buf), 0);
	assert_int_equal(buf.len, 0);
	assert_string_equal(tw_buf_string(&buf), "");
}

static void file__reads_proc_files_that_have_no_size(void **state)
{
	_cleanup_buf_ struct tw_buf buf = TW_BUF_INIT;

	(void)state;
	assert_int_equal(tw_file_read("/proc/self/stat", 65536, &buf), 0);
	assert_true(buf.len > 10);
}

static void file__refuses_other_kinds_at_once(void **state)
{
	_cleanup_buf_ struct tw_buf buf = TW_BUF_INIT;

	(void)state;
	assert_int_equal(mkfifo("fifo", 0600), 0);
	assert_int_equal(tw_file_read("fifo", 10, &buf), -EINVAL);
	assert_int_equal(tw_file_read("/dev/null", 10, &buf), -EINVAL);
	assert_int_equal(tw_file_read(".", 10, &buf), -EISDIR);
	assert_int_equal(tw_file_read("absent", 10, &buf), -ENOENT);
	assert_int_equal(tw_file_read("file/below", 10, &buf), -ENOTDIR);
	assert_null(buf.data);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(file__reads_to_the_limit_and_not_past_it),
		cmocka_unit_test(file__appends),
		cmocka_unit_test(file__reads_an_empty_file),
		cmocka_unit_test(file__reads_proc_files_that_have_no_size),
		cmocka_unit_test(file__refuses_other_kinds_at_once),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
