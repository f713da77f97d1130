// SPDX-License-Identifier: GPL-2.0-only
/* What others on this machine can read, change or connect to. */
#include <dirent.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <signal.h>
#include <stdio.h>
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

static void become_nobody(void)
{
	SYS(setgid(NOBODY));
	SYS(setuid(NOBODY));
}

/* --- pins and the socket of events ---------------------------------------------------------- */

static int pins; /* that were looked at */

static void check_private(const char *path);

static void check_folder(const char *path)
{
	_cleanup_closedir_ DIR *folder = opendir(path);
	const struct dirent *entry;

	CHECK(folder);
	while ((entry = readdir(folder)))
		if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
			check_private(tw_format("%s/%s", path, entry->d_name));
}

static void check_private(const char *path)
{
	struct stat st;

	SYS(lstat(path, &st));
	pins++;
	CHECK_EQUAL(tw_format("%s %u %o", path, st.st_uid, st.st_mode & 07777),
		    tw_format("%s 0 %o", path, S_ISDIR(st.st_mode) ? 0700 : 0600));
	if (S_ISDIR(st.st_mode))
		check_folder(path);
}

static void umask_of_nothing(void)
{
	umask(0);
}

/* With the setsockopt hook's too, and whatever umask the run was started with. */
TW_TEST(private__pins_and_the_socket_are_private)
{
	struct tw_process daemon = tw_start(&(struct tw_command){
		.args = ARGS(
			"run", "-c",
			tw_policy("- {name: all, keepalive: 111s:11s:4, precedence: policy}\n"),
			"--attach-to", tw_node),
		.prepare = umask_of_nothing });

	tw_wait_enforcing(&daemon);
	WAIT_FOR(tw_swept(&daemon) == 1);
	check_private(TW_PINS);
	CHECK(pins > 15);
	CHECK(access(TW_PINS "/v1/link_guard", F_OK) == 0);
	check_private(tw_format("%s/events.sock", tw_folder));
}

static void make_our_folder(void *data)
{
	(void)data;
	become_nobody();
	SYS(mkdir(TW_PINS, 0700));
}

static struct tw_result run_once(void)
{
	return TW_RUN("run", "--once", "-c", tw_policy(POLICY), "--attach-to", tw_node);
}

/* A bpf file system whose mode nobody gave lets everybody make folders. */
TW_TEST(private__a_folder_of_pins_that_others_made)
{
	struct tw_result result;

	SYS(chmod(TW_BPFFS, 01777));
	tw_join_child(tw_fork(NULL, make_our_folder, NULL));
	result = run_once();
	CHECK_INT(result.status, 1);
	CHECK_HAS(result.err, "cannot use " TW_PINS ": it is not a folder that is ours alone");
	CHECK_INT(tw_programs_attached(tw_node), 0);
	SYS(rmdir(TW_PINS));
	SYS(symlink(tw_folder, TW_PINS));
	CHECK_HAS(run_once().err, "it is not a folder that is ours alone");
	SYS(unlink(TW_PINS));
	CHECK_INT(run_once().status, 0);
	CHECK_OPTIONS(tw_pair(tw_node, NULL, ADDRESS).client, ASKED);
}

/* --- others on this machine ----------------------------------------------------------------- */

static void check_refused(const char *const *args)
{
	CHECK_INT(tw_run(&(struct tw_command){ .args = args, .prepare = become_nobody }).status, 1);
}

static int open_pin(const char *path)
{
	union bpf_attr attr = { .pathname = (uintptr_t)path };

	return (int)syscall(SYS_bpf, BPF_OBJ_GET, &attr, sizeof(attr));
}

static void try_to_interfere(void *data)
{
	const struct tw_process *daemon = data;

	become_nobody();
	CHECK(kill(daemon->pid, SIGTERM) < 0 && errno == EPERM);
	CHECK(open_pin(TW_PINS "/v1/tw_current") < 0 && (errno == EACCES || errno == EPERM));
	CHECK(unlink(TW_PIN_LINK) < 0 && errno == EACCES);
	CHECK(rename(TW_PINS, TW_BPFFS "/gone") < 0);
}

/* He reads the metrics, where they are served; and that is all. */
TW_TEST(private__a_user_of_this_machine)
{
	static const char post[] = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n";
	struct tw_process daemon = tw_enforce(POLICY);

	check_refused(ARGS("detach"));
	check_refused(ARGS("status"));
	check_refused(ARGS("events"));
	check_refused(ARGS("run", "--once", "--attach-to", tw_node));
	tw_join_child(tw_fork(NULL, try_to_interfere, &daemon));
	CHECK_INT(tw_web_get("/metrics").status, 200);
	CHECK_INT(tw_web_send(TW_WEB, post, sizeof(post) - 1).status, 405);
	CHECK(tw_runs(&daemon));
	CHECK_OPTIONS(tw_pair(tw_node, NULL, ADDRESS).client, ASKED);
}

/* --- who may connect ------------------------------------------------------------------------ */

TW_TEST(private__http_is_on_loopback_alone)
{
	struct tw_listing listening;

	tw_enforce(POLICY);
	listening = TW_SOCKETS("--state", "LISTEN");
	CHECK_INT((long long)listening.count, 1);
	CHECK_EQUAL(tw_json_string(listening.line[0], "local"), TW_WEB);
}
