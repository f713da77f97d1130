// SPDX-License-Identifier: GPL-2.0-only
/* The command line's contract: exit statuses, JSON fields, bad input, missing rights. */
#include <fcntl.h>
#include <linux/capability.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "bpf.h"
#include "harness.h"
#include "lib/cleanup.h"
#include "net.h"

#define ADDRESS "127.0.0.1:7000"
#define POLICY	"- {name: all, keepalive: 111s:11s:4, user_timeout: 44s}\n"
#define ASKED	1, 111, 11, 4, 44000

static int new_client(void)
{
	return tw_pair(tw_node, NULL, ADDRESS).client;
}

static struct tw_result run_once(const char *path)
{
	return TW_RUN("run", "--once", "-c", path, "--attach-to", tw_node);
}

static void check_nothing_attached(void)
{
	CHECK_INT(tw_programs_attached(tw_node), 0);
	CHECK_UNTOUCHED(new_client());
	CHECK_INT(TW_RUN("status").status, 3);
}

/* --- status --- */

TW_TEST(status__nothing_attached)
{
	struct tw_result result = TW_RUN("status", "--json");

	CHECK_INT(result.status, 3);
	CHECK(!tw_json_bool(result.out, "attached"));
	CHECK_INT(TW_RUN("status").status, 3);
	CHECK(tw_bpffs_is_empty());
}

TW_TEST(status__fields)
{
	struct tw_process daemon = tw_enforce(POLICY "- {name: watch, mode: observe, "
						     "keepalive: on}\n");
	struct tw_result result = TW_RUN("status", "--json");
	static const char *const outcomes[] = { "set", "already", "kept_app", "would_set",
						"failed" };

	CHECK_INT(result.status, 0);
	CHECK(tw_json_bool(result.out, "attached"));
	CHECK_EQUAL(tw_json_string(result.out, "attached_to"), tw_node);
	CHECK_INT(tw_json_int(result.out, "generation"), 1);
	CHECK_INT((long long)strlen(tw_json_string(result.out, "digest")), 32);
	CHECK(tw_json_bool(result.out, "daemon.running"));
	CHECK_INT(tw_json_int(result.out, "daemon.pid"), daemon.pid);
	CHECK(*tw_json_string(result.out, "version"));
	CHECK_HAS(tw_json_string(result.out, "loaded_at"), "T");
	CHECK(tw_json_null(result.out, "last_refusal"));
	CHECK_EQUAL(tw_json_string(result.out, "policies[all].mode"), "enforce");
	CHECK_EQUAL(tw_json_string(result.out, "policies[watch].mode"), "observe");
	for (size_t i = 0; i < ARRAY_SIZE(outcomes); i++)
		CHECK_INT(
			tw_json_int(result.out, tw_format("policies[all].counts.%s", outcomes[i])),
			0);
}

TW_TEST(status__text)
{
	struct tw_result result;

	tw_enforce(POLICY);
	result = TW_RUN("status");
	CHECK_INT(result.status, 0);
	CHECK_HAS(result.out, tw_node);
	CHECK_HAS(result.out, "all");
	CHECK(!strchr(result.out, '\033'));
}

/* --- check --- */

static void become_nobody(void)
{
	SYS(setgid(65534));
	SYS(setuid(65534));
}

static struct tw_result run_as_nobody(const char *const *args)
{
	return tw_run(&(struct tw_command){ .args = args, .prepare = become_nobody });
}

TW_TEST(check__needs_no_root)
{
	struct tw_result result = run_as_nobody(ARGS("check", "-c", tw_policy(POLICY)));

	CHECK_INT(result.status, 0);
	result = run_as_nobody(ARGS("check", "--json", "-c", tw_policy(POLICY)));
	CHECK_INT(result.status, 0);
	CHECK(tw_json_bool(result.out, "valid"));
	CHECK_HAS(result.out, "\"all\"");
	CHECK(tw_bpffs_is_empty());
}

TW_TEST(check__all_errors_at_once)
{
	const char *path = tw_policy("- {name: all, keepalive: 60s:10s:0}\n"
				     "- {name: all, keepalive: 60s:10s:3, colour: red}\n"
				     "- {name: far, match: {port: 70000}}\n");
	struct tw_result result = TW_RUN("check", "-c", path);

	CHECK_INT(result.status, 2);
	CHECK_HAS(result.err, tw_format("%s:3:", path));
	CHECK_HAS(result.err, tw_format("%s:4:", path));
	CHECK_HAS(result.err, tw_format("%s:5:", path));
	CHECK_HAS(result.err, "error: ");
	result = TW_RUN("check", "--json", "-c", path);
	CHECK_INT(result.status, 2);
	CHECK(tw_json_valid(result.out));
	CHECK(!tw_json_bool(result.out, "valid"));
	CHECK_HAS(result.out, "\"line\"");
}

