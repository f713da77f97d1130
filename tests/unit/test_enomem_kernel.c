// SPDX-License-Identifier: GPL-2.0-only
/* Memory that runs out in kernel/ and node/, as far as that goes without a program: see enomem.h. */
#include "enomem.h"
#include "policies.h"

#include "current.h"

#include <event2/event.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "kernel/cgroup_names.h"
#include "kernel/cgroup_sets.h"
#include "kernel/live.h"
#include "kernel/netns.h"
#include "kernel/process.h"
#include "kernel/sockets_of.h"
#include "node/file_watch.h"
#include "node/tree_watch.h"

/* Where an allocation fails, this is what was there before. */
static char untouched[] = "untouched";

/* A tree of two cgroups, as far as these functions can tell. */
static char folder[] = "/tmp/tw-unit-XXXXXX";
static struct tw_cgroup_tree tree;

static char *in_folder(const char *name)
{
	static char path[64];

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	return path;
}

static int setup(void **state)
{
	(void)state;
	if (!mkdtemp(folder))
		return -1;
	tree = (struct tw_cgroup_tree){ open(folder, O_PATH | O_CLOEXEC), folder };
	return mkdir(in_folder("a"), 0700) || mkdir(in_folder("a/b"), 0700);
}

static int teardown(void **state)
{
	(void)state;
	close(tree.fd);
	return rmdir(in_folder("a/b")) || rmdir(in_folder("a")) || rmdir(folder);
}

/* --- cgroups --------------------------------------------------------------------------- */

static int open_the_tree(void *data)
{
	struct tw_cgroup_tree opened = { .fd = -2, .mount = untouched };
	struct tw_fault fault = TW_FAULT_INIT;
	int error = tw_cgroup_tree_open(&opened, &fault);

	(void)data;
	if (error) {
		assert_int_equal(opened.fd, -2);
		assert_ptr_equal(opened.mount, untouched);
		assert_non_null(strstr(fault.text, "cannot find the cgroup2 tree"));
		return error;
	}
	tw_cgroup_tree_close(&opened);
	return 0;
}

static void cgroup__survives_enomem(void **state)
{
	_cleanup_cgroup_tree_ struct tw_cgroup_tree opened = TW_CGROUP_TREE_INIT;
	struct tw_fault fault = TW_FAULT_INIT;

	(void)state;
	if (tw_cgroup_tree_open(&opened, &fault))
		skip();
	assert_in_range(enomem_each(open_the_tree, NULL, 0, -ENOMEM), 2, 10000);
}

static int read_names(void *data)
{
	struct tw_cgroup_names names = { .count = 4242 };
	int error = tw_cgroup_names_read(&tree, &names);

	(void)data;
	if (error) {
		assert_int_equal(names.count, 4242);
		return error;
	}
	assert_int_equal(names.count, 3);
	tw_cgroup_names_free(&names);
	return 0;
}

static void cgroup_names__survives_enomem(void **state)
{
	(void)state;
	assert_in_range(enomem_each(read_names, NULL, 0, -ENOMEM), 5, 20);
}

static struct tw_pod no_pod(const char *path, void *data)
{
	(void)path;
	(void)data;
	return (struct tw_pod){ .state = TW_POD_NONE };
}

static int make_sets(void *data)
{
	struct tw_cgroup_scope scope = {
		.model = data, .tree = &tree, .attach_path = "/", .pod_of = no_pod
	};
	struct tw_cgroup_elements elements = { .map = -2 };
	int error = tw_cgroup_sets_make(&scope, &elements.map);

	if (error) {
		assert_int_equal(elements.map, -2);
		return error;
	}
	elements.current = unit_current();
	error = tw_cgroup_sets_put(&elements, &scope, "/a/c", 1);
	if (error >= 0)
		error = tw_cgroup_sets_sync(&elements, &scope);
	assert_int_equal(unit_changes(elements.current) % 2, 0);
	close(elements.current);
	close(elements.map);
	return error;
}

static void cgroup_sets__survives_enomem(void **state)
{
	_cleanup_model_ struct tw_model model =
		policies_valid("  - {name: a, match: {cgroup: /a}}\n");
	int r = make_sets(&model);

	(void)state;
	if (r == -EPERM)
		skip();
	assert_in_range(enomem_each(make_sets, &model, 0, -ENOMEM), 9, 30);
}

/* A cgroup of the machine's tree. */
struct place {
	struct tw_cgroup_tree tree;
	uint64_t id;
};

static int find_the_path(void *data)
{
	const struct place *place = data;
	char *path = untouched;
	int error = tw_cgroup_path_of(&place->tree, place->id, &path);

	if (error) {
		assert_ptr_equal(path, untouched);
		return error;
	}
	assert_string_equal(path, "/");
	free(path);
	return 0;
}

static void cgroup_path__survives_enomem(void **state)
{
	struct place place = { .tree = TW_CGROUP_TREE_INIT };
	struct tw_fault fault = TW_FAULT_INIT;
	int fd;

	(void)state;
	if (tw_cgroup_tree_open(&place.tree, &fault))
		skip();
	assert_int_equal(tw_cgroup_open(&place.tree, "/", &fd), 0);
	assert_int_equal(tw_cgroup_id(fd, &place.id), 0);
	close(fd);
	assert_in_range(enomem_each(find_the_path, &place, 0, -ENOMEM), 1, 20);
	place.id = 0;
	assert_int_equal(enomem_each(find_the_path, &place, 0, -ENOMEM), 1);
	tw_cgroup_tree_close(&place.tree);
}

