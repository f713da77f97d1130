// SPDX-License-Identifier: GPL-2.0-only
/* `sockets` says what getsockopt(2) says, of every socket, and changes nothing. */
#include <linux/capability.h>
#include <netinet/tcp.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "bpf.h"
#include "lib/cleanup.h"
#include "samples.h"

#define ADDRESS "127.0.0.1:7000"
#define OTHER	"- {name: all, keepalive: 200s:20s:6, user_timeout: 30s}\n"

/* --- one line against the kernel's own answers --- */

static const char *verdict_of(const char *line)
{
	return tw_json_string(line, "verdict");
}

static void check_line(const struct tw_sample *sample, const char *line)
{
	bool inside = sample->kind != TW_SAMPLE_OUTSIDE;

	CHECK_EQUAL(tw_json_string(line, "state"), sample->state);
	CHECK_EQUAL(tw_json_string(line, "cgroup"), inside ? tw_node : tw_outside);
	CHECK(tw_json_int(line, "cgroup_id") > 0);
	CHECK(tw_json_null(line, "pod"));
	CHECK_HAS(line, "\"observed_by\": []");
	if (sample->direction)
		CHECK_EQUAL(tw_json_string(line, "direction"), sample->direction);
	else
		CHECK(tw_json_null(line, "direction"));
	if (sample->fd >= 0) {
		CHECK_VALUES(sample->what, tw_line_values(line), tw_values(sample->fd));
		CHECK_EQUAL(tw_json_string(line, "family"),
			    tw_get(sample->fd, SOL_SOCKET, SO_DOMAIN) == AF_INET ? "ipv4" : "ipv6");
	}
}

/* What `sockets` must say of a sample that carries `values` under TW_SAMPLES_POLICY. */
static const char *expected_verdict(const struct tw_sample *sample, const struct tw_values *values)
{
	struct tw_values plain = { TW_SAMPLES_ASKED };

	if (sample->kind == TW_SAMPLE_LISTENER || sample->kind == TW_SAMPLE_OUTSIDE)
		return "none";
	if (!tw_values_equal(values, &sample->asked))
		return "differs";
	/* `auto` follows timers that the application has: with them it is what is asked. */
	if (sample->own.idle != 7200 || sample->own.interval != 75 || sample->own.probes != 9)
		return "app";
	return values->user_timeout == plain.user_timeout ? "ok" : "app";
}

static void check_samples(const struct tw_samples *samples, const struct tw_listing *listing)
{
	for (size_t i = 0; i < samples->count; i++) {
		const struct tw_sample *sample = &samples->list[i];
		const char *line = tw_listing_find(listing, &sample->identity), *expected;
		struct tw_values values;

		if (!line)
			FAIL("sockets does not show: %s, %s to %s", sample->what,
			     sample->identity.local, sample->identity.remote);
		check_line(sample, line);
		values = tw_line_values(line);
		expected = expected_verdict(sample, &values);
		if (strcmp(verdict_of(line), expected) != 0)
			FAIL("%s: %s, expected %s: %s", sample->what, verdict_of(line), expected,
			     line);
		if (!strcmp(expected, "none"))
			CHECK(tw_json_null(line, "policy"));
		else
			CHECK_EQUAL(tw_json_string(line, "policy"), "all");
	}
}

TW_TEST(sockets__agree_with_getsockopt_before_the_sweep)
{
	struct tw_samples *samples = tw_samples_make();
	struct tw_listing listing;

	CHECK_INT(TW_RUN("run", "--once", "--no-sweep", "-c", tw_policy(TW_SAMPLES_POLICY),
			 "--attach-to", tw_node)
			  .status,
		  0);
	listing = TW_SOCKETS();
	check_samples(samples, &listing);
}

TW_TEST(sockets__agree_with_getsockopt_after_the_sweep)
{
	struct tw_samples *samples = tw_samples_make();
	struct tw_listing listing;

	tw_enforce_swept(TW_SAMPLES_POLICY);
	listing = TW_SOCKETS();
	check_samples(samples, &listing);
}

/* Nothing more than what there is: every line of this namespace is a sample or its peer. */
TW_TEST(sockets__shows_each_socket_once)
{
	struct tw_pair pair = tw_sample_pair(ADDRESS);
	long long netns = tw_identity(pair.client).netns;
	struct tw_listing listing = TW_SOCKETS("--netns", tw_format("%lld", netns));

	CHECK_INT((long long)listing.count, 2);
	CHECK(tw_listing_of(&listing, pair.client) != tw_listing_of(&listing, pair.server));
}

