// SPDX-License-Identifier: GPL-2.0-only
/* Whatever dies or vanishes, enforcement is whole or absent, and the next run heals it. */
#include <dirent.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mount.h>
#include <unistd.h>

#include "bpf.h"
#include "harness.h"
#include "lib/cleanup.h"
#include "net.h"

#define ADDRESS "127.0.0.1:7000"
#define OLD	"- {name: all, keepalive: 111s:11s:4, user_timeout: 44s}\n"
#define NEW	"- {name: all, keepalive: 222s:22s:5, user_timeout: 55s}\n"

#define CHECK_OLD(fd) CHECK_OPTIONS(fd, 1, 111, 11, 4, 44000)
#define CHECK_NEW(fd) CHECK_OPTIONS(fd, 1, 222, 22, 5, 55000)

static int new_client(int listener)
{
	int client = tw_connect(tw_node, ADDRESS);

	tw_close_reset(tw_accept(listener));
	return client;
}

/* --- pins ----------------------------------------------------------------------- */

/* The number-th pin below both folders of ours; NULL: there are fewer. */
static char *pin_number(int number)
{
	static const char *const folders[] = { TW_PINS, TW_PINS "/v1" };

	for (int i = 0; i < 2; i++) {
		_cleanup_closedir_ DIR *folder = opendir(folders[i]);
		const struct dirent *entry;

		while (folder && (entry = readdir(folder)))
			if (entry->d_type != DT_DIR && !number--)
				return tw_format("%s/%s", folders[i], entry->d_name);
	}
	return NULL;
}

/* Whether there was a pin of that number, whose loss the next run healed. */
static bool lose_pin(int listener, int number)
{
	struct tw_process daemon = tw_enforce(OLD);
	struct tw_result next;
	char *pin;

	tw_signal(&daemon, SIGKILL);
	tw_join(&daemon);
	pin = pin_number(number);
	if (!pin)
		return false;
	SYS(unlink(pin));
	next = TW_RUN("run", "--once", "-c", tw_policy(NEW), "--attach-to", tw_node);
	if (next.status)
		FAIL("without %s: %s", pin, next.err);
	CHECK_NEW(new_client(listener));
	CHECK(tw_json_bool(tw_status(), "attached"));
	CHECK_INT(TW_RUN("detach").status, 0);
	CHECK_INT(tw_programs_attached(tw_node), 0);
	CHECK(tw_bpffs_is_empty());
	return true;
}

TW_TEST(faults__pins_deleted_one_by_one)
{
	int listener = tw_listen(NULL, ADDRESS), pins = 0;

	while (lose_pin(listener, pins))
		pins++;
	printf("%d pins\n", pins);
	CHECK(pins > 10);
}

TW_TEST(faults__bpffs_gone)
{
	int listener = tw_listen(NULL, ADDRESS);
	struct tw_process daemon = tw_enforce(OLD);

	SYS(umount2(TW_BPFFS, MNT_DETACH));
	CHECK_OLD(new_client(listener));
	tw_signal(&daemon, SIGKILL);
	tw_join(&daemon);
	WAIT_FOR(tw_programs_attached(tw_node) == 0);
	CHECK_INT(TW_RUN("status").status, 3);
	CHECK_UNTOUCHED(new_client(listener));
	CHECK_INT(TW_RUN("run", "--once", "-c", tw_policy(NEW), "--attach-to", tw_node).status, 0);
	CHECK_NEW(new_client(listener));
	CHECK_INT(TW_RUN("detach").status, 0);
	CHECK_INT(tw_programs_attached(tw_node), 0);
}

/* --- a daemon that hangs ------------------------------------------------------------ */

static bool is_new(int listener)
{
	const struct tw_values wanted = { 1, 222, 22, 5, 55000 };
	_cleanup_close_ int client = new_client(listener);
	struct tw_values values = tw_values(client);

	return tw_values_equal(&values, &wanted);
}

TW_TEST(faults__stopped_daemon)
{
	int listener = tw_listen(NULL, ADDRESS);
	struct tw_process daemon = tw_enforce(OLD);

	tw_signal(&daemon, SIGSTOP);
	tw_policy(NEW);
	for (int i = 0; i < 500; i++) {
		_cleanup_close_ int client = new_client(listener);

		CHECK_OLD(client);
	}
	CHECK_INT(TW_RUN("status").status, 0);
	tw_signal(&daemon, SIGCONT);
	WAIT_FOR(is_new(listener));
}