/* --- sockets, processes, namespaces ------------------------------------------------------ */

static int list_sockets(void *data)
{
	struct tw_live live = { .count = 4242 };
	struct tw_fault fault = TW_FAULT_INIT;
	int error = tw_live_of_process(getpid(), &live, &fault);

	if (error) {
		assert_int_equal(live.count, 4242);
		assert_string_not_equal(fault.text, "");
		return error;
	}
	assert_true(live.count >= *(unsigned *)data);
	tw_live_free(&live);
	return 0;
}

static int list_inodes(void *data)
{
	struct tw_sockets_of sockets = { .count = 4242 };
	int error = tw_sockets_of_read((unsigned)getpid(), &sockets);

	if (error) {
		assert_int_equal(sockets.count, 4242);
		return error;
	}
	assert_true(sockets.count >= *(unsigned *)data);
	tw_sockets_of_free(&sockets);
	return 0;
}

static void sockets__survive_enomem(void **state)
{
	int fds[3];
	unsigned count = ARRAY_SIZE(fds);

	(void)state;
	for (unsigned i = 0; i < count; i++) {
		fds[i] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
		assert_int_equal(listen(fds[i], 1), 0);
	}
	assert_in_range(enomem_each(list_sockets, &count, 0, -ENOMEM), 4, 1000);
	assert_in_range(enomem_each(list_inodes, &count, 0, -ENOMEM), 2, 1000);
	for (unsigned i = 0; i < count; i++)
		close(fds[i]);
}

static int find_the_cgroup(void *data)
{
	struct tw_fault fault = TW_FAULT_INIT;
	char *path = untouched;
	int error = tw_process_cgroup(getpid(), &path, &fault);

	(void)data;
	if (error) {
		assert_ptr_equal(path, untouched);
		assert_string_not_equal(fault.text, "");
		return error;
	}
	free(path);
	return 0;
}

static void process__survives_enomem(void **state)
{
	(void)state;
	if (find_the_cgroup(NULL))
		skip();
	assert_in_range(enomem_each(find_the_cgroup, NULL, 0, -ENOMEM), 2, 10);
}

static int find_namespaces(void *data)
{
	_cleanup_netns_list_ struct tw_netns_list list = TW_NETNS_LIST_INIT;

	(void)data;
	return tw_netns_find(&list);
}

static int find_namespaces_of(void *data)
{
	_cleanup_netns_list_ struct tw_netns_list list = TW_NETNS_LIST_INIT;
	int ends[2];

	(void)data;
	assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
	assert_true(dprintf(ends[1], "%d\n", getpid()) > 0);
	close(ends[1]);
	return tw_netns_find_in(ends[0], &list);
}

static void netns__survives_enomem(void **state)
{
	(void)state;
	assert_in_range(enomem_each(find_namespaces, NULL, 0, -ENOMEM), 2, 1000);
	assert_in_range(enomem_each(find_namespaces_of, NULL, 0, -ENOMEM), 2, 10);
}

/* --- watches ------------------------------------------------------------------------------- */

static void ignore_event(enum tw_cgroup_event_kind kind, const char *path, __u64 id, __u64 at_ns,
			 void *data)
{
	(void)at_ns;
	(void)kind;
	(void)path;
	(void)id;
	(void)data;
}

static int watch_the_tree(void *data)
{
	struct tw_tree_watch *watch = data;
	int error = tw_tree_watch_open(&tree, "/", ignore_event, NULL, &watch);

	if (error) {
		assert_ptr_equal(watch, data);
		return error;
	}
	tw_tree_watch_close(watch);
	return 0;
}

static void tree_watch__survives_enomem(void **state)
{
	(void)state;
	assert_in_range(enomem_each(watch_the_tree, untouched, 0, -ENOMEM), 15, 40);
}

static void ignore_change(void *data)
{
	(void)data;
}

static int watch_a_file(void *data)
{
	struct tw_file_watch *watch = NULL;
	struct tw_fault fault = TW_FAULT_INIT;
	int error = tw_file_watch_start(data, in_folder("link/policy.yaml"), ignore_change, NULL,
					&watch, &fault);

	if (error) {
		assert_null(watch);
		assert_non_null(strstr(fault.text, "cannot follow"));
		return error;
	}
	tw_file_watch_stop(watch);
	return 0;
}

static void file_watch__survives_enomem(void **state)
{
	struct event_base *base = event_base_new();

	(void)state;
	assert_non_null(base);
	assert_int_equal(symlink("a/b", in_folder("link")), 0);
	assert_in_range(enomem_each(watch_a_file, base, 0, -ENOMEM), 15, 60);
	assert_int_equal(unlink(in_folder("link")), 0);
	event_base_free(base);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(cgroup__survives_enomem),
		cmocka_unit_test(cgroup_names__survives_enomem),
		cmocka_unit_test(cgroup_sets__survives_enomem),
		cmocka_unit_test(cgroup_path__survives_enomem),
		cmocka_unit_test(sockets__survive_enomem),
		cmocka_unit_test(process__survives_enomem),
		cmocka_unit_test(netns__survives_enomem),
		cmocka_unit_test(tree_watch__survives_enomem),
		cmocka_unit_test(file_watch__survives_enomem),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
