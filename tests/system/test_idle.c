// SPDX-License-Identifier: GPL-2.0-only
/* A daemon that has nothing to do does nothing: the kernel counts how often it runs. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>

#include "follow.h"
#include "harness.h"
#include "net.h"
#include "web.h"

#define QUIET_MS 5000 /* more than the period of any timer of ours */

/* How often it was switched away from, whether it slept or was made to wait. */
static long long switches(const struct tw_process *daemon)
{
	char *status = tw_read_file(tw_format("/proc/%d/status", daemon->pid));
	long long sum = 0;

	for (char *line = strtok(status, "\n"); line; line = strtok(NULL, "\n")) {
		char *value = strchr(line, ':');

		if (value && strstr(line, "ctxt_switches"))
			sum += strtoll(value + 1, NULL, 10);
	}
	CHECK(sum > 0);
	return sum;
}

struct quiet {
	int64_t since;
	long long switches;
};

/* Whether it has not run for so long; the rest of what it began to do may come first. */
static bool is_quiet(struct quiet *quiet, const struct tw_process *daemon)
{
	long long now = switches(daemon);

	if (!quiet->since || now != quiet->switches)
		*quiet = (struct quiet){ tw_now_ms(), now };
	return tw_now_ms() - quiet->since >= QUIET_MS;
}

/* A policy in a place of its own: whoever writes beside one wakes the daemon that follows it. */
static const char *policy_alone(const char *list)
{
	const char *path = "/mnt/policy.yaml";
	FILE *file;

	/* A guest's root has none. */
	CHECK(mkdir("/mnt", 0755) == 0 || errno == EEXIST);
	SYS(mount("tmpfs", "/mnt", "tmpfs", 0, NULL));
	file = fopen(path, "we");
	CHECK(file);
	CHECK(fprintf(file, "version: 1\npolicies:\n%s", list) > 0);
	CHECK_INT(fclose(file), 0);
	return path;
}

static struct tw_process enforce_and_use(const char *list)
{
	struct tw_process daemon = tw_enforce_file(policy_alone(list));
	struct tw_process reader = tw_follow();
	struct tw_pair pair = tw_pair(tw_node, NULL, "127.0.0.1:7000");

	CHECK(tw_runs(&reader));
	CHECK(pair.client >= 0);
	WAIT_FOR(strstr(tw_log_of(&daemon), "swept"));
	CHECK_INT(tw_web_get("/metrics").status, 200);
	CHECK_INT(tw_web_get("/").status, 200);
	return daemon;
}

/* With all that it serves: a reader of events, metrics and the page, a file and a tree that it follows. */
TW_TEST(idle__nothing_wakes_it)
{
	struct tw_process daemon = enforce_and_use(
		"- {name: all, keepalive: 60s:10s:3, user_timeout: auto, precedence: policy}\n");
	struct quiet quiet = { 0 };

	WAIT_FOR(is_quiet(&quiet, &daemon));
	CHECK_INT(tw_count("all", "set"), 1);
	CHECK(tw_runs(&daemon));
}

/* Else the test above would prove nothing: a guard is a timer that somebody asked for. */
TW_TEST(idle__a_guard_that_was_asked_for_is_seen)
{
	struct tw_process daemon = enforce_and_use(
		"- {name: all, keepalive: 60s:10s:3, guard: {max_deaths_per_minute: 5}}\n");
	struct quiet quiet = { 0 };
	long long before;

	for (int i = 0; i < 3; i++) {
		before = switches(&daemon);
		WAIT_FOR(switches(&daemon) > before);
		CHECK(!is_quiet(&quiet, &daemon));
	}
}
