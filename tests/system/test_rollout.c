// SPDX-License-Identifier: GPL-2.0-only
/* On which nodes a policy enforces: match.node, rollout, and the guard that ends it on one. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "harness.h"
#include "lib/cleanup.h"
#include "maps.h"
#include "net.h"

/* In the default cohort node-951 has place 0, node-1 has 888 (tests/unit/test_cohort.c). */
#define FIRST "node-951"
#define LATE  "node-1"

#define CHECK_SET(fd) CHECK_OPTIONS(fd, 1, 111, 11, 4, 44000)

static struct tw_process enforce_as(const char *node, const char *path)
{
	struct tw_process daemon =
		TW_START("run", "-c", path, "--attach-to", tw_node, "--node-name", node);

	tw_wait_enforcing(&daemon);
	tw_wait_watching();
	return daemon;
}

static void wait_swept(const struct tw_process *daemon)
{
	WAIT_FOR(strstr(tw_log_of(daemon), "swept"));
}

static void end(struct tw_process *daemon)
{
	tw_signal(daemon, SIGKILL);
	tw_join(daemon);
}

/* --- rollout ------------------------------------------------------------------------- */

TW_TEST(rollout__enforces_inside_its_share_and_observes_outside)
{
	const char *path = tw_policy(
		"- {name: all, keepalive: 111s:11s:4, user_timeout: 44s, rollout: 0.1%%}\n");
	struct tw_process daemon = enforce_as(FIRST, path);
	struct tw_pair inside = tw_pair(tw_node, NULL, "127.0.0.1:7000"), outside;
	char *status = tw_status();

	CHECK_SET(inside.client);
	CHECK(tw_json_bool(status, "policies[all].in_share"));
	CHECK_EQUAL(tw_json_string(status, "policies[all].mode"), "enforce");
	CHECK_EQUAL(tw_json_string(status, "node"), FIRST);
	CHECK(tw_json_real(status, "policies[all].rollout") == 0.1);
	CHECK(tw_json_null(status, "policies[all].guard"));
	end(&daemon);

	/* The same policy under another name: it lets go of what it wrote. */
	daemon = enforce_as(LATE, path);
	wait_swept(&daemon);
	outside = tw_pair(tw_node, NULL, "127.0.0.1:7001");
	CHECK_UNTOUCHED(outside.client);
	CHECK_UNTOUCHED(inside.client);
	status = tw_status();
	CHECK(!tw_json_bool(status, "policies[all].in_share"));
	CHECK(tw_json_bool(status, "policies[all].on_this_node"));
	CHECK_EQUAL(tw_json_string(status, "policies[all].mode"), "observe");
	CHECK(tw_count("all", "would_set") > 0);
	CHECK_HAS(tw_log_of(&daemon), "node node-1 is outside its rollout of 0.1%");
	CHECK_HAS(TW_RUN("status").out,
		  "observes here, node node-1 is outside its rollout of 0.1%");
}

/* What is thought of a connection here goes by the name that the daemon has, not by the host's. */
TW_TEST(rollout__is_explained_by_the_name_in_force)
{
	enforce_as(LATE, tw_policy("- {name: all, keepalive: 111s:11s:4, rollout: 50%%}\n"));
	CHECK_HAS(TW_RUN("explain", "--cgroup", tw_node).out,
		  "observes here: node node-1 is outside its rollout of 50%, and goes in at 88.9%");
}

TW_TEST(rollout__grows_over_open_connections)
{
	struct tw_process daemon = enforce_as(
		LATE, tw_policy("- {name: all, keepalive: 111s:11s:4, user_timeout: 44s, "
				"rollout: 88.8%%}\n"));
	struct tw_pair pair = tw_pair(tw_node, NULL, "127.0.0.1:7000");
	struct tw_values set = { 1, 111, 11, 4, 44000 };

	wait_swept(&daemon);
	CHECK_UNTOUCHED(pair.client);
	tw_policy("- {name: all, keepalive: 111s:11s:4, user_timeout: 44s, rollout: 88.9%%}\n");
	WAIT_FOR(({
		struct tw_values now = tw_values(pair.client);
		tw_values_equal(&now, &set);
	}));
	CHECK(tw_json_bool(tw_status(), "policies[all].in_share"));
}

