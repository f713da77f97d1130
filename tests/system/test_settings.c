// SPDX-License-Identifier: GPL-2.0-only
/* `events --settings`, and what becomes of settings that the hook cannot hold. */
#include <signal.h>

#include <tcpwarden/abi.h>

#include "follow.h"
#include "guard.h"
#include "lib/cleanup.h"
#include "maps.h"
#include "samples.h"

#define ADDRESS "127.0.0.1:7000"
#define ASKED	TW_HELD_ASKED

static struct tw_process ask(void)
{
	struct tw_process reader = TW_START("events", "--json", "--settings");

	WAIT_FOR(tw_wanted_now() & TW_WANT_SETTINGS);
	return reader;
}

static void interrupt(struct tw_process *reader)
{
	tw_signal(reader, SIGINT);
	CHECK_INT(tw_join(reader).status, 0);
}

/* The one event of this option, and who it is of. */
static char *check_told(const struct tw_process *reader, int fd, const char *policy,
			const char *option)
{
	const char *parts[] = { tw_format("\"policy\":\"%s\"", policy),
				tw_format("\"option\":\"%s\"", option), NULL };
	struct tw_identity identity = tw_identity(fd);
	char *line;

	WAIT_FOR(tw_told_lines(reader, parts) == 1);
	line = tw_told_line(reader, parts);
	CHECK_EQUAL(tw_json_string(line, "event"), "setting");
	CHECK_EQUAL(tw_json_string(line, "cgroup"), tw_node);
	CHECK_EQUAL(tw_json_string(line, "local"), identity.local);
	CHECK_EQUAL(tw_json_string(line, "remote"), identity.remote);
	CHECK_INT(tw_json_int(line, "netns"), identity.netns);
	return line;
}

static void check_values(const char *line, const char *action, long long asked, long long given)
{
	CHECK_EQUAL(tw_json_string(line, "action"), action);
	CHECK_INT(tw_json_int(line, "asked"), asked);
	CHECK_INT(tw_json_int(line, "given"), given);
}

/* It is known to be there, not yet to have asked: until it has, the call is repeated. */
static bool reads_of_the_timeout(const struct tw_process *people, int fd)
{
	if (strstr(tw_told(people), "setting   replaced, TCP_USER_TIMEOUT asked 300000, "
				    "given 157500, 127.0.0.1:"))
		return true;
	tw_set(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, 300000);
	return false;
}

TW_TEST(settings__are_told_to_those_who_ask)
{
	struct tw_process asking, other, people;
	struct tw_pair pair;

	tw_enforce(TW_HELD("policy"));
	pair = tw_pair(tw_node, tw_node, ADDRESS);
	other = tw_follow();
	tw_set(pair.client, IPPROTO_TCP, TCP_KEEPINTVL, 3);
	asking = ask();
	people = TW_START("events", "--settings");
	WAIT_FOR(tw_followers() == 3);
	tw_set_all(pair.client, (struct tw_values){ 0, 15, 10, 9, 300000 });
	check_values(check_told(&asking, pair.client, "all", "SO_KEEPALIVE"), "replaced", 0, 1);
	check_values(check_told(&asking, pair.client, "all", "TCP_KEEPIDLE"), "replaced", 15, 100);
	check_values(check_told(&asking, pair.client, "all", "TCP_KEEPINTVL"), "allowed", 10, 10);
	check_values(check_told(&asking, pair.client, "all", "TCP_KEEPCNT"), "replaced", 9, 5);
	check_values(check_told(&asking, pair.client, "all", "TCP_USER_TIMEOUT"), "replaced",
		     300000, 157500);
	CHECK_EQUAL(tw_json_string(TOLD_LINE(asking, "SO_KEEPALIVE"), "direction"), "out");
	CHECK_INT(TOLD(asking, "setting"), 5);
	WAIT_FOR(reads_of_the_timeout(&people, pair.client));
	CHECK_HAS(tw_told(&people), " -> 127.0.0.1:7000, policy all, cgroup ");
	/* What the other is told last comes after them. */
	tw_policy("- {name: all, keepalive: 2s:1s:1}\n");
	WAIT_FOR(TOLD(other, "accepted"));
	CHECK_INT(TOLD(other, "setting"), 0);
	interrupt(&people);
	CHECK(tw_wanted_now() & TW_WANT_SETTINGS);
	interrupt(&asking);
	WAIT_FOR(!(tw_wanted_now() & TW_WANT_SETTINGS));
}

