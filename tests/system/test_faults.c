// SPDX-License-Identifier: GPL-2.0-only
/* Whatever dies or vanishes, enforcement is whole or absent, and the next run heals it. */
#include <dirent.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <time.h>
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

#define KILLS 200
#define OPEN  20 /* connections that stay open over all kills */

static const struct tw_values untouched = { 0, 7200, 75, 9, 0 };
static const struct tw_values old_values = { 1, 111, 11, 4, 44000 };
static const struct tw_values new_values = { 1, 222, 22, 5, 55000 };

enum have {
	NOTHING,
	ALL_OLD,
	ALL_NEW
};

/* What a connection has, which is nothing or all of one policy. */
static enum have have(int fd, int round)
{
	struct tw_values values = tw_values(fd);

	if (tw_values_equal(&values, &untouched))
		return NOTHING;
	if (tw_values_equal(&values, &old_values))
		return ALL_OLD;
	if (tw_values_equal(&values, &new_values))
		return ALL_NEW;
	FAIL("after kill %d a connection has %d,%d,%d,%d,%d, which no policy asks", round,
	     values.keepalive, values.idle, values.interval, values.probes, values.user_timeout);
}

static int new_client(int listener)
{
	int client = tw_connect(tw_node, ADDRESS);

	tw_close_reset(tw_accept(listener));
	return client;
}

/* `tcpwarden` is half-way through something when its time is up: at most so many microseconds. */
static void kill_at_random(const struct tw_process *process, int most)
{
	struct timespec moment = { .tv_nsec = (long)(rand() % most) * 1000 };

	nanosleep(&moment, NULL);
	tw_signal(process, SIGKILL);
	tw_join(process);
}

static const char *policy_of(int round)
{
	return round % 2 ? NEW : OLD;
}

/* Start, reload, or detach, and be killed meanwhile. */
static void kill_something(int round)
{
	struct tw_process process;

	switch (rand() % 4) {
	case 0:
		process = TW_START("detach", "--restore");
		kill_at_random(&process, 20000);
		return;
	case 1:
		process = tw_enforce("%s", policy_of(round + 1));
		tw_policy("%s", policy_of(round));
		tw_signal(&process, SIGHUP);
		kill_at_random(&process, 20000);
		return;
	default:
		process = TW_START("run", "-c", tw_policy("%s", policy_of(round)), "--attach-to",
				   tw_node);
		kill_at_random(&process, 60000);
	}
}

/* The status agrees with what a connection gets. */
static void check_after_kill(int listener, int round, unsigned long seen[static 3])
{
	_cleanup_close_ int client = new_client(listener);
	enum have what = have(client, round);
	struct tw_result status = TW_RUN("status", "--json");

	seen[what]++;
	CHECK(tw_json_valid(status.out));
	CHECK_INT(status.status, what == NOTHING ? 3 : 0);
}

static void check_healed(int listener, int round)
{
	_cleanup_close_ int client = -1;

	CHECK_INT(TW_RUN("run", "--once", "-c", tw_policy("%s", policy_of(round)), "--attach-to",
			 tw_node)
			  .status,
		  0);
	client = new_client(listener);
	CHECK_INT(have(client, round), round % 2 ? ALL_NEW : ALL_OLD);
	if (rand() % 4 == 0)
		CHECK_INT(TW_RUN("detach").status, 0);
}

TW_TEST(faults__kill_9_at_random_moments)
{
	int64_t end = tw_now_ms() + tw_deadline_seconds() * 500;
	int listener = tw_listen(NULL, ADDRESS), open[OPEN], round;
	unsigned long seen[3] = { 0 };

	srand(20261125);
	for (int i = 0; i < OPEN; i++) {
		open[i] = tw_connect(tw_node, ADDRESS);
		tw_accept(listener);
	}
	for (round = 0; round < KILLS && tw_now_ms() < end; round++) {
		kill_something(round);
		check_after_kill(listener, round, seen);
		for (int i = 0; i < OPEN; i++)
			have(open[i], round);
		check_healed(listener, round);
	}
	printf("%d kills: afterwards %lu times nothing, %lu times one policy, %lu times the "
	       "other\n",
	       round, seen[NOTHING], seen[ALL_OLD], seen[ALL_NEW]);
	CHECK(seen[NOTHING] && seen[ALL_OLD] && seen[ALL_NEW]);
	CHECK_INT(TW_RUN("detach").status, 0);
	CHECK(tw_bpffs_is_empty());
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
	CHECK_UNTOUCHED(new_client(listener));
	CHECK_INT(TW_RUN("run", "--once", "-c", tw_policy(NEW), "--attach-to", tw_node).status, 0);
	CHECK_NEW(new_client(listener));
	CHECK_INT(TW_RUN("detach").status, 0);
	CHECK_INT(tw_programs_attached(tw_node), 0);
}

/* --- a daemon that hangs ------------------------------------------------------------ */

static bool is_new(int listener)
{
	_cleanup_close_ int client = new_client(listener);

	return have(client, 0) == ALL_NEW;
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
