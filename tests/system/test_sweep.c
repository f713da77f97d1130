// SPDX-License-Identifier: GPL-2.0-only
/* Connections that are open already come under the policy; nothing else is touched. */
#include <fcntl.h>
#include <linux/capability.h>
#include <netinet/tcp.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include "bpf.h"
#include "lib/cleanup.h"
#include "samples.h"

#define ADDRESS "127.0.0.1:7000"
#define POLICY	TW_SAMPLES_POLICY
#define ASKED	TW_SAMPLES_ASKED
#define UNSET	0, 7200, 75, 9, 0

/* --- every kind of socket, both ways --- */

static struct tw_values values_of(const struct tw_sample *sample, const struct tw_listing *listing)
{
	const char *line;

	if (sample->fd >= 0)
		return tw_values(sample->fd);
	line = tw_listing_find(listing, &sample->identity);
	if (!line)
		FAIL("sockets does not show: %s", sample->what);
	return tw_line_values(line);
}

/* A socket that waits for accept() is in no descriptor table: the one difference. */
static void check_swept(const struct tw_samples *samples, bool by_descriptors)
{
	struct tw_listing listing = TW_SOCKETS();

	for (size_t i = 0; i < samples->count; i++) {
		const struct tw_sample *sample = &samples->list[i];
		bool missed = by_descriptors && sample->kind == TW_SAMPLE_WAITING;

		CHECK_VALUES(sample->what, values_of(sample, &listing),
			     missed ? sample->own : sample->asked);
	}
}

TW_TEST(sweep__every_kind_of_socket)
{
	struct tw_samples *samples = tw_samples_make();
	bool by_descriptors = tw_by_descriptors(tw_sweep_once(POLICY));

	CHECK_INT(by_descriptors, !tw_kernel_iterates());
	check_swept(samples, by_descriptors);
}

TW_TEST(sweep__every_kind_of_socket_by_descriptors)
{
	struct tw_samples *samples = tw_samples_make();

	tw_force_descriptors();
	CHECK(tw_by_descriptors(tw_sweep_once(POLICY)));
	check_swept(samples, true);
}

/* --- direction: the policy that wins is the one of a birth --- */

static void check_directions(void)
{
	struct tw_samples *samples = tw_samples_make();

	tw_sweep_once("- {name: in, match: {direction: in}, keepalive: 222s:22s:5}\n"
		      "- {name: out, match: {direction: out}, keepalive: 111s:11s:4}\n");
	for (size_t i = 0; i < samples->count; i++) {
		const struct tw_sample *sample = &samples->list[i];

		if (sample->kind == TW_SAMPLE_CONNECTION && sample->own.probes == 9 &&
		    tw_values(sample->fd).probes != (*sample->direction == 'i' ? 5 : 4))
			FAIL("not taken as %s: %s", sample->direction, sample->what);
	}
}

TW_TEST(sweep__direction)
{
	check_directions();
}

TW_TEST(sweep__direction_by_descriptors)
{
	tw_force_descriptors();
	check_directions();
}

/* --- namespaces --- */

/* In one that a process is in, in one that only a name leads to, and in ours. */
static void check_namespaces(void)
{
	struct tw_pair here, named, inhabited, outside;

	tw_own_run_netns();
	here = tw_sample_pair(ADDRESS);
	tw_stay(NULL);
	tw_new_netns();
	inhabited = tw_sample_pair("[::1]:7000");
	tw_stay(NULL);
	tw_new_netns();
	tw_name_netns("named");
	named = tw_sample_pair(ADDRESS);
	outside = tw_pair(NULL, NULL, "127.0.0.1:7001");
	tw_new_netns();
	tw_sweep_once(POLICY);
	CHECK_OPTIONS(here.client, ASKED);
	CHECK_OPTIONS(here.server, ASKED);
	CHECK_OPTIONS(inhabited.client, ASKED);
	CHECK_OPTIONS(inhabited.server, ASKED);
	CHECK_OPTIONS(named.client, ASKED);
	CHECK_OPTIONS(named.server, ASKED);
	CHECK_UNTOUCHED(outside.client);
	CHECK_UNTOUCHED(outside.server);
}