TW_TEST(settings__of_every_family_and_direction)
{
	static const char *const addresses[] = { "127.0.0.1:7000", "[::1]:7001",
						 "[::ffff:127.0.0.1]:7002" };

	tw_enforce(TW_HELD("strictest"));
	for (size_t i = 0; i < ARRAY_SIZE(addresses); i++) {
		struct tw_pair pair = tw_pair(tw_node, tw_node, addresses[i]);
		struct tw_process reader = ask();
		char *line;

		tw_set(pair.client, IPPROTO_TCP, TCP_KEEPIDLE, 7200);
		line = check_told(&reader, pair.client, "all", "TCP_KEEPIDLE");
		check_values(line, "limited", 7200, 100);
		CHECK_EQUAL(tw_json_string(line, "direction"), "out");
		tw_set(pair.server, IPPROTO_TCP, TCP_KEEPCNT, 3);
		line = check_told(&reader, pair.server, "all", "TCP_KEEPCNT");
		check_values(line, "allowed", 3, 3);
		CHECK_EQUAL(tw_json_string(line, "direction"), "in");
		interrupt(&reader);
		WAIT_FOR(!(tw_wanted_now() & TW_WANT_SETTINGS));
	}
}

TW_TEST(settings__of_observers)
{
	struct tw_process reader;
	struct tw_pair pair;
	char *line;

	tw_enforce("- {name: one, mode: observe, keepalive: 100s:10s:5, precedence: policy}\n"
		   "- {name: two, mode: observe, keepalive: 50s:10s:5, precedence: strictest}\n");
	pair = tw_pair(tw_node, tw_node, ADDRESS);
	reader = ask();
	tw_set(pair.server, IPPROTO_TCP, TCP_KEEPIDLE, 60);
	CHECK_INT(tw_get(pair.server, IPPROTO_TCP, TCP_KEEPIDLE), 60);
	line = check_told(&reader, pair.server, "one", "TCP_KEEPIDLE");
	check_values(line, "would_replace", 60, 100);
	CHECK_EQUAL(tw_json_string(line, "direction"), "in");
	line = check_told(&reader, pair.server, "two", "TCP_KEEPIDLE");
	check_values(line, "would_limit", 60, 50);
}

/* A lone reader asks the kernel itself; the run that comes goes on, and cleans up after both. */
TW_TEST(settings__without_a_daemon)
{
	struct tw_process daemon = tw_enforce(TW_HELD("policy")), reader;
	struct tw_pair pair = tw_pair(tw_node, tw_node, ADDRESS);

	tw_signal(&daemon, SIGTERM);
	CHECK_INT(tw_join(&daemon).status, 0);
	CHECK_INT(tw_wanted_now(), 0);
	/* Nobody asks: nothing waits in the ring. */
	tw_set(pair.client, IPPROTO_TCP, TCP_KEEPINTVL, 3);
	reader = ask();
	tw_set(pair.client, IPPROTO_TCP, TCP_KEEPIDLE, 15);
	check_values(check_told(&reader, pair.client, "all", "TCP_KEEPIDLE"), "replaced", 15, 100);
	CHECK_INT(TOLD(reader, "setting"), 1);
	daemon = tw_enforce(TW_HELD("policy"));
	WAIT_FOR(TOLD(reader, "\"attached\"") == 1);
	tw_set(pair.client, IPPROTO_TCP, TCP_KEEPCNT, 9);
	check_values(check_told(&reader, pair.client, "all", "TCP_KEEPCNT"), "replaced", 9, 5);
	tw_signal(&daemon, SIGKILL);
	tw_join(&daemon);
	WAIT_FOR(strstr(tw_log_of(&reader), "the run ended"));
	tw_signal(&reader, SIGKILL);
	tw_join(&reader);
	CHECK(tw_wanted_now() & TW_WANT_SETTINGS);
	tw_enforce(TW_HELD("policy"));
	WAIT_FOR(!(tw_wanted_now() & TW_WANT_SETTINGS));
}

