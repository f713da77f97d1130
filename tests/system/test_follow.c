// SPDX-License-Identifier: GPL-2.0-only
/* A running `run` follows its policy: a file, a folder, a ConfigMap mount, and whatever befalls them. */
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/inotify.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "harness.h"
#include "lib/cleanup.h"
#include "maps.h"
#include "net.h"

#define ADDRESS "127.0.0.1:7000"
#define HEAD	"version: 1\npolicies:\n"
#define OLD	"- {name: all, keepalive: 111s:11s:4, user_timeout: 44s}\n"
#define NEW	"- {name: all, keepalive: 222s:22s:5, user_timeout: 55s}\n"
#define BAD	"- {name: all, keepalive: 60s:10s:0}\n"

#define CHECK_OLD(fd) CHECK_OPTIONS(fd, 1, 111, 11, 4, 44000)
#define CHECK_NEW(fd) CHECK_OPTIONS(fd, 1, 222, 22, 5, 55000)

#define RENAME_AT_ONE_STROKE \
	2 /* RENAME_EXCHANGE of <linux/fs.h>, which clashes with <sys/mount.h> */

static const char *in_folder(const char *name)
{
	return tw_format("%s/%s", tw_folder, name);
}

/* As an editor does that keeps the file: truncated, then written. */
static void write_in_place(const char *path, const char *text)
{
	_cleanup_close_ int fd = SYS(open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644));

	CHECK_INT(write(fd, text, strlen(text)), (long long)strlen(text));
}

static int new_client(void)
{
	return tw_pair(tw_node, NULL, ADDRESS).client;
}

static void wait_generation(uint64_t number)
{
	WAIT_FOR(tw_generation_now() >= number);
	CHECK_INT((long long)tw_generation_now(), (long long)number);
}

/* `run` with this policy, once it follows it: what it enforced before that it reads again. */
static struct tw_process follow_file(const char *path)
{
	struct tw_process daemon = tw_enforce_file(path);

	WAIT_FOR(strstr(tw_log_of(&daemon), "swept"));
	return daemon;
}

static struct tw_process follow(const char *list)
{
	return follow_file(tw_policy("%s", list));
}

static int count_of(const char *text, const char *part)
{
	int count = 0;

	for (; (text = strstr(text, part)); text += strlen(part))
		count++;
	return count;
}

static bool is_refused(void)
{
	return !tw_json_null(tw_status(), "last_refusal");
}

static int refusals(const struct tw_process *daemon)
{
	return count_of(tw_log_of(daemon), "the policy is refused");
}

/* --- a file --------------------------------------------------------------------- */

TW_TEST(follow__file_written_in_place)
{
	const char *path = tw_policy(OLD);

	follow_file(path);
	write_in_place(path, HEAD NEW);
	WAIT_FOR(strstr(tw_status(), "\"all\"") && tw_generation_now() == 2);
	CHECK_NEW(new_client());
	write_in_place(path, HEAD OLD);
	wait_generation(3);
	CHECK_OLD(new_client());
}

TW_TEST(follow__file_replaced)
{
	follow_file(tw_policy(OLD));
	for (uint64_t i = 2; i < 12; i++) {
		tw_policy("%s", i % 2 ? OLD : NEW);
		wait_generation(i);
	}
	CHECK_OLD(new_client());
}

/* A symlink to a file elsewhere: the link may be moved, and what it leads to may change. */
TW_TEST(follow__file_behind_a_symlink)
{
	const char *link = in_folder("policy.yaml");

	SYS(mkdir(in_folder("a"), 0755));
	SYS(mkdir(in_folder("b"), 0755));
	tw_write_file("a/one.yaml", HEAD OLD);
	tw_write_file("b/two.yaml", HEAD NEW);
	SYS(symlink("a/one.yaml", link));
	follow_file(link);
	SYS(symlink("b/two.yaml", in_folder("next")));
	SYS(rename(in_folder("next"), link));
	wait_generation(2);
	CHECK_NEW(new_client());
	tw_write_file("b/two.yaml", HEAD OLD);
	wait_generation(3);
	CHECK_OLD(new_client());
	write_in_place(in_folder("b/two.yaml"), HEAD NEW);
	wait_generation(4);
	CHECK_NEW(new_client());
}

