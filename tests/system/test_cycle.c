// SPDX-License-Identifier: GPL-2.0-only
/*
 * Every command once, and a run from its start to its end under a policy that uses
 * every key. `make valgrind` runs this with the program in memcheck, which ends what
 * it finds fault with by an exit status of its own: so each status counts here.
 */
#include <netinet/tcp.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "follow.h"
#include "harness.h"
#include "lib/cleanup.h"
#include "net.h"
#include "samples.h"
#include "web.h"

#define UID "0c1a2b3c-0000-4000-8000-000000000001"

/* %s: tw_node. */
#define EVERY_KEY                                                                                  \
	"- name: watch\n"                                                                          \
	"  match: {cgroup: ['%s/[ab]*', '%s'], direction: any, node: ['*']}\n"                     \
	"  mode: observe\n"                                                                        \
	"  keepalive: on\n"                                                                        \
	"- {name: nowhere, match: {node: elsewhere}, keepalive: 30s:5s:3, user_timeout: auto}\n"   \
	"- {name: later, rollout: 0%%, cohort: slow, keepalive: 31s:5s:3}\n"                       \
	"- {name: pods, match: {namespace: shop, pod: 'cart-*'}, keepalive: 32s:5s:3}\n"           \
	"- {name: dying, match: {port: 7001}, user_timeout: 1s, guard: {max_deaths_per_minute: "   \
	"100}}\n"                                                                                  \
	"- {name: held, match: {port: 7002}, keepalive: 33s:5s:3, user_timeout: auto, "            \
	"precedence: policy}\n"                                                                    \
	"- {name: off, match: {port: 7003}, keepalive: off, user_timeout: off, precedence: "       \
	"policy}\n"                                                                                \
	"- {name: strict, match: {port: 7004-7005}, keepalive: {idle: 2m, interval: 10s, probes: " \
	"4}, "                                                                                     \
	"precedence: strictest}\n"                                                                 \
	"- {name: exempt, match: {remote: [127.0.9.0/24, '::1']}}\n"                               \
	"- {name: all, keepalive: 60s:10s:3, user_timeout: auto, must_beat: [ipvs, 200s]}\n"

static void expect(const char *const *args, int status)
{
	struct tw_result result = tw_run(&(struct tw_command){ .args = args });

	if (result.status != status)
		FAIL("%s %s: exit status %d, expected %d: %s", args[0], args[1] ?: "",
		     result.status, status, result.err);
}
#define EXPECT(status, ...) expect(ARGS(__VA_ARGS__), status)
/* What looks into other processes: valgrind 3.19 has no pidfd_open(2). */
#define EXPECT_PIDFD(...) EXPECT(getenv("TW_MEMCHECK") ? 1 : 0, __VA_ARGS__)

/* --- what asks no kernel ---------------------------------------------------------------- */

TW_TEST(cycle__commands_that_ask_no_kernel)
{
	const char *file = tw_policy(EVERY_KEY, tw_node, tw_node);
	const char *nodes = tw_write_file("nodes", "node-a\nnode-b # the second\n");

	EXPECT(0, "--help");
	EXPECT(0, "--version");
	EXPECT(0, "--completion", "bash");
	EXPECT(0, "--man-synopsis");
	EXPECT(2, "run", "--no-such");
	EXPECT(0, "check", "-c", file);
	EXPECT(0, "check", "-c", file, "--json");
	EXPECT(2, "check", "-c", tw_write_file("bad.yaml", "version: 1\npolicies: [{}]\n"));
	EXPECT(0, "check", "--print-default");
	EXPECT(0, "check", "--list-must-beat");
	EXPECT(0, "rollout", "-c", file, "--nodes", nodes);
	EXPECT(0, "rollout", "-c", file, "--nodes", nodes, "--share", "25%", "--json");
	EXPECT(0, "explain", "-c", file, "--cgroup", tw_node, "--remote", "127.0.0.1:7002");
	EXPECT(0, "explain", "-c", file, "--remote", "[::1]:80", "--json");
}

/* --- a run, from its start to its end ------------------------------------------------------- */

/* A pod, as the kubelet names its cgroup and its logs. */
static const char *make_pod(void)
{
	SYS(mkdir(tw_format("%s/logs", tw_folder), 0755));
	SYS(mkdir(tw_format("%s/logs/shop_cart-0_" UID, tw_folder), 0755));
	return tw_cgroup(tw_node, "kubepods/pod" UID "/c1");
}