TW_TEST(check__strict_makes_warnings_fatal)
{
	const char *path = tw_policy("- {name: all, keepalive: 60s:10s:3}\n");
	struct tw_result result = TW_RUN("check", "-c", path);

	CHECK_INT(result.status, 0);
	CHECK_HAS(result.err, "warning: ");
	CHECK_INT(TW_RUN("check", "--strict", "-c", path).status, 2);
}

TW_TEST(check__prints_the_embedded_policy)
{
	struct tw_result result = TW_RUN("check", "--print-default");

	CHECK_INT(result.status, 0);
	CHECK_HAS(result.out, "policies:");
	CHECK_INT(TW_RUN("check").status, 0);
	CHECK_INT(TW_RUN("check", "--strict", "-c", tw_write_file("default.yaml", "%s", result.out))
			  .status,
		  0);
}

/* 2m:20s:5: L = 120 + 80 = 200 s, and an eighth. Loopback is exempt. */
TW_TEST(run__embedded_policy)
{
	struct tw_process daemon = TW_START("run", "--attach-to", tw_node);

	tw_wait_enforcing(&daemon);
	tw_add_ipv6("fd00::1");
	CHECK_OPTIONS(tw_pair(tw_node, NULL, "[fd00::1]:7000").client, 1, 120, 20, 5, 225000);
	CHECK_UNTOUCHED(tw_pair(tw_node, NULL, "127.1.2.3:7000").client);
	CHECK_UNTOUCHED(tw_pair(tw_node, NULL, "[::1]:7000").client);
	CHECK_UNTOUCHED(tw_pair(tw_node, NULL, "[::ffff:127.0.0.1]:7000").client);
}

/* *.yaml of a folder, in name order; an observe in any of them holds for all. */
TW_TEST(run__policy_folder)
{
	struct tw_process daemon;
	const char *folder = tw_format("%s/policies", tw_folder);

	SYS(mkdir(folder, 0755));
	tw_write_file("policies/20.yaml",
		      "version: 1\npolicies:\n- {name: second, keepalive: 222s:11s:4}\n");
	tw_write_file("policies/10.yaml",
		      "version: 1\npolicies:\n"
		      "- {name: first, match: {port: 7000}, keepalive: 111s:11s:4}\n");
	tw_write_file("policies/30.txt", "not read");
	daemon = tw_enforce_file(folder);
	CHECK_OPTIONS(tw_pair(tw_node, NULL, "127.0.0.1:7000").client, 1, 111, 11, 4, 0);
	CHECK_OPTIONS(tw_pair(tw_node, NULL, "127.0.0.1:7001").client, 1, 222, 11, 4, 0);
	CHECK_INT(TW_RUN("detach").status, 0);
	tw_join(&daemon);

	tw_write_file("policies/40.yaml", "version: 1\nmode: observe\npolicies: []\n");
	tw_enforce_file(folder);
	CHECK_UNTOUCHED(new_client());
	CHECK_INT(tw_count("first", "would_set"), 1);
	CHECK_INT(tw_count("second", "would_set"), 1);
}

/* --- bad usage, bad policies: exit status 2, nothing attached --- */

TW_TEST(bad__usage)
{
	CHECK_INT(TW_RUN("run", "--nonsense").status, 2);
	CHECK_INT(TW_RUN("nonsense").status, 2);
	CHECK_INT(tw_run(&(struct tw_command){ .args = (const char *const[]){ NULL } }).status, 2);
	CHECK_INT(TW_RUN("status", "surplus").status, 2);
	CHECK_INT(TW_RUN("run", "--on-exit", "perhaps").status, 2);
	CHECK_INT(TW_RUN("--help").status, 0);
	CHECK_INT(TW_RUN("run", "--help").status, 0);
	CHECK_INT(TW_RUN("--version").status, 0);
	check_nothing_attached();
}

TW_TEST(bad__attach_point_is_missing)
{
	struct tw_result result = TW_RUN("run", "--once", "-c", tw_policy(POLICY), "--attach-to",
					 "/tw-no-such-cgroup");

	CHECK_INT(result.status, 2);
	CHECK_HAS(result.err, "/tw-no-such-cgroup");
	check_nothing_attached();
}