/* The audit of a policy that is not in force yet goes by the node too. */
TW_TEST(rollout__decides_what_sockets_would_change)
{
	struct tw_pair pair;
	char *line;

	enforce_as(LATE, tw_policy("- {name: none, match: {port: 1}}\n"));
	pair = tw_pair(tw_node, NULL, "127.0.0.1:7000");
	CHECK_UNTOUCHED(pair.client);
	line = TW_RUN("sockets", "-c",
		      tw_write_file("other.yaml", "version: 1\npolicies:\n"
						  "- {name: all, keepalive: on, rollout: 1%%}\n"),
		      "--cgroup", tw_node, "--state", "ESTAB", "--json")
		       .out;
	CHECK_EQUAL(tw_json_string(line, "verdict"), "none");
	CHECK_HAS(line, "\"observed_by\": [\"all\"]");
}

/* --- match.node -------------------------------------------------------------------------- */

static void set_node_name(void)
{
	setenv("NODE_NAME", "db-7", 1);
}

static void empty_node_name(void)
{
	setenv("NODE_NAME", "", 1);
}

TW_TEST(rollout__selects_nodes_by_pattern)
{
	const char *path = tw_policy("- {name: web, match: {node: \"web-*\"}, keepalive: 9s:9s:9}\n"
				     "- {name: db, match: {node: [x, \"db-[0-9]\"]}, keepalive: "
				     "111s:11s:4, user_timeout: 44s}\n");
	struct tw_command command = {
		.args = ARGS("run", "-c", path, "--attach-to", tw_node),
		.prepare = set_node_name,
	};
	struct tw_process daemon = tw_start(&command);
	char *status;

	tw_wait_enforcing(&daemon);
	CHECK_SET(tw_pair(tw_node, NULL, "127.0.0.1:7000").client);
	status = tw_status();
	CHECK_EQUAL(tw_json_string(status, "node"), "db-7");
	CHECK(!tw_json_bool(status, "policies[web].on_this_node"));
	CHECK(!tw_json_bool(status, "policies[web].in_share"));
	CHECK(tw_json_bool(status, "policies[db].on_this_node"));
	CHECK_INT(tw_count("web", "would_set"), 0);
	CHECK_HAS(TW_RUN("explain", "--cgroup", tw_node).out,
		  "not this node: db-7 is not one of web-*");
}

TW_TEST(rollout__needs_a_node_s_name)
{
	struct tw_command command = {
		.args = ARGS("run", "--attach-to", tw_node, "--once"),
		.prepare = empty_node_name,
	};
	struct tw_result result = tw_run(&command);

	CHECK_INT(result.status, 2);
	CHECK_HAS(result.err, "NODE_NAME is empty; give one with --node-name NAME");
	result = TW_RUN("run", "--attach-to", tw_node, "--node-name", "a b");
	CHECK_INT(result.status, 2);
	CHECK_HAS(result.err, "cannot take --node-name for this node's name");
	CHECK(!tw_json_bool(tw_status(), "attached"));
}

/* --- the guard ---------------------------------------------------------------------------- */

#define GUARDED(limit)                                                                 \
	"- {name: a, match: {port: 7000}, keepalive: 60s:10s:3, user_timeout: 600ms, " \
	"guard: {max_deaths_per_minute: " #limit "}}\n"                                \
	"- {name: b, match: {port: 7001}, keepalive: 60s:10s:3, user_timeout: 600ms}\n"

#define DEATHS 3

/* Connections whose peers fall silent while data is on its way: each dies. */
static void die(const char *address)
{
	int clients[DEATHS], listener = tw_listen(NULL, address);

	for (int i = 0; i < DEATHS; i++) {
		clients[i] = tw_connect(tw_node, address);
		tw_blackhole(tw_accept(listener));
		CHECK_INT(write(clients[i], "x", 1), 1);
	}
	for (int i = 0; i < DEATHS; i++) {
		CHECK_INT(tw_wait_error(clients[i]), ETIMEDOUT);
		close(clients[i]);
	}
	close(listener);
}

static bool tripped(void)
{
	return tw_json_bool(tw_status(), "policies[a].guard.tripped");
}

