// SPDX-License-Identifier: GPL-2.0-only
/*
 * tw-time: the real constants, in a guest whose clock leaps over idle time. All cases run at
 * once, so the whole takes as long as the longest. Needs root, ip, nft, ipvsadm and the program
 * that the variable TCPWARDEN names.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cases.h"
#include "conn.h"

#define POLICY_DIR "/run/tw-time"

static int ready_fd = -1;

/* A policy's name is a case's, with the one sign that it may not hold replaced. */
static void write_policy(FILE *file, const char *name, const char *keys)
{
	char id[64];
	size_t i;

	if (!keys || !*keys)
		return;
	snprintf(id, sizeof(id), "%s", name);
	for (i = 0; id[i]; i++)
		id[i] = id[i] == '_' ? '-' : id[i];
	fprintf(file, "  - {name: %s, match: {cgroup: " CASES_CGROUP "/%s}, %s}\n", id, name, keys);
}

/* The cases' own policies first, then those that the binary brings. */
static void write_policies(void)
{
	FILE *file;
	size_t i;

	if (mkdir(POLICY_DIR, 0755) < 0 && errno != EEXIST)
		net_die(POLICY_DIR);
	file = fopen(POLICY_DIR "/10-cases.yaml", "w");
	if (!file)
		net_die(POLICY_DIR "/10-cases.yaml");
	fprintf(file, "version: 1\npolicies:\n");
	for (i = 0; i < idle_cases_n; i++)
		write_policy(file, idle_cases[i].name, idle_cases[i].policy);
	for (i = 0; i < death_cases_n; i++)
		write_policy(file, death_cases[i].name, death_cases[i].policy);
	if (fclose(file) != 0)
		net_die(POLICY_DIR "/10-cases.yaml");
}

static void make_cgroup(const char *name, const char *policy)
{
	char path[256];

	if (!policy)
		return;
	snprintf(path, sizeof(path), CASES_CGROUP "/%s", name);
	conn_cgroup_make(path);
}

static void make_cgroups(void)
{
	size_t i;

	conn_cgroup_make(CASES_CGROUP);
	for (i = 0; i < idle_cases_n; i++)
		make_cgroup(idle_cases[i].name, idle_cases[i].policy);
	for (i = 0; i < death_cases_n; i++)
		make_cgroup(death_cases[i].name, death_cases[i].policy);
}

static void enforce(void)
{
	if (system("\"$TCPWARDEN\" check --print-default >" POLICY_DIR "/20-default.yaml && "
		   "exec \"$TCPWARDEN\" run --once -c " POLICY_DIR " --attach-to " CASES_CGROUP
		   " >&2") != 0)
		net_die("tcpwarden does not enforce the cases' policies");
}

static void tell_ready(void)
{
	if (write(ready_fd, "r", 1) != 1)
		net_die("the pipe to the parent");
	close(ready_fd);
	ready_fd = -1;
}

/* `i` counts through both tables. */
static bool run_case(size_t i)
{
	if (i < idle_cases_n)
		return idle_case_run(&idle_cases[i], tell_ready);
	return death_case_run(&death_cases[i - idle_cases_n], tell_ready);
}

/* One after the other until it is ready, so that none disturbs another's first second. */
static pid_t start_case(size_t i)
{
	int fds[2];
	char byte;
	pid_t pid;

	if (pipe2(fds, O_CLOEXEC) < 0)
		net_die("pipe");
	pid = fork();
	if (pid < 0)
		net_die("fork");
	if (pid == 0) {
		close(fds[0]);
		ready_fd = fds[1];
		_exit(run_case(i) ? 0 : 1);
	}
	close(fds[1]);
	if (read(fds[0], &byte, 1) < 0)
		net_die("the pipe of a case");
	close(fds[0]);
	return pid;
}

static const char *case_name(size_t i)
{
	return i < idle_cases_n ? idle_cases[i].name : death_cases[i - idle_cases_n].name;
}

static bool collect(pid_t pid, size_t i)
{
	int status;

	if (waitpid(pid, &status, 0) < 0)
		net_die("waitpid");
	if (WIFEXITED(status) && WEXITSTATUS(status) <= 1)
		return WEXITSTATUS(status) == 0;
	printf("FAIL %s: could not be measured (status %#x)\n", case_name(i), status);
	fflush(stdout);
	return false;
}

int main(void)
{
	size_t n = idle_cases_n + death_cases_n, failed = 0, i;
	pid_t pids[64];

	write_policies();
	make_cgroups();
	enforce();
	for (i = 0; i < n; i++)
		pids[i] = start_case(i);
	for (i = 0; i < n; i++)
		failed += !collect(pids[i], i);
	printf("%zu passed, %zu failed, 0 skipped\n", n - failed, failed);
	return failed ? 1 : 0;
}