TW_TEST(sweep__network_namespaces)
{
	check_namespaces();
}

/* The sockets of the named one are held by a process of another. */
TW_TEST(sweep__network_namespaces_by_descriptors)
{
	tw_force_descriptors();
	check_namespaces();
}

/* Unset means each namespace's own sysctls. */
TW_TEST(sweep__sysctls_of_each_namespace)
{
	struct tw_pair here = tw_sample_pair(ADDRESS), there;

	tw_set(here.client, IPPROTO_TCP, TCP_KEEPIDLE, 600);
	tw_stay(NULL);
	tw_new_netns();
	tw_sysctl("net/ipv4/tcp_keepalive_time", "600");
	there = tw_sample_pair(ADDRESS);
	tw_set(there.server, IPPROTO_TCP, TCP_KEEPIDLE, 7200);
	tw_sweep_once("- {name: all, keepalive: 100s:10s:5}\n");
	CHECK_OPTIONS(here.client, 1, 600, 10, 5, 0);
	CHECK_OPTIONS(there.client, 1, 100, 10, 5, 0);
	CHECK_OPTIONS(there.server, 1, 7200, 10, 5, 0);
}

#define MANY 80

static void few_descriptors(void)
{
	struct rlimit limit = { .rlim_cur = 64, .rlim_max = 4096 };

	SYS(setrlimit(RLIMIT_NOFILE, &limit));
}

/* The soft limit is what a shell or a service manager happened to set. */
TW_TEST(sweep__more_namespaces_than_descriptors)
{
	int client[MANY];

	tw_own_run_netns();
	for (int i = 0; i < MANY; i++) {
		tw_new_netns();
		tw_name_netns(tw_format("ns%d", i));
		client[i] = tw_sample_pair(ADDRESS).client;
	}
	CHECK_INT(
		tw_run(&(struct tw_command){ .args = ARGS("run", "--once", "-c", tw_policy(POLICY),
							  "--attach-to", tw_node),
					     .prepare = few_descriptors })
			.status,
		0);
	for (int i = 0; i < MANY; i++)
		CHECK_OPTIONS(client[i], ASKED);
}

static void drop_namespaces(void)
{
	SYS(prctl(PR_CAPBSET_DROP, CAP_SYS_ADMIN));
	SYS(prctl(PR_CAPBSET_DROP, CAP_SYS_PTRACE));
}

/* What can be reached is swept; that there is more is said. */
TW_TEST(sweep__without_the_right_to_enter)
{
	struct tw_pair here, there;
	struct tw_result result;

	tw_own_run_netns();
	tw_new_netns();
	tw_name_netns("there");
	there = tw_sample_pair(ADDRESS);
	tw_new_netns();
	here = tw_sample_pair(ADDRESS);
	result = tw_run(&(struct tw_command){
		.args = ARGS("run", "--once", "-c", tw_policy(POLICY), "--attach-to", tw_node),
		.prepare = drop_namespaces });
	CHECK_INT(result.status, 0);
	CHECK_HAS(result.err, "could not reach");
	CHECK_UNTOUCHED(there.client);
	if (tw_by_descriptors(result.err))
		CHECK_UNTOUCHED(here.client);
	else
		CHECK_OPTIONS(here.client, ASKED);
}

/* --- what is never touched --- */

static struct tw_identity make_orphan(void)
{
	struct tw_pair pair;
	struct tw_identity identity;

	tw_orphans_last();
	pair = tw_sample_pair(ADDRESS);
	identity = tw_identity(pair.client);
	close(pair.client);
	WAIT_FOR(tw_tcp_info(pair.server).state == TCP_CLOSE_WAIT);
	return identity;
}

