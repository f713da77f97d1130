/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The system suite: real sockets, real cgroups, the kernel's own answers.
 *
 * A test registers itself, so adding one is a matter of one file:
 *
 *	TW_TEST(sockops__connecting_ipv4)
 *	{
 *		tw_enforce("- {name: all, keepalive: 60s:10s:3}\n");
 *		...
 *	}
 *
 * Each runs as process 1 of its own PID, mount and network namespace, with its
 * own bpffs over /sys/fs/bpf, its own loopback, a folder and a cgroup; all of
 * it goes with the test. A test owns nothing beyond its own life: what it
 * allocates and opens is given back when its process ends.
 */
#ifndef TW_SYSTEM_HARNESS_H
#define TW_SYSTEM_HARNESS_H

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/types.h>

struct tw_test {
	const char *name; /* <theme>__<what it shows> */
	void (*run)(void);
	bool of_deaths; /* awaits what the kernel tells of a connection that it gave up on */
};

#define TW_TEST(id)	      TW_REGISTER(id, false)
#define TW_TEST_OF_DEATHS(id) TW_REGISTER(id, true)

#define TW_REGISTER(id, of_deaths)                                          \
	static void id(void);                                               \
	static const struct tw_test tw_test_##id = { #id, id, of_deaths };  \
	static const struct tw_test *const tw_entry_##id                    \
		__attribute__((used, section("tw_tests"))) = &tw_test_##id; \
	static void id(void)

/* --- where the test lives: set before it starts --- */

extern const char *tw_outside; /* cgroup of the test and of tcpwarden: above the attach point */
extern const char *tw_node;    /* the attach point, a child of tw_outside */
extern const char *tw_folder;  /* for files, removed with all that is in it */

/* --- verdicts --- */

/* End the test; from a child process too, where the caller's process ends. */
_Noreturn void tw_fail(const char *file, int line, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
_Noreturn void tw_skip(const char *format, ...) __attribute__((format(printf, 1, 2)));

#define FAIL(...) tw_fail(__FILE__, __LINE__, __VA_ARGS__)

#define CHECK(condition)                                  \
	do {                                              \
		if (!(condition))                         \
			FAIL("not true: %s", #condition); \
	} while (0)

#define CHECK_INT(actual, expected) tw_check_int(__FILE__, __LINE__, #actual, actual, expected)
#define CHECK_HAS(text, part)	    tw_check_has(__FILE__, __LINE__, #text, text, part)
#define CHECK_EQUAL(text, other)    tw_check_equal(__FILE__, __LINE__, #text, text, other)

/* The value of a system call, which must not fail. */
#define SYS(call)                                               \
	({                                                      \
		typeof(call) _r = (call);                       \
		if (_r < 0)                                     \
			FAIL("%s: %s", #call, strerror(errno)); \
		_r;                                             \
	})

/* Until the condition holds; fails the test where it never does. */
#define WAIT_FOR(condition)                                                 \
	do {                                                                \
		int64_t _end = tw_wait_end();                               \
		while (!(condition))                                        \
			if (!tw_wait_more(_end))                            \
				FAIL("waited in vain for: %s", #condition); \
	} while (0)

void tw_check_int(const char *file, int line, const char *what, long long actual,
		  long long expected);
void tw_check_has(const char *file, int line, const char *what, const char *text, const char *part);
void tw_check_equal(const char *file, int line, const char *what, const char *text,
		    const char *other);

int64_t tw_now_ms(void); /* CLOCK_MONOTONIC */
int64_t tw_wait_end(void);
bool tw_wait_more(int64_t end); /* false past `end`, else true after a moment's rest */
/* Seconds that a test may take; waits within it may take a third. */
int tw_deadline_seconds(void);

/* --- files --- */

char *tw_format(const char *format, ...) __attribute__((format(printf, 1, 2)));
char *tw_read_file(const char *path); /* the whole of it; NULL where it cannot be opened */
/* Replace `name` in the test's folder at one stroke; its path. */
const char *tw_write_file(const char *name, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
/* A sysctl of the current network namespace, as net/ipv4/tcp_fastopen. */
void tw_sysctl(const char *name, const char *value);

/* --- cgroups, named by their path in the cgroup2 tree --- */

/* Make `name` below `parent` with all between, where absent; its path. */
const char *tw_cgroup(const char *parent, const char *name);
void tw_cgroup_enter(const char *path);
const char *tw_cgroup_folder(const char *path); /* where it is mounted */
/* Remove the folder of a cgroup that is no child of ours when the test is over, however it ends. */
void tw_cgroup_remove_later(const char *folder);

/* --- processes --- */

struct tw_process {
	pid_t pid;
	int number; /* its output is NUMBER.out and NUMBER.err in the test's folder */
};

struct tw_result {
	int status; /* exit status; 128 + the signal that ended it */
	char *out;
	char *err;
};

struct tw_command {
	const char *program;	 /* NULL: the tcpwarden under test */
	const char *const *args; /* NULL-terminated, without argv[0] */
	const char *cgroup;	 /* where it runs; NULL: where the test is */
	void (*prepare)(void);	 /* in the child, just before it executes; may be NULL */
};

#define ARGS(...)     ((const char *const[]){ __VA_ARGS__, NULL })
#define TW_RUN(...)   tw_run(&(struct tw_command){ .args = ARGS(__VA_ARGS__) })
#define TW_START(...) tw_start(&(struct tw_command){ .args = ARGS(__VA_ARGS__) })

struct tw_process tw_start(const struct tw_command *command);
struct tw_result tw_run(const struct tw_command *command);
struct tw_result tw_join(const struct tw_process *process); /* wait for its end */
void tw_signal(const struct tw_process *process, int signal);
bool tw_runs(const struct tw_process *process);
char *tw_log_of(const struct tw_process *process); /* its standard error so far */

/* Fork a child that calls `body` in `cgroup` and ends; tw_join_child() fails with it. */
pid_t tw_fork(const char *cgroup, void (*body)(void *arg), void *arg);
void tw_join_child(pid_t pid);

/* --- tcpwarden --- */

/* A policy file of the list given (`- {name: ...}` lines), ever the same path. */
const char *tw_policy(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* `run` at the attach point with this policy file, or list; returns when it enforces and has swept. */
struct tw_process tw_enforce_file(const char *path);
struct tw_process tw_enforce(const char *format, ...) __attribute__((format(printf, 1, 2)));
void tw_wait_enforcing(const struct tw_process *daemon);
/* A moment after the first `run` enforces, connections that die are noticed too. */
void tw_wait_watching(void);
char *tw_status(void); /* `status --json`, whatever its exit status; checked to be JSON */
long long tw_status_int(const char *path);
/* status: .policies[policy].counts.<outcome> */
long long tw_count(const char *policy, const char *outcome);

/* --- JSON: `daemon.pid`, `policies[NAME].counts.set` (the element whose name is NAME) --- */

bool tw_json_valid(const char *json);
bool tw_json_has(const char *json, const char *path);
bool tw_json_null(const char *json, const char *path);
/* These fail the test where there is no such value of that type. */
long long tw_json_int(const char *json, const char *path);
double tw_json_real(const char *json, const char *path);
bool tw_json_bool(const char *json, const char *path);
char *tw_json_string(const char *json, const char *path); /* escapes as written */

#endif