/* --- verdicts --- */

static void check_verdict(const struct tw_listing *listing, int fd, const char *policy,
			  const char *verdict)
{
	const char *line = tw_listing_of(listing, fd);

	if (strcmp(verdict_of(line), verdict) != 0)
		FAIL("expected %s: %s", verdict, line);
	if (policy)
		CHECK_EQUAL(tw_json_string(line, "policy"), policy);
	else
		CHECK(tw_json_null(line, "policy"));
}

/*
 * Where the iterator cannot read socket storage, what a sweep wrote looks like the
 * application's; what was written at birth is remembered elsewhere.
 */
static const char *ours_to_move(void)
{
	return tw_kernel_iterates() ? "differs" : "app";
}

TW_TEST(sockets__verdicts)
{
	struct tw_pair pair = tw_sample_pair(ADDRESS), exempt, outside;
	struct tw_listing listing;
	int listener, later;

	tw_set(pair.server, IPPROTO_TCP, TCP_KEEPIDLE, 55);
	tw_enforce_swept("- {name: eye, mode: observe, keepalive: on}\n"
			 "- {name: not-these, match: {port: 7001}}\n" TW_SAMPLES_POLICY);
	exempt = tw_sample_pair("127.0.0.1:7001");
	outside = tw_pair(NULL, NULL, "127.0.0.1:7002");
	listener = tw_listen(tw_node, "127.0.0.1:7003");
	later = tw_sample_pair("127.0.0.1:7004").client;
	tw_set(later, IPPROTO_TCP, TCP_KEEPCNT, 77);
	listing = TW_SOCKETS();
	check_verdict(&listing, pair.client, "all", "ok");
	check_verdict(&listing, pair.server, "all", "app");
	check_verdict(&listing, exempt.client, "not-these", "exempt");
	check_verdict(&listing, exempt.server, "not-these", "exempt");
	check_verdict(&listing, outside.client, NULL, "none");
	check_verdict(&listing, outside.server, NULL, "none");
	check_verdict(&listing, listener, NULL, "none");
	/* It changed what `auto` follows: the next sweep would compute it anew. */
	check_verdict(&listing, later, "all", "differs");
	CHECK_HAS(tw_listing_of(&listing, pair.client), "\"observed_by\": [\"eye\"]");
	CHECK_HAS(tw_listing_of(&listing, listener), "\"observed_by\": []");
	CHECK_HAS(tw_listing_of(&listing, outside.client), "\"observed_by\": []");
}

TW_TEST(sockets__observers_alone_are_no_policy)
{
	struct tw_pair pair = tw_sample_pair(ADDRESS);
	struct tw_listing listing;

	tw_enforce_swept("- {name: eye, mode: observe, keepalive: on}\n");
	listing = TW_SOCKETS();
	check_verdict(&listing, pair.client, NULL, "none");
	CHECK_HAS(tw_listing_of(&listing, pair.client), "\"observed_by\": [\"eye\"]");
	CHECK_UNTOUCHED(pair.client);
}

/* --- the audit --- */

static void check_unchanged(const struct tw_samples *samples)
{
	for (size_t i = 0; i < samples->count; i++)
		if (samples->list[i].fd >= 0)
			CHECK_VALUES(samples->list[i].what, tw_values(samples->list[i].fd),
				     samples->list[i].own);
}

TW_TEST(sockets__audit_with_nothing_attached)
{
	struct tw_samples *samples = tw_samples_make();
	const char *path = tw_policy("- {name: all, match: {cgroup: %s}, keepalive: 100s:10s:5, "
				     "user_timeout: auto}\n",
				     tw_node);
	struct tw_listing listing = TW_SOCKETS("-c", path);

	check_samples(samples, &listing);
	check_unchanged(samples);
	CHECK(tw_bpffs_is_empty());
	CHECK_INT(tw_programs_attached(tw_node), 0);
}

TW_TEST(sockets__without_a_policy_all_are_none)
{
	struct tw_samples *samples = tw_samples_make();
	struct tw_listing listing = TW_SOCKETS();

	for (size_t i = 0; i < samples->count; i++) {
		const struct tw_sample *sample = &samples->list[i];
		const char *line = tw_listing_find(&listing, &sample->identity);

		CHECK(line);
		check_line(sample, line);
		CHECK_EQUAL(verdict_of(line), "none");
	}
	CHECK(tw_bpffs_is_empty());
}

