// SPDX-License-Identifier: GPL-2.0-only
/* Machines that lack something: what works, what does not, and what people are told. */
#include <fcntl.h>
#include <netinet/tcp.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

#include "bpf.h"
#include "harness.h"
#include "lib/cleanup.h"
#include "net.h"
#include "samples.h"

#define ADDRESS "127.0.0.1:7000"
#define OLD	"- {name: all, keepalive: 111s:11s:4, user_timeout: 44s}\n"
#define NEW	"- {name: all, keepalive: 222s:22s:5, user_timeout: 55s}\n"

#define CHECK_OLD(fd) CHECK_OPTIONS(fd, 1, 111, 11, 4, 44000)
#define CHECK_NEW(fd) CHECK_OPTIONS(fd, 1, 222, 22, 5, 55000)

static int new_client(void)
{
	return tw_pair(tw_node, NULL, ADDRESS).client;
}

static struct tw_result run_prepared(void (*prepare)(void), const char *run_dir)
{
	return tw_run(&(struct tw_command){ .args = ARGS("run", "--once", "-c", tw_policy(NEW),
							 "--attach-to", tw_node,
							 run_dir ? "--run-dir" : NULL, run_dir),
					    .prepare = prepare });
}

static struct tw_result run_once(void)
{
	return run_prepared(NULL, NULL);
}

static void check_nothing_attached(void)
{
	CHECK_INT(tw_programs_attached(tw_node), 0);
	CHECK(tw_bpffs_is_empty());
	CHECK_UNTOUCHED(new_client());
}

static void write_text(const char *path, const char *text)
{
	_cleanup_close_ int fd = SYS(open(path, O_WRONLY | O_CLOEXEC));

	if (write(fd, text, strlen(text)) < 0)
		FAIL("cannot write %s to %s: %s", text, path, strerror(errno));
}

/* Something that a guest of ours may do, and a machine that others use may not. */
static bool is_guest(void)
{
	_cleanup_free_ char *line = tw_read_file("/proc/cmdline");

	return line && strstr(line, "guest=suite");
}

/* --- the kernel's types ------------------------------------------------------------- */

#define BTF "/sys/kernel/btf/vmlinux"

/* Where btf__load_vmlinux_btf() of libbpf looks for the kernel's own image, which tells them too. */
static void refuse_images(const char *release)
{
	const char *const paths[] = {
		tw_format("/boot/vmlinux-%s", release),
		tw_format("/lib/modules/%s/vmlinux-%s", release, release),
		tw_format("/lib/modules/%s/build/vmlinux", release),
		tw_format("/usr/lib/modules/%s/kernel/vmlinux", release),
		tw_format("/usr/lib/debug/boot/vmlinux-%s", release),
		tw_format("/usr/lib/debug/boot/vmlinux-%s.debug", release),
		tw_format("/usr/lib/debug/lib/modules/%s/vmlinux", release),
	};

	for (size_t i = 0; i < ARRAY_SIZE(paths); i++)
		if (access(paths[i], F_OK) == 0)
			tw_skip("this kernel's image is %s, and tells its types", paths[i]);
}

static void hide_types(void)
{
	struct utsname name;

	SYS(uname(&name));
	refuse_images(name.release);
	SYS(mount(tw_write_file("empty", "%s", ""), BTF, NULL, MS_BIND, NULL));
}

TW_TEST(machine__without_btf)
{
	struct tw_result result;

	hide_types();
	result = run_once();
	CHECK_INT(result.status, 1);
	CHECK_HAS(result.err, "CONFIG_DEBUG_INFO_BTF=y");
	check_nothing_attached();
	result = TW_RUN("doctor", "--json");
	CHECK_INT(result.status, 1);
	CHECK_EQUAL(tw_json_string(result.out, "checks[btf].status"), "missing");
	CHECK_INT(TW_RUN("sockets").status, 1);
	SYS(umount2(BTF, 0));
	CHECK_INT(run_once().status, 0);
	CHECK_NEW(new_client());
}

static bool has_idle(int fd, int idle)
{
	return tw_get(fd, IPPROTO_TCP, TCP_KEEPIDLE) == idle;
}

/* They are read once, when `run` starts: one that runs goes on, and sweeps. */
TW_TEST(machine__loses_btf_meanwhile)
{
	struct tw_process daemon = tw_enforce_swept(OLD);
	int open = new_client();

	CHECK_OLD(open);
	hide_types();
	CHECK_OLD(new_client());
	CHECK_INT(TW_RUN("status").status, 0);
	tw_policy(NEW);
	WAIT_FOR(has_idle(open, 222));
	CHECK_NEW(new_client());
	tw_signal(&daemon, SIGKILL);
	tw_join(&daemon);
	CHECK_INT(run_once().status, 1);
	CHECK_NEW(new_client());
	CHECK_INT(TW_RUN("detach").status, 0);
	check_nothing_attached();
}

