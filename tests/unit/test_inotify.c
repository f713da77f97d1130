// SPDX-License-Identifier: GPL-2.0-only
#include "unit.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/cleanup.h"
#include "lib/inotify.h"

#define ENDLESS 100000

struct reading {
	const char *folder;
	unsigned count;
	bool goes_on; /* each event that is read makes another */
	char last[32];
};

static void touch(const char *folder, unsigned number)
{
	_cleanup_close_ int fd = -1;
	char path[96];

	snprintf(path, sizeof(path), "%s/%u", folder, number % 2);
	fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	assert_int_equal(write(fd, "x", 1), 1);
}

static void on_event(const struct inotify_event *event, void *data)
{
	struct reading *reading = data;

	reading->count++;
	if (event->len)
		snprintf(reading->last, sizeof(reading->last), "%s", event->name);
	if (reading->goes_on && reading->count < ENDLESS)
		touch(reading->folder, reading->count);
}

static int watch(char *folder)
{
	int fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);

	assert_true(fd >= 0);
	assert_non_null(mkdtemp(folder));
	assert_true(inotify_add_watch(fd, folder, IN_MODIFY) >= 0);
	return fd;
}

static void clean(const char *folder)
{
	char path[96];

	for (unsigned i = 0; i < 2; i++) {
		snprintf(path, sizeof(path), "%s/%u", folder, i);
		unlink(path);
	}
	assert_int_equal(rmdir(folder), 0);
}

static void inotify__reads_what_waits(void **state)
{
	char folder[] = "/tmp/tw-inotify-XXXXXX";
	struct reading reading = { .folder = folder };
	_cleanup_close_ int fd = watch(folder);

	(void)state;
	tw_inotify_read(fd, on_event, &reading);
	assert_int_equal(reading.count, 0);
	for (unsigned i = 0; i < 1001; i++)
		touch(folder, i);
	tw_inotify_read(fd, on_event, &reading);
	assert_int_equal(reading.count, 1001);
	assert_string_equal(reading.last, "0");
	clean(folder);
}

/* A log beside the policy, that grows with each event that is read: the loop gets its turn. */
static void inotify__ends_where_events_do_not(void **state)
{
	char folder[] = "/tmp/tw-inotify-XXXXXX";
	struct reading reading = { .folder = folder, .goes_on = true };
	_cleanup_close_ int fd = watch(folder);

	(void)state;
	touch(folder, 0);
	tw_inotify_read(fd, on_event, &reading);
	assert_true(reading.count > 0);
	assert_true(reading.count < ENDLESS);
	clean(folder);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(inotify__reads_what_waits),
		cmocka_unit_test(inotify__ends_where_events_do_not),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
