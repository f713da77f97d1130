// SPDX-License-Identifier: GPL-2.0-only
/* `detach --restore`: each socket gets back what it had of its own. */
#include <netinet/tcp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "bpf.h"
#include "lib/cleanup.h"
#include "samples.h"

#define ADDRESS "127.0.0.1:7000"
#define POLICY	TW_SAMPLES_POLICY
#define ASKED	TW_SAMPLES_ASKED
#define OTHER	"- {name: all, keepalive: 200s:20s:6, user_timeout: 30s}\n"

static struct tw_result restore(void)
{
	return TW_RUN("detach", "--restore");
}

static void check_restored(void)
{
	struct tw_result result = restore();

	if (result.status)
		FAIL("detach --restore: exit status %d: %s", result.status, result.err);
	CHECK(tw_bpffs_is_empty());
	CHECK_INT(tw_programs_attached(tw_node), 0);
}

/* --- random applications --- */

#define SOCKETS 96

/* xorshift64 (Marsaglia, 2003): the same sequence each time. */
static uint64_t random_state;

static unsigned below(unsigned limit)
{
	random_state ^= random_state << 13;
	random_state ^= random_state >> 7;
	random_state ^= random_state << 17;
	return (unsigned)(random_state >> 33) % limit;
}

/* A socket and what its application last asked for, unset as the system has it. */
struct application {
	int fd;
	struct tw_values own;
};

/*
 * Set a random few of the five to values that no policy here asks for. On a
 * socket that is ours, keepalive goes only off: a field that has the very value
 * that we wrote cannot be told from ours.
 */
static void call(struct application *application, bool ours)
{
	struct tw_values *own = &application->own;
	int fd = application->fd;

	if (!below(3))
		tw_set(fd, IPPROTO_TCP, TCP_KEEPIDLE, own->idle = 1000 + (int)below(1000));
	if (!below(3))
		tw_set(fd, IPPROTO_TCP, TCP_KEEPINTVL, own->interval = 300 + (int)below(100));
	if (!below(3))
		tw_set(fd, IPPROTO_TCP, TCP_KEEPCNT, own->probes = 20 + (int)below(100));
	if (!below(3))
		tw_set(fd, IPPROTO_TCP, TCP_USER_TIMEOUT,
		       own->user_timeout = 7000 + (int)below(1000));
	if (!below(3))
		tw_set(fd, SOL_SOCKET, SO_KEEPALIVE, own->keepalive = !ours && below(2));
	if (!below(8))
		tw_set(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, own->user_timeout = 0);
}

static void call_all(struct application *list, size_t count, bool ours)
{
	for (size_t i = 0; i < count; i++)
		call(&list[i], ours);
}

/* Connected, and half of them with values from before that. */
static void open_applications(struct application *list, size_t count, int listener)
{
	for (size_t i = 0; i < count; i += 2) {
		list[i].fd = SYS(tw_socket(tw_node, AF_INET, 0));
		list[i].own = list[i + 1].own = (struct tw_values){ 0, 7200, 75, 9, 0 };
		if (below(2))
			call(&list[i], false);
		tw_connect_on(list[i].fd, ADDRESS);
		list[i + 1].fd = tw_accept(listener);
	}
}

static void check_own(const struct application *list, const char *when)
{
	for (size_t i = 0; i < SOCKETS; i++)
		CHECK_VALUES(tw_format("%s, socket %zu", when, i), tw_values(list[i].fd),
			     list[i].own);
}

/* Half of the sockets are older than enforcement; policies change, applications call on. */
static void check_random(uint64_t seed)
{
	struct application list[SOCKETS];
	struct tw_process daemon;
	int listener = tw_listen(tw_node, ADDRESS);

	random_state = seed;
	open_applications(list, SOCKETS / 2, listener);
	call_all(list, SOCKETS / 2, false);
	daemon = tw_enforce_swept(POLICY);
	open_applications(list + SOCKETS / 2, SOCKETS / 2, listener);
	call_all(list, SOCKETS, true);
	if (below(2))
		tw_change_swept(&daemon, "version: 1\npolicies:\n" OTHER);
	call_all(list, SOCKETS, true);
	if (below(2))
		tw_change_swept(&daemon, "version: 1\npolicies: []\n");
	check_restored();
	tw_join(&daemon);
	check_own(list, tw_format("seed %llu", (unsigned long long)seed));
	for (size_t i = 0; i < SOCKETS; i++)
		tw_close_reset(list[i].fd);
	close(listener);
}

TW_TEST(restore__random_applications)
{
	for (uint64_t seed = 1; seed <= 6; seed++)
		check_random(seed);
}

TW_TEST(restore__random_applications_by_descriptors)
{
	tw_force_descriptors();
	for (uint64_t seed = 11; seed <= 16; seed++)
		check_random(seed);
}

/* --- every kind of socket --- */

static void check_samples(void)
{
	struct tw_samples *samples = tw_samples_make();
	struct tw_listing listing;

	tw_sweep_once(POLICY);
	check_restored();
	listing = TW_SOCKETS();
	for (size_t i = 0; i < samples->count; i++) {
		const struct tw_sample *sample = &samples->list[i];
		const char *line = tw_listing_find(&listing, &sample->identity);

		CHECK(line);
		CHECK_VALUES(sample->what, tw_line_values(line), sample->own);
	}
}