/* `current -> release-1` is moved to release-2: the folders themselves stay as they are. */
TW_TEST(follow__folder_above_is_a_symlink)
{
	SYS(mkdir(in_folder("release-1"), 0755));
	SYS(mkdir(in_folder("release-2"), 0755));
	tw_write_file("release-1/policy.yaml", HEAD OLD);
	tw_write_file("release-2/policy.yaml", HEAD NEW);
	SYS(symlink("release-1", in_folder("current")));
	follow_file(in_folder("current/policy.yaml"));
	SYS(symlink("release-2", in_folder("next")));
	SYS(rename(in_folder("next"), in_folder("current")));
	wait_generation(2);
	CHECK_NEW(new_client());
	/* Where it leads now is followed as well. */
	tw_write_file("release-2/policy.yaml", HEAD OLD);
	wait_generation(3);
	CHECK_OLD(new_client());
}

/* Another folder takes the place of one further above. */
TW_TEST(follow__folder_above_is_replaced)
{
	SYS(mkdir(in_folder("etc"), 0755));
	SYS(mkdir(in_folder("etc/warden"), 0755));
	SYS(mkdir(in_folder("next"), 0755));
	SYS(mkdir(in_folder("next/warden"), 0755));
	tw_write_file("etc/warden/policy.yaml", HEAD OLD);
	tw_write_file("next/warden/policy.yaml", HEAD NEW);
	follow_file(in_folder("etc/warden/policy.yaml"));
	SYS((int)syscall(SYS_renameat2, AT_FDCWD, in_folder("next"), AT_FDCWD, in_folder("etc"),
			 RENAME_AT_ONE_STROKE));
	wait_generation(2);
	CHECK_NEW(new_client());
	tw_write_file("etc/warden/policy.yaml", HEAD OLD);
	wait_generation(3);
	CHECK_OLD(new_client());
}

/* --- a folder ------------------------------------------------------------------- */

TW_TEST(follow__folder)
{
	SYS(mkdir(in_folder("policies"), 0755));
	tw_write_file("policies/50-all.yaml", HEAD OLD);
	follow_file(in_folder("policies"));
	CHECK_OLD(new_client());

	/* Added: it comes first by its name. */
	tw_write_file("policies/10-first.yaml",
		      HEAD "- {name: first, match: {port: 7000}, keepalive: 33s:3s:3}\n");
	wait_generation(2);
	CHECK_OPTIONS(new_client(), 1, 33, 3, 3, 0);
	/* Changed. */
	tw_write_file("policies/10-first.yaml",
		      HEAD "- {name: first, match: {port: 7001}, keepalive: 33s:3s:3}\n");
	wait_generation(3);
	CHECK_OLD(new_client());
	/* Removed. */
	SYS(unlink(in_folder("policies/10-first.yaml")));
	wait_generation(4);
	CHECK(!strstr(tw_status(), "\"first\""));
	/* Not a policy: by its name. */
	tw_write_file("policies/notes.txt", "x");
	tw_write_file("policies/50-all.yaml", HEAD NEW);
	wait_generation(5);
	CHECK_NEW(new_client());
}

/* --- a ConfigMap mount ------------------------------------------------------------ */

/* As the kubelet writes it: a new folder, and one rename that moves `..data` to it. */
static void config_map(const char *version, const char *list)
{
	const char *folder = tw_format("map/..%s", version);

	mkdir(in_folder("map"), 0755);
	SYS(mkdir(in_folder(folder), 0755));
	tw_write_file(tw_format("%s/policy.yaml", folder), HEAD "%s", list);
	SYS(symlink(tw_format("..%s", version), in_folder("map/..data_tmp")));
	SYS(rename(in_folder("map/..data_tmp"), in_folder("map/..data")));
	if (symlink("..data/policy.yaml", in_folder("map/policy.yaml")) < 0)
		CHECK_INT(errno, EEXIST);
}

static void remove_version(const char *version)
{
	SYS(unlink(in_folder(tw_format("map/..%s/policy.yaml", version))));
	SYS(rmdir(in_folder(tw_format("map/..%s", version))));
}