static void check_pairs(const char *pod)
{
	struct tw_pair held = tw_pair(tw_node, tw_node, "127.0.0.1:7002");
	struct tw_pair strict = tw_pair(tw_node, tw_node, "127.0.0.1:7004");

	CHECK_OPTIONS(tw_pair(tw_node, NULL, "127.0.0.1:7000").client, 1, 60, 10, 3, 90000);
	CHECK_OPTIONS(tw_pair(pod, NULL, "127.0.0.1:7000").client, 1, 32, 5, 3, 0);
	CHECK_UNTOUCHED(tw_pair(tw_node, NULL, "127.0.9.1:7000").client);
	CHECK_UNTOUCHED(tw_pair(tw_node, NULL, "[::1]:7000").client);
	CHECK_OPTIONS(held.client, 1, 33, 5, 3, 48375);
	/* Both ends keep what the hook gives them. */
	tw_set(held.client, IPPROTO_TCP, TCP_KEEPIDLE, 500);
	tw_set(strict.server, IPPROTO_TCP, TCP_KEEPIDLE, 500);
	CHECK_INT(tw_get(held.client, IPPROTO_TCP, TCP_KEEPIDLE), 33);
	CHECK_INT(tw_get(strict.server, IPPROTO_TCP, TCP_KEEPIDLE), 120);
}

/* A peer that answers no more. */
static void die(void)
{
	struct tw_pair pair = tw_pair(tw_node, NULL, "127.0.0.1:7001");

	tw_blackhole(pair.server);
	SYS(send(pair.client, "x", 1, 0));
	CHECK_INT(tw_wait_error(pair.client), ETIMEDOUT);
	/* While it is open it keeps our values, and nothing can restore them. */
	close(pair.client);
}

static void reload(const struct tw_process *daemon, const char *list, const char *said)
{
	tw_policy("%s", list);
	tw_signal(daemon, SIGHUP);
	WAIT_FOR(strstr(tw_log_of(daemon), said));
}

static void browse(void)
{
	CHECK_INT(tw_web_get("/").status, 200);
	CHECK_INT(tw_web_get("/metrics").status, 200);
	CHECK_INT(tw_web_get("/healthz").status, 200);
	CHECK_INT(tw_web_get("/readyz").status, 200);
	CHECK_INT(tw_web_get("/elsewhere").status, 404);
	CHECK_INT(tw_web_send(TW_WEB, "POST / HTTP/1.1\r\n\r\n", 19).status, 405);
}

static void look(const char *file, const char *logs, pid_t daemon)
{
	const char *pid = tw_format("%d", (int)daemon);

	EXPECT(0, "status");
	EXPECT(0, "status", "--json");
	EXPECT(0, "sockets", "--pod-logs", logs);
	EXPECT(0, "sockets", "--json", "--cgroup", tw_node, "--state", "ESTAB");
	EXPECT(0, "sockets", "--pid", pid, "--json");
	EXPECT(0, "sockets", "-c", file, "--verdict", "differs");
	EXPECT_PIDFD("explain", "--pid", pid);
	EXPECT(0, "explain", "--cgroup", tw_node, "--remote", "127.0.0.1:7004", "--json");
	EXPECT(0, "doctor", "--json", "-c", file);
}

static void explain_live(int fd)
{
	struct tw_identity who = tw_identity(fd);

	EXPECT_PIDFD("explain", "--local", who.local, "--remote", who.remote, "--json");
}

TW_TEST_OF_DEATHS(cycle__a_run_from_start_to_end)
{
	const char *pod = make_pod(), *logs = tw_format("%s/logs", tw_folder);
	struct tw_pair early = tw_pair(tw_node, tw_node, "127.0.0.1:7000");
	const char *list = tw_format(EVERY_KEY, tw_node, tw_node), *file = tw_policy("%s", list);
	struct tw_process daemon, reader;

	daemon = TW_START("run", "-c", file, "--attach-to", tw_node, "--pod-logs", logs, "--stats",
			  "1", "--log-format", "text");
	tw_wait_enforcing(&daemon);
	WAIT_FOR(tw_swept(&daemon) == 1);
	CHECK_OPTIONS(early.client, 1, 60, 10, 3, 90000);
	reader = tw_follow();
	check_pairs(pod);
	die();
	WAIT_FOR(TOLD(reader, "\"dead\"", "\"dying\"") == 1);
	look(file, logs, daemon.pid);
	explain_live(early.client);
	browse();
	tw_cgroup(tw_node, "late/and/deep");
	reload(&daemon, "- {nonsense: 1}\n", "refused");
	reload(&daemon, tw_format("%s- {name: last}\n", list), "generation 2");
	WAIT_FOR(tw_swept(&daemon) == 2);
	/* detach ends a run by a pidfd. */
	if (getenv("TW_MEMCHECK")) {
		EXPECT(1, "detach");
		tw_signal(&daemon, SIGTERM);
		CHECK_INT(tw_join(&daemon).status, 0);
	}
	EXPECT(0, "detach", "--restore");
	if (!getenv("TW_MEMCHECK"))
		CHECK_INT(tw_join(&daemon).status, 0);
	tw_signal(&reader, SIGTERM);
	CHECK_INT(tw_join(&reader).status, 0);
	CHECK_UNTOUCHED(early.client);
	EXPECT(3, "status");
}