TW_TEST(restore__every_kind_of_socket)
{
	check_samples();
}

TW_TEST(restore__every_kind_of_socket_by_descriptors)
{
	tw_force_descriptors();
	check_samples();
}

TW_TEST(restore__other_namespaces)
{
	struct tw_pair inhabited, named;

	tw_own_run_netns();
	tw_new_netns();
	tw_sysctl("net/ipv4/tcp_keepalive_time", "600");
	inhabited = tw_sample_pair(ADDRESS);
	tw_stay(NULL);
	tw_new_netns();
	tw_name_netns("named");
	named = tw_sample_pair(ADDRESS);
	tw_new_netns();
	tw_sweep_once(POLICY);
	CHECK_OPTIONS(inhabited.client, ASKED);
	CHECK_OPTIONS(named.client, ASKED);
	check_restored();
	CHECK_OPTIONS(inhabited.client, 0, 600, 75, 9, 0);
	CHECK_UNTOUCHED(named.client);
}

/* --- its course --- */

TW_TEST(restore__again_and_with_nothing_there)
{
	int client;

	tw_sweep_once(POLICY);
	client = tw_sample_pair(ADDRESS).client;
	CHECK_OPTIONS(client, ASKED);
	check_restored();
	CHECK_UNTOUCHED(client);
	check_restored();
	CHECK_HAS(restore().out, "nothing to detach");
	CHECK_UNTOUCHED(client);
}

TW_TEST(restore__after_kill_9)
{
	struct tw_process daemon = tw_enforce_swept(POLICY);
	int client = tw_sample_pair(ADDRESS).client;

	tw_signal(&daemon, SIGKILL);
	tw_join(&daemon);
	check_restored();
	CHECK_UNTOUCHED(client);
	CHECK_UNTOUCHED(tw_sample_pair(ADDRESS).client);
}

TW_TEST(restore__says_how_many)
{
	struct tw_result result;

	tw_sample_pair(ADDRESS);
	tw_sweep_once(POLICY);
	tw_sample_pair("127.0.0.1:7001");
	tw_pair(NULL, NULL, "127.0.0.1:7002");
	result = restore();
	CHECK_INT(result.status, 0);
	CHECK_HAS(result.out, " 4 open connections");
}

#define MANY 400

/* Killed at any moment, the next one finishes it. */
TW_TEST(restore__interrupted_and_repeated)
{
	int fds[MANY], restored = 0;
	struct tw_process detach;

	for (int i = 0; i < MANY; i += 2) {
		struct tw_pair pair = tw_sample_pair(ADDRESS);

		fds[i] = pair.client;
		fds[i + 1] = pair.server;
	}
	tw_sweep_once(POLICY);
	detach = TW_START("detach", "--restore");
	WAIT_FOR(tw_values(fds[0]).idle == 7200 || !tw_runs(&detach));
	kill(detach.pid, SIGKILL);
	tw_join(&detach);
	for (int i = 0; i < MANY; i++)
		restored += tw_values(fds[i]).idle == 7200;
	printf("%d of %d before it was killed\n", restored, MANY);
	check_restored();
	for (int i = 0; i < MANY; i++)
		CHECK_UNTOUCHED(fds[i]);
}

/* --- what cannot be reached --- */

TW_TEST(restore__unreachable_namespace_is_counted)
{
	struct tw_result result;
	struct tw_pair pair;

	tw_stay(NULL);
	tw_sweep_once(POLICY);
	tw_new_netns();
	pair = tw_sample_pair(ADDRESS);
	CHECK_OPTIONS(pair.client, ASKED);
	tw_new_netns();
	result = restore();
	CHECK_INT(result.status, 1);
	CHECK_HAS(result.err, " 2 sockets");
	CHECK(tw_bpffs_is_empty());
	CHECK_OPTIONS(pair.client, ASKED);
}

/* Letting go writes SO_KEEPALIVE 0, which would make an orphan in FIN_WAIT2 immortal. */
TW_TEST(restore__orphans_die)
{
	struct tw_identity orphan;
	struct tw_listing listing;
	struct tw_pair pair;

	tw_orphans_last();
	tw_sweep_once(POLICY);
	pair = tw_sample_pair(ADDRESS);
	orphan = tw_identity(pair.client);
	close(pair.client);
	WAIT_FOR(tw_tcp_info(pair.server).state == TCP_CLOSE_WAIT);
	check_restored();
	CHECK_UNTOUCHED(pair.server);
	listing = TW_SOCKETS();
	CHECK(tw_listing_find(&listing, &orphan));
	WAIT_FOR((listing = TW_SOCKETS(), !tw_listing_find(&listing, &orphan)));
}

/* A socket that is not connected any more is in no table that is walked; it is counted. */
TW_TEST(restore__unconnected_sockets_are_counted)
{
	struct tw_result result;
	struct tw_pair pair;

	tw_sweep_once(POLICY);
	pair = tw_sample_pair(ADDRESS);
	tw_close_reset(pair.client);
	WAIT_FOR(tw_tcp_info(pair.server).state == TCP_CLOSE);
	result = restore();
	CHECK_INT(result.status, 1);
	CHECK_HAS(result.err, " 1 sockets");
	CHECK(tw_bpffs_is_empty());
}
