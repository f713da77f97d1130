// SPDX-License-Identifier: GPL-2.0-only
/* Any folder can stand in for the cgroup tree: what counts is that folders come and go in it. */
#include "unit.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include "folder.h"
#include "node/tree_watch.h"

#include <tcpwarden/abi.h>

/* What the watch told: "+/a", "-/a", one after the other. */
static struct tw_buf told;
static uint64_t created_id, removed_id; /* the last ones */
static struct tw_cgroup_tree tree;
static struct tw_tree_watch *watch;
static char mount_point[] = UNIT_FOLDER;

static void note(enum tw_cgroup_event_kind kind, const char *path, __u64 id, __u64 at_ns,
		 void *data)
{
	assert_int_equal(at_ns, 0);
	assert_ptr_equal(data, &told);
	assert_non_null(path);
	*(kind == TW_CGROUP_CREATED ? &created_id : &removed_id) = id;
	assert_int_equal(tw_buf_addf(&told, " %c%s", kind == TW_CGROUP_CREATED ? '+' : '-', path),
			 0);
}

static const char *in_tree(const char *path)
{
	static char full[4096];

	snprintf(full, sizeof(full), "%s%s", mount_point, path);
	return full;
}

static void make(const char *path)
{
	assert_int_equal(mkdir(in_tree(path), 0755), 0);
}

static void drop(const char *path)
{
	assert_int_equal(rmdir(in_tree(path)), 0);
}

static uint64_t id_of(const char *path)
{
	struct stat st;

	assert_int_equal(stat(in_tree(path), &st), 0);
	return st.st_ino;
}

static void watch_from(const char *path)
{
	assert_int_equal(tw_tree_watch_open(&tree, path, note, &told, &watch), 0);
}

static bool is_readable(void)
{
	struct pollfd pollfd = { .fd = tw_tree_watch_fd(watch), .events = POLLIN };

	return poll(&pollfd, 1, 0) == 1;
}

/* Read what waits; it must have been this, and nothing lost. */
#define assert_told(expected)                                        \
	do {                                                         \
		tw_buf_truncate(&told, 0);                           \
		assert_false(tw_tree_watch_read(watch));             \
		assert_string_equal(tw_buf_string(&told), expected); \
		assert_false(is_readable());                         \
	} while (0)

static int setup(void **state)
{
	(void)state;
	if (unit_folder_make(mount_point))
		return -1;
	told = TW_BUF_INIT;
	watch = NULL;
	tree.mount = mount_point;
	tree.fd = open(mount_point, O_PATH | O_DIRECTORY | O_CLOEXEC);
	return tree.fd < 0 ? -1 : 0;
}

static int teardown(void **state)
{
	(void)state;
	tw_tree_watch_close(watch);
	tw_buf_free(&told);
	close(tree.fd);
	return unit_folder_remove(mount_point);
}

static void tree_watch__tells_what_comes_and_goes(void **state)
{
	(void)state;
	make("/before");
	watch_from("/");
	assert_told("");
	make("/a");
	assert_true(is_readable());
	assert_told(" +/a");
	assert_int_equal(created_id, id_of("/a"));
	make("/before/b");
	assert_told(" +/before/b");
	drop("/a");
	assert_told(" -/a");
	drop("/before/b");
	drop("/before");
	assert_told(" -/before/b -/before");
}

static void tree_watch__gives_the_id_that_was(void **state)
{
	uint64_t id;

	(void)state;
	watch_from("/");
	make("/a");
	id = id_of("/a");
	assert_told(" +/a");
	drop("/a");
	assert_told(" -/a");
	assert_int_equal(created_id, id);
	assert_int_equal(removed_id, id);
}

/* The watch on a new folder comes after its children: they are found all the same, once. */
static void tree_watch__finds_what_is_nested(void **state)
{
	(void)state;
	watch_from("/");
	make("/a");
	make("/a/b");
	make("/a/b/c");
	assert_told(" +/a +/a/b +/a/b/c");
	make("/a/b/c/d");
	assert_told(" +/a/b/c/d");
	drop("/a/b/c/d");
	drop("/a/b/c");
	drop("/a/b");
	drop("/a");
	assert_told(" -/a/b/c/d -/a/b/c -/a/b -/a");
}

static void tree_watch__watches_below_its_path_only(void **state)
{
	(void)state;
	make("/a");
	make("/a/b");
	make("/other");
	watch_from("/a");
	make("/other/x");
	make("/y");
	assert_told("");
	make("/a/x");
	make("/a/b/x");
	assert_told(" +/a/x +/a/b/x");
}

/* As deep as policies can select, and no deeper. */
static void tree_watch__ends_at_the_depth_limit(void **state)
{
	_cleanup_buf_ struct tw_buf path = TW_BUF_INIT;

	(void)state;
	watch_from("/");
	for (int i = 0; i < TW_MAX_CGROUP_DEPTH + 2; i++) {
		tw_buf_add(&path, "/d", 2);
		make(path.data);
		tw_buf_truncate(&told, 0);
		assert_false(tw_tree_watch_read(watch));
		assert_int_equal(told.len, i < TW_MAX_CGROUP_DEPTH ? path.len + 2 : 0);
	}
}