static bool is_there(const struct tw_identity *identity)
{
	struct tw_listing listing = TW_SOCKETS();

	return tw_listing_find(&listing, identity) != NULL;
}

static void check_orphan_dies(const struct tw_identity *orphan, struct tw_values expected)
{
	struct tw_listing listing = TW_SOCKETS();
	const char *line = tw_listing_find(&listing, orphan);

	if (!line)
		FAIL("the orphan was gone before the sweep: it proves nothing");
	CHECK_EQUAL(tw_json_string(line, "state"), "FIN-WAIT-2");
	CHECK_VALUES("orphan", tw_line_values(line), expected);
	WAIT_FOR(!is_there(orphan));
}

TW_TEST(sweep__orphans_are_left_and_die)
{
	struct tw_identity orphan = make_orphan();

	CHECK_HAS(tw_sweep_once(POLICY), " 1 orphans");
	check_orphan_dies(&orphan, (struct tw_values){ UNSET });
}

TW_TEST(sweep__orphans_are_left_and_die_by_descriptors)
{
	struct tw_identity orphan = make_orphan();

	tw_force_descriptors();
	CHECK_HAS(tw_sweep_once(POLICY), " 1 orphans");
	check_orphan_dies(&orphan, (struct tw_values){ UNSET });
}

/* Letting go writes SO_KEEPALIVE 0, which would make an orphan immortal. */
TW_TEST(sweep__orphans_of_a_policy_that_vanished_die)
{
	struct tw_process daemon = tw_enforce_swept(POLICY);
	struct tw_identity orphan = make_orphan();

	tw_change_swept(&daemon, "version: 1\npolicies: []\n");
	check_orphan_dies(&orphan, (struct tw_values){ ASKED });
}

TW_TEST(sweep__no_sweep_leaves_all_alone)
{
	struct tw_samples *samples = tw_samples_make();
	struct tw_process daemon =
		TW_START("run", "--no-sweep", "-c", tw_policy(POLICY), "--attach-to", tw_node);
	struct tw_result result;

	tw_wait_enforcing(&daemon);
	tw_policy("- {name: all, keepalive: 200s:20s:6}\n");
	tw_signal(&daemon, SIGHUP);
	WAIT_FOR(tw_status_int("generation") == 2);
	CHECK_OPTIONS(tw_sample_pair("127.0.0.1:7020").client, 1, 200, 20, 6, 0);
	tw_signal(&daemon, SIGTERM);
	result = tw_join(&daemon);
	CHECK_INT(result.status, 0);
	CHECK(!strstr(result.err, "swept"));
	for (size_t i = 0; i < samples->count; i++)
		if (samples->list[i].fd >= 0)
			CHECK_VALUES(samples->list[i].what, tw_values(samples->list[i].fd),
				     samples->list[i].own);
}

TW_TEST(sweep__observing_changes_nothing)
{
	struct tw_pair pair = tw_sample_pair(ADDRESS);

	tw_set(pair.server, IPPROTO_TCP, TCP_KEEPIDLE, 100);
	tw_sweep_once("- {name: eye, mode: observe, keepalive: \"100s::\"}\n");
	CHECK_UNTOUCHED(pair.client);
	CHECK_INT(tw_count("eye", "would_set"), 2);
	CHECK_INT(tw_count("eye", "set"), 0);
}

/* --- once, and what is counted --- */

