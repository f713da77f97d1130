// SPDX-License-Identifier: GPL-2.0-only
/* No gap: what is enforced outlives the loader, and a change is whole old or whole new. */
#include <fcntl.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "bpf.h"
#include "harness.h"
#include "lib/cleanup.h"
#include "load.h"
#include "net.h"

#define ADDRESS "127.0.0.1:7000"
#define OLD	"- {name: all, keepalive: 111s:11s:4, user_timeout: 44s}\n"
#define NEW	"- {name: all, keepalive: 222s:22s:5, user_timeout: 55s}\n"

static const struct tw_values old_values = { 1, 111, 11, 4, 44000 };
static const struct tw_values new_values = { 1, 222, 22, 5, 55000 };

#define CHECK_OLD(fd) CHECK_OPTIONS(fd, 1, 111, 11, 4, 44000)
#define CHECK_NEW(fd) CHECK_OPTIONS(fd, 1, 222, 22, 5, 55000)

static int new_client(void)
{
	return tw_pair(tw_node, NULL, ADDRESS).client;
}

static void kill_hard(const struct tw_process *daemon)
{
	tw_signal(daemon, SIGKILL);
	CHECK_INT(tw_join(daemon).status, 128 + SIGKILL);
}

static bool has_generation(long long number)
{
	return tw_status_int("generation") == number;
}

TW_TEST(takeover__kill_9_leaves_enforcement)
{
	struct tw_process daemon = tw_enforce(OLD);
	const char *json;

	kill_hard(&daemon);
	CHECK_OLD(new_client());
	json = tw_status();
	CHECK(tw_json_bool(json, "attached"));
	CHECK(!tw_json_bool(json, "daemon.running"));
	CHECK_INT(tw_json_int(json, "policies[all].counts.set"), 1);
	CHECK_INT(TW_RUN("status").status, 0);
}

TW_TEST(takeover__run_once_leaves_enforcement)
{
	struct tw_result result =
		TW_RUN("run", "--once", "-c", tw_policy(OLD), "--attach-to", tw_node);

	CHECK_INT(result.status, 0);
	CHECK(!tw_json_bool(tw_status(), "daemon.running"));
	CHECK_OLD(new_client());
}

/* The same link, with the program in it exchanged. */
TW_TEST(takeover__same_link)
{
	struct tw_process daemon = tw_enforce(OLD);
	struct tw_link before = tw_pinned_link(), after;

	kill_hard(&daemon);
	tw_enforce(NEW);
	WAIT_FOR(has_generation(2));
	after = tw_pinned_link();
	CHECK_INT(after.id, before.id);
	CHECK_INT((long long)after.cgroup_id, (long long)before.cgroup_id);
	CHECK_INT(tw_programs_attached(tw_node), 1);
	CHECK_NEW(new_client());
}

/* Counters go on: they are the kernel's, by the policy's name. */
TW_TEST(takeover__counters_go_on)
{
	struct tw_process daemon = tw_enforce(OLD);

	new_client();
	kill_hard(&daemon);
	tw_enforce(NEW);
	WAIT_FOR(has_generation(2));
	CHECK_NEW(new_client());
	/* The first client counts again: the sweep sets it anew. */
	CHECK_INT(tw_count("all", "set"), 3);
}

TW_TEST(takeover__never_a_moment_without)
{
	struct tw_process daemon = tw_enforce(OLD);
	struct tw_load *load = tw_load_start(ADDRESS, old_values, new_values);

	tw_load_wait(load, 50);
	kill_hard(&daemon);
	tw_load_wait(load, 50);
	CHECK_INT((long long)tw_load_second(load), 0);
	tw_enforce(NEW);
	WAIT_FOR(tw_load_second(load) > 0);
	tw_load_end(load);
}