static void check_refused(const char *path)
{
	struct tw_result result = run_once(path);

	if (result.status != 2)
		FAIL("%s: exit status %d", path, result.status);
	CHECK_HAS(result.err, "error");
	CHECK_HAS(result.err, path);
	CHECK_INT(tw_programs_attached(tw_node), 0);
}

TW_TEST(bad__policy_texts)
{
	static const char *const texts[] = {
		"",
		"just a word\n",
		"version: 1\n",
		"policies: []\n",
		"version: 2\npolicies: []\n",
		"version: 1\npolicies: [\n",
		"version: 1\npolicies: {}\n",
		"version: 1\nversion: 1\npolicies: []\n",
		"version: 1\npolicies:\n- {keepalive: on}\n",
		"version: 1\npolicies:\n- {name: BIG, keepalive: on}\n",
		"version: 1\npolicies:\n- {name: a}\n- {name: a}\n",
		"version: 1\npolicies:\n- {name: a, keepalive: [1, 2]}\n",
		"version: 1\npolicies:\n- {name: a, match: {cgroup: relative}}\n",
		"version: 1\npolicies:\n- {name: a, match: {cgroup: /a/../b}}\n",
		"version: 1\npolicies:\n- {name: a, match: {remote: 10.0.0.1/8}}\n",
		"version: 1\npolicies:\n- {name: a, match: {port: 0}}\n",
		"version: 1\npolicies:\n- {name: a, match: {direction: up}}\n",
		"version: 1\npolicies:\n- {name: a, mode: maybe}\n",
		"version: 1\npolicies:\n- {name: a, keepalive: off}\n",
		"version: 1\npolicies:\n- {name: a, user_timeout: off}\n",
		"version: 1\npolicies:\n- {name: a, user_timeout: auto}\n",
		"version: 1\npolicies:\n- {name: a, keepalive: on, precedence: mine}\n",
		"version: 1\npolicies:\n- {name: a, keepalive: on, rollout: 101%}\n",
		"version: 1\npolicies:\n- &x {name: a}\n- *x\n",
	};

	for (size_t i = 0; i < ARRAY_SIZE(texts); i++)
		check_refused(tw_write_file(tw_format("bad%zu.yaml", i), "%s", texts[i]));
	check_nothing_attached();
}

static void write_bytes(const char *path, const char *bytes, size_t len)
{
	_cleanup_close_ int fd = SYS(open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0644));

	CHECK_INT(SYS(write(fd, bytes, len)), (long long)len);
}

TW_TEST(bad__policy_files)
{
	static const char nul[] = "version: 1\npolicies: []\n# \0\n";
	const char *path = tw_format("%s/bad", tw_folder);
	const size_t size = 1024 * 1024;
	char *large = malloc(size);

	check_refused(path);
	SYS(mkdir(path, 0755));
	check_refused(path);
	SYS(rmdir(path));
	SYS(mkfifo(path, 0644));
	check_refused(path);
	SYS(unlink(path));
	write_bytes(path, nul, sizeof(nul) - 1);
	check_refused(path);
	memset(large, '#', size);
	memcpy(large, "version: 1\npolicies: []\n", 24);
	write_bytes(path, large, size);
	check_refused(path);
	write_bytes(path, "", 0);
	SYS(truncate(path, (off_t)size - 1));
	write_bytes(path, large, size - 1);
	CHECK_INT(run_once(path).status, 0);
}

/* A cgroup that does not exist is no error: it may come. */
TW_TEST(run__cgroup_of_a_policy_is_missing)
{
	struct tw_result result =
		run_once(tw_policy("- {name: later, match: {cgroup: /tw-no-such-cgroup}, "
				   "keepalive: 111s:11s:4}\n"));

	CHECK_INT(result.status, 0);
	CHECK_HAS(result.err, "/tw-no-such-cgroup");
	CHECK_UNTOUCHED(new_client());
}

/* --- rights and mounts --- */

static void drop(int capability)
{
	SYS(prctl(PR_CAPBSET_DROP, capability));
}

static void drop_bpf(void)
{
	drop(CAP_SYS_ADMIN);
	drop(CAP_BPF);
}

static void drop_perfmon(void)
{
	drop(CAP_SYS_ADMIN);
	drop(CAP_PERFMON);
}

static void drop_net_admin(void)
{
	drop(CAP_NET_ADMIN);
}

