// SPDX-License-Identifier: GPL-2.0-only
/*
 * Each optional capability removed in turn (the required ones: test_commands.c):
 * what still works, what `doctor` says and what `run` says. And file systems
 * that are read-only, and what a container and what deploy/ give.
 */
#include <fcntl.h>
#include <linux/bpf.h>
#include <linux/capability.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "bpf.h"
#include "lib/cleanup.h"
#include "samples.h"
#include "web.h"

#define ADDRESS "127.0.0.1:7000"
#define POLICY	"- {name: all, keepalive: 111s:11s:4, user_timeout: 44s}\n"
#define ASKED	1, 111, 11, 4, 44000
#define NOBODY	65534

/* --- without ------------------------------------------------------------------------- */

static int dropped; /* the capability that is taken */

static void drop(void)
{
	SYS(prctl(PR_CAPBSET_DROP, dropped));
}

static struct tw_result doctor(void (*prepare)(void))
{
	return tw_run(&(struct tw_command){ .args = ARGS("doctor", "--json"), .prepare = prepare });
}

static void check_named(const struct tw_result *result, const char *name, const char *lost)
{
	CHECK_EQUAL(tw_json_string(result->out, tw_format("checks[%s].status", name)), "degraded");
	CHECK_HAS(tw_json_string(result->out, tw_format("checks[%s].detail", name)), lost);
	CHECK_HAS(tw_json_string(result->out, tw_format("checks[%s].remedy", name)), name);
}

/* Enforcement is possible, and this one is named. */
static void check_doctor(const char *name, const char *lost)
{
	struct tw_result result = doctor(drop);

	CHECK_INT(result.status, 0);
	check_named(&result, name, lost);
}

static struct tw_process start_without(int capability)
{
	struct tw_process daemon;

	dropped = capability;
	daemon = tw_start(&(struct tw_command){
		.args = ARGS("run", "-c", tw_policy(POLICY), "--attach-to", tw_node),
		.prepare = drop });
	tw_wait_enforcing(&daemon);
	WAIT_FOR(tw_swept(&daemon) == 1);
	CHECK_OPTIONS(tw_pair(tw_node, NULL, "127.0.0.1:7999").client, ASKED);
	return daemon;
}

/* A connection in a network namespace that has a name; we are in another one then. */
static int make_named(void)
{
	int client;

	tw_own_run_netns();
	tw_new_netns();
	tw_name_netns("there");
	client = tw_sample_pair(ADDRESS).client;
	tw_new_netns();
	return client;
}

static void stay_as_nobody(void *data)
{
	(void)data;
	SYS(setgid(NOBODY));
	SYS(setuid(NOBODY));
	pause();
}

/* One in a namespace that only a process of another user names. */
static int make_of_others(void)
{
	int client;
	pid_t pid;

	tw_new_netns();
	client = tw_sample_pair(ADDRESS).client;
	pid = tw_fork(NULL, stay_as_nobody, NULL);
	WAIT_FOR(strstr(tw_read_file(tw_format("/proc/%d/status", pid)), "Uid:\t65534"));
	tw_new_netns();
	return client;
}

TW_TEST(rights__with_all_of_them)
{
	int there = make_named(), others = make_of_others();
	struct tw_process daemon = tw_enforce_swept(POLICY);

	CHECK_OPTIONS(there, ASKED);
	CHECK_OPTIONS(others, ASKED);
	CHECK(!strstr(tw_log_of(&daemon), "could not reach"));
}

TW_TEST(rights__without_cap_sys_admin)
{
	int there = make_named(), here = tw_sample_pair(ADDRESS).client;
	struct tw_process daemon = start_without(CAP_SYS_ADMIN);

	CHECK_UNTOUCHED(there);
	if (!tw_by_descriptors(tw_log_of(&daemon)))
		CHECK_OPTIONS(here, ASKED);
	WAIT_FOR(strstr(tw_log_of(&daemon), "could not reach"));
	CHECK_HAS(tw_log_of(&daemon), "CAP_SYS_ADMIN");
	check_doctor("CAP_SYS_ADMIN", "other network namespaces");
}

TW_TEST(rights__without_cap_sys_ptrace)
{
	int there = make_named(), others = make_of_others();
	struct tw_process daemon = start_without(CAP_SYS_PTRACE);

	CHECK_UNTOUCHED(others);
	if (!tw_by_descriptors(tw_log_of(&daemon)))
		CHECK_OPTIONS(there, ASKED);
	WAIT_FOR(strstr(tw_log_of(&daemon), "could not reach"));
	CHECK_HAS(tw_log_of(&daemon), "CAP_SYS_PTRACE");
	check_doctor("CAP_SYS_PTRACE", "namespaces of other processes");
}

/* The user to whom it is delegated keeps others out. */
static const char *close_cgroup(const char *path)
{
	const char *folder = tw_cgroup_folder(path);

	SYS(chmod(folder, 0700));
	SYS(chown(folder, NOBODY, NOBODY));
	return path;
}