TW_TEST(takeover__reloads_are_whole_old_or_whole_new)
{
	struct tw_process daemon = tw_enforce(OLD);
	long long generation = tw_status_int("generation");
	struct tw_load *load = tw_load_start(ADDRESS, old_values, new_values);

	for (int i = 0; i < 10; i++) {
		tw_load_wait(load, 50);
		tw_policy("%s", i % 2 ? OLD : NEW);
		tw_signal(&daemon, SIGHUP);
		generation++;
		WAIT_FOR(has_generation(generation));
	}
	CHECK(tw_load_second(load) > 0);
	tw_load_end(load);
}

/* --- one owner at a time --- */

TW_TEST(takeover__second_run_is_refused)
{
	struct tw_process daemon = tw_enforce(OLD);
	struct tw_result second = TW_RUN("run", "-c",
					 tw_write_file("new.yaml", "version: 1\npolicies:\n" NEW),
					 "--attach-to", tw_node);

	CHECK_INT(second.status, 1);
	CHECK_HAS(second.err, tw_format("%d", daemon.pid));
	CHECK_OLD(new_client());
	CHECK_INT(tw_status_int("daemon.pid"), daemon.pid);
}

TW_TEST(takeover__two_at_once)
{
	const char *path = tw_policy(OLD);
	struct tw_process one = TW_START("run", "-c", path, "--attach-to", tw_node);
	struct tw_process two = TW_START("run", "-c", path, "--attach-to", tw_node);
	const struct tw_process *winner, *loser;

	WAIT_FOR(!tw_runs(&one) || !tw_runs(&two));
	winner = tw_runs(&one) ? &one : &two;
	loser = winner == &one ? &two : &one;
	CHECK_INT(tw_join(loser).status, 1);
	tw_wait_enforcing(winner);
	CHECK_INT(tw_programs_attached(tw_node), 1);
	CHECK_OLD(new_client());
}

static struct tw_process start_waiting(void)
{
	return TW_START("run", "--wait", "-c",
			tw_write_file("new.yaml", "version: 1\npolicies:\n" NEW), "--attach-to",
			tw_node);
}

/* By its system call: before Linux 5.16 wchan(5) says 0 where the kernel has no frame pointers. */
static bool sleeps(const struct tw_process *process)
{
	const char *call = tw_read_file(tw_format("/proc/%d/syscall", process->pid)) ?: "";
	long number = strtol(call, NULL, 10);

	return number == SYS_nanosleep || number == SYS_clock_nanosleep;
}

/* Of a daemon that is killed in the middle of a switch, a child has the lock for one more moment. */
TW_TEST(takeover__lock_of_a_dead_owner_is_waited_for)
{
	struct tw_process first = tw_enforce("- {name: all, keepalive: 60s:10s:3}\n"), second;
	int lock = SYS(open("/sys/fs/bpf/tcpwarden", O_RDONLY | O_DIRECTORY | O_CLOEXEC));

	tw_signal(&first, SIGKILL);
	tw_join(&first);
	SYS(flock(lock, LOCK_EX));
	second = TW_START("run", "-c", tw_policy("- {name: all, keepalive: 90s:10s:3}\n"),
			  "--attach-to", tw_node);
	/* It asks for the lock again and again, and sleeps between. */
	WAIT_FOR(sleeps(&second));
	CHECK(tw_runs(&second));
	SYS(flock(lock, LOCK_UN));
	tw_wait_enforcing(&second);
}

TW_TEST(takeover__wait_takes_over)
{
	struct tw_process first = tw_enforce(OLD);
	struct tw_load *load = tw_load_start(ADDRESS, old_values, new_values);
	struct tw_process second = start_waiting();

	tw_load_wait(load, 50);
	WAIT_FOR(strstr(tw_log_of(&second), tw_format("as process %d; waiting", first.pid)));
	CHECK_INT(tw_status_int("daemon.pid"), first.pid);
	CHECK_INT((long long)tw_load_second(load), 0);
	tw_signal(&first, SIGTERM);
	CHECK_INT(tw_join(&first).status, 0);
	tw_wait_enforcing(&second);
	WAIT_FOR(tw_load_second(load) > 0);
	tw_load_end(load);
}