static void hammer(void *arg)
{
	for (int i = 0; i < 20000; i++)
		tw_set(*(int *)arg, IPPROTO_TCP, TCP_KEEPIDLE, 15);
}

/* A policy tells of 100 a second; the rest is lost, and said to be. Deaths have a share of their own. */
TW_TEST_OF_DEATHS(settings__are_limited)
{
	struct tw_process reader;
	struct tw_pair pair, dies;

	tw_enforce("- {name: all, keepalive: 1s:1s:1, precedence: policy}\n");
	tw_wait_watching();
	pair = tw_pair(tw_node, tw_node, ADDRESS);
	dies = tw_pair(tw_node, NULL, "127.0.0.1:7001");
	reader = ask();
	tw_blackhole(dies.server);
	tw_join_child(tw_fork(tw_node, hammer, &pair.client));
	CHECK_INT(tw_settings("all", "replaced"), 20000);
	CHECK_INT(tw_wait_error(dies.client), ETIMEDOUT);
	WAIT_FOR(TOLD(reader, "\"dead\"") == 1);
	CHECK(TOLD(reader, "setting") >= 100);
	WAIT_FOR(TOLD(reader, "setting") + tw_status_int("events_lost") == 20000);
}

/* --- past the hook --- */

struct mptcp {
	int client;
	int server;
};

static struct mptcp mptcp_pair(void)
{
	int listener = tw_socket(tw_node, AF_INET, TW_IPPROTO_MPTCP);
	struct mptcp pair;

	if (listener < 0)
		tw_skip("no MPTCP in this kernel: %s", strerror(errno));
	tw_listen_on(listener, ADDRESS);
	pair.client = SYS(tw_socket(tw_node, AF_INET, TW_IPPROTO_MPTCP));
	tw_connect_on(pair.client, ADDRESS);
	pair.server = tw_accept(listener);
	return pair;
}

static bool subflow_has(int fd, struct tw_values values)
{
	struct tw_listing listing = TW_SOCKETS();
	struct tw_values now = tw_line_values(tw_listing_of(&listing, fd));

	return tw_values_equal(&now, &values);
}

/* No policy changes, and no full sweep comes: the hook asks for one of the cgroup. */
TW_TEST(settings__on_mptcp_are_corrected_within_seconds)
{
	struct tw_process daemon = tw_enforce_swept(TW_HELD("policy"));
	struct mptcp pair = mptcp_pair();
	pid_t stays = tw_stay(tw_node);
	unsigned swept = tw_swept(&daemon);
	char *log = tw_log_of(&daemon);

	(void)stays;
	for (int i = 0; i < 3; i++) {
		tw_set(pair.client, IPPROTO_TCP, TCP_KEEPIDLE, 15 + i);
		if (!i)
			CHECK(subflow_has(pair.client, (struct tw_values){ 1, 15, 10, 5, 157500 }));
		tw_set(pair.server, SOL_SOCKET, SO_KEEPALIVE, 0);
		WAIT_FOR(subflow_has(pair.client, (struct tw_values){ ASKED }));
		WAIT_FOR(subflow_has(pair.server, (struct tw_values){ ASKED }));
	}
	CHECK_INT(tw_swept(&daemon), swept);
	CHECK_EQUAL(tw_log_of(&daemon), log);
}

/* Nobody sweeps, so nothing is asked for. */
TW_TEST(settings__on_mptcp_without_a_sweep)
{
	const char *policy = tw_policy(TW_HELD("policy"));
	struct tw_process daemon =
		TW_START("run", "-c", policy, "--attach-to", tw_node, "--no-sweep");
	struct mptcp pair;

	tw_wait_enforcing(&daemon);
	pair = mptcp_pair();
	CHECK_INT(tw_wanted_now(), 0);
	tw_set(pair.client, IPPROTO_TCP, TCP_KEEPIDLE, 15);
	CHECK(subflow_has(pair.client, (struct tw_values){ 1, 15, 10, 5, 157500 }));
}