static void follow_config_map(const char *path)
{
	struct tw_process daemon;

	config_map("2026_a", OLD);
	daemon = follow_file(in_folder(path));
	CHECK_OLD(new_client());
	config_map("2026_b", NEW);
	remove_version("2026_a");
	wait_generation(2);
	CHECK_NEW(new_client());
	config_map("2026_c", BAD);
	remove_version("2026_b");
	WAIT_FOR(is_refused());
	CHECK_NEW(new_client());
	config_map("2026_d", OLD);
	remove_version("2026_c");
	wait_generation(3);
	CHECK_OLD(new_client());
	CHECK(!is_refused());
	CHECK_INT(refusals(&daemon), 1);
}

TW_TEST(follow__config_map_as_file)
{
	follow_config_map("map/policy.yaml");
}

TW_TEST(follow__config_map_as_folder)
{
	follow_config_map("map");
}

/* --- what is wrong, and how it gets right ------------------------------------------- */

/* What is at the path turns into something else, at one stroke. */
static void replace_policy_by(const char *name)
{
	SYS((int)syscall(SYS_renameat2, AT_FDCWD, in_folder(name), AT_FDCWD,
			 in_folder("policy.yaml"), RENAME_AT_ONE_STROKE));
}

/*
 * The policy is spoilt: it is refused in one line that says `why`, the running
 * one stays, and it recovers by itself when a good one is back, be it the same
 * or another.
 */
static void check_refused(const struct tw_process *daemon, const char *why)
{
	const char *status, *log;

	WAIT_FOR(is_refused());
	status = tw_status();
	CHECK_HAS(tw_json_string(status, "last_refusal.message"), why);
	CHECK_INT(tw_json_int(status, "generation"), 1);
	CHECK_OLD(new_client());
	log = tw_log_of(daemon);
	CHECK_INT(count_of(log, "the policy is refused, the running one stays"), 1);
	CHECK_HAS(strstr(log, "the policy is refused, the running one stays"), why);
}

static void check_recovers(const struct tw_process *daemon)
{
	int said = refusals(daemon);

	tw_policy(OLD);
	WAIT_FOR(!is_refused());
	CHECK_INT(tw_status_int("generation"), 1);
	tw_policy(NEW);
	wait_generation(2);
	CHECK_NEW(new_client());
	CHECK_INT(refusals(daemon), said);
}

TW_TEST(follow__policy_deleted)
{
	struct tw_process daemon = follow(OLD);

	SYS(unlink(in_folder("policy.yaml")));
	check_refused(&daemon, "policy.yaml: cannot read it: No such file or directory");
	check_recovers(&daemon);
}

/* With the folder that holds it, and the one above. */
TW_TEST(follow__policy_deleted_with_its_folders)
{
	struct tw_process daemon;

	SYS(mkdir(in_folder("etc"), 0755));
	SYS(mkdir(in_folder("etc/warden"), 0755));
	tw_write_file("etc/warden/policy.yaml", HEAD OLD);
	daemon = follow_file(in_folder("etc/warden/policy.yaml"));
	SYS(unlink(in_folder("etc/warden/policy.yaml")));
	SYS(rmdir(in_folder("etc/warden")));
	SYS(rmdir(in_folder("etc")));
	check_refused(&daemon, "No such file or directory");
	SYS(mkdir(in_folder("etc"), 0755));
	SYS(mkdir(in_folder("etc/warden"), 0755));
	tw_write_file("etc/warden/policy.yaml", HEAD NEW);
	wait_generation(2);
	CHECK(!is_refused());
	CHECK_NEW(new_client());
}

TW_TEST(follow__policy_becomes_a_folder)
{
	struct tw_process daemon = follow(OLD);

	SYS(mkdir(in_folder("other"), 0755));
	replace_policy_by("other");
	check_refused(&daemon, "no *.yaml in this folder");
	replace_policy_by("other");
	check_recovers(&daemon);
}

TW_TEST(follow__policy_becomes_a_fifo)
{
	struct tw_process daemon = follow(OLD);

	SYS(mkfifo(in_folder("other"), 0644));
	replace_policy_by("other");
	check_refused(&daemon, "not a regular file");
	check_recovers(&daemon);
}