/* What we set is ours to move: the audit of the next policy must know it from the application's. */
TW_TEST(sockets__audit_of_the_next_policy)
{
	struct tw_pair pair = tw_sample_pair(ADDRESS);
	struct tw_listing listing;
	const char *path;

	tw_set(pair.server, IPPROTO_TCP, TCP_KEEPIDLE, 55);
	tw_enforce_swept(TW_SAMPLES_POLICY);
	path = tw_write_file("next.yaml", "version: 1\npolicies:\n" OTHER);
	listing = TW_SOCKETS("-c", path);
	check_verdict(&listing, pair.client, "all", ours_to_move());
	check_verdict(&listing, pair.server, "all", ours_to_move());
	listing = TW_SOCKETS(
		"-c", tw_write_file("same.yaml", "version: 1\npolicies:\n" TW_SAMPLES_POLICY));
	check_verdict(&listing, pair.client, "all", "ok");
	check_verdict(&listing, pair.server, "all", "app");
	/* An exemption or none at all would let go of what is ours. */
	listing = TW_SOCKETS("-c", tw_write_file("exempt.yaml", "version: 1\npolicies:\n"
								"- {name: all}\n"));
	check_verdict(&listing, pair.client, "all", "exempt");
	CHECK_OPTIONS(pair.client, TW_SAMPLES_ASKED);
	CHECK_INT(tw_status_int("generation"), 1);
}

/* Outside the attach point nothing matches, for audits too. */
TW_TEST(sockets__audit_ends_at_the_attach_point)
{
	struct tw_pair inside = tw_sample_pair(ADDRESS);
	struct tw_pair outside = tw_pair(NULL, NULL, "127.0.0.1:7001");
	const char *path;
	struct tw_listing listing;

	tw_enforce_swept("- {name: eye, mode: observe, keepalive: on}\n");
	path = tw_write_file("next.yaml", "version: 1\npolicies:\n" OTHER);
	listing = TW_SOCKETS("-c", path);
	check_verdict(&listing, inside.client, "all", "differs");
	check_verdict(&listing, outside.client, NULL, "none");
}

TW_TEST(sockets__audit_of_a_bad_policy)
{
	struct tw_result result =
		TW_RUN("sockets", "-c", tw_policy("- {name: all, keepalive: 60s:10s:0}\n"));

	CHECK_INT(result.status, 2);
	CHECK_HAS(result.err, "policy.yaml:3:");
	CHECK_EQUAL(result.out, "");
	CHECK_INT(TW_RUN("sockets", "-c", "/nonexistent").status, 2);
}

/* --- filters --- */

static size_t count_of(const struct tw_listing *listing, const char *part)
{
	size_t count = 0;

	for (size_t i = 0; i < listing->count; i++)
		count += strstr(listing->line[i], part) != NULL;
	return count;
}

/* All lines have it, and there are so many. */
static void check_all(struct tw_listing listing, const char *part, size_t count)
{
	CHECK_INT((long long)count_of(&listing, part), (long long)listing.count);
	CHECK_INT((long long)listing.count, (long long)count);
}

TW_TEST(sockets__filter_by_state)
{
	const char *netns;
	struct tw_pair pair = tw_sample_pair(ADDRESS);

	tw_listen(tw_node, "127.0.0.1:7001");
	netns = tw_format("%lld", tw_identity(pair.client).netns);
	check_all(TW_SOCKETS("--netns", netns, "--state", "LISTEN"), "\"LISTEN\"", 1);
	check_all(TW_SOCKETS("--netns", netns, "--state", "estab"), "\"ESTAB\"", 2);
	check_all(TW_SOCKETS("--netns", netns, "--state", "CLOSE-WAIT"), "", 0);
	SYS(shutdown(pair.client, SHUT_WR));
	WAIT_FOR(tw_tcp_info(pair.client).state == TCP_FIN_WAIT2);
	check_all(TW_SOCKETS("--netns", netns, "--state", "FIN-WAIT-2"), "\"FIN-WAIT-2\"", 1);
}

TW_TEST(sockets__filter_by_cgroup)
{
	const char *below = tw_cgroup(tw_node, "below"), *like = tw_cgroup(tw_outside, "node2");

	tw_pair(tw_node, below, ADDRESS);
	tw_pair(like, NULL, "127.0.0.1:7001");
	check_all(TW_SOCKETS("--cgroup", tw_node), tw_node, 2);
	check_all(TW_SOCKETS("--cgroup", tw_format("%s//", tw_node)), tw_node, 2);
	check_all(TW_SOCKETS("--cgroup", below), below, 1);
	check_all(TW_SOCKETS("--cgroup", like), like, 1);
	check_all(TW_SOCKETS("--cgroup", tw_outside), tw_outside, 4);
	check_all(TW_SOCKETS("--cgroup", "/nonexistent"), "", 0);
}

