// SPDX-License-Identifier: GPL-2.0-only
/* What becomes of connections when the memory cgroup that pays for their records is full. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "bpf.h"
#include "harness.h"
#include "net.h"

#define ADDRESS "127.0.0.1:7000"
#define POLICY	"- {name: all, keepalive: 111s:11s:4, user_timeout: 44s}\n"
#define ASKED	1, 111, 11, 4, 44000

#define PAIRS 1500		      /* whose records take some 900 KiB */
#define ROOM  (128 * 1024)	      /* that is left when they are made */
#define V1    "/sys/fs/cgroup/memory" /* where hybrid machines have the controller */

static const char *group;
static const char *limit_file;
static const char *usage_file;

static void write_text(const char *path, const char *text)
{
	int fd = SYS(open(path, O_WRONLY | O_CLOEXEC));

	if (write(fd, text, strlen(text)) < 0)
		FAIL("cannot write %s to %s: %s", text, path, strerror(errno));
	close(fd);
}

/* Of its own, beside the test's other cgroups: below them no controller may be switched on. */
static void make_group(void)
{
	const char *root = tw_cgroup_folder("/");
	char *controllers = tw_read_file(tw_format("%s/cgroup.controllers", root));
	bool v2 = controllers && strstr(controllers, "memory");

	if (!v2 && access(V1 "/memory.limit_in_bytes", F_OK) < 0)
		tw_skip("no memory controller here");
	if (v2)
		write_text(tw_format("%s/cgroup.subtree_control", root), "+memory");
	group = tw_format("%s/tw-memory-%s", v2 ? root : V1, strrchr(tw_folder, '/') + 1);
	SYS(mkdir(group, 0755));
	tw_cgroup_remove_later(group);
	limit_file = v2 ? "memory.max" : "memory.limit_in_bytes";
	usage_file = v2 ? "memory.current" : "memory.usage_in_bytes";
}

static void enter_group(void)
{
	write_text(tw_format("%s/cgroup.procs", group), "0");
}

static long long usage(void)
{
	return strtoll(tw_read_file(tw_format("%s/%s", group, usage_file)), NULL, 10);
}

static void leave_room(long long bytes)
{
	write_text(tw_format("%s/%s", group, limit_file), tw_format("%lld", usage() + bytes));
}

/* The records that could not be made, as `status` counts them. */
static long long records_missing(void)
{
	const char *at = strstr(tw_status(), "\"record\"");

	at = at ? strstr(at, "\"count\"") : NULL;
	return at ? strtoll(at + strcspn(at, ":") + 1, NULL, 10) : 0;
}

static void allow_descriptors(rlim_t count)
{
	struct rlimit limit;

	SYS(getrlimit(RLIMIT_NOFILE, &limit));
	if (limit.rlim_cur >= count)
		return;
	limit.rlim_cur = count;
	limit.rlim_max = limit.rlim_max > count ? limit.rlim_max : count;
	if (setrlimit(RLIMIT_NOFILE, &limit) < 0)
		tw_skip("needs %llu descriptors, and the limit cannot be raised",
			(unsigned long long)count);
}

/*
 * Each is written. For each there is a record (Linux lets allocations that cannot
 * sleep go past the limit), or it is counted as one that cannot be restored.
 */
TW_TEST(memory__limit_is_reached)
{
	static struct tw_pair pairs[PAIRS];
	struct tw_result result;
	long long missing, kept = 0;

	allow_descriptors(4 * PAIRS);
	make_group();
	result = tw_run(
		&(struct tw_command){ .args = ARGS("run", "--once", "--no-sweep", "-c",
						   tw_policy(POLICY), "--attach-to", tw_node),
				      .prepare = enter_group });
	CHECK_INT(result.status, 0);
	leave_room(ROOM);
	for (int i = 0; i < PAIRS; i++) {
		pairs[i] = tw_pair(tw_node, tw_node, ADDRESS);
		CHECK_OPTIONS(pairs[i].client, ASKED);
		CHECK_OPTIONS(pairs[i].server, ASKED);
	}
	missing = records_missing();
	result = TW_RUN("detach", "--restore");
	CHECK_INT(result.status, 0);
	for (int i = 0; i < PAIRS; i++)
		kept += tw_get(pairs[i].client, SOL_SOCKET, SO_KEEPALIVE) +
			tw_get(pairs[i].server, SOL_SOCKET, SO_KEEPALIVE);
	CHECK_INT(kept, missing);
	CHECK(tw_bpffs_is_empty());
}
