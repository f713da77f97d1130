// SPDX-License-Identifier: GPL-2.0-only
/*
 * From this version to the next, whose maps have another layout, and back: the
 * same source with another TW_ABI_VERSION and larger maps, as the build makes it.
 */
#include <netinet/tcp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "bpf.h"
#include "harness.h"
#include "load.h"
#include "net.h"

#define ADDRESS "127.0.0.1:7000"
#define OTHER	"127.0.0.1:7001"
#define OLD	"- {name: all, keepalive: 111s:11s:4, user_timeout: 44s}\n"
#define NEW	"- {name: all, keepalive: 222s:22s:5, user_timeout: 55s}\n"

static const struct tw_values old_values = { 1, 111, 11, 4, 44000 };
static const struct tw_values new_values = { 1, 222, 22, 5, 55000 };

static const char *next_version(void)
{
	const char *program = getenv("TCPWARDEN_NEXT");

	if (!program)
		tw_skip("needs TCPWARDEN_NEXT, the binary of another ABI version");
	return program;
}

static struct tw_result run_next(const char *const *args)
{
	return tw_run(&(struct tw_command){ .program = next_version(), .args = args });
}

/* `program` waits for the lock while `owner` has it, and has it when that one ends. */
static struct tw_process hand_over(const struct tw_process *owner, const char *program,
				   const char *policy)
{
	const char *file = tw_write_file("next.yaml", "version: 1\npolicies:\n%s", policy);
	struct tw_process next = tw_start(&(struct tw_command){
		.program = program,
		.args = ARGS("run", "--wait", "-c", file, "--attach-to", tw_node),
	});

	WAIT_FOR(strstr(tw_log_of(&next), "waiting"));
	tw_signal(owner, SIGTERM);
	CHECK_INT(tw_join(owner).status, 0);
	return next;
}

static bool is_only(const char *present, const char *absent)
{
	return access(present, F_OK) == 0 && access(absent, F_OK) < 0;
}

/* Open since before the first change; some of the values are the application's. */
struct witnesses {
	struct tw_pair bare;
	struct tw_pair own;
};

static struct witnesses make_witnesses(void)
{
	struct witnesses made = { tw_pair(tw_node, tw_node, OTHER),
				  tw_pair(tw_node, tw_node, "127.0.0.1:7002") };

	tw_set(made.own.client, IPPROTO_TCP, TCP_KEEPIDLE, 1500);
	tw_set(made.own.server, IPPROTO_TCP, TCP_USER_TIMEOUT, 7000);
	return made;
}

/* `program` takes over, and gives all that is open its policy. */
static struct tw_process change(const struct tw_process *owner, const char *program,
				const char *policy, const struct witnesses *witnesses)
{
	struct tw_process next = hand_over(owner, program, policy);
	const char *present = program ? TW_PINS "/v2/link_sockops" : TW_PINS "/v1/link_sockops";

	WAIT_FOR(is_only(present, program ? TW_PINS "/v1" : TW_PINS "/v2"));
	CHECK_INT(tw_programs_attached(tw_node), 1);
	WAIT_FOR(tw_get(witnesses->bare.client, IPPROTO_TCP, TCP_KEEPIDLE) ==
		 (program ? 222 : 111));
	return next;
}

/* The records outlived all changes. */
static void check_restored(const struct witnesses *witnesses)
{
	CHECK_INT(TW_RUN("detach", "--restore").status, 0);
	CHECK_UNTOUCHED(witnesses->bare.client);
	CHECK_UNTOUCHED(witnesses->bare.server);
	CHECK_OPTIONS(witnesses->own.client, 0, 1500, 75, 9, 0);
	CHECK_OPTIONS(witnesses->own.server, 0, 7200, 75, 9, 7000);
	CHECK(tw_bpffs_is_empty());
}

