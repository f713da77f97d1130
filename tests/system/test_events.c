// SPDX-License-Identifier: GPL-2.0-only
/* `events`: who follows what, with a daemon, without one, and as daemons come and go. */
#include <signal.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "follow.h"
#include "harness.h"
#include "lib/cleanup.h"
#include "net.h"

#define POLICY		      "- {name: all, keepalive: 1s:1s:1}\n"
#define READERS		      16 /* TW_MAX_READERS */
#define WAITING(reader, part) WAIT_FOR(strstr(tw_log_of(&(reader)), part))

static char *socket_path(void)
{
	return tw_format("%s/events.sock", tw_folder);
}

static void die(const char *address)
{
	struct tw_pair pair = tw_pair(tw_node, NULL, address);

	tw_blackhole(pair.server);
	CHECK_INT(tw_wait_error(pair.client), ETIMEDOUT);
}

static void interrupt(struct tw_process *reader)
{
	tw_signal(reader, SIGINT);
	CHECK_INT(tw_join(reader).status, 0);
}

static void end(struct tw_process *daemon)
{
	tw_signal(daemon, SIGTERM);
	CHECK_INT(tw_join(daemon).status, 0);
}

TW_TEST_OF_DEATHS(events__all_readers_are_told_the_same)
{
	struct tw_process first, second, people;
	struct stat st;

	tw_enforce(POLICY);
	first = tw_follow();
	second = tw_follow();
	people = TW_START("events");
	SYS(stat(socket_path(), &st));
	CHECK_INT(st.st_mode & 0777, 0600);
	die("127.0.0.1:7001");
	WAIT_FOR(TOLD(first, "\"dead\"") == 1);
	WAIT_FOR(TOLD(second, "\"dead\"") == 1);
	CHECK_EQUAL(TOLD_LINE(first, "\"dead\""), TOLD_LINE(second, "\"dead\""));
	WAIT_FOR(strstr(tw_told(&people), "  dead      keepalive, 127.0.0.1:"));
	CHECK_HAS(tw_told(&people), " -> 127.0.0.1:7001, silent for ");
	CHECK_HAS(tw_told(&people), tw_format(", policy all, cgroup %s, netns ", tw_node));
	interrupt(&first);
	interrupt(&second);
	interrupt(&people);
}

TW_TEST(events__policies_are_told)
{
	struct tw_process reader;
	char *line;

	tw_enforce(POLICY);
	reader = tw_follow();
	tw_policy("- {name: all, keepalive: 2s:1s:1}\n");
	WAIT_FOR(TOLD(reader, "\"policy\"", "\"accepted\"") == 1);
	line = TOLD_LINE(reader, "\"accepted\"");
	CHECK_INT(tw_json_int(line, "generation"), 2);
	CHECK_EQUAL(tw_json_string(line, "digest"), tw_json_string(tw_status(), "digest"));
	CHECK(tw_json_null(line, "message"));
	tw_policy("- {name: all, keepalive: 2s:1s:0}\n");
	WAIT_FOR(TOLD(reader, "\"policy\"", "\"refused\"") == 1);
	line = TOLD_LINE(reader, "\"refused\"");
	CHECK_INT(tw_json_int(line, "generation"), 2);
	CHECK_HAS(tw_json_string(line, "message"), "probes must be 1..127, got 0");
}

TW_TEST(events__a_detach_ends_them)
{
	struct tw_process daemon = tw_enforce(POLICY), reader = tw_follow();
	struct tw_result result;

	CHECK_INT(TW_RUN("detach").status, 0);
	CHECK_INT(tw_join(&daemon).status, 0);
	result = tw_join(&reader);
	CHECK_INT(result.status, 0);
	CHECK_HAS(result.out, "\"event\":\"detached\"");
	CHECK_HAS(result.err, "the run ended");
}

TW_TEST(events__a_run_that_detaches_says_so)
{
	const char *policy = tw_policy(POLICY);
	struct tw_process daemon =
		TW_START("run", "-c", policy, "--attach-to", tw_node, "--on-exit", "detach");
	struct tw_process reader;
	struct tw_result result;

	tw_wait_enforcing(&daemon);
	reader = tw_follow();
	end(&daemon);
	result = tw_join(&reader);
	CHECK_INT(result.status, 0);
	CHECK_HAS(result.out, "\"event\":\"detached\"");
	CHECK_EQUAL(result.err, "");
	CHECK(access(socket_path(), F_OK) < 0);
}

TW_TEST(events__nothing_to_follow)
{
	struct tw_result result = TW_RUN("events");

	CHECK_INT(result.status, 1);
	CHECK_HAS(result.err, "nothing is enforced here");
}

/* One reads the ring, a second is told so, and a run that comes takes it over without a loss. */
TW_TEST_OF_DEATHS(events__without_a_daemon_one_reads_the_ring)
{
	struct tw_process daemon = tw_enforce(POLICY), lone;
	struct tw_result second;

	end(&daemon);
	lone = TW_START("events", "--json");
	die("127.0.0.1:7001");
	WAIT_FOR(TOLD(lone, "\"dead\"") == 1);
	second = TW_RUN("events");
	CHECK_INT(second.status, 1);
	CHECK_HAS(second.err, "one reader at a time");
	daemon = tw_enforce(POLICY);
	WAIT_FOR(TOLD(lone, "\"attached\"") == 1);
	CHECK_EQUAL(tw_json_string(TOLD_LINE(lone, "\"attached\""), "attached_to"), tw_node);
	die("127.0.0.1:7002");
	WAIT_FOR(TOLD(lone, "\"dead\"") == 2);
	interrupt(&lone);
}