static void check_counts(void)
{
	int app, already, set, exempt;

	set = tw_sample_pair("127.0.0.1:7000").client;
	already = tw_sample_pair("127.0.0.1:7001").client;
	tw_set(already, SOL_SOCKET, SO_KEEPALIVE, 1);
	tw_set(already, IPPROTO_TCP, TCP_KEEPIDLE, 100);
	tw_set(already, IPPROTO_TCP, TCP_KEEPINTVL, 10);
	tw_set(already, IPPROTO_TCP, TCP_KEEPCNT, 5);
	app = tw_sample_pair("127.0.0.1:7002").client;
	tw_set(app, SOL_SOCKET, SO_KEEPALIVE, 1);
	tw_set(app, IPPROTO_TCP, TCP_KEEPIDLE, 50);
	tw_set(app, IPPROTO_TCP, TCP_KEEPINTVL, 60);
	tw_set(app, IPPROTO_TCP, TCP_KEEPCNT, 3);
	exempt = tw_sample_pair("127.0.0.1:7003").client;
	tw_sweep_once("- {name: eye, mode: observe, match: {direction: out}, keepalive: on}\n"
		      "- {name: none, match: {direction: out, port: 7003}}\n"
		      "- {name: all, match: {direction: out}, keepalive: 100s:10s:5}\n");
	CHECK_OPTIONS(set, 1, 100, 10, 5, 0);
	CHECK_OPTIONS(app, 1, 50, 60, 3, 0);
	CHECK_UNTOUCHED(exempt);
	CHECK_INT(tw_count("all", "set"), 1);
	CHECK_INT(tw_count("all", "already"), 1);
	CHECK_INT(tw_count("all", "kept_app"), 1);
	CHECK_INT(tw_count("all", "failed"), 0);
	CHECK_INT(tw_count("none", "set"), 0);
	CHECK_INT(tw_count("none", "already"), 1);
	CHECK_INT(tw_count("eye", "would_set"), 2);
	CHECK_INT(tw_count("eye", "already"), 2);
	CHECK(!tw_json_bool(tw_status(), "daemon.running"));
}

TW_TEST(sweep__once_counts_each_socket_once)
{
	check_counts();
}

TW_TEST(sweep__once_counts_each_socket_once_by_descriptors)
{
	tw_force_descriptors();
	check_counts();
}

/* --- changes of policy --- */

static void check_moved(void)
{
	struct tw_process daemon = tw_enforce_swept(POLICY);
	struct tw_pair pair = tw_sample_pair(ADDRESS);
	int plain = pair.client, app = pair.server, chosen = tw_sample_pair("[::1]:7001").client;

	/* Its own from here on; 200 and 20 are what the next policy asks too. */
	tw_set(app, IPPROTO_TCP, TCP_USER_TIMEOUT, 33000);
	tw_set(chosen, IPPROTO_TCP, TCP_KEEPIDLE, 200);
	tw_set(chosen, IPPROTO_TCP, TCP_KEEPINTVL, 20);
	tw_change_swept(&daemon, "version: 1\npolicies:\n"
				 "- {name: all, keepalive: 200s:20s:6, user_timeout: 30s}\n");
	CHECK_OPTIONS(plain, 1, 200, 20, 6, 30000);
	CHECK_OPTIONS(app, 1, 200, 20, 6, 33000);
	CHECK_OPTIONS(chosen, 1, 200, 20, 6, 30000);
	/* Asks for less: the rest goes back. */
	tw_change_swept(&daemon, "version: 1\npolicies:\n- {name: all, keepalive: \"300s::\"}\n");
	CHECK_OPTIONS(plain, 1, 300, 75, 9, 0);
	CHECK_OPTIONS(app, 1, 300, 75, 9, 33000);
	CHECK_OPTIONS(chosen, 1, 200, 20, 9, 0);
	tw_change_swept(&daemon, "version: 1\npolicies: []\n");
	CHECK_UNTOUCHED(plain);
	CHECK_OPTIONS(app, 0, 7200, 75, 9, 33000);
	CHECK_OPTIONS(chosen, 0, 200, 20, 9, 0);
	tw_change_swept(&daemon, "version: 1\npolicies:\n" POLICY);
	CHECK_OPTIONS(plain, ASKED);
	CHECK_OPTIONS(app, 1, 100, 10, 5, 33000);
	/* L = 200 + 4 x 20 = 280 s, and an eighth. */
	CHECK_OPTIONS(chosen, 1, 200, 20, 5, 315000);
	tw_change_swept(&daemon, "version: 1\npolicies:\n- {name: not-these}\n" POLICY);
	CHECK_UNTOUCHED(plain);
	CHECK_OPTIONS(app, 0, 7200, 75, 9, 33000);
	tw_change_swept(&daemon, "version: 1\npolicies:\n" POLICY);
	CHECK_OPTIONS(plain, ASKED);
	tw_change_swept(&daemon, "version: 1\nmode: observe\npolicies:\n" POLICY);
	CHECK_UNTOUCHED(plain);
	CHECK_OPTIONS(app, 0, 7200, 75, 9, 33000);
	CHECK_OPTIONS(chosen, 0, 200, 20, 9, 0);
}