TW_TEST_OF_DEATHS(guard__trips_and_stays_tripped_until_its_policy_changes)
{
	const char *path = tw_policy(GUARDED(2));
	struct tw_process daemon = enforce_as(LATE, path);
	struct tw_pair alive = tw_pair(tw_node, NULL, "127.0.0.1:7000");
	struct tw_values untouched = { 0, 7200, 75, 9, 0 };
	char *before = tw_status(), *status, *since;

	CHECK_OPTIONS(alive.client, 1, 60, 10, 3, 600);
	CHECK(!tw_json_bool(before, "policies[a].guard.tripped"));
	CHECK(tw_json_null(before, "policies[a].guard.tripped_at"));
	CHECK_INT(tw_json_int(before, "policies[a].guard.max_deaths_per_minute"), 2);
	die("127.0.0.1:7001"); /* of a policy that has no guard */
	close(alive.server);
	close(alive.client);
	die("127.0.0.1:7000");
	WAIT_FOR(tripped());

	status = tw_status();
	since = tw_json_string(status, "policies[a].guard.tripped_at");
	CHECK_EQUAL(tw_json_string(status, "policies[a].mode"), "observe");
	CHECK_EQUAL(tw_json_string(status, "policies[b].mode"), "enforce");
	CHECK_EQUAL(tw_json_string(status, "digest"), tw_json_string(before, "digest"));
	CHECK_INT(tw_json_int(status, "generation"), tw_json_int(before, "generation") + 1);
	WAIT_FOR(strstr(tw_log_of(&daemon), "guard: policy \"a\" observes on node node-1"));
	CHECK_HAS(tw_log_of(&daemon), "3 connections died under it in the last minute");
	CHECK_UNTOUCHED(tw_pair(tw_node, NULL, "127.0.0.1:7000").client);
	CHECK_OPTIONS(tw_pair(tw_node, NULL, "127.0.0.1:7001").client, 1, 60, 10, 3, 600);
	CHECK_HAS(TW_RUN("explain", "--cgroup", tw_node, "--remote", "127.0.0.1:7000").out,
		  "observes here: its guard tripped, more than 2 deaths in a minute");

	/* With no daemon, with the next one, and over a policy that changes elsewhere. */
	end(&daemon);
	CHECK(tripped());
	CHECK_HAS(TW_RUN("status").out, "a: its guard tripped at 20");
	daemon = enforce_as(LATE, path);
	WAIT_FOR(strstr(tw_log_of(&daemon),
			"policy \"a\" observes on node node-1: its guard tripped"));
	CHECK_EQUAL(tw_json_string(tw_status(), "policies[a].guard.tripped_at"), since);
	alive = tw_pair(tw_node, NULL, "127.0.0.1:7000");
	CHECK_UNTOUCHED(alive.client);
	tw_policy(GUARDED(2) "- {name: c}\n");
	WAIT_FOR(tw_json_has(tw_status(), "policies[c]"));
	CHECK_EQUAL(tw_json_string(tw_status(), "policies[a].guard.tripped_at"), since);

	tw_policy(GUARDED(3));
	WAIT_FOR(!tripped());
	WAIT_FOR(({
		struct tw_values now = tw_values(alive.client);
		!tw_values_equal(&now, &untouched);
	}));
	CHECK_OPTIONS(alive.client, 1, 60, 10, 3, 600);
	CHECK_EQUAL(tw_json_string(tw_status(), "policies[a].mode"), "enforce");
	CHECK(tw_json_null(tw_status(), "policies[a].guard.tripped_at"));
}

/* Those that live are given their own values back. */
TW_TEST_OF_DEATHS(guard__lets_go_of_open_connections)
{
	struct tw_values untouched = { 0, 7200, 75, 9, 0 };
	struct tw_process daemon, events;
	struct tw_pair alive;

	daemon = TW_START("run", "-c", tw_policy(GUARDED(0)), "--attach-to", tw_node, "--run-dir",
			  tw_folder);
	tw_wait_enforcing(&daemon);
	wait_swept(&daemon);
	events = TW_START("events", "--run-dir", tw_folder);
	alive = tw_pair(tw_node, NULL, "127.0.0.2:7000");
	CHECK_OPTIONS(alive.client, 1, 60, 10, 3, 600);
	die("127.0.0.1:7000");
	WAIT_FOR(({
		struct tw_values now = tw_values(alive.client);
		tw_values_equal(&now, &untouched);
	}));
	/* Whoever listens is told. */
	WAIT_FOR(strstr(tw_read_file(tw_format("%s/%d.out", tw_folder, events.number)),
			"policy    guard: policy \"a\" observes on node"));
}

TW_TEST(guard__is_not_watched_once)
{
	struct tw_result result =
		TW_RUN("run", "-c", tw_policy(GUARDED(0)), "--attach-to", tw_node, "--once");

	CHECK_INT(result.status, 0);
	CHECK_HAS(result.err, "the guard of policy \"a\" is not watched");
}