static const char *closed_policy(void)
{
	return tw_policy("- {name: inner, match: {cgroup: \"%s/*/inner\"}, keepalive: 222s:22s:5}\n"
			 "- {name: closed, match: {cgroup: \"%s/closed\"}, keepalive: "
			 "111s:11s:4}\n" POLICY,
			 tw_node, tw_node);
}

static int client_of(const char *cgroup)
{
	return tw_pair(cgroup, NULL, ADDRESS).client;
}

/* A closed cgroup is no reason to know none, not even by its own policy. */
TW_TEST(rights__without_cap_dac_read_search)
{
	const char *closed = tw_cgroup(tw_node, "closed"), *inner = tw_cgroup(closed, "inner");
	struct tw_result result;

	close_cgroup(closed);
	dropped = CAP_DAC_READ_SEARCH;
	result = tw_run(&(struct tw_command){
		.args = ARGS("run", "--once", "-c", closed_policy(), "--attach-to", tw_node),
		.prepare = drop });
	CHECK_INT(result.status, 0);
	CHECK_OPTIONS(client_of(closed), 1, 111, 11, 4, 0);
	/* Not its own, which it would take to look into the closed one, but its parent's. */
	CHECK_OPTIONS(client_of(inner), 1, 111, 11, 4, 0);
	CHECK_OPTIONS(client_of(tw_node), ASKED);
	check_doctor("CAP_DAC_READ_SEARCH", "cgroups that their users closed");
}

TW_TEST(rights__closed_cgroups_are_followed)
{
	const char *closed = tw_cgroup(tw_node, "closed"), *inner = tw_cgroup(closed, "inner");

	close_cgroup(closed);
	CHECK_INT(
		TW_RUN("run", "--once", "--no-sweep", "-c", closed_policy(), "--attach-to", tw_node)
			.status,
		0);
	CHECK_OPTIONS(client_of(closed), 1, 111, 11, 4, 0);
	CHECK_OPTIONS(client_of(inner), 1, 222, 22, 5, 0);
}

/* Whether the kernel counts maps against RLIMIT_MEMLOCK: one more does not fit into nothing. */
static bool maps_are_locked(void)
{
	union bpf_attr attr = {
		.map_type = BPF_MAP_TYPE_ARRAY, .key_size = 4, .value_size = 4, .max_entries = 1
	};
	struct rlimit before;
	long map;

	SYS(getrlimit(RLIMIT_MEMLOCK, &before));
	SYS(setrlimit(RLIMIT_MEMLOCK, &(struct rlimit){ 0, before.rlim_max }));
	map = syscall(SYS_bpf, BPF_MAP_CREATE, &attr, sizeof(attr));
	SYS(setrlimit(RLIMIT_MEMLOCK, &before));
	if (map >= 0)
		close((int)map);
	return map < 0;
}

static void lock_little(void)
{
	const struct rlimit little = { 65536, 65536 };

	SYS(setrlimit(RLIMIT_MEMLOCK, &little));
	drop();
}

static void lock_little_and_may_lift(void)
{
	const struct rlimit little = { 65536, 65536 };

	SYS(setrlimit(RLIMIT_MEMLOCK, &little));
}

static struct tw_result run_with(void (*prepare)(void))
{
	return tw_run(&(struct tw_command){
		.args = ARGS("run", "--once", "-c", tw_policy(POLICY), "--attach-to", tw_node),
		.prepare = prepare });
}

/* 64 KiB, as before Linux 5.16: where that is too little, the error names what would lift it. */
TW_TEST(rights__without_cap_sys_resource)
{
	struct tw_result result;

	dropped = CAP_SYS_RESOURCE;
	result = run_with(lock_little);
	if (maps_are_locked()) {
		CHECK_INT(result.status, 1);
		CHECK_HAS(result.err, "CAP_SYS_RESOURCE");
		CHECK_HAS(result.err, "LimitMEMLOCK=infinity");
		CHECK_INT(tw_programs_attached(tw_node), 0);
		CHECK(tw_bpffs_is_empty());
		CHECK_UNTOUCHED(client_of(tw_node));
		CHECK_INT(run_with(lock_little_and_may_lift).status, 0);
		result = doctor(lock_little);
		check_named(&result, "CAP_SYS_RESOURCE", "limit of locked memory");
	} else {
		CHECK_INT(result.status, 0);
		CHECK(!strstr(result.err, "CAP_SYS_RESOURCE"));
		result = doctor(lock_little);
		CHECK_EQUAL(tw_json_string(result.out, "checks[CAP_SYS_RESOURCE].status"), "ok");
	}
	CHECK_OPTIONS(client_of(tw_node), ASKED);
}

/* --- file systems ------------------------------------------------------------------------ */

/* As "/dev/shm" of a line of mountinfo, whose blanks are escapes that no mount here has. */
static void make_read_only(const char *line)
{
	char point[PATH_MAX];

	if (sscanf(line, "%*d %*d %*s %*s %4095s", point) != 1)
		FAIL("not a line of mountinfo: %s", line);
	if (!strcmp(point, TW_BPFFS) || !strcmp(point, tw_format("%s/run", tw_folder)))
		return;
	if (mount(NULL, point, NULL, MS_REMOUNT | MS_BIND | MS_RDONLY, NULL) < 0 &&
	    errno != ENOENT && errno != EINVAL)
		FAIL("make %s read-only: %s", point, strerror(errno));
}

