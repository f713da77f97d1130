// SPDX-License-Identifier: GPL-2.0-only
/*
 * kill -9 at random moments of start, reload, sweep and detach, 50 times each:
 * afterwards each connection has nothing or all of one policy, `status` says
 * which, and the next run heals what is left. Before Linux 5.15 one that was open may
 * have a part until then.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>

#include "bpf.h"
#include "harness.h"
#include "net.h"
#include "samples.h"

#define ADDRESS "127.0.0.1:7000"
#define OLD	"- {name: all, keepalive: 111s:11s:4, user_timeout: 44s}\n"
#define NEW	"- {name: all, keepalive: 222s:22s:5, user_timeout: 55s}\n"

#define KILLS  50 /* of each kind */
#define FEW    5  /* that the slowest machine must come to */
#define FIELDS 5  /* of a socket, each set by a call of its own */
#define OPEN   20 /* connections that stay open over all kills */

static const struct tw_values untouched = { 0, 7200, 75, 9, 0 };
static const struct tw_values old_values = { 1, 111, 11, 4, 44000 };
static const struct tw_values new_values = { 1, 222, 22, 5, 55000 };

enum have {
	NOTHING,
	ALL_OLD,
	ALL_NEW,
	PART,
	HAVES,
};

struct course {
	int listener;
	int open[OPEN];
	int round;
	unsigned long seen[HAVES]; /* what new connections had after a kill */
	unsigned long midway;	   /* open ones had one policy and the other, or nothing */
};

static enum have have_or_part(int fd)
{
	struct tw_values values = tw_values(fd);

	if (tw_values_equal(&values, &untouched))
		return NOTHING;
	if (tw_values_equal(&values, &old_values))
		return ALL_OLD;
	return tw_values_equal(&values, &new_values) ? ALL_NEW : PART;
}

/* What a connection has, which is nothing or all of one policy. */
static enum have have(int fd, int round)
{
	enum have what = have_or_part(fd);
	struct tw_values values;

	if (what != PART)
		return what;
	values = tw_values(fd);
	FAIL("after kill %d a connection has %d,%d,%d,%d,%d, which no policy asks", round,
	     values.keepalive, values.idle, values.interval, values.probes, values.user_timeout);
}

/* The same of one that is open; a sweep by descriptors may be killed between two of its options. */
static enum have have_open(int fd, int round)
{
	return tw_kernel_iterates() ? have(fd, round) : have_or_part(fd);
}

static enum have new_connection(const struct course *course)
{
	int client = tw_connect(tw_node, ADDRESS);
	enum have what = have(client, course->round);

	tw_close_reset(tw_accept(course->listener));
	tw_close_reset(client);
	return what;
}

static const char *policy_of(int round)
{
	return round % 2 ? NEW : OLD;
}

/* `tcpwarden` is half-way through something when its time is up: at most so many milliseconds. */
static void kill_within(const struct tw_process *process, int ms)
{
	struct timespec moment = { .tv_nsec = (long)(rand() % (ms * 1000)) * 1000 };

	nanosleep(&moment, NULL);
	tw_signal(process, SIGKILL);
	tw_join(process);
}

/* --- afterwards ---------------------------------------------------------------------- */

static void check_whole(struct course *course)
{
	enum have what = new_connection(course);
	struct tw_result status = TW_RUN("status", "--json");
	unsigned long open[HAVES] = { 0 };

	course->seen[what]++;
	CHECK(tw_json_valid(status.out));
	CHECK_INT(status.status, what == NOTHING ? 3 : 0);
	for (int i = 0; i < OPEN; i++)
		open[have_open(course->open[i], course->round)]++;
	course->midway += open[NOTHING] != OPEN && open[ALL_OLD] != OPEN && open[ALL_NEW] != OPEN;
}

static void heal(const struct course *course)
{
	struct tw_result result = TW_RUN("run", "--once", "-c",
					 tw_policy("%s", policy_of(course->round)), "--attach-to",
					 tw_node);
	enum have wanted = course->round % 2 ? ALL_NEW : ALL_OLD;

	if (result.status)
		FAIL("after kill %d: %s", course->round, result.err);
	CHECK_INT(new_connection(course), wanted);
	for (int i = 0; i < OPEN; i++)
		CHECK_INT(have(course->open[i], course->round), wanted);
}

static void kill_on_and_on(void (*kill_once)(const struct course *course), struct course *course)
{
	int64_t end = tw_now_ms() + tw_deadline_seconds() * 750;

	srand(20261125);
	course->listener = tw_listen(NULL, ADDRESS);
	for (int i = 0; i < OPEN; i++) {
		course->open[i] = tw_connect(tw_node, ADDRESS);
		tw_accept(course->listener);
	}
	for (; course->round < KILLS && tw_now_ms() < end; course->round++) {
		kill_once(course);
		check_whole(course);
		heal(course);
	}
	printf("%d kills: afterwards new connections had %lu times nothing, %lu times one policy, "
	       "%lu times the other; %lu times the open ones differed among themselves\n",
	       course->round, course->seen[NOTHING], course->seen[ALL_OLD], course->seen[ALL_NEW],
	       course->midway);
	CHECK(course->round >= FEW);
	CHECK_INT(TW_RUN("detach", "--restore").status, 0);
	CHECK(tw_bpffs_is_empty());
	for (int i = 0; i < OPEN; i++)
		CHECK_UNTOUCHED(course->open[i]);
}

/* --- the moments ------------------------------------------------------------------------ */

