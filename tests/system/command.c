// SPDX-License-Identifier: GPL-2.0-only
/* Processes of a test, and tcpwarden above all. */
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/cleanup.h"
#include "runner.h"

static int started; /* processes so far, which number their outputs */

static void redirect(int target, const char *path, int flags)
{
	int fd = SYS(open(path, flags | O_CLOEXEC, 0644));

	SYS(dup2(fd, target));
}

static _Noreturn void execute(const struct tw_command *command, int number)
{
	const char *program = command->program ?: tw_binary;
	char *argv[64] = { (char *)program };
	size_t n = 1;

	for (; n < ARRAY_SIZE(argv) - 1 && command->args[n - 1]; n++)
		argv[n] = (char *)command->args[n - 1];
	if (command->cgroup)
		tw_cgroup_enter(command->cgroup);
	redirect(STDIN_FILENO, "/dev/null", O_RDONLY);
	redirect(STDOUT_FILENO, tw_format("%s/%d.out", tw_folder, number), O_WRONLY | O_CREAT);
	redirect(STDERR_FILENO, tw_format("%s/%d.err", tw_folder, number), O_WRONLY | O_CREAT);
	if (command->prepare)
		command->prepare();
	execv(program, argv);
	FAIL("execute %s: %s", program, strerror(errno));
}

struct tw_process tw_start(const struct tw_command *command)
{
	struct tw_process process = { .number = ++started };

	fflush(NULL);
	process.pid = SYS(fork());
	if (process.pid == 0)
		execute(command, process.number);
	printf("%d: %s", process.number, command->program ?: "tcpwarden");
	for (const char *const *arg = command->args; *arg; arg++)
		printf(" %s", *arg);
	printf(" (pid %d)\n", process.pid);
	return process;
}

static char *output(const struct tw_process *process, const char *suffix)
{
	_cleanup_free_ char *path = tw_format("%s/%d.%s", tw_folder, process->number, suffix);

	return tw_read_file(path) ?: tw_format("%s", "");
}

char *tw_log_of(const struct tw_process *process)
{
	return output(process, "err");
}

struct tw_result tw_join(const struct tw_process *process)
{
	struct tw_result result = { 0 };
	int status;

	SYS(waitpid(process->pid, &status, 0));
	result.status = WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
	result.out = output(process, "out");
	result.err = output(process, "err");
	printf("%d: exit status %d\n", process->number, result.status);
	return result;
}

struct tw_result tw_run(const struct tw_command *command)
{
	struct tw_process process = tw_start(command);

	return tw_join(&process);
}

void tw_signal(const struct tw_process *process, int signal)
{
	SYS(kill(process->pid, signal));
}

bool tw_runs(const struct tw_process *process)
{
	siginfo_t info = { 0 };

	SYS(waitid(P_PID, (id_t)process->pid, &info, WEXITED | WNOHANG | WNOWAIT));
	return info.si_pid == 0;
}

pid_t tw_fork(const char *cgroup, void (*body)(void *arg), void *arg)
{
	pid_t pid;

	fflush(NULL);
	pid = SYS(fork());
	if (pid)
		return pid;
	if (cgroup)
		tw_cgroup_enter(cgroup);
	body(arg);
	fflush(NULL);
	_exit(0);
}

void tw_join_child(pid_t pid)
{
	int status;

	SYS(waitpid(pid, &status, 0));
	CHECK_INT(status, 0);
}

/* --- tcpwarden --- */

const char *tw_policy(const char *format, ...)
{
	char *list;
	va_list args;
	int n;

	va_start(args, format);
	n = vasprintf(&list, format, args);
	va_end(args);
	if (n < 0)
		FAIL("no memory");
	return tw_write_file("policy.yaml", "version: 1\npolicies:\n%s", list);
}

char *tw_status(void)
{
	struct tw_result result = TW_RUN("status", "--json");

	if (!tw_json_valid(result.out))
		FAIL("status --json (exit status %d) is not JSON: %s", result.status, result.out);
	return result.out;
}

long long tw_status_int(const char *path)
{
	return tw_json_int(tw_status(), path);
}

long long tw_count(const char *policy, const char *outcome)
{
	return tw_status_int(tw_format("policies[%s].counts.%s", policy, outcome));
}

static bool enforces(const struct tw_process *daemon)
{
	const char *json;

	if (!tw_runs(daemon))
		FAIL("tcpwarden run ended: %s", tw_log_of(daemon));
	json = tw_status();
	return tw_json_bool(json, "attached") && tw_json_bool(json, "daemon.running") &&
	       !tw_json_null(json, "daemon.pid") && tw_json_int(json, "daemon.pid") == daemon->pid;
}

void tw_wait_enforcing(const struct tw_process *daemon)
{
	WAIT_FOR(enforces(daemon));
}

void tw_wait_watching(void)
{
	WAIT_FOR(access("/sys/fs/bpf/tcpwarden/v1/link_deaths", F_OK) == 0);
}

struct tw_process tw_enforce_file(const char *path)
{
	struct tw_process daemon = TW_START("run", "-c", path, "--attach-to", tw_node);

	tw_wait_enforcing(&daemon);
	/* The first sweep counts, too: as open already, what was opened before it. */
	WAIT_FOR(strstr(tw_log_of(&daemon), "swept "));
	return daemon;
}

struct tw_process tw_enforce(const char *format, ...)
{
	char *list;
	va_list args;
	int n;

	va_start(args, format);
	n = vasprintf(&list, format, args);
	va_end(args);
	if (n < 0)
		FAIL("no memory");
	return tw_enforce_file(tw_policy("%s", list));
}