TW_TEST(follow__policy_becomes_a_symlink_loop)
{
	struct tw_process daemon = follow(OLD);

	SYS(symlink("policy.yaml", in_folder("other")));
	replace_policy_by("other");
	check_refused(&daemon, "Too many levels of symbolic links");
	check_recovers(&daemon);
}

TW_TEST(follow__policy_becomes_a_symlink_to_nothing)
{
	struct tw_process daemon = follow(OLD);

	SYS(mkdir(in_folder("elsewhere"), 0755));
	SYS(symlink("elsewhere/policy.yaml", in_folder("other")));
	replace_policy_by("other");
	check_refused(&daemon, "No such file or directory");
	tw_write_file("elsewhere/policy.yaml", HEAD NEW);
	wait_generation(2);
	CHECK_NEW(new_client());
}

TW_TEST(follow__policy_is_empty)
{
	struct tw_process daemon = follow(OLD);

	write_in_place(in_folder("policy.yaml"), "");
	check_refused(&daemon, "policy.yaml");
	check_recovers(&daemon);
}

TW_TEST(follow__policy_half_written)
{
	struct tw_process daemon = follow(OLD);

	tw_write_file("policy.yaml", HEAD "- {name: all, keepalive: 222s:22s");
	check_refused(&daemon, "policy.yaml:4:1: not YAML");
	check_recovers(&daemon);
}

TW_TEST(follow__policy_is_not_text)
{
	struct tw_process daemon = follow(OLD);

	tw_write_file("policy.yaml",
		      "\x7f"
		      "ELF\x02\x01\x01%c\xff\xfe",
		      1);
	check_refused(&daemon, "policy.yaml:1:");
	check_recovers(&daemon);
}

TW_TEST(follow__policy_is_bad)
{
	struct tw_process daemon = follow(OLD);

	tw_policy(BAD);
	check_refused(&daemon, "policy.yaml:3:");
	/* The whole diagnostic, with its line and caret, once. */
	CHECK_INT(count_of(tw_log_of(&daemon), "got 0\n    - {name: all, keepalive: 60s:10s:0}\n"),
		  1);
	check_recovers(&daemon);
}

/* `mv good policy.yaml; kill -HUP`: the refusal is over, whichever of the two comes first. */
TW_TEST(follow__recovery_by_sighup)
{
	struct tw_process daemon = follow(OLD);

	for (int i = 0; i < 5; i++) {
		tw_policy(BAD);
		WAIT_FOR(is_refused());
		tw_policy(OLD);
		tw_signal(&daemon, SIGHUP);
		WAIT_FOR(!is_refused());
	}
	CHECK_INT(tw_status_int("generation"), 1);
}

/* --- what is no change --------------------------------------------------------------- */

/* Notes each time that somebody has read the file at `path`. */
static int watch_reads(const char *path)
{
	int fd = SYS(inotify_init1(IN_NONBLOCK | IN_CLOEXEC));

	SYS(inotify_add_watch(fd, path, IN_CLOSE_NOWRITE));
	return fd;
}

static bool was_read(int watch)
{
	struct inotify_event event;

	return read(watch, &event, sizeof(event)) == (ssize_t)sizeof(event);
}

/* Everything that happened so far has been dealt with: the answer to a signal says so. */
static void settle(const struct tw_process *daemon)
{
	int said = count_of(tw_log_of(daemon), "the policy has not changed");

	tw_signal(daemon, SIGHUP);
	WAIT_FOR(count_of(tw_log_of(daemon), "the policy has not changed") > said);
}

