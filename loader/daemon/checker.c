// SPDX-License-Identifier: GPL-2.0-only
#include "daemon/checker.h"

#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>

#include "kernel/process.h"
#include "lib/buf.h"
#include "lib/cleanup.h"

struct tw_checker {
	struct event_base *base;
	struct event *output; /* of the child */
	int pipe;
	pid_t child;	    /* 0: none */
	struct tw_buf more; /* what it wrote so far */
	struct tw_buf last;
	time_t begun; /* CLOCK_MONOTONIC; 0: never */
	uint64_t generation;
};

/* A child has the very program, so the checks' names are at the same addresses. */
static _Noreturn void look(const struct tw_check_subject *subject, int pipe)
{
	struct tw_check *checks = calloc(TW_MAX_ALL_CHECKS, sizeof(*checks));
	const char *rest = (const char *)checks;
	size_t left;
	ssize_t n;

	/* The lock and the listening socket are ours too: not longer than theirs. */
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (!checks)
		_exit(1);
	for (left = tw_checks_run(subject, checks) * sizeof(*checks); left; left -= (size_t)n) {
		n = write(pipe, rest, left);
		if (n < 0)
			_exit(1);
		rest += n;
	}
	_exit(0);
}

/* 0, or what it wrote is not whole. */
static int reap(struct tw_checker *checker)
{
	int status;
	pid_t pid;

	do {
		pid = waitpid(checker->child, &status, 0);
	} while (pid < 0 && errno == EINTR);
	checker->child = 0;
	return pid > 0 && WIFEXITED(status) && WEXITSTATUS(status) == 0 &&
			       checker->more.len % sizeof(struct tw_check) == 0
		       ? 0
		       : -EIO;
}

static void stop(struct tw_checker *checker)
{
	if (checker->output)
		event_free(checker->output);
	checker->output = NULL;
	tw_closep(&checker->pipe);
	checker->pipe = -1;
}

static void finish(struct tw_checker *checker)
{
	stop(checker);
	if (!reap(checker)) {
		tw_buf_free(&checker->last);
		checker->last = checker->more;
		checker->more = TW_BUF_INIT;
	}
	tw_buf_free(&checker->more);
	checker->more = TW_BUF_INIT;
}

static void on_output(evutil_socket_t fd, short what, void *data)
{
	struct tw_checker *checker = data;
	char bytes[4096];
	ssize_t n = read(fd, bytes, sizeof(bytes));

	(void)what;
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0 || tw_buf_add(&checker->more, bytes, (size_t)n))
		finish(checker);
}

static void start(struct tw_checker *checker, const struct tw_check_subject *subject)
{
	int ends[2];

	if (pipe2(ends, O_CLOEXEC) < 0)
		return;
	checker->pipe = ends[0];
	checker->output =
		event_new(checker->base, ends[0], EV_READ | EV_PERSIST, on_output, checker);
	if (!checker->output || event_add(checker->output, NULL)) {
		close(ends[1]);
		stop(checker);
		return;
	}
	checker->child = tw_process_fork();
	if (checker->child == 0)
		look(subject, ends[1]);
	close(ends[1]);
	if (checker->child < 0) {
		checker->child = 0;
		stop(checker);
	}
}

void tw_checker_refresh(struct tw_checker *checker, const struct tw_check_subject *subject,
			uint64_t generation)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	if (checker->child || (checker->begun && checker->generation == generation &&
			       now.tv_sec - checker->begun < TW_CHECKER_SECONDS))
		return;
	checker->begun = now.tv_sec ?: 1;
	checker->generation = generation;
	start(checker, subject);
}

size_t tw_checker_last(const struct tw_checker *checker, const struct tw_check **ret_checks)
{
	*ret_checks = (const void *)checker->last.data;
	return checker->last.len / sizeof(struct tw_check);
}

int tw_checker_open(struct event_base *base, struct tw_checker **ret_checker)
{
	struct tw_checker *checker = calloc(1, sizeof(*checker));

	if (!checker)
		return -ENOMEM;
	checker->base = base;
	checker->pipe = -1;
	*ret_checker = checker;
	return 0;
}

void tw_checker_close(struct tw_checker *checker)
{
	if (!checker)
		return;
	stop(checker);
	if (checker->child) {
		kill(checker->child, SIGKILL);
		reap(checker);
	}
	tw_buf_free(&checker->more);
	tw_buf_free(&checker->last);
	free(checker);
}