TW_TEST(sockets__filter_by_verdict)
{
	struct tw_pair pair = tw_sample_pair(ADDRESS);

	tw_set(pair.server, IPPROTO_TCP, TCP_KEEPIDLE, 55);
	tw_enforce_swept(TW_SAMPLES_POLICY);
	tw_listen(tw_node, "127.0.0.1:7001");
	check_all(TW_SOCKETS("--cgroup", tw_node, "--verdict", "ok"), "\"ok\"", 1);
	check_all(TW_SOCKETS("--cgroup", tw_node, "--verdict", "app"), "\"app\"", 1);
	check_all(TW_SOCKETS("--cgroup", tw_node, "--verdict", "none"), "\"none\"", 1);
	check_all(TW_SOCKETS("--cgroup", tw_node, "--verdict", "differs"), "", 0);
	check_all(TW_SOCKETS("--cgroup", tw_node, "--verdict", "exempt"), "", 0);
}

TW_TEST(sockets__filter_by_netns)
{
	struct tw_pair here = tw_sample_pair(ADDRESS), there;
	const char *netns;

	tw_stay(NULL);
	tw_new_netns();
	there = tw_sample_pair(ADDRESS);
	netns = tw_format("%lld", tw_identity(here.client).netns);
	check_all(TW_SOCKETS("--netns", netns), netns, 2);
	netns = tw_format("%lld", tw_identity(there.client).netns);
	check_all(TW_SOCKETS("--netns", netns), netns, 2);
	check_all(TW_SOCKETS("--cgroup", tw_node), "", 4);
	check_all(TW_SOCKETS("--netns", "1"), "", 0);
}

struct holder {
	struct tw_pair pair;
};

static void hold_server(void *arg)
{
	const struct holder *holder = arg;

	close(holder->pair.client);
	for (;;)
		pause();
}

TW_TEST(sockets__filter_by_pid)
{
	struct holder holder = { tw_sample_pair(ADDRESS) };
	struct tw_identity server = tw_identity(holder.pair.server);
	pid_t pid = tw_fork(NULL, hold_server, &holder);
	struct tw_listing listing;

	check_all(TW_SOCKETS("--pid", tw_format("%d", getpid())), "", 2);
	WAIT_FOR((listing = TW_SOCKETS("--pid", tw_format("%d", pid))).count == 1);
	CHECK(tw_listing_find(&listing, &server));
}