/* What stays wrong in the same way is not said again; what is wrong in another way is. */
TW_TEST(follow__refusals_are_said_once)
{
	struct tw_process daemon = follow(OLD);
	_cleanup_close_ int reads = -1;

	tw_policy(BAD);
	WAIT_FOR(refusals(&daemon) == 1);
	reads = watch_reads(in_folder("policy.yaml"));
	SYS(utimensat(AT_FDCWD, in_folder("policy.yaml"), NULL, 0));
	WAIT_FOR(was_read(reads));
	tw_policy("- {name: all, keepalive: 60s:0s:1}\n");
	WAIT_FOR(refusals(&daemon) == 2);
	/* With its diagnostic, which says the same. */
	CHECK_INT(count_of(tw_log_of(&daemon), "probes must be"), 2);
	/* Asked for by a person. */
	tw_signal(&daemon, SIGHUP);
	WAIT_FOR(refusals(&daemon) == 3);
	check_recovers(&daemon);
	CHECK_INT(refusals(&daemon), 3);
}

TW_TEST(follow__same_meaning_is_no_new_generation)
{
	struct tw_process daemon = follow(OLD);
	const char *digest = tw_json_string(tw_status(), "digest");
	_cleanup_close_ int reads = watch_reads(in_folder("policy.yaml"));

	write_in_place(in_folder("policy.yaml"),
		       "# the same\n" HEAD
		       "- {name: all, user_timeout: 44000ms, keepalive: 1m51s:11s:4}\n");
	WAIT_FOR(was_read(reads));
	settle(&daemon);
	CHECK_INT((long long)tw_generation_now(), 1);
	CHECK_EQUAL(tw_json_string(tw_status(), "digest"), digest);
	CHECK_INT(count_of(tw_log_of(&daemon), "policy loaded"), 0);
}

/* Log files grow beside it, and come and go, for longer than a burst may delay a reload. */
TW_TEST(follow__busy_folder_causes_no_reload)
{
	struct tw_process daemon;
	_cleanup_close_ int reads = -1;
	int64_t end;
	int made = 0;

	SYS(mkdir(in_folder("busy"), 0755));
	tw_write_file("busy/policy.yaml", HEAD OLD);
	daemon = follow_file(in_folder("busy/policy.yaml"));
	settle(&daemon);
	reads = watch_reads(in_folder("busy/policy.yaml"));
	for (end = tw_now_ms() + 500; tw_now_ms() < end; made++) {
		write_in_place(in_folder("busy/access.log"), "x");
		tw_write_file(tw_format("busy/%d.tmp", made % 7), "x");
		unlink(in_folder(tw_format("busy/%d.tmp", made % 7)));
	}
	CHECK(!was_read(reads));
	printf("%d files came and went\n", made);
	tw_write_file("busy/policy.yaml", HEAD NEW);
	wait_generation(2);
	CHECK_NEW(new_client());
}

/* --- a file that never rests ------------------------------------------------------------ */

/* Shared with the process that writes. */
struct unrest {
	atomic_bool stop;
	atomic_int changes;
};

/* A thousand times a second where the machine can, to something new each time. */
static void change_on_and_on(void *arg)
{
	const struct timespec millisecond = { .tv_nsec = 1000000 };
	struct unrest *unrest = arg;

	while (!atomic_load(&unrest->stop)) {
		tw_policy("- {name: all, keepalive: %ds:11s:4, user_timeout: 44s}\n",
			  1000 + atomic_fetch_add(&unrest->changes, 1) % 10000);
		nanosleep(&millisecond, NULL);
	}
}