TW_TEST(sweep__changes_of_policy)
{
	check_moved();
}

TW_TEST(sweep__changes_of_policy_by_descriptors)
{
	tw_force_descriptors();
	check_moved();
}

/* A socket whose application set a value of the policy before us keeps it when the policy goes. */
TW_TEST(sweep__the_policys_very_value_stays)
{
	int fd = tw_sample_pair(ADDRESS).client;
	struct tw_process daemon;

	tw_set(fd, SOL_SOCKET, SO_KEEPALIVE, 1);
	tw_set(fd, IPPROTO_TCP, TCP_KEEPIDLE, 100);
	daemon = tw_enforce_swept(POLICY);
	CHECK_OPTIONS(fd, ASKED);
	tw_change_swept(&daemon, "version: 1\npolicies:\n"
				 "- {name: all, keepalive: 200s:20s:6}\n");
	CHECK_OPTIONS(fd, 1, 100, 20, 6, 0);
	tw_change_swept(&daemon, "version: 1\npolicies: []\n");
	CHECK_OPTIONS(fd, 1, 100, 75, 9, 0);
}

/* The next daemon knows from the records what is ours. */
TW_TEST(sweep__the_next_daemon_moves_what_the_last_one_set)
{
	struct tw_process daemon = tw_enforce_swept(POLICY);
	int fd = tw_sample_pair(ADDRESS).client;

	tw_signal(&daemon, SIGKILL);
	tw_join(&daemon);
	tw_sweep_once("- {name: all, keepalive: 200s:20s:6}\n");
	CHECK_OPTIONS(fd, 1, 200, 20, 6, 0);
}

/* --- cgroups whose policies came after their sockets --- */

#define LATE_POLICY                                                         \
	"- {name: late, match: {cgroup: %s/late}, keepalive: 200s:20s:6}\n" \
	"- {name: all, match: {cgroup: %s}, keepalive: 100s:10s:5, user_timeout: auto}\n"

/*
 * Sockets of a cgroup below `late`, which tcpwarden, held up, has not met;
 * `others` came before it.
 */
static void check_late(const char *name, int others)
{
	struct tw_process daemon = tw_enforce(LATE_POLICY, tw_node, tw_node);
	const char *cgroup;
	struct tw_pair pair;
	int64_t start;

	WAIT_FOR(tw_swept(&daemon) == 1);
	tw_signal(&daemon, SIGSTOP);
	for (int i = 0; i < others; i++)
		tw_cgroup(tw_node, tw_format("other%d", i));
	cgroup = tw_cgroup(tw_node, name);
	tw_stay(cgroup);
	pair = tw_pair(cgroup, tw_node, ADDRESS);
	CHECK_OPTIONS(pair.client, ASKED);
	tw_signal(&daemon, SIGCONT);
	start = tw_now_ms();
	WAIT_FOR(tw_values(pair.client).idle == 200);
	printf("settled after %lld ms\n", (long long)(tw_now_ms() - start));
	CHECK_OPTIONS(pair.client, 1, 200, 20, 6, 0);
	CHECK_OPTIONS(pair.server, ASKED);
}

