// SPDX-License-Identifier: GPL-2.0-only
#include "unit.h"

#include <event2/event.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "folder.h"
#include "node/file_watch.h"

#define LONG_MS 5000 /* the machine may be slow */

static struct event_base *base;
static struct tw_file_watch *watch;
static char folder[] = UNIT_FOLDER;
static unsigned calls;
static long called_at; /* the last time */

static long now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void on_change(void *data)
{
	assert_ptr_equal(data, &calls);
	calls++;
	called_at = now_ms();
	event_base_loopbreak(base);
}

static const char *in_folder(const char *name)
{
	static char path[4][256];
	static unsigned next;
	char *full = path[next++ % 4];

	snprintf(full, sizeof(path[0]), "%s/%s", folder, name);
	return full;
}

static void write_file(const char *name)
{
	FILE *file = fopen(in_folder(name), "we");

	assert_non_null(file);
	fprintf(file, "x");
	assert_int_equal(fclose(file), 0);
}

static void make(const char *name)
{
	assert_int_equal(mkdir(in_folder(name), 0755), 0);
}

static void move(const char *from, const char *to)
{
	assert_int_equal(rename(in_folder(from), in_folder(to)), 0);
}

static void point(const char *name, const char *target)
{
	assert_int_equal(symlink(target, in_folder("link.next")), 0);
	move("link.next", name);
}

static void follow(const char *name)
{
	struct tw_fault fault = TW_FAULT_INIT;

	assert_int_equal(
		tw_file_watch_start(base, in_folder(name), on_change, &calls, &watch, &fault), 0);
}

/* Run the loop until a call, at most so long; how many there were. */
static unsigned wait_call(long ms)
{
	const struct timeval time = { .tv_sec = ms / 1000, .tv_usec = ms % 1000 * 1000 };

	calls = 0;
	event_base_loopexit(base, &time);
	event_base_dispatch(base);
	return calls;
}

#define assert_called()	    assert_int_equal(wait_call(LONG_MS), 1)
#define assert_not_called() assert_int_equal(wait_call(TW_FILE_WATCH_DELAY_MS * 3), 0)

static int setup(void **state)
{
	(void)state;
	watch = NULL;
	base = event_base_new();
	return base ? unit_folder_make(folder) : -1;
}

static int teardown(void **state)
{
	(void)state;
	tw_file_watch_stop(watch);
	event_base_free(base);
	return unit_folder_remove(folder);
}

static void file_watch__written_in_place(void **state)
{
	(void)state;
	write_file("policy.yaml");
	follow("policy.yaml");
	assert_not_called();
	write_file("policy.yaml");
	assert_called();
	assert_not_called();
	write_file("policy.yaml");
	assert_called();
}

static void file_watch__replaced_removed_and_back(void **state)
{
	(void)state;
	write_file("policy.yaml");
	follow("policy.yaml");
	write_file("next");
	move("next", "policy.yaml");
	assert_called();
	unlink(in_folder("policy.yaml"));
	assert_called();
	make("policy.yaml");
	assert_called();
	write_file("policy.yaml/a.yaml");
	assert_called();
	unlink(in_folder("policy.yaml/a.yaml"));
	rmdir(in_folder("policy.yaml"));
	assert_called();
	write_file("policy.yaml");
	assert_called();
}

static void file_watch__unreadable_and_back(void **state)
{
	(void)state;
	write_file("policy.yaml");
	follow("policy.yaml");
	assert_int_equal(chmod(in_folder("policy.yaml"), 0), 0);
	assert_called();
	assert_int_equal(chmod(in_folder("policy.yaml"), 0644), 0);
	assert_called();
}

static void file_watch__comes_late(void **state)
{
	(void)state;
	follow("a/b/policy.yaml");
	assert_not_called();
	make("a");
	assert_called();
	make("a/b");
	assert_called();
	write_file("a/b/policy.yaml");
	assert_called();
	write_file("a/b/policy.yaml");
	assert_called();
}

static void file_watch__folder(void **state)
{
	(void)state;
	make("policies");
	follow("policies");
	write_file("policies/a.yaml");
	assert_called();
	write_file("policies/a.yaml");
	assert_called();
	write_file("policies/notes.txt");
	assert_not_called();
	unlink(in_folder("policies/a.yaml"));
	assert_called();
}

