// SPDX-License-Identifier: GPL-2.0-only
/* The pods of a node, by a folder as the kubelet leaves it. */
#include "unit.h"

#include <event2/event.h>
#include <fcntl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "folder.h"
#include "node/pod_watch.h"
#include "node/pods.h"

#define A "/kubepods/burstable/poda"
#define B "/kubepods/burstable/podb"

static char top[] = UNIT_FOLDER;
static char root[64];
static struct tw_pods *pods;
static struct event_base *base;
static unsigned changes;

static const char *in(const char *folder, const char *name)
{
	static char path[512];

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	return path;
}

static void make(const char *name)
{
	assert_int_equal(mkdir(in(root, name), 0755), 0);
}

static int setup(void **state)
{
	(void)state;
	if (unit_folder_make(top))
		return -1;
	snprintf(root, sizeof(root), "%s/log/pods", top);
	base = event_base_new();
	changes = 0;
	return base ? tw_pods_open(root, &pods) : -1;
}

static int teardown(void **state)
{
	(void)state;
	tw_pods_close(pods);
	event_base_free(base);
	return unit_folder_remove(top);
}

static void make_root(void)
{
	assert_int_equal(mkdir(in(top, "log"), 0755), 0);
	assert_int_equal(mkdir(root, 0755), 0);
}

static void assert_pod(const char *cgroup, const char *expected)
{
	char buf[TW_POD_TEXT_LEN];
	const char *name = tw_pods_name(pods, cgroup, buf);

	assert_string_equal(name ?: "(none)", expected ?: "(none)");
}

static void pods__are_found_by_their_uid(void **state)
{
	(void)state;
	make_root();
	make("shop_db-0_a");
	make("kube-system_dns_b");
	assert_int_equal(tw_pods_read(pods), 0);
	assert_pod(A, "shop/db-0");
	assert_pod(A "/container", "shop/db-0");
	assert_pod(B, "kube-system/dns");
	assert_pod("/kubepods/burstable/podc", NULL);
	assert_pod("/system.slice", NULL);
	assert_int_equal(tw_pods_of(pods, "/kubepods/burstable/podc").state, TW_POD_UNKNOWN);
	assert_int_equal(tw_pods_of(pods, "/system.slice").state, TW_POD_NONE);
	assert_int_equal(tw_pods_counts(pods).known, 2);
}

static void pods__the_root_may_come_and_go(void **state)
{
	(void)state;
	assert_int_equal(tw_pods_counts(pods).error, -ENOENT);
	assert_int_equal(tw_pods_read(pods), -ENOENT);
	make_root();
	make("shop_db-0_a");
	assert_int_equal(tw_pods_read(pods), 0);
	assert_pod(A, "shop/db-0");
	assert_int_equal(unit_folder_remove(root), 0);
	assert_int_equal(tw_pods_read(pods), -ENOENT);
	assert_pod(A, NULL);
	assert_int_equal(close(open(root, O_CREAT | O_WRONLY | O_CLOEXEC, 0644)), 0);
	assert_int_equal(tw_pods_read(pods), -ENOTDIR);
}

static void pods__what_was_asked_in_vain_is_told_once(void **state)
{
	_cleanup_free_ char *known = NULL;

	(void)state;
	make_root();
	assert_int_equal(tw_pods_read(pods), 0);
	tw_pods_of(pods, A "/container");
	tw_pods_of(pods, A);
	tw_pods_of(pods, B);
	assert_int_equal(tw_pods_counts(pods).waiting, 2);
	assert_null(tw_pods_next_known(pods));
	make("shop_db-0_a");
	assert_int_equal(tw_pods_read(pods), 0);
	known = tw_pods_next_known(pods);
	assert_string_equal(known, A);
	assert_null(tw_pods_next_known(pods));
	tw_pods_gone(pods, B);
	assert_int_equal(tw_pods_counts(pods).waiting, 0);
}

/* The same pod made anew has another UID, and is another one. */
static void pods__of_the_same_name(void **state)
{
	(void)state;
	make_root();
	make("shop_db-0_a");
	make("shop_db-0_b");
	assert_int_equal(tw_pods_read(pods), 0);
	assert_pod(A, "shop/db-0");
	assert_pod(B, "shop/db-0");
	assert_int_equal(rmdir(in(root, "shop_db-0_a")), 0);
	assert_int_equal(tw_pods_read(pods), 0);
	assert_pod(A, NULL);
	assert_pod(B, "shop/db-0");
}

