/* SPDX-License-Identifier: GPL-2.0-only */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "connection.h"
#include "lib/cleanup.h"
#include "threads.h"
#include "worker.h"

/* --- the worker --------------------------------------------------------------- */

static double now(clockid_t clock)
{
	struct timespec t;

	clock_gettime(clock, &t);
	return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

static void enter(const char *tree, const char *cgroup)
{
	char path[PATH_MAX];
	_cleanup_close_ int fd = -1;

	snprintf(path, sizeof(path), "%s/%s/cgroup.procs", tree, cgroup);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0 || write(fd, "0", 1) != 1)
		tw_bench_fail("%s", path);
}

static struct tw_cost measure(const struct tw_variant *variant, const struct tw_listener *listener,
			      const struct tw_order *order)
{
	static struct tw_threads before, after;
	double n = order->connections, wall, cpu;
	struct tw_cost cost = { 0 };

	for (unsigned i = 0; i < order->warm; i++)
		tw_connection_make(variant, listener);
	if (order->kernel_threads)
		tw_threads_read(&before);
	wall = now(CLOCK_MONOTONIC);
	cpu = now(CLOCK_PROCESS_CPUTIME_ID);
	for (unsigned i = 0; i < order->connections; i++)
		tw_connection_make(variant, listener);
	cost.cpu = (now(CLOCK_PROCESS_CPUTIME_ID) - cpu) / n;
	cost.wall = (now(CLOCK_MONOTONIC) - wall) / n;
	if (order->kernel_threads) {
		tw_threads_read(&after);
		cost.kernel = tw_threads_used(&before, &after) / n;
	}
	return cost;
}

void tw_worker_main(const char *tree, const struct tw_variant *variant)
{
	struct tw_listener listener;
	struct tw_order order;

	enter(tree, variant->cgroup);
	listener = tw_listener_make(variant);
	while (recv(STDIN_FILENO, &order, sizeof(order), MSG_WAITALL) == sizeof(order)) {
		struct tw_cost cost;

		tw_connection_check(variant, &listener);
		cost = measure(variant, &listener, &order);
		tw_connection_check(variant, &listener);
		if (send(STDIN_FILENO, &cost, sizeof(cost), 0) != sizeof(cost))
			tw_bench_fail("answer");
	}
}

/* --- who tells it what to do ---------------------------------------------------- */

/* What both libraries read; libdontdie sets nothing without DD_USE_KEEPALIVE. */
static void preload(const char *library)
{
	static const char *const environment[][2] = {
		{ "KEEPIDLE", "120" },
		{ "KEEPINTVL", "20" },
		{ "KEEPCNT", "5" },
		{ "DD_USE_KEEPALIVE", "1" },
		{ "DD_TCP_KEEPALIVE_TIME", "120" },
		{ "DD_TCP_KEEPALIVE_INTVL", "20" },
		{ "DD_TCP_KEEPALIVE_PROBES", "5" },
	};

	setenv("LD_PRELOAD", library, 1);
	for (size_t i = 0; i < ARRAY_SIZE(environment); i++)
		setenv(environment[i][0], environment[i][1], 1);
}

static _Noreturn void become_worker(const char *tree, const struct tw_variant *variant, int line)
{
	if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0 || dup2(line, STDIN_FILENO) < 0)
		tw_bench_fail("worker");
	if (variant->preload)
		preload(variant->preload);
	execl("/proc/self/exe", "tw-bench", "--worker", tree, variant->key, NULL);
	tw_bench_fail("exec");
}

int tw_worker_start(const char *tree, const struct tw_variant *variant)
{
	int ends[2];

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) < 0)
		tw_bench_fail("socketpair");
	switch (fork()) {
	case -1:
		tw_bench_fail("fork");
	case 0:
		become_worker(tree, variant, ends[1]);
	}
	close(ends[1]);
	return ends[0];
}

struct tw_cost tw_worker_turn(int worker, const struct tw_order *order)
{
	struct tw_cost cost;

	if (send(worker, order, sizeof(*order), MSG_NOSIGNAL) != sizeof(*order) ||
	    recv(worker, &cost, sizeof(cost), MSG_WAITALL) != sizeof(cost)) {
		errno = 0;
		tw_bench_fail("a worker has ended");
	}
	return cost;
}