/* Every symlink on the way may be moved, and what is at its end may change. */
static void file_watch__symlinks(void **state)
{
	(void)state;
	make("v1");
	make("v2");
	make("etc");
	write_file("v1/policy.yaml");
	write_file("v2/policy.yaml");
	point("current", "v1");
	point("etc/policy.yaml", "../current/policy.yaml");
	follow("etc/policy.yaml");
	write_file("v1/policy.yaml");
	assert_called();
	point("current", in_folder("v2"));
	assert_called();
	write_file("v2/policy.yaml");
	assert_called();
	/* Nothing leads there any more. */
	unlink(in_folder("v1/policy.yaml"));
	assert_not_called();
	point("etc/policy.yaml", "nothing");
	assert_called();
	write_file("etc/nothing");
	assert_called();
}

static void file_watch__symlink_loop(void **state)
{
	(void)state;
	point("policy.yaml", "other.yaml");
	point("other.yaml", "policy.yaml");
	follow("policy.yaml");
	assert_not_called();
	unlink(in_folder("other.yaml"));
	assert_called();
	write_file("other.yaml");
	assert_called();
}

static void file_watch__config_map(void **state)
{
	(void)state;
	make("..a");
	make("..b");
	write_file("..a/policy.yaml");
	write_file("..b/policy.yaml");
	point("..data", "..a");
	point("policy.yaml", "..data/policy.yaml");
	follow("policy.yaml");
	point("..data", "..b");
	assert_called();
	unlink(in_folder("..a/policy.yaml"));
	rmdir(in_folder("..a"));
	assert_not_called();
	make("..c");
	write_file("..c/policy.yaml");
	point("..data", "..c");
	assert_called();
}

/* The folder itself is what is followed: only `..data` changes in it. */
static void file_watch__config_map_as_folder(void **state)
{
	(void)state;
	make("map");
	make("map/..a");
	make("map/..b");
	point("map/..data", "..a");
	point("map/policy.yaml", "..data/policy.yaml");
	follow("map");
	assert_int_equal(symlink("..b", in_folder("map/..data_tmp")), 0);
	move("map/..data_tmp", "map/..data");
	assert_called();
	rmdir(in_folder("map/..a"));
	assert_not_called();
}

static void file_watch__ignores_its_neighbours(void **state)
{
	(void)state;
	write_file("policy.yaml");
	follow("policy.yaml");
	write_file("policy.yaml.swp");
	write_file("policy");
	make("sub");
	unlink(in_folder("policy"));
	assert_not_called();
}

/* A burst is one call, no later than it may be from its first event: later ones do not put it off. */
static void write_again(evutil_socket_t fd, short what, void *data)
{
	(void)fd;
	(void)what;
	(void)data;
	write_file("policy.yaml");
}

static void file_watch__burst_is_one_call(void **state)
{
	const struct timeval period = { .tv_usec = 5000 };
	struct event *writer = event_new(base, -1, EV_PERSIST, write_again, NULL);
	long start;

	(void)state;
	write_file("policy.yaml");
	follow("policy.yaml");
	assert_int_equal(event_add(writer, &period), 0);
	start = now_ms();
	for (int i = 0; i < 5; i++)
		assert_called();
	assert_true(called_at - start >= 5L * TW_FILE_WATCH_DELAY_MS);
	assert_true(called_at - start < 5L * TW_FILE_WATCH_DELAY_MS * 4);
	event_free(writer);
}

static unsigned open_descriptors(void)
{
	_cleanup_closedir_ DIR *dir = opendir("/proc/self/fd");
	unsigned count = 0;

	assert_non_null(dir);
	while (readdir(dir))
		count++;
	return count;
}

static void file_watch__leaks_no_descriptor(void **state)
{
	unsigned before;

	(void)state;
	write_file("policy.yaml");
	follow("policy.yaml");
	before = open_descriptors();
	for (int i = 0; i < 5; i++) {
		write_file("policy.yaml");
		assert_called();
	}
	assert_int_equal(open_descriptors(), before);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(file_watch__written_in_place),
		TEST(file_watch__replaced_removed_and_back),
		TEST(file_watch__unreadable_and_back),
		TEST(file_watch__comes_late),
		TEST(file_watch__folder),
		TEST(file_watch__symlinks),
		TEST(file_watch__symlink_loop),
		TEST(file_watch__config_map),
		TEST(file_watch__config_map_as_folder),
		TEST(file_watch__ignores_its_neighbours),
		TEST(file_watch__burst_is_one_call),
		TEST(file_watch__leaks_no_descriptor),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