/* Its patience can be ended; the owner does not notice. */
TW_TEST(takeover__waiting_can_be_ended)
{
	struct tw_process first = tw_enforce(OLD);
	struct tw_process second = start_waiting();

	WAIT_FOR(strstr(tw_log_of(&second), "waiting"));
	tw_signal(&second, SIGTERM);
	tw_join(&second);
	CHECK_INT(tw_status_int("daemon.pid"), first.pid);
	CHECK_OLD(new_client());
}

TW_TEST(takeover__another_attach_point_is_refused)
{
	const char *other = tw_cgroup(tw_outside, "other");
	struct tw_process daemon = tw_enforce(OLD);
	struct tw_result result;

	kill_hard(&daemon);
	result = TW_RUN("run", "--once", "-c", tw_policy(NEW), "--attach-to", other);
	CHECK_INT(result.status, 1);
	CHECK_HAS(result.err, tw_node);
	CHECK_HAS(result.err, "detach");
	CHECK_OLD(new_client());
	CHECK_INT(tw_programs_attached(other), 0);

	/* The way that it shows. */
	CHECK_INT(TW_RUN("detach").status, 0);
	CHECK_INT(TW_RUN("run", "--once", "-c", tw_policy(NEW), "--attach-to", other).status, 0);
	CHECK_UNTOUCHED(new_client());
	CHECK_NEW(tw_pair(other, NULL, ADDRESS).client);
}

/* --- SIGHUP --- */

TW_TEST(reload__sighup_takes_effect)
{
	struct tw_process daemon =
		TW_START("run", "-c", tw_policy(OLD), "--attach-to", tw_node, "--no-sweep");
	long long generation;
	int before;

	tw_wait_enforcing(&daemon);
	generation = tw_status_int("generation");
	before = new_client();
	tw_policy(NEW);
	tw_signal(&daemon, SIGHUP);
	WAIT_FOR(has_generation(generation + 1));
	CHECK_NEW(new_client());
	CHECK_OLD(before);
	CHECK_INT(tw_count("all", "set"), 2);
}

TW_TEST(reload__bad_policy_is_refused)
{
	struct tw_process daemon = tw_enforce(OLD);
	long long generation = tw_status_int("generation");

	CHECK(tw_json_null(tw_status(), "last_refusal"));
	tw_policy("- {name: all, keepalive: 60s:10s:0}\n");
	tw_signal(&daemon, SIGHUP);
	WAIT_FOR(!tw_json_null(tw_status(), "last_refusal"));
	WAIT_FOR(strstr(tw_log_of(&daemon), "policy.yaml:3:"));
	CHECK_INT(tw_status_int("generation"), generation);
	CHECK_OLD(new_client());

	tw_policy(NEW);
	tw_signal(&daemon, SIGHUP);
	WAIT_FOR(has_generation(generation + 1));
	CHECK_NEW(new_client());
}

TW_TEST(reload__vanished_policy_is_refused)
{
	struct tw_process daemon = tw_enforce(OLD);

	SYS(unlink(tw_format("%s/policy.yaml", tw_folder)));
	tw_signal(&daemon, SIGHUP);
	WAIT_FOR(!tw_json_null(tw_status(), "last_refusal"));
	CHECK_OLD(new_client());
	CHECK(tw_runs(&daemon));
}

