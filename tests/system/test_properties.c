// SPDX-License-Identifier: GPL-2.0-only
/*
 * What holds for any policy and any application, tried with random ones on real
 * sockets: policies that observe change nothing, a restore is exact, and an old
 * socket has what it would have if it were opened now.
 */
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

#include "bpf.h"
#include "lib/cleanup.h"
#include "random.h"
#include "samples.h"
#include "web.h"

#define PAIRS 12
#define PORTS 4

/* What the applications at both ends of a connection do. */
struct plan {
	const char *address;
	const char *cgroup;
	struct tw_random_calls before; /* the client, before it connects */
	struct tw_random_calls client; /* once connected */
	struct tw_random_calls server;
};

struct set {
	struct tw_pair pair[PAIRS];
};

static int listeners[PORTS];

static void listen_everywhere(void)
{
	for (int i = 0; i < PORTS; i++)
		listeners[i] = tw_listen(tw_node, tw_format("127.0.0.1:%d", 7000 + i));
	tw_cgroup(tw_node, "child");
}

static void make_plan(struct plan plan[static PAIRS])
{
	for (int i = 0; i < PAIRS; i++)
		plan[i] = (struct plan){
			.address = tw_format("127.0.0.1:%d", 7000 + i % PORTS),
			.cgroup = tw_random_below(2) ? tw_node : tw_format("%s/child", tw_node),
			.before = tw_random_calls(false),
			.client = tw_random_calls(true),
			.server = tw_random_calls(true),
		};
}

static struct set open_by(const struct plan plan[static PAIRS])
{
	struct set set = { 0 };

	for (int i = 0; i < PAIRS; i++) {
		struct tw_pair *pair = &set.pair[i];

		pair->client = SYS(tw_socket(plan[i].cgroup, AF_INET, 0));
		tw_random_make(pair->client, &plan[i].before);
		tw_connect_on(pair->client, plan[i].address);
		pair->server = tw_accept(listeners[i % PORTS]);
		tw_random_make(pair->client, &plan[i].client);
		tw_random_make(pair->server, &plan[i].server);
	}
	return set;
}

static void close_all(const struct set *set)
{
	for (int i = 0; i < PAIRS; i++) {
		tw_close_reset(set->pair[i].client);
		close(set->pair[i].server);
	}
}

/* Of clients and then servers. */
struct snapshot {
	struct tw_values values[2 * PAIRS];
};

static struct snapshot look_at(const struct set *set)
{
	struct snapshot snapshot;

	for (int i = 0; i < PAIRS; i++) {
		snapshot.values[i] = tw_values(set->pair[i].client);
		snapshot.values[PAIRS + i] = tw_values(set->pair[i].server);
	}
	return snapshot;
}

static void check_same(uint64_t seed, const char *what, const struct snapshot *actual,
		       const struct snapshot *expected)
{
	for (int i = 0; i < 2 * PAIRS; i++)
		CHECK_VALUES(tw_format("seed %llu, %s, %s %d", (unsigned long long)seed, what,
				       i < PAIRS ? "client" : "server", i % PAIRS),
			     actual->values[i], expected->values[i]);
}

/* Not by the log, which leaves out what repeats. */
static double sweeps(void)
{
	return tw_web_metric("tcpwarden_sweep_duration_seconds_count");
}

static void change(const struct tw_process *daemon, const char *policies)
{
	double before = sweeps();

	printf("%s\n", policies);
	tw_policy("%s", policies);
	tw_signal(daemon, SIGHUP);
	WAIT_FOR(sweeps() > before);
}

/* --- observers --- */

static struct tw_process daemon_of_all;

/* With them or without: what is open stays as it is, and what comes gets the same. */
static void check_observers(uint64_t seed)
{
	char *list = tw_random_policies(), *watched = tw_random_observers(list);
	struct set old, bare, observed;
	struct snapshot before, now, other;
	struct plan plan[PAIRS];

	make_plan(plan);
	old = open_by(plan);
	change(&daemon_of_all, list);
	before = look_at(&old);
	bare = open_by(plan);
	now = look_at(&bare);
	close_all(&bare);
	change(&daemon_of_all, watched);
	observed = open_by(plan);
	other = look_at(&observed);
	check_same(seed, "made while others observe", &other, &now);
	now = look_at(&old);
	check_same(seed, "swept while others observe", &now, &before);
	close_all(&observed);
	close_all(&old);
}

TW_TEST(properties__observers_change_nothing)
{
	listen_everywhere();
	daemon_of_all = tw_enforce_swept("- {name: first, keepalive: on}\n");
	tw_random_each(check_observers);
}

/* --- reloads --- */

#define RELOADS 3

/* Whatever it went through: the same as one that is opened now, once a sweep has seen both. */
static void check_reloads(uint64_t seed)
{
	char *list = tw_random_policies();
	struct snapshot left, right;
	struct plan plan[PAIRS];
	struct set old, fresh;

	change(&daemon_of_all, list);
	make_plan(plan);
	old = open_by(plan);
	for (int i = 0; i < RELOADS; i++) {
		list = tw_random_policies();
		change(&daemon_of_all, list);
	}
	fresh = open_by(plan);
	change(&daemon_of_all, tw_random_observers(list));
	left = look_at(&old);
	right = look_at(&fresh);
	check_same(seed, "after reloads", &left, &right);
	close_all(&old);
	close_all(&fresh);
}

TW_TEST(properties__reloads_leave_sockets_as_if_opened_now)
{
	listen_everywhere();
	daemon_of_all = tw_enforce_swept("- {name: first, keepalive: on}\n");
	tw_random_each(check_reloads);
}

/* --- restore --- */

/* What the applications asked for last, all unset else. */
static struct snapshot own_of(const struct plan plan[static PAIRS])
{
	const struct tw_values unset = { 0, 7200, 75, 9, 0 };
	struct snapshot own;

	for (int i = 0; i < PAIRS; i++) {
		own.values[i] =
			tw_random_own(tw_random_own(unset, &plan[i].before), &plan[i].client);
		own.values[PAIRS + i] = tw_random_own(unset, &plan[i].server);
	}
	return own;
}

static void check_restore(uint64_t seed)
{
	struct snapshot own, now;
	struct plan plan[PAIRS];
	struct tw_process daemon;
	struct tw_result result;
	struct set old, fresh;
	const char *list;

	make_plan(plan);
	own = own_of(plan);
	old = open_by(plan);
	list = tw_random_policies();
	printf("%s\n", list);
	daemon = tw_enforce_swept(list);
	fresh = open_by(plan);
	change(&daemon, tw_random_policies());
	result = TW_RUN("detach", "--restore");
	if (result.status)
		FAIL("seed %llu: detach --restore: %s", (unsigned long long)seed, result.err);
	tw_join(&daemon);
	CHECK(tw_bpffs_is_empty());
	now = look_at(&old);
	check_same(seed, "older than enforcement, restored", &now, &own);
	now = look_at(&fresh);
	check_same(seed, "made under it, restored", &now, &own);
	close_all(&old);
	close_all(&fresh);
}

TW_TEST(properties__restore_is_exact)
{
	listen_everywhere();
	tw_random_each(check_restore);
}