TW_TEST(sockets__wrong_options)
{
	static const char *const wrong[][2] = {
		{ "--state", "ESTABLISHED" }, { "--state", "" },     { "--verdict", "fine" },
		{ "--verdict", "" },	      { "--netns", "net" },  { "--netns", "0" },
		{ "--netns", "-1" },	      { "--pid", "x" },	     { "--pid", "0" },
		{ "--pid", "2147483647" },    { "--cgroup", "x/y" }, { "--cgroup", "/a/../b" },
		{ "--colour", "red" },	      { "--json", "yes" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(wrong); i++) {
		struct tw_result result = TW_RUN("sockets", wrong[i][0], wrong[i][1]);

		if (result.status != 2)
			FAIL("%s %s: exit status %d", wrong[i][0], wrong[i][1], result.status);
		CHECK_HAS(result.err, "tcpwarden: ");
		CHECK_EQUAL(result.out, "");
	}
	CHECK_INT(TW_RUN("run", "--sweep-rate", "0").status, 2);
	CHECK_INT(TW_RUN("run", "--sweep-rate", "1000001").status, 2);
	CHECK_INT(TW_RUN("run", "--sweep-rate", "fast").status, 2);
	CHECK_INT(TW_RUN("detach", "--restore", "all").status, 2);
}

/* --- the table --- */

TW_TEST(sockets__table)
{
	struct tw_pair pair = tw_sample_pair(ADDRESS);
	struct tw_result result;

	tw_set(pair.server, SOL_SOCKET, SO_KEEPALIVE, 1);
	tw_set(pair.server, IPPROTO_TCP, TCP_KEEPIDLE, 55);
	tw_listen(tw_node, "127.0.0.1:7001");
	result = TW_RUN("sockets", "--cgroup", tw_node, "-c", tw_policy(TW_SAMPLES_POLICY));
	CHECK_INT(result.status, 0);
	CHECK_HAS(result.out, "VERDICT");
	CHECK_HAS(result.out, "55s:75s:9");
	CHECK_HAS(result.out, tw_node);
	CHECK_HAS(result.out, "3 sockets: 0 ok, 0 app, 2 differs, 0 exempt, 0 pending, 1 none");
	CHECK_HAS(result.out, "of 2 connections, 1 would wait 2 h 11 min or for ever");
	CHECK(!strchr(result.out, '\033'));
}

/* --- bad circumstances --- */

static void drop_privilege(void)
{
	SYS(setgid(65534));
	SYS(setuid(65534));
}

TW_TEST(sockets__unprivileged)
{
	struct tw_result result =
		tw_run(&(struct tw_command){ .args = ARGS("sockets"), .prepare = drop_privilege });

	CHECK_INT(result.status, 1);
	CHECK_EQUAL(result.out, "");
	CHECK_HAS(result.err, "CAP_");
	CHECK_INT(strchr(result.err, '\n') - result.err + 1, (long long)strlen(result.err));
}

static void drop_namespaces(void)
{
	SYS(prctl(PR_CAPBSET_DROP, CAP_SYS_ADMIN));
	SYS(prctl(PR_CAPBSET_DROP, CAP_SYS_PTRACE));
}

/* Its own namespace it can see; that others are not seen is said. */
TW_TEST(sockets__without_the_right_to_enter)
{
	struct tw_pair here, there;
	struct tw_result result;

	tw_own_run_netns();
	tw_name_netns("there");
	there = tw_sample_pair(ADDRESS);
	tw_new_netns();
	here = tw_sample_pair("127.0.0.1:7001");
	result = tw_run(&(struct tw_command){ .args = ARGS("sockets", "--json"),
					      .prepare = drop_namespaces });
	CHECK_INT(result.status, 0);
	CHECK_HAS(result.out, tw_identity(here.client).local);
	CHECK(!strstr(result.out, tw_identity(there.client).local));
	CHECK_HAS(result.err, "CAP_SYS_ADMIN");
}

static void namespaces_come_and_go(void *arg)
{
	(void)arg;
	for (;;) {
		pid_t pid = SYS(fork());

		if (pid == 0) {
			tw_new_netns();
			tw_listen(NULL, ADDRESS);
			_exit(0);
		}
		tw_join_child(pid);
	}
}

TW_TEST(sockets__namespaces_and_processes_that_vanish)
{
	int client = tw_sample_pair(ADDRESS).client;
	pid_t pid = tw_fork(NULL, namespaces_come_and_go, NULL);

	for (int i = 0; i < 10; i++) {
		struct tw_listing listing = TW_SOCKETS();

		tw_listing_of(&listing, client);
	}
	tw_sweep_once(TW_SAMPLES_POLICY);
	CHECK_OPTIONS(client, TW_SAMPLES_ASKED);
	SYS(kill(pid, SIGKILL));
}

/* --- MPTCP: what the application sees is not what its subflows have --- */

TW_TEST(sockets__mptcp_subflows)
{
	int listener = tw_socket(tw_node, AF_INET, TW_IPPROTO_MPTCP), client, server;
	struct tw_listing listing;
	const char *line;

	if (listener < 0)
		tw_skip("no MPTCP in this kernel: %s", strerror(errno));
	tw_listen_on(listener, ADDRESS);
	client = SYS(tw_socket(tw_node, AF_INET, TW_IPPROTO_MPTCP));
	tw_connect_on(client, ADDRESS);
	server = tw_accept(listener);
	listing = TW_SOCKETS();
	CHECK_VALUES("client", tw_line_values(tw_listing_of(&listing, client)),
		     ((struct tw_values){ 0, 7200, 75, 9, 0 }));
	tw_sweep_once(TW_SAMPLES_POLICY);
	listing = TW_SOCKETS();
	line = tw_listing_of(&listing, client);
	CHECK_VALUES("client", tw_line_values(line), ((struct tw_values){ TW_SAMPLES_ASKED }));
	CHECK_EQUAL(tw_json_string(line, "direction"), "out");
	line = tw_listing_of(&listing, server);
	CHECK_VALUES("server", tw_line_values(line), ((struct tw_values){ TW_SAMPLES_ASKED }));
	CHECK_EQUAL(tw_json_string(line, "direction"), "in");
	CHECK_EQUAL(verdict_of(line), "ok");
}