/* --- the cgroup2 tree ---------------------------------------------------------------- */

/* What tells where it is; the test itself goes on using it. */
static void hide_cgroup2(void)
{
	SYS(umount2(tw_cgroup_folder(""), MNT_DETACH));
}

static void in_own_mounts(void (*body)(void *), void *arg)
{
	tw_join_child(tw_fork(NULL, body, arg));
}

static void without_cgroup2(void *arg)
{
	struct tw_result result;

	(void)arg;
	SYS(unshare(CLONE_NEWNS));
	hide_cgroup2();
	result = run_once();
	CHECK_INT(result.status, 1);
	CHECK_HAS(result.err, "mount -t cgroup2");
	result = TW_RUN("doctor", "--json");
	CHECK_INT(result.status, 1);
	CHECK_EQUAL(tw_json_string(result.out, "checks[cgroup2].status"), "missing");
}

TW_TEST(machine__without_cgroup2)
{
	in_own_mounts(without_cgroup2, NULL);
	check_nothing_attached();
	CHECK_INT(run_once().status, 0);
	CHECK_NEW(new_client());
}

/* What is attached needs no mount, and `detach` finds it by its pins. */
static void detach_without_cgroup2(void *arg)
{
	(void)arg;
	SYS(unshare(CLONE_NEWNS));
	hide_cgroup2();
	CHECK_INT(TW_RUN("status").status, 0);
	CHECK_INT(TW_RUN("detach", "--restore").status, 0);
}

TW_TEST(machine__loses_cgroup2_meanwhile)
{
	int client;

	CHECK_INT(run_once().status, 0);
	client = new_client();
	CHECK_NEW(client);
	in_own_mounts(detach_without_cgroup2, NULL);
	CHECK_UNTOUCHED(client);
	check_nothing_attached();
}

/* --- lockdown -------------------------------------------------------------------------- */

#define LOCKDOWN "/sys/kernel/security/lockdown"

static const char *lockdown(void)
{
	if (access(LOCKDOWN, F_OK) < 0)
		mount("securityfs", "/sys/kernel/security", "securityfs", 0, NULL);
	return tw_read_file(LOCKDOWN);
}

/* Of integrity we need nothing: it takes away what writes to the kernel. */
TW_TEST(machine__locked_down)
{
	const char *now = lockdown();

	if (!now)
		tw_skip("this kernel has no lockdown (" LOCKDOWN " is not there)");
	if (strstr(now, "[none]") && !is_guest())
		tw_skip("lockdown is off, and switching it on would hold until the machine's next "
			"boot");
	if (strstr(now, "[none]"))
		write_text(LOCKDOWN, "integrity");
	CHECK_INT(run_once().status, 0);
	CHECK_NEW(new_client());
	CHECK_HAS(tw_json_string(TW_RUN("doctor", "--json").out, "checks[lockdown].detail"),
		  "integrity");
	CHECK_INT(TW_RUN("detach", "--restore").status, 0);
	check_nothing_attached();
}

/* --- limits --------------------------------------------------------------------------- */

static rlim_t descriptors;

static void limit_descriptors(void)
{
	const struct rlimit limit = { descriptors, descriptors };

	SYS(setrlimit(RLIMIT_NOFILE, &limit));
}

static struct tw_result run_with(rlim_t count)
{
	struct tw_result result;

	descriptors = count;
	result = run_prepared(limit_descriptors, NULL);
	printf("%llu descriptors: exit status %d\n", (unsigned long long)count, result.status);
	return result;
}

/* The sweep takes the most of them, so one less than are enough is too few for it alone. */
TW_TEST(run__once_fails_where_it_cannot_sweep)
{
	rlim_t few = 8, enough = 512;
	struct tw_result result;

	while (enough - few > 1) {
		rlim_t middle = (few + enough) / 2;

		if (run_with(middle).status == 0)
			enough = middle;
		else
			few = middle;
		CHECK_INT(TW_RUN("detach").status, 0);
	}
	result = run_with(few);
	CHECK_INT(result.status, 1);
	CHECK_HAS(result.err, "new connections are under the policy; those that are open are not");
	CHECK_NEW(new_client());
	CHECK_INT(run_once().status, 0);
}

/* --- no room ---------------------------------------------------------------------------- */

/* A file system with room for its root and nothing else. */
static const char *full_folder(void)
{
	const char *path = tw_format("%s/full", tw_folder);

	SYS(mkdir(path, 0755));
	SYS(mount("tmpfs", path, "tmpfs", 0, "size=4k,nr_inodes=1"));
	return path;
}

