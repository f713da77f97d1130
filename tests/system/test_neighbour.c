// SPDX-License-Identifier: GPL-2.0-only
/* Other sockops programs on the same cgroup keep working. */
#include <signal.h>

#include "bpf.h"
#include "harness.h"
#include "net.h"

#define POLICY "- {name: all, keepalive: 111s:11s:4}\n"

/* A connection of the attach point: what it has, and that somebody else's program saw it. */
static int client_seen_by(const struct tw_foreign *foreign)
{
	uint64_t before = tw_foreign_runs(foreign);
	int fd = tw_pair(tw_node, NULL, "127.0.0.1:7000").client;

	CHECK(tw_foreign_runs(foreign) > before);
	return fd;
}

TW_TEST(neighbour__program_that_was_there_before)
{
	struct tw_foreign foreign = tw_foreign_attach(tw_node);
	uint32_t id = tw_link_info(foreign.link).id;
	struct tw_process daemon;

	CHECK_UNTOUCHED(client_seen_by(&foreign));
	daemon = tw_enforce(POLICY);
	CHECK_INT(tw_programs_attached(tw_node), 2);
	CHECK_OPTIONS(client_seen_by(&foreign), 1, 111, 11, 4, 0);
	CHECK_INT(TW_RUN("detach").status, 0);
	tw_join(&daemon);
	CHECK_INT(tw_programs_attached(tw_node), 1);
	CHECK_INT(tw_link_info(foreign.link).id, id);
	CHECK(tw_link_info(foreign.link).cgroup_id != 0);
	CHECK_UNTOUCHED(client_seen_by(&foreign));
}

TW_TEST(neighbour__program_that_came_later)
{
	struct tw_process daemon = tw_enforce(POLICY);
	struct tw_foreign foreign = tw_foreign_attach(tw_node);

	CHECK_OPTIONS(client_seen_by(&foreign), 1, 111, 11, 4, 0);
	tw_signal(&daemon, SIGKILL);
	tw_join(&daemon);
	tw_enforce(POLICY);
	CHECK_INT(tw_programs_attached(tw_node), 2);
	CHECK_OPTIONS(client_seen_by(&foreign), 1, 111, 11, 4, 0);
	CHECK_INT(TW_RUN("detach").status, 0);
	CHECK_UNTOUCHED(client_seen_by(&foreign));
}

TW_TEST(neighbour__program_of_a_child_cgroup)
{
	const char *child = tw_cgroup(tw_node, "child");
	struct tw_foreign foreign = tw_foreign_attach(child);
	uint64_t before;

	tw_enforce(POLICY);
	before = tw_foreign_runs(&foreign);
	CHECK_OPTIONS(tw_pair(child, NULL, "127.0.0.1:7000").client, 1, 111, 11, 4, 0);
	CHECK(tw_foreign_runs(&foreign) > before);
	CHECK_INT(TW_RUN("detach").status, 0);
	CHECK_INT(tw_programs_attached(child), 1);
}

TW_TEST(neighbour__program_that_returns_0)
{
	struct tw_foreign foreign = tw_foreign_attach_kind(tw_node, TW_FOREIGN_RETURNS_0);

	tw_enforce(POLICY);
	CHECK_OPTIONS(client_seen_by(&foreign), 1, 111, 11, 4, 0);
	CHECK_INT(TW_RUN("detach").status, 0);
	CHECK_UNTOUCHED(client_seen_by(&foreign));
}

/* Programs of a cgroup run before those of its ancestors: ours has the last word over its child's. */
TW_TEST(neighbour__program_of_a_child_that_overwrites)
{
	const char *child = tw_cgroup(tw_node, "child");

	tw_foreign_attach_kind(child, TW_FOREIGN_OVERWRITES);
	tw_enforce("- {name: all, keepalive: 111s:11s:4, precedence: app}\n");
	/* Set before we came: the application's, as far as anybody can tell. */
	CHECK_OPTIONS(tw_pair(child, NULL, "127.0.0.1:7000").client, 1, 999, 11, 4, 0);
}

/* One above us has the last word itself; nothing of ours is lost by it. */
TW_TEST(neighbour__program_above_that_overwrites)
{
	struct tw_process daemon;
	int client;

	tw_foreign_attach_kind(tw_outside, TW_FOREIGN_OVERWRITES);
	daemon = tw_enforce(POLICY);
	client = tw_pair(tw_node, NULL, "127.0.0.1:7000").client;
	CHECK_OPTIONS(client, 1, 999, 11, 4, 0);
	CHECK_INT(tw_count("all", "set"), 1);
	CHECK_INT(TW_RUN("detach", "--restore").status, 0);
	tw_join(&daemon);
	CHECK_OPTIONS(client, 0, 999, 75, 9, 0);
}

TW_TEST(neighbour__program_that_allows_no_other)
{
	struct tw_result result;

	tw_foreign_attach_alone(tw_node);
	result = TW_RUN("run", "--once", "-c", tw_policy(POLICY), "--attach-to", tw_node);
	CHECK_INT(result.status, 1);
	CHECK_HAS(result.err, "without allowing others");
	CHECK_INT(tw_programs_attached(tw_node), 1);
	CHECK(tw_bpffs_is_empty());
	CHECK_UNTOUCHED(tw_pair(tw_node, NULL, "127.0.0.1:7000").client);
}

TW_TEST(neighbour__programs_after_ours_are_listed)
{
	const char *doctor;

	tw_foreign_attach(tw_node);
	tw_enforce(POLICY);
	CHECK_HAS(TW_RUN("doctor").out, "no sockops program runs after ours");
	tw_foreign_attach(tw_node);
	tw_foreign_attach(tw_outside);
	doctor = TW_RUN("doctor").out;
	CHECK_HAS(doctor, "sockops programs that run after ours");
	CHECK_HAS(doctor, tw_format(" on %s, ", tw_node));
	CHECK_HAS(doctor, tw_format(" on %s\n", tw_outside));
}
