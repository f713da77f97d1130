// SPDX-License-Identifier: GPL-2.0-only
#include "unit.h"

#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "kernel/netns.h"

static ino_t own_netns(void)
{
	struct stat st;

	assert_int_equal(stat("/proc/self/ns/net", &st), 0);
	return st.st_ino;
}

static void netns__finds_ours_first_and_each_once(void **state)
{
	_cleanup_netns_list_ struct tw_netns_list list = TW_NETNS_LIST_INIT;

	(void)state;
	assert_int_equal(tw_netns_find(&list), 0);
	assert_in_range(list.count, 1, 1000000);
	assert_int_equal(list.list[0].inode, own_netns());
	for (size_t i = 0; i < list.count; i++)
		for (size_t k = 0; k < i; k++)
			assert_int_not_equal(list.list[i].inode, list.list[k].inode);
}

/* What a cgroup.procs holds: pids, of which some are gone. */
static void netns__finds_those_of_processes(void **state)
{
	_cleanup_netns_list_ struct tw_netns_list list = TW_NETNS_LIST_INIT;
	char text[64];
	int ends[2];

	(void)state;
	snprintf(text, sizeof(text), "%d\n0\n2147483647\n%d\n", getpid(), getpid());
	assert_int_equal(pipe(ends), 0);
	assert_int_equal(write(ends[1], text, strlen(text)), (ssize_t)strlen(text));
	close(ends[1]);
	assert_int_equal(tw_netns_find_in(ends[0], &list), 0);
	assert_int_equal(list.count, 1);
	assert_int_equal(list.list[0].inode, own_netns());
}

/* Ours takes no privilege to enter, and there is no way back to go. */
static void netns__enters_ours(void **state)
{
	_cleanup_netns_list_ struct tw_netns_list list = TW_NETNS_LIST_INIT;
	int back = 0;

	(void)state;
	assert_int_equal(tw_netns_find(&list), 0);
	assert_int_equal(tw_netns_enter(&list.list[0], &back), 0);
	assert_int_equal(back, -1);
	tw_netns_leave(back);
}

static void netns__tells_whether_there_are_sockets(void **state)
{
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	(void)state;
	assert_in_range(fd, 0, 1000000);
	assert_int_equal(listen(fd, 1), 0);
	assert_true(tw_netns_has_tcp());
	close(fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(netns__finds_ours_first_and_each_once),
		cmocka_unit_test(netns__finds_those_of_processes),
		cmocka_unit_test(netns__enters_ours),
		cmocka_unit_test(netns__tells_whether_there_are_sockets),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