/* Raising the memlock limit needs CAP_SYS_RESOURCE before 5.11. */
static void keep_only_the_needed(void)
{
	for (int capability = 0; prctl(PR_CAPBSET_READ, capability) >= 0; capability++)
		if (capability != CAP_BPF && capability != CAP_PERFMON &&
		    capability != CAP_NET_ADMIN && capability != CAP_SYS_RESOURCE)
			drop(capability);
}

static struct tw_result run_without(void (*prepare)(void))
{
	return tw_run(&(struct tw_command){
		.args = ARGS("run", "--once", "-c", tw_policy(POLICY), "--attach-to", tw_node),
		.prepare = prepare });
}

static void check_capability_is_named(void (*prepare)(void), const char *name)
{
	struct tw_result result = run_without(prepare);

	CHECK_INT(result.status, 1);
	CHECK_HAS(result.err, name);
	check_nothing_attached();
	CHECK_INT(run_without(NULL).status, 0);
	CHECK_OPTIONS(new_client(), ASKED);
}

TW_TEST(rights__without_cap_bpf)
{
	check_capability_is_named(drop_bpf, "CAP_BPF");
}

TW_TEST(rights__without_cap_perfmon)
{
	check_capability_is_named(drop_perfmon, "CAP_PERFMON");
}

TW_TEST(rights__without_cap_net_admin)
{
	check_capability_is_named(drop_net_admin, "CAP_NET_ADMIN");
}

TW_TEST(rights__unprivileged_run)
{
	check_capability_is_named(become_nobody, "CAP_");
}

TW_TEST(rights__three_capabilities_are_enough)
{
	CHECK_INT(run_without(keep_only_the_needed).status, 0);
	CHECK_OPTIONS(new_client(), ASKED);
	CHECK_INT(tw_run(&(struct tw_command){ .args = ARGS("detach"),
					       .prepare = keep_only_the_needed })
			  .status,
		  0);
	check_nothing_attached();
}

static void unmount_bpffs(void)
{
	while (tw_is_bpffs(TW_BPFFS))
		SYS(umount2(TW_BPFFS, MNT_DETACH));
}

TW_TEST(rights__bpffs_is_mounted_where_it_is_not)
{
	unmount_bpffs();
	tw_enforce(POLICY);
	CHECK(tw_is_bpffs(TW_BPFFS));
	CHECK(tw_pinned_link().id > 0);
	CHECK_OPTIONS(new_client(), ASKED);
}

TW_TEST(rights__bpffs_cannot_be_mounted)
{
	struct tw_result result;

	unmount_bpffs();
	result = run_without(keep_only_the_needed);
	CHECK_INT(result.status, 1);
	CHECK_HAS(result.err, TW_BPFFS);
	CHECK_INT(tw_programs_attached(tw_node), 0);
}

/* As in a container whose host has none: the host's folder, which is not to be covered. */
TW_TEST(rights__bpffs_is_not_on_the_host)
{
	struct tw_result result;

	unmount_bpffs();
	SYS(mount(TW_BPFFS, TW_BPFFS, NULL, MS_BIND, NULL));
	result = run_without(NULL);
	CHECK_INT(result.status, 1);
	CHECK_HAS(result.err, "on the host: mount -t bpf bpf " TW_BPFFS);
	CHECK(!tw_is_bpffs(TW_BPFFS));
	CHECK_INT(tw_programs_attached(tw_node), 0);
	result = TW_RUN("doctor");
	CHECK_INT(result.status, 1);
	CHECK_HAS(result.out, "on the host: mount -t bpf bpf " TW_BPFFS);
}

TW_TEST(rights__pins_are_for_root_only)
{
	struct stat st;

	tw_enforce(POLICY);
	SYS(stat(TW_PINS, &st));
	CHECK_INT(st.st_mode & 07777, 0700);
}

/* --- doctor --- */

TW_TEST(doctor__this_machine)
{
	struct tw_result result = TW_RUN("doctor", "--json");

	CHECK(tw_json_valid(result.out));
	CHECK(tw_json_bool(result.out, "ok"));
	CHECK(tw_json_has(result.out, "checks"));
	CHECK_INT(result.status, 0);
	CHECK_INT(TW_RUN("doctor").status, 0);
	CHECK(tw_bpffs_is_empty());
}

TW_TEST(doctor__missing_capability)
{
	struct tw_result result = tw_run(
		&(struct tw_command){ .args = ARGS("doctor", "--json"), .prepare = drop_bpf });

	CHECK_INT(result.status, 1);
	CHECK(!tw_json_bool(result.out, "ok"));
	CHECK_HAS(result.out, "CAP_BPF");
	CHECK_HAS(result.out, "\"missing\"");
}