static void kill_starting(const struct course *course)
{
	struct tw_process process;

	if (rand() % 2)
		CHECK_INT(TW_RUN("detach", "--restore").status, 0);
	process = TW_START("run", "-c", tw_policy("%s", policy_of(course->round)), "--attach-to",
			   tw_node);
	kill_within(&process, 100);
}

TW_TEST(kills__while_it_starts)
{
	struct course course = { 0 };

	kill_on_and_on(kill_starting, &course);
	CHECK(course.seen[NOTHING] && course.seen[ALL_OLD] && course.seen[ALL_NEW]);
}

static void kill_reloading(const struct course *course)
{
	struct tw_process process = tw_enforce("%s", policy_of(course->round + 1));

	tw_policy("%s", policy_of(course->round));
	tw_signal(&process, SIGHUP);
	kill_within(&process, 100);
}

TW_TEST(kills__while_it_reloads)
{
	struct course course = { 0 };

	kill_on_and_on(kill_reloading, &course);
	CHECK(!course.seen[NOTHING] && course.seen[ALL_OLD] && course.seen[ALL_NEW]);
}

/*
 * Whether one of the open connections is under the policy of this round. They are read while they
 * are written, so one may have a part of it.
 */
static bool sweep_has_begun(const struct course *course)
{
	enum have wanted = course->round % 2 ? ALL_NEW : ALL_OLD;

	for (int i = 0; i < OPEN; i++)
		if (have_or_part(course->open[i]) == wanted)
			return true;
	return false;
}

/* 50 sockets a second: that of 20 takes 0.4 s from the first on. */
static void kill_sweeping(const struct course *course)
{
	struct tw_process process = TW_START("run", "-c", tw_policy("%s", policy_of(course->round)),
					     "--attach-to", tw_node, "--sweep-rate", "50");

	WAIT_FOR(sweep_has_begun(course));
	kill_within(&process, 400);
}

TW_TEST(kills__while_it_sweeps)
{
	struct course course = { 0 };

	kill_on_and_on(kill_sweeping, &course);
	CHECK(!course.seen[NOTHING]);
	CHECK(course.midway > 0);
}

/* --- between two options ---------------------------------------------------------------- */

/* Until the process enters or leaves a call, or ends: false. Its signals are its own. */
static bool next_stop(pid_t pid, struct __ptrace_syscall_info *ret_info)
{
	int status, signal = 0;

	do {
		SYS(ptrace(PTRACE_SYSCALL, pid, NULL, (void *)(long)signal));
		SYS(waitpid(pid, &status, __WALL));
		if (!WIFSTOPPED(status))
			return false;
		signal = status >> 16 == PTRACE_EVENT_STOP ? 0 : WSTOPSIG(status);
	} while (signal != (SIGTRAP | 0x80));
	SYS(ptrace(PTRACE_GET_SYSCALL_INFO, pid, (void *)sizeof(*ret_info), ret_info));
	return true;
}

/* Kill a sweep by descriptors before its call number `n` of setsockopt(). False: it makes fewer. */
static bool kill_before(unsigned n, const char *policy)
{
	struct tw_process process =
		TW_START("run", "--once", "-c", tw_policy("%s", policy), "--attach-to", tw_node);
	struct __ptrace_syscall_info info;
	int status;

	SYS(ptrace(PTRACE_SEIZE, process.pid, NULL, PTRACE_O_TRACESYSGOOD));
	SYS(ptrace(PTRACE_INTERRUPT, process.pid, NULL, NULL));
	SYS(waitpid(process.pid, &status, __WALL));
	while (next_stop(process.pid, &info)) {
		if (info.op != PTRACE_SYSCALL_INFO_ENTRY || info.entry.nr != SYS_setsockopt || --n)
			continue;
		tw_signal(&process, SIGKILL);
		tw_join(&process);
		return true;
	}
	return false;
}

static void check_restored(int fd)
{
	CHECK_INT(TW_RUN("detach", "--restore").status, 0);
	CHECK_UNTOUCHED(fd);
}

/* What a socket has by then may be a part of the policy; whose each value is stays known. */
TW_TEST(kills__between_two_options)
{
	int listener = tw_listen(NULL, ADDRESS), client = tw_connect(tw_node, ADDRESS);
	unsigned n = 1;

	tw_accept(listener);
	tw_force_descriptors();
	/* Nobody's before: the record is there first. */
	while (kill_before(n, NEW)) {
		check_restored(client);
		n++;
	}
	CHECK_INT(n, 1 + FIELDS);
	/* From one policy to the other, each goes back first; keepalive is on in both. */
	for (n = 1; kill_before(n, n % 2 ? OLD : NEW); n++) {
		CHECK_INT(TW_RUN("run", "--once", "-c", tw_policy("%s", n % 2 ? OLD : NEW),
				 "--attach-to", tw_node)
				  .status,
			  0);
		CHECK_INT(have(client, (int)n), n % 2 ? ALL_OLD : ALL_NEW);
	}
	CHECK_INT(n, 1 + 2 * (FIELDS - 1));
	check_restored(client);
}

/* Not without --restore: what that leaves with open connections is theirs by design. */
static void kill_detaching(const struct course *course)
{
	struct tw_process process = TW_START("detach", "--restore");

	(void)course;
	kill_within(&process, 60);
}

TW_TEST(kills__while_it_detaches)
{
	struct course course = { 0 };

	kill_on_and_on(kill_detaching, &course);
	CHECK(course.seen[NOTHING] && course.seen[NOTHING] < (unsigned long)course.round);
}