/* A comment and other spellings change nothing: the same digest is no new generation. */
TW_TEST(reload__same_meaning_is_no_new_generation)
{
	struct tw_process daemon = tw_enforce(OLD);
	const char *before = tw_status(), *after;
	size_t said = strlen(tw_log_of(&daemon));

	tw_policy("# the same\n"
		  "- {name: all, user_timeout: 44000ms, keepalive: {probes: 4, idle: 1m51s, "
		  "interval: 11}}\n");
	tw_signal(&daemon, SIGHUP);
	WAIT_FOR(strlen(tw_log_of(&daemon)) > said);
	after = tw_status();
	CHECK_INT(tw_json_int(after, "generation"), tw_json_int(before, "generation"));
	CHECK_EQUAL(tw_json_string(after, "digest"), tw_json_string(before, "digest"));
	CHECK_OLD(new_client());

	tw_policy(NEW);
	tw_signal(&daemon, SIGHUP);
	WAIT_FOR(has_generation(tw_json_int(before, "generation") + 1));
	CHECK(strcmp(tw_json_string(tw_status(), "digest"), tw_json_string(before, "digest")));
	CHECK_NEW(new_client());
}

/* --- how it ends --- */

static void check_nothing_left(void)
{
	CHECK(tw_bpffs_is_empty());
	CHECK_INT(tw_programs_attached(tw_node), 0);
	CHECK_UNTOUCHED(new_client());
	CHECK_INT(TW_RUN("status").status, 3);
}

static void end_with(const char *on_exit, int signal)
{
	struct tw_process daemon =
		TW_START("run", "-c", tw_policy(OLD), "--attach-to", tw_node, "--on-exit", on_exit);
	struct tw_result result;

	tw_wait_enforcing(&daemon);
	tw_signal(&daemon, signal);
	result = tw_join(&daemon);
	CHECK_INT(result.status, 0);
}

TW_TEST(exit__sigterm_keeps)
{
	end_with("keep", SIGTERM);
	CHECK_OLD(new_client());
	CHECK(!tw_json_bool(tw_status(), "daemon.running"));
}

TW_TEST(exit__sigterm_detaches)
{
	end_with("detach", SIGTERM);
	check_nothing_left();
}

TW_TEST(exit__sigint_detaches)
{
	end_with("detach", SIGINT);
	check_nothing_left();
}

TW_TEST(exit__keeping_is_the_default_and_is_said)
{
	struct tw_process daemon = tw_enforce(OLD);
	size_t said = strlen(tw_log_of(&daemon));

	tw_signal(&daemon, SIGTERM);
	CHECK_INT(tw_join(&daemon).status, 0);
	CHECK(strlen(tw_log_of(&daemon)) > said);
	CHECK_OLD(new_client());
}

TW_TEST(detach__ends_a_running_daemon)
{
	struct tw_process daemon = tw_enforce(OLD);
	int client = new_client();

	CHECK_INT(TW_RUN("detach").status, 0);
	CHECK(!tw_runs(&daemon));
	CHECK_INT(tw_join(&daemon).status, 0);
	check_nothing_left();
	CHECK_OLD(client);
}

TW_TEST(detach__without_a_daemon)
{
	struct tw_process daemon = tw_enforce(OLD);

	kill_hard(&daemon);
	CHECK_INT(TW_RUN("detach").status, 0);
	check_nothing_left();
}

/* Nothing lingers: the kernel would let go of an unpinned link only a moment later. */
TW_TEST(detach__is_done_when_it_returns)
{
	for (int i = 0; i < 10; i++) {
		CHECK_INT(TW_RUN("run", "--once", "-c", tw_policy(OLD), "--attach-to", tw_node)
				  .status,
			  0);
		CHECK_INT(tw_programs_attached(tw_node), 1);
		CHECK_INT(TW_RUN("detach").status, 0);
		CHECK_INT(tw_programs_attached(tw_node), 0);
	}
}

TW_TEST(detach__nothing_there)
{
	struct tw_result result = TW_RUN("detach");

	CHECK_INT(result.status, 0);
	CHECK(*result.out || *result.err);
	CHECK(tw_bpffs_is_empty());
}

TW_TEST(detach__can_start_anew)
{
	struct tw_process daemon = tw_enforce(OLD);

	CHECK_INT(TW_RUN("detach").status, 0);
	tw_join(&daemon);
	tw_enforce(NEW);
	CHECK_NEW(new_client());
	CHECK_INT(tw_count("all", "set"), 1);
}
