// SPDX-License-Identifier: GPL-2.0-only
/* Maps that are full. Those of policies, prefixes and ports are made as large as they are needed. */
#include <signal.h>
#include <stdio.h>

#include <tcpwarden/abi.h>

#include "follow.h"
#include "guard.h"
#include "lib/cleanup.h"
#include "maps.h"
#include "samples.h"

#define ADDRESS "127.0.0.1:7000"

#define CHECK_OWN(cgroup)      CHECK_OPTIONS(new_client(cgroup), 1, 111, 11, 4, 44000)
#define CHECK_ANCESTOR(cgroup) CHECK_OPTIONS(new_client(cgroup), 1, 222, 22, 5, 55000)

static const char *policy(int idle)
{
	return tw_format("- {name: own, match: {cgroup: \"%s/own*\"}, keepalive: 111s:11s:4, "
			 "user_timeout: 44s}\n"
			 "- {name: other, match: {port: 1}, keepalive: %ds:10s:3}\n"
			 "- {name: rest, keepalive: 222s:22s:5, user_timeout: 55s}\n",
			 tw_node, idle);
}

static int new_client(const char *cgroup)
{
	return tw_pair(cgroup, NULL, ADDRESS).client;
}

/* New cgroups have their ancestor's policies, until a reload reads the tree again. */
TW_TEST(full__map_of_cgroups)
{
	const char *before = tw_cgroup(tw_node, "own-before"), *late;
	struct tw_process daemon = tw_enforce_swept(policy(60));

	printf("%u cgroups more\n", tw_cgroups_fill());
	CHECK_INT(tw_cgroups_known(), TW_MAX_CGROUPS);
	late = tw_cgroup(tw_node, "own-late");
	WAIT_FOR(strstr(tw_log_of(&daemon), "more cgroups have some than there is room for"));
	CHECK_HAS(tw_log_of(&daemon), tw_format("cannot give the cgroup %s its own", late));
	CHECK_ANCESTOR(late);
	CHECK_OWN(before);
	CHECK_INT(TW_RUN("status").status, 0);
	tw_policy("%s", policy(61));
	WAIT_FOR(strstr(tw_log_of(&daemon), "generation 2"));
	CHECK_OWN(late);
	CHECK_OWN(before);
	CHECK(tw_cgroups_known() < 100);
}

/* --- the ring of events --- */

#define POLICIES 64 /* each may tell of 100 settings a second */
#define CALLS	 100

static const char *holding_policies(void)
{
	char *text = tw_format("%s", "");

	for (int i = 0; i < POLICIES; i++)
		text = tw_format("%s- {name: p%d, match: {port: %d}, keepalive: 100s:10s:5, "
				 "precedence: policy}\n",
				 text, i, 7000 + i);
	return text;
}

static long long settings_told(const struct tw_process *reader)
{
	return tw_told_lines(reader, ARGS("\"event\":\"setting\""));
}

/* What there was no room for on the way from the daemon to the reader, as it was told. */
static long long lost_by(const struct tw_process *reader)
{
	const char *at = tw_told(reader);
	long long sum = 0, count;

	while ((at = strstr(at, "\"event\":\"lost\""))) {
		at = strstr(at, "\"lost\":");
		if (!at || sscanf(at, "\"lost\":%lld", &count) != 1)
			break;
		sum += count;
	}
	return sum;
}

/* Of a daemon that is stopped: the rest is lost, and counted; deaths and connections go on. */
TW_TEST(full__ring_of_events)
{
	struct tw_process daemon = tw_enforce_swept(holding_policies());
	struct tw_process reader = TW_START("events", "--json", "--settings");
	int clients[POLICIES];

	WAIT_FOR(tw_wanted_now() & TW_WANT_SETTINGS);
	tw_signal(&daemon, SIGSTOP);
	for (int i = 0; i < POLICIES; i++)
		clients[i] = tw_pair(tw_node, NULL, tw_format("127.0.0.1:%d", 7000 + i)).client;
	for (int i = 0; i < POLICIES; i++)
		for (int call = 0; call < CALLS; call++)
			tw_set(clients[i], IPPROTO_TCP, TCP_KEEPIDLE, 15);
	for (int i = 0; i < POLICIES; i++)
		CHECK_OPTIONS(clients[i], 1, 100, 10, 5, 0);
	CHECK(tw_status_int("events_lost") > 0);
	tw_signal(&daemon, SIGCONT);
	WAIT_FOR(settings_told(&reader) + lost_by(&reader) + tw_status_int("events_lost") ==
		 POLICIES * CALLS);
}
