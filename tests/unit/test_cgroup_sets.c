// SPDX-License-Identifier: GPL-2.0-only
#include "policies.h"
#include "unit.h"

#include "current.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <tcpwarden/abi.h>

#include "kernel/cgroup_sets.h"
#include "lib/cleanup.h"

#define TOO_MANY (TW_MAX_CGROUPS + 10) /* with the folder above them */

static char folder[] = "/dev/shm/tw-unit-XXXXXX";

static void each_folder(int (*call)(const char *path))
{
	char path[64];

	for (int i = 1; i < TOO_MANY; i++) {
		snprintf(path, sizeof(path), "%s/%d", folder, i);
		assert_int_equal(call(path), 0);
	}
}

static int make_folder(const char *path)
{
	return mkdir(path, 0700);
}

static struct tw_pod no_pod(const char *path, void *data)
{
	(void)path;
	(void)data;
	return (struct tw_pod){ .state = TW_POD_NONE };
}

/*
 * As many as there is room for; the others are said, and leave the rest as it is.
 * False: root may not make maps here, and nothing was checked.
 */
static bool check_full(const struct tw_cgroup_scope *scope)
{
	_cleanup_close_ int map = -1, current = unit_current();
	struct tw_cgroup_elements elements;
	uint32_t count = 0;
	int error = tw_cgroup_sets_make(scope, &map);

	if (error == -EPERM)
		return false;
	assert_int_equal(error, 0);
	elements = (struct tw_cgroup_elements){ map, current };
	assert_int_equal(tw_cgroup_sets_count(map, &count), 0);
	assert_int_equal(count, TW_MAX_CGROUPS);
	assert_int_equal(tw_cgroup_sets_put(&elements, scope, "/late", UINT64_MAX), -E2BIG);
	assert_int_equal(unit_changes(current), 2); /* it may have changed something */
	assert_int_equal(tw_cgroup_sets_sync(&elements, scope), 0);
	assert_int_equal(unit_changes(current), 4);
	assert_int_equal(tw_cgroup_sets_count(map, &count), 0);
	assert_int_equal(count, TW_MAX_CGROUPS);
	return true;
}

/* False as check_full(); skip() itself would jump over what gives memory back. */
static bool fill(void)
{
	_cleanup_model_ struct tw_model model = policies_valid("  - {name: a}\n");
	struct tw_cgroup_tree tree = { .mount = folder };
	struct tw_cgroup_scope scope = {
		.model = &model, .tree = &tree, .attach_path = "/", .pod_of = no_pod
	};
	bool checked;

	assert_non_null(mkdtemp(folder));
	tree.fd = open(folder, O_PATH | O_CLOEXEC);
	each_folder(make_folder);
	checked = check_full(&scope);
	each_folder(rmdir);
	close(tree.fd);
	assert_int_equal(rmdir(folder), 0);
	return checked;
}

static void cgroup_sets__more_than_there_is_room_for(void **state)
{
	(void)state;
	if (geteuid() != 0 || !fill())
		skip();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(cgroup_sets__more_than_there_is_room_for),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