/* What came and went unseen is no loss. */
static void tree_watch__passes_over_what_is_gone(void **state)
{
	(void)state;
	watch_from("/");
	for (int i = 0; i < 100; i++) {
		make("/brief");
		drop("/brief");
	}
	assert_told("");
}

/* A second one of the same name before the first was heard of. */
static void tree_watch__keeps_namesakes_apart(void **state)
{
	(void)state;
	watch_from("/");
	make("/a");
	assert_told(" +/a");
	make("/keep"); /* so that the file system does not use the inode again */
	drop("/a");
	make("/a");
	tw_buf_truncate(&told, 0);
	assert_false(tw_tree_watch_read(watch));
	assert_string_equal(tw_buf_string(&told), " +/keep -/a +/a");
	assert_int_equal(created_id, id_of("/a"));
	drop("/a");
	make("/a");
	make("/a/b");
	tw_tree_watch_read(watch);
	assert_int_equal(created_id, id_of("/a/b"));
	make("/a/b/c");
	assert_told(" +/a/b/c");
}

/* Files and links are no cgroups. */
static void tree_watch__ignores_other_kinds(void **state)
{
	(void)state;
	watch_from("/");
	close(open(in_tree("/file"), O_CREAT | O_WRONLY | O_CLOEXEC, 0644));
	assert_int_equal(symlink("/", in_tree("/link")), 0);
	assert_told("");
	unlink(in_tree("/file"));
	unlink(in_tree("/link"));
	assert_told("");
}

static void tree_watch__burst(void **state)
{
	char path[32];
	size_t events = 0;

	(void)state;
	watch_from("/");
	for (int i = 0; i < 500; i++) {
		snprintf(path, sizeof(path), "/%d", i);
		make(path);
	}
	assert_false(tw_tree_watch_read(watch));
	for (const char *at = told.data; (at = strstr(at, " +/")); at++)
		events++;
	assert_int_equal(events, 500);
	for (int i = 0; i < 500; i++) {
		snprintf(path, sizeof(path), "/%d", i);
		drop(path);
	}
	tw_buf_truncate(&told, 0);
	assert_false(tw_tree_watch_read(watch));
	events = 0;
	for (const char *at = told.data; (at = strstr(at, " -/")); at++)
		events++;
	assert_int_equal(events, 500);
}

/* More events than the kernel keeps; what follows is lost. */
static void overflow(void)
{
	_cleanup_fclose_ FILE *file = fopen("/proc/sys/fs/inotify/max_queued_events", "re");
	unsigned limit = 0;

	if (!file || fscanf(file, "%u", &limit) != 1 || limit > 1000000)
		skip();
	for (unsigned i = 0; i <= limit / 2; i++) {
		make("/noise");
		drop("/noise");
	}
}

/*
 * A folder that is held open is removed as cgroups are: its parent tells, it
 * does not; and no other one gets its inode.
 */
static int hold(const char *path)
{
	return open(in_tree(path), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

/* Says that it lost something, tells what it finds, and follows that from then on. */
static void tree_watch__recovers_from_an_overflow(void **state)
{
	int before, after;

	(void)state;
	make("/gone");
	make("/again");
	before = hold("/again");
	assert_true(before >= 0);
	watch_from("/");
	overflow();
	make("/new");
	make("/new/below");
	drop("/gone");
	make("/keep");
	drop("/again");
	make("/again");
	tw_buf_truncate(&told, 0);
	assert_true(tw_tree_watch_read(watch));
	assert_non_null(strstr(tw_buf_string(&told), " +/new +/new/below"));
	assert_non_null(strstr(tw_buf_string(&told), " -/gone"));
	assert_non_null(strstr(tw_buf_string(&told), " -/again +/again"));
	assert_null(strstr(tw_buf_string(&told), "-/keep"));
	assert_null(strstr(tw_buf_string(&told), "noise"));
	assert_told("");
	make("/new/below/deep");
	make("/again/below");
	assert_told(" +/new/below/deep +/again/below");
	drop("/new/below/deep");
	drop("/again/below");
	after = hold("/again");
	assert_true(after >= 0);
	drop("/again");
	assert_told(" -/new/below/deep -/again/below -/again");
	close(before);
	close(after);
}

static void tree_watch__needs_the_path(void **state)
{
	(void)state;
	assert_int_equal(tw_tree_watch_open(&tree, "/nowhere", note, &told, &watch), -ENOENT);
	assert_null(watch);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(tree_watch__tells_what_comes_and_goes),
		TEST(tree_watch__gives_the_id_that_was),
		TEST(tree_watch__finds_what_is_nested),
		TEST(tree_watch__watches_below_its_path_only),
		TEST(tree_watch__ends_at_the_depth_limit),
		TEST(tree_watch__passes_over_what_is_gone),
		TEST(tree_watch__keeps_namesakes_apart),
		TEST(tree_watch__ignores_other_kinds),
		TEST(tree_watch__burst),
		TEST(tree_watch__recovers_from_an_overflow),
		TEST(tree_watch__needs_the_path),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
