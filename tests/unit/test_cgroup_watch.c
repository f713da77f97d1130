// SPDX-License-Identifier: GPL-2.0-only
/* Where the tracepoints are not allowed: without privileges, which these tests give up. */
#include "unit.h"

#include <event2/event.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "node/cgroup_watch.h"

static struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
static struct __user_cap_data_struct had[2];
static struct event_base *base;
static struct tw_cgroup_tree tree;
static struct tw_buf told;
static char mount_point[] = "/tmp/tw-unit-XXXXXX";

static void note(enum tw_cgroup_event_kind kind, const char *path, __u64 id, __u64 at_ns,
		 void *data)
{
	assert_int_equal(at_ns, 0);
	assert_true(id > 0);
	assert_ptr_equal(data, &told);
	tw_buf_addf(&told, " %c%s", kind == TW_CGROUP_CREATED ? '+' : '-', path);
	event_base_loopbreak(base);
}

static void note_lost(void *data)
{
	(void)data;
	fail_msg("nothing was lost");
}

static const struct tw_cgroup_watch_calls calls = { note, note_lost, &told };

static int setup(void **state)
{
	struct __user_cap_data_struct none[2];

	(void)state;
	base = event_base_new();
	tree.mount = mkdtemp(mount_point);
	tree.fd = tree.mount ? open(tree.mount, O_PATH | O_DIRECTORY | O_CLOEXEC) : -1;
	if (!base || tree.fd < 0 || syscall(SYS_capget, &header, had) < 0)
		return -1;
	memcpy(none, had, sizeof(none));
	none[0].effective = none[1].effective = 0;
	return (int)syscall(SYS_capset, &header, none);
}

static int teardown(void **state)
{
	(void)state;
	event_base_free(base);
	close(tree.fd);
	tw_buf_free(&told);
	return syscall(SYS_capset, &header, had) < 0 ? -1 : rmdir(mount_point);
}

static const char *next(void)
{
	const struct timeval deadline = { .tv_sec = 5 };

	tw_buf_truncate(&told, 0);
	event_base_loopexit(base, &deadline);
	event_base_dispatch(base);
	return tw_buf_string(&told);
}

static void cgroup_watch__falls_back_on_inotify(void **state)
{
	_cleanup_free_ char *path = NULL;
	struct tw_fault fault = TW_FAULT_INIT;
	struct tw_cgroup_watch *watch;

	(void)state;
	assert_true(asprintf(&path, "%s/a", mount_point) > 0);
	assert_int_equal(tw_cgroup_watch_start(base, &tree, "/", &calls, &watch, &fault), 0);
	assert_int_equal(mkdir(path, 0755), 0);
	assert_string_equal(next(), " +/a");
	assert_int_equal(rmdir(path), 0);
	assert_string_equal(next(), " -/a");
	tw_cgroup_watch_stop(watch);
}

static void cgroup_watch__needs_the_cgroup(void **state)
{
	struct tw_fault fault = TW_FAULT_INIT;
	struct tw_cgroup_watch *watch = NULL;

	(void)state;
	assert_int_equal(tw_cgroup_watch_start(base, &tree, "/nowhere", &calls, &watch, &fault),
			 -ENOENT);
	assert_null(watch);
	assert_string_equal(fault.text,
			    "cannot follow the cgroup /nowhere: No such file or directory");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(cgroup_watch__falls_back_on_inotify),
		cmocka_unit_test(cgroup_watch__needs_the_cgroup),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
