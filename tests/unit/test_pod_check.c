// SPDX-License-Identifier: GPL-2.0-only
/* Any folder can stand in for the cgroup tree. */
#include "policies.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "folder.h"
#include "node/pod_check.h"

#define BY_POD "  - {name: a, match: {pod: db-*}}\n"

static char top[] = UNIT_FOLDER;
static char root[64], mount_point[64];
static struct tw_cgroup_tree tree;
static struct tw_check check;

static void make(const char *path)
{
	char full[256];

	snprintf(full, sizeof(full), "%s%s", top, path);
	assert_int_equal(mkdir(full, 0755), 0);
}

static int setup(void **state)
{
	(void)state;
	if (unit_folder_make(top))
		return -1;
	snprintf(root, sizeof(root), "%s/pods", top);
	snprintf(mount_point, sizeof(mount_point), "%s/tree", top);
	make("/tree");
	make("/tree/kubepods");
	tree = (struct tw_cgroup_tree){ .mount = mount_point };
	tree.fd = open(mount_point, O_PATH | O_DIRECTORY | O_CLOEXEC);
	return tree.fd < 0 ? -1 : 0;
}

static int teardown(void **state)
{
	(void)state;
	close(tree.fd);
	return unit_folder_remove(top);
}

/* What is said to a policy that selects by pod; to others it is always fine. */
static void assert_check(enum tw_check_status status, const char *part)
{
	_cleanup_model_ struct tw_model by_pod = policies_valid(BY_POD);
	_cleanup_model_ struct tw_model others = policies_valid("  - {name: a}\n");
	struct tw_pods *pods;

	assert_int_equal(tw_pods_open(root, &pods), 0);
	tw_pod_check(pods, &tree, &others, &check);
	assert_string_equal(check.name, "pods");
	assert_int_equal(check.status, TW_CHECK_OK);
	assert_string_equal(check.remedy, "");
	tw_pod_check(pods, &tree, &by_pod, &check);
	assert_int_equal(check.status, status);
	assert_non_null(strstr(check.detail, part));
	assert_int_equal(check.remedy[0] == '\0', status == TW_CHECK_OK);
	tw_pods_close(pods);
}

static void pod_check__no_pods(void **state)
{
	(void)state;
	assert_check(TW_CHECK_DEGRADED, "is not there");
	make("/pods");
	assert_check(TW_CHECK_DEGRADED, "has none");
	assert_int_equal(rmdir(root), 0);
	assert_int_equal(symlink(root, root), 0);
	assert_check(TW_CHECK_DEGRADED, "Too many levels of symbolic links");
}

static void pod_check__pods_without_cgroups(void **state)
{
	(void)state;
	make("/pods");
	make("/pods/shop_db-0_a");
	assert_check(TW_CHECK_DEGRADED, "1 pods below");
	assert_non_null(strstr(check.detail, "cgroup v1?"));
}

static void pod_check__counts_pods(void **state)
{
	(void)state;
	make("/pods");
	make("/pods/shop_db-0_a");
	make("/tree/kubepods/poda");
	make("/tree/kubepods/poda/0123");
	assert_check(TW_CHECK_OK, "1 pods in the cgroup2 tree, of which 1 are known");
	make("/tree/kubepods/podb");
	assert_check(TW_CHECK_DEGRADED, "2 pods in the cgroup2 tree, of which 1 are known");
}

static void pod_check__no_tree(void **state)
{
	_cleanup_model_ struct tw_model model = policies_valid(BY_POD);
	struct tw_pods *pods;

	(void)state;
	assert_int_equal(tw_pods_open(root, &pods), 0);
	tw_pod_check(pods, NULL, &model, &check);
	assert_int_equal(check.status, TW_CHECK_DEGRADED);
	tw_pods_close(pods);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(pod_check__no_pods, setup, teardown),
		cmocka_unit_test_setup_teardown(pod_check__pods_without_cgroups, setup, teardown),
		cmocka_unit_test_setup_teardown(pod_check__counts_pods, setup, teardown),
		cmocka_unit_test_setup_teardown(pod_check__no_tree, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