TW_TEST(sweep__late_cgroup)
{
	check_late("late", 0);
}

/* The process is in the container's cgroup, the policy names the one above. */
TW_TEST(sweep__late_cgroup_below_a_late_one)
{
	check_late("late/below", 0);
}

/* More than the ring of events takes: which ones came is lost. */
TW_TEST(sweep__late_cgroup_after_many)
{
	check_late("late", 400);
}

TW_TEST(sweep__late_cgroup_of_another_namespace)
{
	tw_stay(NULL);
	tw_new_netns();
	check_late("late", 0);
}

/* --- in motion --- */

#define RING 64

struct traffic {
	atomic_bool stop;
	atomic_ulong connections;
	int listener;
};

static void check_alive(const struct tw_pair *pair)
{
	char byte = 'x';

	SYS(send(pair->client, &byte, 1, 0));
	CHECK_INT(SYS(recv(pair->server, &byte, 1, 0)), 1);
	SYS(send(pair->server, &byte, 1, 0));
	CHECK_INT(SYS(recv(pair->client, &byte, 1, 0)), 1);
}

static void come_and_go(void *arg)
{
	struct traffic *traffic = arg;
	struct tw_pair ring[RING];
	unsigned long n;

	for (n = 0; !atomic_load(&traffic->stop) || n < RING; n++) {
		struct tw_pair *pair = &ring[n % RING];

		if (n >= RING) {
			check_alive(pair);
			tw_close_reset(pair->client);
			close(pair->server);
		}
		pair->client = tw_connect(NULL, ADDRESS);
		pair->server = tw_accept(traffic->listener);
		atomic_fetch_add(&traffic->connections, 1);
	}
	for (size_t i = 0; i < RING; i++) {
		check_alive(&ring[i]);
		CHECK_OPTIONS(ring[i].client, ASKED);
		CHECK_OPTIONS(ring[i].server, ASKED);
	}
}

