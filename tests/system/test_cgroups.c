// SPDX-License-Identifier: GPL-2.0-only
/* Cgroups that come and go after attach: their ancestor's policies at once, their own soon. */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include <tcpwarden/abi.h>

#include "harness.h"
#include "lib/cleanup.h"
#include "maps.h"
#include "net.h"

#define ADDRESS "127.0.0.1:7000"

#define CHECK_OWN(fd)	   CHECK_OPTIONS(fd, 1, 111, 11, 4, 44000)
#define CHECK_ANCESTOR(fd) CHECK_OPTIONS(fd, 1, 222, 22, 5, 55000)

/* Cgroups whose last component starts with "own" have their own policy, all others `rest`. */
static const char *policy(const char *pattern)
{
	return tw_policy("- {name: own, match: {cgroup: \"%s/%s\"}, keepalive: 111s:11s:4, "
			 "user_timeout: 44s}\n"
			 "- {name: rest, keepalive: 222s:22s:5, user_timeout: 55s}\n",
			 tw_node, pattern);
}

static struct tw_process enforce(const char *pattern)
{
	struct tw_process daemon = tw_enforce_file(policy(pattern));

	/* It follows from here on. */
	WAIT_FOR(strstr(tw_log_of(&daemon), "swept"));
	return daemon;
}

static int new_client(const char *cgroup)
{
	return tw_pair(cgroup, NULL, ADDRESS).client;
}

static void drop(const char *path)
{
	SYS(rmdir(tw_cgroup_folder(path)));
}

/* Wait for its element without pause; the milliseconds that took. */
static int64_t wait_known(const char *path)
{
	uint64_t id = tw_cgroup_id_of(path);
	int64_t start = tw_now_ms(), end = tw_wait_end();

	while (!tw_cgroup_known(id))
		if (tw_now_ms() > end)
			FAIL("%s is not known", path);
	return tw_now_ms() - start;
}

TW_TEST(cgroups__new_one_has_its_own_policies)
{
	int64_t slowest = 0;

	enforce("own*");
	for (int i = 0; i < 20; i++) {
		const char *path = tw_cgroup(tw_node, tw_format("own-%d", i));
		int64_t took = wait_known(path);

		slowest = took > slowest ? took : slowest;
		CHECK_OWN(new_client(path));
	}
	printf("own policies after %lld ms at most\n", (long long)slowest);
	CHECK_ANCESTOR(new_client(tw_cgroup(tw_node, "other")));
	CHECK_INT((long long)tw_generation_now(), 1);
}

/* While nobody follows it has its nearest known ancestor's policies; then its own, also on what is open. */
TW_TEST(cgroups__sockets_opened_in_between_are_brought_right)
{
	struct tw_process daemon = enforce("own*");
	const char *path;
	int client;

	tw_signal(&daemon, SIGSTOP);
	path = tw_cgroup(tw_node, "own-1/own-2");
	client = new_client(path);
	CHECK_ANCESTOR(client);
	/* A sweep enters the namespaces of the cgroup's processes. */
	tw_cgroup_enter(path);
	tw_signal(&daemon, SIGCONT);
	WAIT_FOR(tw_values(client).idle == 111);
	CHECK_OWN(client);
	tw_cgroup_enter(tw_outside);
}

/* Whom a cgroup's sockets meet is noted on it: not believed once it is being changed, nor for good. */
TW_TEST(cgroups__half_a_change_is_not_believed)
{
	struct tw_process daemon = enforce("own*");
	const char *path = tw_cgroup(tw_node, "own-1");

	wait_known(path);
	for (int i = 0; i < 2; i++)
		CHECK_OWN(new_client(path));
	tw_signal(&daemon, SIGKILL);
	CHECK_INT(tw_join(&daemon).status, 128 + SIGKILL);
	tw_cgroup_half_forgotten(tw_cgroup_id_of(path));
	for (int i = 0; i < 2; i++)
		CHECK_ANCESTOR(new_client(path));
	/* Who comes next makes it whole. */
	enforce("own*");
	for (int i = 0; i < 2; i++)
		CHECK_OWN(new_client(path));
}

/* More events than the ring holds while nobody reads: the tree is read again. */
TW_TEST(cgroups__events_that_were_lost)
{
	struct tw_process daemon = enforce("own*");
	unsigned before = tw_cgroups_known();

	tw_cgroup(tw_node, "own-gone");
	WAIT_FOR(tw_cgroups_known() == before + 1);
	tw_signal(&daemon, SIGSTOP);
	for (int i = 0; i < 400; i++)
		drop(tw_cgroup(tw_node, "own-noise"));
	drop(tw_format("%s/own-gone", tw_node));
	tw_cgroup(tw_node, "own-new");
	tw_signal(&daemon, SIGCONT);
	wait_known(tw_format("%s/own-new", tw_node));
	WAIT_FOR(tw_cgroups_known() == before + 1);
	/* And goes on. */
	wait_known(tw_cgroup(tw_node, "own-new/own"));
	WAIT_FOR(tw_cgroups_known() == before + 2);
}