/* In a mount namespace of its own: all but bpffs and the folder of the socket. */
static void see_all_read_only(void)
{
	char *text, *line;

	SYS(unshare(CLONE_NEWNS));
	text = tw_read_file("/proc/self/mountinfo");
	while ((line = strsep(&text, "\n")))
		if (*line)
			make_read_only(line);
	CHECK(access(tw_folder, W_OK) < 0 && errno == EROFS);
	CHECK(access("/", W_OK) < 0 && errno == EROFS);
	CHECK(access("/proc/sys/net/ipv4/tcp_keepalive_time", W_OK) < 0 && errno == EROFS);
	CHECK(access(tw_cgroup_folder("/"), W_OK) < 0 && errno == EROFS);
	CHECK(access(tw_format("%s/run", tw_folder), W_OK) == 0);
}

TW_TEST(rights__all_is_read_only_but_pins_and_the_socket)
{
	const char *run_dir = tw_format("%s/run", tw_folder);
	int there = make_of_others(), here = tw_sample_pair(ADDRESS).client;
	struct tw_process daemon;

	SYS(mkdir(run_dir, 0755));
	SYS(mount(run_dir, run_dir, NULL, MS_BIND, NULL));
	daemon = tw_start(
		&(struct tw_command){ .args = ARGS("run", "-c", tw_policy(POLICY), "--attach-to",
						   tw_node, "--run-dir", run_dir),
				      .prepare = see_all_read_only });
	tw_wait_enforcing(&daemon);
	WAIT_FOR(tw_swept(&daemon) == 1);
	CHECK_OPTIONS(here, ASKED);
	CHECK_OPTIONS(there, ASKED);
	CHECK_INT(tw_web_get("/readyz").status, 200);
	CHECK(!strstr(tw_log_of(&daemon), "cannot"));
	tw_policy("- {name: all, keepalive: 222s:22s:5}\n");
	WAIT_FOR(tw_status_int("generation") == 2);
	WAIT_FOR(tw_swept(&daemon) == 2);
	CHECK_OPTIONS(here, 1, 222, 22, 5, 0);
	tw_signal(&daemon, SIGTERM);
	CHECK_INT(tw_join(&daemon).status, 0);
	CHECK(access(tw_format("%s/events.sock", run_dir), F_OK) < 0);
}

/* --- what deploy/ gives, which tests/lint/caps compares with loader/kernel/caps.c ---------- */

static void keep_only(const int *kept, size_t count)
{
	unsigned long long keep = 0;

	for (size_t i = 0; i < count; i++)
		keep |= 1ULL << kept[i];
	for (int number = 0; prctl(PR_CAPBSET_READ, number) >= 0; number++)
		if (!(keep >> number & 1))
			SYS(prctl(PR_CAPBSET_DROP, number));
}

static void keep_what_is_deployed(void)
{
	static const int kept[] = { CAP_BPF,	     CAP_PERFMON,    CAP_NET_ADMIN,
				    CAP_SYS_ADMIN,   CAP_SYS_PTRACE, CAP_DAC_READ_SEARCH,
				    CAP_SYS_RESOURCE };

	keep_only(kept, ARRAY_SIZE(kept));
}

TW_TEST(rights__what_is_deployed_is_enough)
{
	int there = make_named(), others = make_of_others();
	struct tw_result result = run_with(keep_what_is_deployed);

	CHECK_INT(result.status, 0);
	CHECK(!strstr(result.err, "could not reach"));
	CHECK_OPTIONS(others, ASKED);
	CHECK_OPTIONS(there, ASKED);
}

/* Root, with what container runtimes give by default, and no bpf file system of the host. */
static void enter_container(void)
{
	static const int kept[] = { CAP_CHOWN,	 CAP_DAC_OVERRIDE,    CAP_FOWNER,      CAP_FSETID,
				    CAP_KILL,	 CAP_SETGID,	      CAP_SETUID,      CAP_SETPCAP,
				    CAP_SETFCAP, CAP_SYS_CHROOT,      CAP_AUDIT_WRITE, CAP_MKNOD,
				    CAP_NET_RAW, CAP_NET_BIND_SERVICE };

	SYS(unshare(CLONE_NEWNS | CLONE_NEWNET));
	SYS(umount2(TW_BPFFS, MNT_DETACH));
	keep_only(kept, ARRAY_SIZE(kept));
}

TW_TEST(rights__root_of_a_container)
{
	struct tw_process daemon = tw_enforce(POLICY);
	struct tw_result detach;

	CHECK_INT(run_with(enter_container).status, 1);
	detach = tw_run(&(struct tw_command){ .args = ARGS("detach", "--restore"),
					      .prepare = enter_container });
	CHECK_INT(detach.status, 0);
	CHECK_HAS(detach.out, "nothing to detach");
	CHECK(tw_runs(&daemon));
	CHECK_INT(tw_programs_attached(tw_node), 1);
	CHECK_OPTIONS(client_of(tw_node), ASKED);
}