static struct unrest *start_unrest(pid_t *ret_writer)
{
	struct unrest *unrest = mmap(NULL, sizeof(*unrest), PROT_READ | PROT_WRITE,
				     MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	CHECK(unrest != MAP_FAILED);
	*ret_writer = tw_fork(NULL, change_on_and_on, unrest);
	return unrest;
}

static void stop_unrest(struct unrest *unrest, pid_t writer)
{
	atomic_store(&unrest->stop, true);
	tw_join_child(writer);
}

TW_TEST(follow__thousand_changes_a_second)
{
	struct tw_process daemon = follow(OLD);
	uint64_t before = tw_generation_now(), during;
	int64_t start = tw_now_ms(), took;
	struct unrest *unrest;
	pid_t writer;

	unrest = start_unrest(&writer);
	for (int i = 0; i < 20; i++) {
		CHECK_INT(tw_json_int(tw_status(), "daemon.pid"), daemon.pid);
		CHECK_INT(tw_values(new_client()).interval, 11);
	}
	/* It is followed meanwhile, and no oftener than once a burst. */
	WAIT_FOR(tw_generation_now() >= before + 3);
	stop_unrest(unrest, writer);
	during = tw_generation_now() - before;
	took = tw_now_ms() - start;
	printf("%d changes, %llu generations in %lld ms\n", atomic_load(&unrest->changes),
	       (unsigned long long)during, (long long)took);
	CHECK((int64_t)during <= 1 + took / 100);
	tw_policy("%s", NEW);
	WAIT_FOR(tw_values(new_client()).idle == 222);
	settle(&daemon);
	CHECK_NEW(new_client());
	CHECK_INT(refusals(&daemon), 0);
}

TW_TEST(follow__ends_whatever_the_file_does)
{
	struct tw_process daemon = follow(OLD);
	uint64_t before = tw_generation_now();
	struct unrest *unrest;
	pid_t writer;

	unrest = start_unrest(&writer);
	WAIT_FOR(tw_generation_now() >= before + 3);
	tw_signal(&daemon, SIGTERM);
	CHECK_INT(tw_join(&daemon).status, 0);
	stop_unrest(unrest, writer);
}

/* --- what outlives a reload ---------------------------------------------------------------- */

#define ONE   "- {name: one, match: {port: 7001}, keepalive: 111s:11s:4}\n"
#define TWO   "- {name: two, match: {port: 7002}, keepalive: 222s:22s:5}\n"
#define THREE "- {name: three, match: {port: 7003}, keepalive: 333s:33s:6}\n"

static void connect_to(const char *address, int times)
{
	for (int i = 0; i < times; i++)
		tw_close_reset(tw_pair(tw_node, NULL, address).client);
}

static void check_counts(int one, int two, int three)
{
	CHECK_INT(tw_count("one", "set"), one);
	if (two >= 0)
		CHECK_INT(tw_count("two", "set"), two);
	CHECK_INT(tw_count("three", "set"), three);
}

TW_TEST(follow__counters_go_by_name)
{
	follow(ONE TWO THREE);
	connect_to("127.0.0.1:7001", 1);
	connect_to("127.0.0.1:7002", 2);
	connect_to("127.0.0.1:7003", 3);
	check_counts(1, 2, 3);
	/* In another order. */
	tw_policy(THREE ONE TWO);
	wait_generation(2);
	check_counts(1, 2, 3);
	connect_to("127.0.0.1:7001", 1);
	connect_to("127.0.0.1:7003", 1);
	check_counts(2, 2, 4);
	/* With other values, and one is away. */
	tw_policy("- {name: one, match: {port: 7001}, keepalive: 5s:5s:5}\n" THREE);
	wait_generation(3);
	connect_to("127.0.0.1:7001", 1);
	check_counts(3, -1, 4);
	/* It is back as a new one, and has nobody else's counts. */
	tw_policy(TWO THREE ONE);
	wait_generation(4);
	check_counts(3, 0, 4);
	connect_to("127.0.0.1:7002", 1);
	check_counts(3, 1, 4);
}

static bool is_untouched(int fd)
{
	struct tw_values now = tw_values(fd);

	return tw_values_equal(&now, &(struct tw_values){ 0, 7200, 75, 9, 0 });
}

/* One line, one reload: every policy observes, and open connections are let go of. */
TW_TEST(follow__kill_switch)
{
	int client;

	follow(OLD "- {name: rest, keepalive: on}\n");
	client = new_client();
	CHECK_OLD(client);
	tw_write_file("policy.yaml", "version: 1\nmode: observe\npolicies:\n" OLD
				     "- {name: rest, keepalive: on}\n");
	wait_generation(2);
	CHECK_UNTOUCHED(new_client());
	WAIT_FOR(is_untouched(client));
	CHECK_EQUAL(tw_json_string(tw_status(), "policies[all].mode"), "observe");
	CHECK_EQUAL(tw_json_string(tw_status(), "policies[rest].mode"), "observe");
	CHECK(tw_count("all", "would_set") > 0);
	CHECK(tw_count("rest", "would_set") > 0);
	/* And back. */
	tw_policy(OLD);
	wait_generation(3);
	CHECK_OLD(new_client());
}