/* There and back as often as $TW_CONNECTIONS take (`make soak`), else once. */
TW_TEST(upgrade__there_and_back_under_load)
{
	const char *next = next_version(), *wanted = getenv("TW_CONNECTIONS");
	struct tw_process daemon = tw_enforce(OLD);
	struct witnesses witnesses = make_witnesses();
	struct tw_load *load = tw_load_start(ADDRESS, old_values, new_values);
	unsigned long least = wanted ? strtoul(wanted, NULL, 10) : 0;
	int changes = 0;

	tw_load_wait(load, 50);
	do {
		daemon = change(&daemon, next, NEW, &witnesses);
		tw_load_wait(load, 50);
		daemon = change(&daemon, NULL, OLD, &witnesses);
		changes += 2;
	} while (tw_load_count(load) < least);
	CHECK(tw_load_second(load) > 0);
	tw_load_end(load);
	printf("upgrade: %lu connections over %d changes of the version, none without its policy; "
	       "at most %.0f ms between two of them\n",
	       tw_load_count(load), changes, tw_load_pause_ms(load));
	check_restored(&witnesses);
}

TW_TEST(upgrade__kill_9_between_versions)
{
	struct tw_process daemon = tw_enforce(OLD);
	int client;

	tw_signal(&daemon, SIGKILL);
	tw_join(&daemon);
	CHECK_INT(run_next(ARGS("run", "--once", "-c", tw_policy(NEW), "--attach-to", tw_node))
			  .status,
		  0);
	CHECK_INT(tw_programs_attached(tw_node), 1);
	client = tw_pair(tw_node, NULL, ADDRESS).client;
	CHECK_OPTIONS(client, 1, 222, 22, 5, 55000);
	CHECK_HAS(TW_RUN("status").out, "another version");
	CHECK_INT(TW_RUN("detach", "--restore").status, 0);
	CHECK(tw_bpffs_is_empty());
	CHECK_INT(tw_programs_attached(tw_node), 0);
}

TW_TEST(upgrade__another_attach_point_is_refused)
{
	struct tw_process daemon = tw_enforce(OLD);
	struct tw_result result;

	tw_signal(&daemon, SIGKILL);
	tw_join(&daemon);
	result = run_next(ARGS("run", "--once", "-c", tw_policy(NEW), "--attach-to",
			       tw_cgroup(tw_node, "other")));
	CHECK_INT(result.status, 1);
	CHECK_HAS(result.err, "another version of tcpwarden is attached");
	CHECK_OPTIONS(tw_pair(tw_node, NULL, ADDRESS).client, 1, 111, 11, 4, 44000);
}

/* What fails half-way leaves the running version as it is. */
TW_TEST(upgrade__bad_policy_leaves_the_old_version)
{
	struct tw_process daemon = tw_enforce(OLD);

	tw_signal(&daemon, SIGKILL);
	tw_join(&daemon);
	CHECK_INT(run_next(ARGS("run", "--once", "-c", tw_write_file("bad.yaml", "version: 3\n"),
				"--attach-to", tw_node))
			  .status,
		  2);
	CHECK_OPTIONS(tw_pair(tw_node, NULL, ADDRESS).client, 1, 111, 11, 4, 44000);
	CHECK_INT(TW_RUN("status").status, 0);
}

#define HELD "- {name: all, keepalive: 111s:11s:4, user_timeout: 44s, precedence: policy}\n"

/* What holds applications' later settings is taken over too, and knows what they asked for. */
TW_TEST(upgrade__holds_what_is_set_later)
{
	const char *next = next_version();
	struct tw_process daemon = tw_enforce(HELD);
	struct tw_pair pair = tw_pair(tw_node, tw_node, OTHER);

	tw_set(pair.client, IPPROTO_TCP, TCP_KEEPIDLE, 15);
	hand_over(&daemon, next, HELD);
	WAIT_FOR(is_only(TW_PINS "/v2/link_guard", TW_PINS "/v1"));
	CHECK_INT(tw_hooks_attached(tw_node), 1);
	tw_set(pair.client, IPPROTO_TCP, TCP_KEEPINTVL, 16);
	CHECK_OPTIONS(pair.client, 1, 111, 11, 4, 44000);
	CHECK_INT(run_next(ARGS("detach", "--restore")).status, 0);
	CHECK_OPTIONS(pair.client, 0, 15, 16, 9, 0);
	CHECK_INT(tw_hooks_attached(tw_node), 0);
}
