// SPDX-License-Identifier: GPL-2.0-only
#include "unit.h"

#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "folder.h"
#include "lib/cleanup.h"
#include "lib/notify.h"

static int listen_at(const char *path, size_t len)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	assert_true(fd >= 0);
	memcpy(address.sun_path, path, len);
	assert_int_equal(bind(fd, (const struct sockaddr *)&address,
			      (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len)),
			 0);
	return fd;
}

static void assert_hears(int fd, const char *state)
{
	char buf[64];
	ssize_t len = recv(fd, buf, sizeof(buf), 0);

	assert_int_equal(len, strlen(state));
	assert_memory_equal(buf, state, strlen(state));
}

static int notify_to(const char *name)
{
	assert_int_equal(setenv("NOTIFY_SOCKET", name, 1), 0);
	return tw_notify("READY=1");
}

static int without_manager(void **state)
{
	(void)state;
	return unsetenv("NOTIFY_SOCKET");
}

static void notify__a_path(void **state)
{
	char folder[sizeof(UNIT_FOLDER)], path[96];
	_cleanup_close_ int fd = -1;

	(void)state;
	assert_int_equal(unit_folder_make(folder), 0);
	snprintf(path, sizeof(path), "%s/notify", folder);
	fd = listen_at(path, strlen(path));
	assert_int_equal(notify_to(path), 0);
	assert_hears(fd, "READY=1");
	assert_int_equal(unit_folder_remove(folder), 0);
}

static void notify__an_abstract_name(void **state)
{
	_cleanup_close_ int fd = -1;
	char name[64];

	(void)state;
	snprintf(name, sizeof(name), "@tw-unit-notify-%d", getpid());
	name[0] = '\0';
	fd = listen_at(name, 1 + strlen(name + 1));
	name[0] = '@';
	assert_int_equal(notify_to(name), 0);
	assert_hears(fd, "READY=1");
}

static void notify__no_manager(void **state)
{
	(void)state;
	assert_int_equal(tw_notify("READY=1"), 0);
}

static void notify__names_that_are_none(void **state)
{
	char name[sizeof(((struct sockaddr_un *)NULL)->sun_path) + 1];

	(void)state;
	assert_int_equal(notify_to(""), -EINVAL);
	assert_int_equal(notify_to("run/notify"), -EINVAL);
	memset(name, 'a', sizeof(name));
	name[0] = '/';
	name[sizeof(name) - 1] = '\0';
	assert_int_equal(notify_to(name), -EINVAL);
	name[sizeof(name) - 2] = '\0';
	assert_int_equal(notify_to(name), -ENOENT);
}

static void notify__nobody_listens(void **state)
{
	(void)state;
	assert_int_equal(notify_to("/nowhere/notify"), -ENOENT);
	assert_int_equal(notify_to("@tw-unit-nobody"), -ECONNREFUSED);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(notify__a_path, without_manager),
		cmocka_unit_test_teardown(notify__an_abstract_name, without_manager),
		cmocka_unit_test_teardown(notify__no_manager, without_manager),
		cmocka_unit_test_teardown(notify__names_that_are_none, without_manager),
		cmocka_unit_test_teardown(notify__nobody_listens, without_manager),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