/* Who of them is right is not ours to say. */
static void pods__two_names_for_one_uid(void **state)
{
	(void)state;
	make_root();
	make("shop_db-0_a");
	make("shop_web-0_a");
	make("shop_web-0_b");
	assert_int_equal(tw_pods_read(pods), 0);
	assert_int_equal(tw_pods_of(pods, A).state, TW_POD_UNKNOWN);
	assert_pod(B, "shop/web-0");
	assert_int_equal(rmdir(in(root, "shop_web-0_a")), 0);
	assert_int_equal(tw_pods_read(pods), 0);
	assert_pod(A, "shop/db-0");
}

static void pods__hostile_names(void **state)
{
	static const char *const names[] = { "a_b_c_d",	 "A_b_a",   "a_b",    "\x1b[2J_b_a",
					     "a_b_\xff", "x_y_a z", "..._x_a" };

	(void)state;
	make_root();
	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		make(names[i]);
	assert_int_equal(close(open(in(root, "shop_file_a"), O_CREAT | O_WRONLY | O_CLOEXEC, 0644)),
			 0);
	assert_int_equal(symlink("/", in(root, "shop_link_a")), 0);
	assert_int_equal(tw_pods_read(pods), 0);
	assert_int_equal(tw_pods_counts(pods).known, 0);
	assert_int_equal(tw_pods_of(pods, A).state, TW_POD_UNKNOWN);
}

static void pods__up_to_the_limit(void **state)
{
	char name[64];

	(void)state;
	make_root();
	for (unsigned i = 0; i < TW_MAX_PODS; i++) {
		snprintf(name, sizeof(name), "n_p_%u", i);
		make(name);
	}
	assert_int_equal(tw_pods_read(pods), 0);
	assert_false(tw_pods_counts(pods).full);
	assert_pod("/kubepods/pod4095", "n/p");
	make("n_p_4096");
	assert_int_equal(tw_pods_read(pods), 0);
	assert_true(tw_pods_counts(pods).full);
	assert_int_equal(tw_pods_counts(pods).known, TW_MAX_PODS);
}

static void pods__more_waiting_than_the_limit(void **state)
{
	char cgroup[64];

	(void)state;
	for (unsigned i = 0; i < TW_MAX_PODS; i++) {
		snprintf(cgroup, sizeof(cgroup), "/kubepods/pod%u", i);
		tw_pods_of(pods, cgroup);
	}
	assert_false(tw_pods_forgot(pods));
	tw_pods_of(pods, A);
	assert_int_equal(tw_pods_counts(pods).waiting, TW_MAX_PODS);
	assert_true(tw_pods_forgot(pods));
	assert_false(tw_pods_forgot(pods));
	tw_pods_ask_again(pods);
	assert_int_equal(tw_pods_counts(pods).waiting, 0);
}

/* What cannot be read is no news: what was known stays. */
static void pods__a_root_that_cannot_be_read(void **state)
{
	char moved[64];

	(void)state;
	make_root();
	make("shop_db-0_a");
	assert_int_equal(tw_pods_read(pods), 0);
	snprintf(moved, sizeof(moved), "%s/moved", top);
	assert_int_equal(rename(root, moved), 0);
	assert_int_equal(symlink(root, root), 0);
	assert_int_equal(tw_pods_read(pods), -ELOOP);
	assert_int_equal(tw_pods_counts(pods).error, -ELOOP);
	assert_pod(A, "shop/db-0");
	assert_int_equal(unlink(root), 0);
	assert_int_equal(rename(moved, root), 0);
	assert_int_equal(tw_pods_read(pods), 0);
	assert_int_equal(tw_pods_counts(pods).error, 0);
}

/* --- following ------------------------------------------------------------------------ */

static void on_changed(void *data)
{
	assert_ptr_equal(data, &changes);
	changes++;
	tw_pods_read(pods);
	event_base_loopbreak(base);
}

static void next(void)
{
	const struct timeval deadline = { .tv_sec = 5 };
	unsigned before = changes;

	event_base_loopexit(base, &deadline);
	event_base_dispatch(base);
	assert_true(changes > before);
}