/* A run that is killed leaves its socket behind: readers go on, and the next one listens there. */
TW_TEST_OF_DEATHS(events__readers_outlive_a_killed_run)
{
	struct tw_process daemon = tw_enforce(POLICY);
	struct tw_process readers[2] = { tw_follow(), tw_follow() };

	tw_signal(&daemon, SIGKILL);
	tw_join(&daemon);
	WAITING(readers[0], "the run ended");
	WAITING(readers[1], "the run ended");
	die("127.0.0.1:7001");
	WAIT_FOR(TOLD(readers[0], "\"dead\"") + TOLD(readers[1], "\"dead\"") == 1);
	tw_enforce(POLICY);
	WAIT_FOR(TOLD(readers[0], "\"attached\"") + TOLD(readers[1], "\"attached\"") >= 1);
	WAIT_FOR(tw_followers() == 2);
	die("127.0.0.1:7002");
	WAIT_FOR(TOLD(readers[0], "127.0.0.1:7002") == 1);
	WAIT_FOR(TOLD(readers[1], "127.0.0.1:7002") == 1);
	interrupt(&readers[0]);
	interrupt(&readers[1]);
}

static int join(void)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = SYS(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));

	snprintf(address.sun_path, sizeof(address.sun_path), "%s", socket_path());
	/* Bound, it may not listen yet. */
	WAIT_FOR(connect(fd, (const struct sockaddr *)&address, sizeof(address)) == 0);
	return fd;
}

TW_TEST(events__readers_are_limited)
{
	struct tw_result result;

	tw_enforce(POLICY);
	WAIT_FOR(access(socket_path(), F_OK) == 0);
	for (int i = 0; i < READERS; i++)
		join();
	result = TW_RUN("events");
	CHECK_INT(result.status, 1);
	CHECK_HAS(result.err, "16 readers follow the events already");
}

/* What readers say is not heard, and does no harm. */
TW_TEST(events__readers_that_talk)
{
	static const char noise[8192] = { 1 };
	struct tw_process daemon = tw_enforce(POLICY);
	int fd;

	WAIT_FOR(access(socket_path(), F_OK) == 0);
	fd = join();
	for (int i = 0; i < 100; i++)
		SYS(send(fd, noise, sizeof(noise), MSG_NOSIGNAL));
	close(fd);
	WAIT_FOR(tw_followers() == 0);
	tw_follow();
	CHECK(tw_runs(&daemon));
}

/* What is written for it has nowhere to go: no SIGPIPE ends the daemon. */
TW_TEST(events__a_reader_that_stops_listening)
{
	struct tw_process daemon = tw_enforce(POLICY);
	int fd;

	WAIT_FOR(access(socket_path(), F_OK) == 0);
	fd = join();
	WAIT_FOR(tw_followers() == 1);
	SYS(shutdown(fd, SHUT_RD));
	tw_policy("%s", "- {name: all, keepalive: 2s:1s:1}\n");
	tw_signal(&daemon, SIGHUP);
	WAIT_FOR(tw_followers() == 0);
	CHECK(tw_runs(&daemon));
	end(&daemon);
}

TW_TEST(events__a_folder_that_cannot_be)
{
	const char *policy = tw_policy(POLICY);
	struct tw_result result =
		TW_RUN("run", "-c", policy, "--attach-to", tw_node, "--run-dir", "/proc/none");

	CHECK_INT(result.status, 1);
	CHECK_HAS(result.err, "cannot make the folder /proc/none");
}

TW_TEST_OF_DEATHS(events__a_run_that_listens_elsewhere_for_all_who_ask)
{
	const char *folder = tw_format("%s/mine", tw_folder);
	struct tw_process daemon = TW_START("run", "-c", tw_policy(POLICY), "--attach-to", tw_node,
					    "--run-dir", folder);
	struct tw_process reader;

	tw_wait_enforcing(&daemon);
	reader = TW_START("events", "--json", "--run-dir", folder);
	WAIT_FOR(tw_followers() == 1);
	die("127.0.0.1:7001");
	WAIT_FOR(TOLD(reader, "\"dead\"") == 1);
}

/* --- logs --- */

TW_TEST(events__the_log_as_json)
{
	const char *policy = tw_policy("- {name: all, keepalive: 1s:1s:1, user_timeout: 2s}\n");
	struct tw_process daemon =
		TW_START("run", "-c", policy, "--attach-to", tw_node, "--log-format", "json");
	char *log, *line, *rest;

	tw_wait_enforcing(&daemon);
	tw_policy("- {name: all, keepalive: 1s:1s:0}\n");
	WAITING(daemon, "the running one stays");
	end(&daemon);
	log = tw_log_of(&daemon);
	for (rest = log; (line = strsep(&rest, "\n")) && rest;) {
		CHECK(tw_json_valid(line));
		CHECK(tw_json_has(line, "time"));
		CHECK(tw_json_has(line, "message"));
	}
	CHECK_HAS(tw_log_of(&daemon), "\"level\":\"warning\",\"message\":\"");
	CHECK_HAS(tw_log_of(&daemon), "probes must be 1..127, got 0");
}