TW_TEST(cgroups__removed_ones_leave_the_map)
{
	unsigned before;
	uint64_t id;

	enforce("own*");
	before = tw_cgroups_known();
	tw_cgroup(tw_node, "own-1");
	id = tw_cgroup_id_of(tw_format("%s/own-1", tw_node));
	WAIT_FOR(tw_cgroup_known(id));
	CHECK_INT(tw_cgroups_known(), before + 1);
	drop(tw_format("%s/own-1", tw_node));
	WAIT_FOR(!tw_cgroup_known(id));
	CHECK_INT(tw_cgroups_known(), before);
}

TW_TEST(cgroups__burst)
{
	unsigned before;

	enforce("own*");
	before = tw_cgroups_known();
	for (int i = 0; i < 500; i++)
		tw_cgroup(tw_node, tw_format("own-%d", i));
	WAIT_FOR(tw_cgroups_known() == before + 500);
	for (int i = 0; i < 500; i += 50)
		CHECK_OWN(new_client(tw_format("%s/own-%d", tw_node, i)));
	for (int i = 0; i < 500; i++)
		drop(tw_format("%s/own-%d", tw_node, i));
	WAIT_FOR(tw_cgroups_known() == before);
	/* Gone before they were heard of. */
	for (int i = 0; i < 500; i++)
		drop(tw_cgroup(tw_node, "own-brief"));
	CHECK_OWN((wait_known(tw_cgroup(tw_node, "own-last")),
		   new_client(tw_format("%s/own-last", tw_node))));
	WAIT_FOR(tw_cgroups_known() == before + 1);
}

TW_TEST(cgroups__nested_ones_made_at_once)
{
	enforce("a*/own*/own*");
	for (int i = 0; i < 20; i++) {
		const char *leaf = tw_cgroup(tw_node, tw_format("a%d/own/own", i));

		wait_known(leaf);
		wait_known(tw_format("%s/a%d/own", tw_node, i));
		wait_known(tw_format("%s/a%d", tw_node, i));
		CHECK_OWN(new_client(leaf));
		CHECK_ANCESTOR(new_client(tw_format("%s/a%d/own", tw_node, i)));
	}
}

/* A node that starts small and fills up, with no reload on the way. */
TW_TEST(cgroups__many_more_than_at_the_start)
{
	unsigned before, count = 3000;

	enforce("own*");
	before = tw_cgroups_known();
	for (unsigned i = 0; i < count; i++)
		SYS(mkdir(tw_cgroup_folder(tw_format("%s/own-%u", tw_node, i)), 0755));
	wait_known(tw_format("%s/own-%u", tw_node, count - 1));
	WAIT_FOR(tw_cgroups_known() == before + count);
	CHECK_OWN(new_client(tw_format("%s/own-%u", tw_node, count - 1)));
	for (unsigned i = 0; i < count; i++)
		drop(tw_format("%s/own-%u", tw_node, i));
	WAIT_FOR(tw_cgroups_known() == before);
}

/* Not its own element: deeper than policies can select. Its sockets have an ancestor's policies. */
TW_TEST(cgroups__too_deep_to_be_known)
{
	const char *path = tw_node; /* two components */
	unsigned before;

	enforce("own*");
	before = tw_cgroups_known();
	path = tw_cgroup(path, "own");
	for (int depth = 3; depth < TW_MAX_CGROUP_DEPTH; depth++)
		path = tw_cgroup(path, "x");
	wait_known(path);
	CHECK_OWN(new_client(path));
	path = tw_cgroup(path, "too-deep");
	wait_known(tw_cgroup(tw_node, "own-after"));
	CHECK(!tw_cgroup_known(tw_cgroup_id_of(path)));
	CHECK_INT(tw_cgroups_known(), before + TW_MAX_CGROUP_DEPTH - 2 + 1);
}

/* What is not below the attach point is nobody's business. */
TW_TEST(cgroups__outside_the_attach_point_are_not_known)
{
	const char *path;
	unsigned before;

	enforce("own*");
	before = tw_cgroups_known();
	path = tw_cgroup(tw_outside, "own-not");
	wait_known(tw_cgroup(tw_node, "own"));
	CHECK(!tw_cgroup_known(tw_cgroup_id_of(path)));
	CHECK_INT(tw_cgroups_known(), before + 1);
	CHECK_UNTOUCHED(new_client(path));
}

/* While a new generation is filled, none is forgotten, and none that went stays. */
TW_TEST(cgroups__made_while_a_reload_happens)
{
	struct tw_process daemon = enforce("own*");
	unsigned before = tw_cgroups_known();

	for (int i = 0; i < 50; i++) {
		uint64_t running = tw_generation_now();

		policy(i % 2 ? "own*" : "own-*"); /* which are the same ones */
		tw_signal(&daemon, SIGHUP);
		for (int j = 0; j < 5; j++)
			tw_cgroup(tw_node, tw_format("own-%d-%d", i, j));
		drop(tw_format("%s/own-%d-4", tw_node, i));
		WAIT_FOR(tw_generation_now() > running);
	}
	WAIT_FOR(tw_cgroups_known() == before + 200);
	policy("own*");
	tw_signal(&daemon, SIGHUP);
	for (int i = 0; i < 50; i++) {
		const char *path = tw_format("%s/own-%d-%d", tw_node, i, i % 4);

		CHECK(tw_cgroup_known(tw_cgroup_id_of(path)));
		WAIT_FOR(tw_values(new_client(path)).idle == 111);
	}
}