/* Changes may be told more than once; this one is told in the end. */
static void wait_pod(const char *cgroup, const char *expected)
{
	char buf[TW_POD_TEXT_LEN];

	for (;;) {
		const char *name = tw_pods_name(pods, cgroup, buf);

		if (name && expected ? !strcmp(name, expected) : name == expected)
			return;
		next();
	}
}

static struct tw_pod_watch *watch(void)
{
	struct tw_fault fault = TW_FAULT_INIT;
	struct tw_pod_watch *watching;

	assert_int_equal(tw_pod_watch_start(base, root, on_changed, &changes, &watching, &fault),
			 0);
	return watching;
}

static void pods__are_followed(void **state)
{
	struct tw_pod_watch *watching;

	(void)state;
	make_root();
	watching = watch();
	make("shop_db-0_a");
	wait_pod(A, "shop/db-0");
	for (unsigned i = 0; i < 250; i++) {
		char name[64];

		snprintf(name, sizeof(name), "n_p-%u_x%u", i, i);
		make(name);
	}
	wait_pod("/kubepods/podx249", "n/p-249");
	assert_int_equal(rmdir(in(root, "shop_db-0_a")), 0);
	wait_pod(A, NULL);
	tw_pod_watch_stop(watching);
}

static void pods__the_root_is_waited_for(void **state)
{
	struct tw_pod_watch *watching = watch();
	char elsewhere[64];

	(void)state;
	/* What is made beside the way is no news. */
	assert_int_equal(mkdir(in(top, "other"), 0755), 0);
	event_base_loop(base, EVLOOP_NONBLOCK);
	assert_int_equal(changes, 0);
	make_root();
	make("shop_db-0_a");
	wait_pod(A, "shop/db-0");
	/* It goes, and another one comes. */
	assert_int_equal(unit_folder_remove(root), 0);
	wait_pod(A, NULL);
	assert_int_equal(mkdir(root, 0755), 0);
	make("shop_db-1_a");
	wait_pod(A, "shop/db-1");
	/* It is moved away with all that is above it. */
	snprintf(elsewhere, sizeof(elsewhere), "%s/moved", top);
	assert_int_equal(rename(in(top, "log"), elsewhere), 0);
	wait_pod(A, NULL);
	make_root();
	make("shop_db-2_a");
	wait_pod(A, "shop/db-2");
	tw_pod_watch_stop(watching);
}

static void pods__cannot_be_followed(void **state)
{
	struct rlimit before, none = { 0 };
	struct tw_fault fault = TW_FAULT_INIT;
	struct tw_pod_watch *watching = NULL;
	_cleanup_free_ char *expected = NULL;

	(void)state;
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
	none.rlim_max = before.rlim_max;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
	assert_int_equal(tw_pod_watch_start(base, root, on_changed, &changes, &watching, &fault),
			 -EMFILE);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
	assert_null(watching);
	assert_true(asprintf(&expected, "cannot follow %s by inotify: Too many open files", root) >
		    0);
	assert_string_equal(fault.text, expected);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(pods__are_found_by_their_uid, setup, teardown),
		cmocka_unit_test_setup_teardown(pods__the_root_may_come_and_go, setup, teardown),
		cmocka_unit_test_setup_teardown(pods__what_was_asked_in_vain_is_told_once, setup,
						teardown),
		cmocka_unit_test_setup_teardown(pods__of_the_same_name, setup, teardown),
		cmocka_unit_test_setup_teardown(pods__two_names_for_one_uid, setup, teardown),
		cmocka_unit_test_setup_teardown(pods__hostile_names, setup, teardown),
		cmocka_unit_test_setup_teardown(pods__up_to_the_limit, setup, teardown),
		cmocka_unit_test_setup_teardown(pods__more_waiting_than_the_limit, setup, teardown),
		cmocka_unit_test_setup_teardown(pods__a_root_that_cannot_be_read, setup, teardown),
		cmocka_unit_test_setup_teardown(pods__cannot_be_followed, setup, teardown),
		cmocka_unit_test_setup_teardown(pods__are_followed, setup, teardown),
		cmocka_unit_test_setup_teardown(pods__the_root_is_waited_for, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
