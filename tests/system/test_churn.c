// SPDX-License-Identifier: GPL-2.0-only
/*
 * Cgroups that come and go by the thousand a second, while connections are made
 * in fresh ones: each has its own policies at once or its ancestor's, never
 * others; the daemon lives, follows its policy, and forgets what is gone.
 */
#include <ftw.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "harness.h"
#include "maps.h"
#include "net.h"
#include "samples.h"

#define ADDRESS "127.0.0.1:7000"

#define CHURNERS 2
#define NAMES	 16 /* that each makes, and then removes */

static const struct tw_values own = { 1, 111, 11, 4, 44000 };
static const struct tw_values rest = { 1, 222, 22, 5, 55000 };
static const struct tw_values later = { 1, 333, 33, 6, 66000 };

/* Shared with those who churn. */
struct churn {
	atomic_bool stop;
	atomic_ulong cgroups;
	atomic_int next; /* number of a churner */
};

static const char *policy(const struct tw_values *values)
{
	return tw_format("- {name: own, match: {cgroup: \"%s/own-*\"}, keepalive: 111s:11s:4, "
			 "user_timeout: 44s}\n"
			 "- {name: rest, keepalive: %ds:%ds:%d, user_timeout: %dms}\n",
			 tw_node, values->idle, values->interval, values->probes,
			 values->user_timeout);
}

/* Without what tw_cgroup() allocates: thousands a second. */
static void churn_on(void *arg)
{
	struct churn *churn = arg;
	const char *folder = tw_cgroup_folder(tw_node);
	int number = atomic_fetch_add(&churn->next, 1);
	char path[512];

	while (!atomic_load(&churn->stop)) {
		for (int i = 0; i < NAMES * 2; i++) {
			snprintf(path, sizeof(path), "%s/%s-%d-%d", folder, i % 2 ? "own" : "fly",
				 number, i % NAMES);
			SYS(i < NAMES ? mkdir(path, 0755) : rmdir(path));
		}
		atomic_fetch_add(&churn->cgroups, NAMES);
	}
}

/* --- connections of cgroups that were made just now --- */

struct tally {
	unsigned long own;  /* by a cgroup's own element */
	unsigned long rest; /* by its ancestor's, or because nothing else selects it */
};

static struct tw_values connect_from(const char *path, int listener)
{
	int client = tw_connect(path, ADDRESS);
	struct tw_values values = tw_values(client);

	tw_close_reset(tw_accept(listener));
	tw_close_reset(client);
	return values;
}

static void connect_in(const char *name, int listener, const struct tw_values *general,
		       struct tally *tally)
{
	const char *path = tw_cgroup(tw_node, name);
	struct tw_values values = connect_from(path, listener);

	SYS(rmdir(tw_cgroup_folder(path)));
	if (tw_values_equal(&values, general))
		tally->rest++;
	else if (tw_values_equal(&values, &own) && !strncmp(name, "own-", 4))
		tally->own++;
	else
		FAIL("a connection in %s has %d,%d,%d,%d,%d", path, values.keepalive, values.idle,
		     values.interval, values.probes, values.user_timeout);
}

static void connect_for(int ms, int listener, const struct tw_values *general, struct tally *tally)
{
	int64_t end = tw_now_ms() + ms;

	while (tw_now_ms() < end) {
		connect_in("own-fresh", listener, general, tally);
		connect_in("fresh", listener, general, tally);
	}
}

static bool has_own(const char *path, int listener)
{
	struct tw_values values = connect_from(path, listener);

	return tw_values_equal(&values, &own);
}

/* One that stays gets its own, however many come and go beside it. */
static void check_followed(int listener)
{
	const char *path = tw_cgroup(tw_node, "own-kept");

	WAIT_FOR(has_own(path, listener));
	SYS(rmdir(tw_cgroup_folder(path)));
}

/* --- what is left --- */

static unsigned cgroups_there;

static int count_cgroup(const char *path, const struct stat *st, int type, struct FTW *at)
{
	(void)path;
	(void)st;
	(void)at;
	cgroups_there += type == FTW_D;
	return 0;
}

static unsigned count_cgroups(void)
{
	cgroups_there = 0;
	SYS(nftw(tw_cgroup_folder(tw_node), count_cgroup, 16, FTW_PHYS));
	return cgroups_there;
}

TW_TEST(churn__cgroups_by_the_thousand)
{
	struct churn *churn = mmap(NULL, sizeof(*churn), PROT_READ | PROT_WRITE,
				   MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	struct tw_process daemon = tw_enforce_swept(policy(&rest));
	int listener = tw_listen(NULL, ADDRESS), ms = tw_deadline_seconds() * 1000 / 12;
	struct tally tally = { 0 };
	pid_t pids[CHURNERS];
	int64_t start = tw_now_ms();

	CHECK(churn != MAP_FAILED);
	for (int i = 0; i < CHURNERS; i++)
		pids[i] = tw_fork(NULL, churn_on, churn);
	connect_for(ms, listener, &rest, &tally);
	check_followed(listener);
	tw_policy("%s", policy(&later));
	tw_signal(&daemon, SIGHUP);
	WAIT_FOR(strstr(tw_log_of(&daemon), "generation 2"));
	connect_for(ms, listener, &later, &tally);
	check_followed(listener);
	atomic_store(&churn->stop, true);
	for (int i = 0; i < CHURNERS; i++)
		tw_join_child(pids[i]);
	printf("%lu cgroups came and went in %lld ms; of the connections in fresh ones %lu had "
	       "their own policies, %lu the general one\n",
	       atomic_load(&churn->cgroups), (long long)(tw_now_ms() - start), tally.own,
	       tally.rest);
	CHECK(tw_runs(&daemon));
	CHECK(tally.rest > 0);
	WAIT_FOR(tw_cgroups_known() == count_cgroups());
	CHECK_INT(count_cgroups(), 1);
	CHECK_INT(TW_RUN("detach").status, 0);
}