/* Events cannot be followed then; all else goes on. */
TW_TEST(machine__run_dir_is_full)
{
	struct tw_process daemon;

	SYS(setenv("RUNTIME_DIRECTORY", full_folder(), 1));
	daemon = tw_enforce_swept(OLD);
	CHECK_HAS(tw_log_of(&daemon), "No space left on device");
	CHECK_HAS(tw_log_of(&daemon), "cannot follow this run");
	tw_policy(NEW);
	WAIT_FOR(strstr(tw_log_of(&daemon), "generation 2"));
	CHECK_NEW(new_client());
}

/* Where somebody named the folder, it is wanted. What was attached stays. */
TW_TEST(machine__named_run_dir_is_full)
{
	struct tw_result result = TW_RUN("run", "-c", tw_policy(NEW), "--attach-to", tw_node,
					 "--run-dir", full_folder());

	CHECK_INT(result.status, 1);
	CHECK_HAS(result.err, "No space left on device");
	CHECK_INT(TW_RUN("status").status, 0);
	CHECK_NEW(new_client());
}

static void log_to_full_disk(void)
{
	int full = SYS(open("/dev/full", O_WRONLY | O_CLOEXEC));

	SYS(dup2(full, STDERR_FILENO));
	SYS(dup2(STDERR_FILENO, STDOUT_FILENO));
}

/* Nothing waits for the log. */
TW_TEST(machine__disk_of_the_log_is_full)
{
	struct tw_process daemon = tw_start(&(struct tw_command){
		.args = ARGS("run", "-c", tw_policy(OLD), "--attach-to", tw_node),
		.prepare = log_to_full_disk });

	tw_wait_enforcing(&daemon);
	CHECK_OLD(new_client());
	tw_policy(NEW);
	WAIT_FOR(tw_status_int("generation") == 2);
	CHECK_NEW(new_client());
	tw_signal(&daemon, SIGTERM);
	CHECK_INT(tw_join(&daemon).status, 0);
}

/* A file that was cut short by a full disk is a bad policy. */
TW_TEST(machine__policy_is_cut_short)
{
	struct tw_process daemon = tw_enforce_swept(OLD);

	tw_write_file("policy.yaml", "version: 1\npolicies:\n- {name: all, keepal");
	WAIT_FOR(strstr(tw_log_of(&daemon), "the running one stays"));
	CHECK_OLD(new_client());
	tw_write_file("policy.yaml", "%s", "");
	WAIT_FOR(strstr(tw_log_of(&daemon), "policy.yaml:1:1"));
	CHECK_OLD(new_client());
	tw_policy(NEW);
	WAIT_FOR(strstr(tw_log_of(&daemon), "generation 2"));
	CHECK_NEW(new_client());
}

/* bpffs has no limit of its own; it may be mounted read-only. */
TW_TEST(machine__bpffs_is_read_only)
{
	struct tw_process daemon = tw_enforce_swept(OLD);
	struct tw_result result;

	SYS(mount(NULL, TW_BPFFS, NULL, MS_REMOUNT | MS_RDONLY, NULL));
	tw_policy(NEW);
	WAIT_FOR(strstr(tw_log_of(&daemon), "generation 2"));
	CHECK_NEW(new_client());
	result = TW_RUN("detach");
	CHECK_INT(result.status, 1);
	CHECK_HAS(result.err, "Read-only file system");
	SYS(mount(NULL, TW_BPFFS, NULL, MS_REMOUNT, NULL));
	CHECK_INT(TW_RUN("detach").status, 0);
	check_nothing_attached();
	SYS(mount(NULL, TW_BPFFS, NULL, MS_REMOUNT | MS_RDONLY, NULL));
	result = run_once();
	CHECK_INT(result.status, 1);
	CHECK_HAS(result.err, "Read-only file system");
	CHECK_UNTOUCHED(new_client());
}

/* --- the clock -------------------------------------------------------------------------- */

#define DAY 86400

static void move_clock(time_t seconds)
{
	struct timespec now;

	SYS(clock_gettime(CLOCK_REALTIME, &now));
	now.tv_sec += seconds;
	SYS(clock_settime(CLOCK_REALTIME, &now));
}

static void check_follows(const struct tw_process *daemon, int generation)
{
	tw_policy(generation % 2 ? OLD : NEW);
	WAIT_FOR(strstr(tw_log_of(daemon), tw_format("generation %d", generation)));
	if (generation % 2)
		CHECK_OLD(new_client());
	else
		CHECK_NEW(new_client());
	CHECK_INT(TW_RUN("status").status, 0);
}

/* Nothing is done by the time of day. */
TW_TEST(machine__clock_jumps)
{
	struct tw_process daemon;

	if (!is_guest())
		tw_skip("sets the clock, which only a guest of `make test-kernels` may");
	daemon = tw_enforce_swept(OLD);
	move_clock(DAY);
	check_follows(&daemon, 2);
	move_clock(-2 * DAY);
	check_follows(&daemon, 3);
	move_clock(DAY);
	check_follows(&daemon, 4);
	CHECK_INT(TW_RUN("detach", "--restore").status, 0);
}