static struct traffic *start_traffic(pid_t *ret_pid)
{
	struct traffic *traffic = mmap(NULL, sizeof(*traffic), PROT_READ | PROT_WRITE,
				       MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	CHECK(traffic != MAP_FAILED);
	traffic->listener = tw_listen(tw_node, ADDRESS);
	*ret_pid = tw_fork(tw_node, come_and_go, traffic);
	WAIT_FOR(atomic_load(&traffic->connections) > 2 * RING);
	return traffic;
}

/* None is missed: neither those that stay nor those that come and go meanwhile. */
TW_TEST(sweep__connections_come_and_go)
{
	struct tw_pair standing[300];
	struct traffic *traffic;
	unsigned long before;
	pid_t pid;

	for (size_t i = 0; i < ARRAY_SIZE(standing); i++)
		standing[i] = tw_sample_pair("127.0.0.1:7001");
	traffic = start_traffic(&pid);
	before = atomic_load(&traffic->connections);
	CHECK_INT(TW_RUN("run", "--once", "-c", tw_policy(POLICY), "--attach-to", tw_node,
			 "--sweep-rate", "500")
			  .status,
		  0);
	atomic_store(&traffic->stop, true);
	printf("%lu connections during the sweep\n", atomic_load(&traffic->connections) - before);
	CHECK(atomic_load(&traffic->connections) > before + 500);
	tw_join_child(pid);
	for (size_t i = 0; i < ARRAY_SIZE(standing); i++) {
		CHECK_OPTIONS(standing[i].client, ASKED);
		CHECK_OPTIONS(standing[i].server, ASKED);
		check_alive(&standing[i]);
	}
}

#define SOCKETS 300

static void open_sockets(int *fds)
{
	for (int i = 0; i < SOCKETS; i += 2) {
		struct tw_pair pair = tw_sample_pair(ADDRESS);

		fds[i] = pair.client;
		fds[i + 1] = pair.server;
	}
}

/* How many have all that the policy asks; any other must be as it was. */
static int count_set(const int *fds)
{
	const struct tw_values asked = { ASKED }, unset = { UNSET };
	int count = 0;

	for (int i = 0; i < SOCKETS; i++) {
		struct tw_values values = tw_values(fds[i]);

		if (tw_values_equal(&values, &asked))
			count++;
		else if (!tw_values_equal(&values, &unset))
			CHECK_OPTIONS(fds[i], ASKED);
	}
	return count;
}

static void check_killed(void)
{
	struct tw_process daemon;
	int fds[SOCKETS], count;

	open_sockets(fds);
	daemon = TW_START("run", "-c", tw_policy(POLICY), "--attach-to", tw_node, "--sweep-rate",
			  "50");
	WAIT_FOR(count_set(fds) >= 20);
	tw_signal(&daemon, SIGKILL);
	tw_join(&daemon);
	count = count_set(fds);
	CHECK(count >= 20 && count < SOCKETS);
	tw_sweep_once(POLICY);
	CHECK_INT(count_set(fds), SOCKETS);
	CHECK_INT(tw_count("all", "set"), SOCKETS);
	/* And it is known which values are ours. */
	CHECK_INT(TW_RUN("detach", "--restore").status, 0);
	for (int i = 0; i < SOCKETS; i++)
		CHECK_UNTOUCHED(fds[i]);
}

TW_TEST(sweep__killed_midway_is_finished_by_the_next)
{
	check_killed();
}

TW_TEST(sweep__killed_midway_is_finished_by_the_next_by_descriptors)
{
	tw_force_descriptors();
	check_killed();
}

static void check_rate(void)
{
	int64_t start;

	for (int i = 0; i < 50; i++)
		tw_sample_pair(ADDRESS);
	start = tw_now_ms();
	CHECK_INT(TW_RUN("run", "--once", "-c", tw_policy(POLICY), "--attach-to", tw_node,
			 "--sweep-rate", "50")
			  .status,
		  0);
	/* 100 sockets; the pause after the last may be cut short. */
	if (tw_now_ms() - start < 1900)
		FAIL("100 sockets at 50 a second took %lld ms", (long long)(tw_now_ms() - start));
}

TW_TEST(sweep__rate_is_kept)
{
	check_rate();
}

TW_TEST(sweep__rate_is_kept_by_descriptors)
{
	tw_force_descriptors();
	check_rate();
}

/* --- kTLS --- */

#define TW_TCP_ULP 31

/* All or nothing: old kernels refuse SOL_TCP options there to BPF programs. */
TW_TEST(sweep__tls_sockets_get_all_or_nothing)
{
	int fd = tw_sample_pair(ADDRESS).client;
	const char *log;

	if (setsockopt(fd, IPPROTO_TCP, TW_TCP_ULP, "tls", sizeof("tls")) < 0)
		tw_skip("no kTLS in this kernel: %s", strerror(errno));
	log = tw_sweep_once(POLICY);
	if (strstr(log, " 0 refused"))
		CHECK_OPTIONS(fd, ASKED);
	else
		CHECK_UNTOUCHED(fd);
}

/* Its exit status tells whether what is open is under the policy. */
TW_TEST(sweep__once_that_is_ended_says_so)
{
	int listener = tw_listen(tw_node, ADDRESS);
	struct tw_process once;
	struct tw_result result;

	for (int i = 0; i < 20; i++) {
		tw_connect(tw_node, ADDRESS);
		tw_accept(listener);
	}
	once = TW_START("run", "--once", "--sweep-rate", "1", "--attach-to", tw_node, "-c",
			tw_policy("- {name: all, keepalive: 111s:11s:4}\n"));
	tw_wait_enforcing(&once);
	tw_signal(&once, SIGTERM);
	result = tw_join(&once);
	CHECK_INT(result.status, 1);
	CHECK(strstr(result.err, "ended before they were swept"));
}
