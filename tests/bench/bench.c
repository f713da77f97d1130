/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What enforcement costs at the birth of a connection: connect, accept and
 * close on loopback, over and over, in one process on one CPU. The variants
 * take turns, so what else the machine does falls on all of them alike.
 *
 *   tw-bench TREE JSON ROUNDS CONNECTIONS RSS-KIB WAKEUPS
 *
 * TREE is a cgroup folder that holds the variants' cgroups, tcpwarden attached
 * to its `warden`. Run it in a network namespace of its own.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sched.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "bench.h"
#include "bpf.h"
#include "lib/cleanup.h"

const struct tw_variant tw_variants[TW_VARIANTS] = {
	[TW_BARE] = { "bare", "bare", "bare/a", 0, 0 },
	[TW_EMPTY] = { "empty", "an empty sockops program", "empty/a", 0, 0 },
	[TW_WARDEN] = { "warden", "tcpwarden, both ends", "warden/both", 0, TW_BOTH },
	[TW_WARDEN_OUT] = { "warden_out", "tcpwarden, connecting end", "warden/out", 0,
			    TW_CONNECTING },
	[TW_WARDEN_NONE] = { "warden_none", "tcpwarden, no policy matches", "warden/none", 0, 0 },
	[TW_WARDEN_ALREADY] = { "warden_already", "tcpwarden, the application was first",
				"warden/both", TW_CONNECTING | TW_LISTENER, TW_BOTH },
	[TW_APP] = { "app", "the application, both ends", "bare/a", TW_BOTH, TW_BOTH },
	[TW_APP_OUT] = { "app_out", "the application, connecting end", "bare/a", TW_CONNECTING,
			 TW_CONNECTING },
	[TW_APP_LISTENER] = { "app_listener", "the application, connecting end and listener",
			      "bare/a", TW_CONNECTING | TW_LISTENER, TW_BOTH },
};

/* 2m:20s:5 with `user_timeout: auto`; and what Linux gives who asks for nothing. */
static const struct {
	int level;
	int name;
	int wanted;
	int unset;
} options[] = {
	{ SOL_SOCKET, SO_KEEPALIVE, 1, 0 },	      { IPPROTO_TCP, TCP_KEEPIDLE, 120, 7200 },
	{ IPPROTO_TCP, TCP_KEEPINTVL, 20, 75 },	      { IPPROTO_TCP, TCP_KEEPCNT, 5, 9 },
	{ IPPROTO_TCP, TCP_USER_TIMEOUT, 225000, 0 },
};

static _Noreturn __attribute__((format(printf, 1, 2))) void fail(const char *format, ...)
{
	int error = errno;
	va_list args;

	va_start(args, format);
	fputs("tw-bench: ", stderr);
	vfprintf(stderr, format, args);
	va_end(args);
	if (error)
		fprintf(stderr, ": %s", strerror(error));
	fputc('\n', stderr);
	exit(1);
}

/* --- one connection --------------------------------------------------------- */

struct pair {
	int connecting;
	int accepted;
};

static void set_options(int fd)
{
	for (size_t i = 0; i < ARRAY_SIZE(options); i++)
		if (setsockopt(fd, options[i].level, options[i].name, &options[i].wanted,
			       sizeof(options[i].wanted)) < 0)
			fail("setsockopt");
}

static struct sockaddr_in loopback(void)
{
	return (struct sockaddr_in){ .sin_family = AF_INET,
				     .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
}

static int make_listener(const struct tw_variant *variant, struct sockaddr_in *ret_address)
{
	struct sockaddr_in address = loopback();
	socklen_t len = sizeof(address);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0 || bind(fd, (struct sockaddr *)&address, len) < 0)
		fail("bind");
	if (variant->app & TW_LISTENER)
		set_options(fd);
	if (listen(fd, 16) < 0 || getsockname(fd, (struct sockaddr *)ret_address, &len) < 0)
		fail("listen");
	return fd;
}

static struct pair make_pair(const struct tw_variant *variant, int listener,
			     const struct sockaddr_in *address)
{
	struct pair pair;

	pair.connecting = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (pair.connecting < 0)
		fail("socket");
	if (variant->app & TW_CONNECTING)
		set_options(pair.connecting);
	if (connect(pair.connecting, (const struct sockaddr *)address, sizeof(*address)) < 0)
		fail("connect");
	pair.accepted = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
	if (pair.accepted < 0)
		fail("accept");
	if (variant->app & TW_ACCEPTED)
		set_options(pair.accepted);
	return pair;
}

/* With a reset: TIME_WAIT would use up the ports. */
static void close_pair(const struct pair *pair)
{
	const struct linger reset = { .l_onoff = 1 };

	if (setsockopt(pair->connecting, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset)) < 0)
		fail("setsockopt SO_LINGER");
	close(pair->connecting);
	close(pair->accepted);
}

static void check_end(const struct tw_variant *variant, const char *end, int fd, bool carries)
{
	for (size_t i = 0; i < ARRAY_SIZE(options); i++) {
		int expected = carries ? options[i].wanted : options[i].unset;
		int value = -1;
		socklen_t len = sizeof(value);

		if (getsockopt(fd, options[i].level, options[i].name, &value, &len) < 0)
			fail("getsockopt");
		errno = 0;
		if (value != expected)
			fail("%s: the %s end has %d for option %zu, not %d", variant->title, end,
			     value, i, expected);
	}
}

/* What is compared must be what it says: asked of the sockets themselves. */
static void check_variant(const struct tw_variant *variant, int listener,
			  const struct sockaddr_in *address)
{
	struct pair pair = make_pair(variant, listener, address);

	check_end(variant, "connecting", pair.connecting, variant->carries & TW_CONNECTING);
	check_end(variant, "accepted", pair.accepted, variant->carries & TW_ACCEPTED);
	close_pair(&pair);
}

/* --- rounds ----------------------------------------------------------------- */

struct cost {
	double wall; /* ns a connection */
	double cpu;
};

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
		fail("%s", path);
}

static struct cost measure(const struct tw_variant *variant, unsigned connections)
{
	struct sockaddr_in address;
	_cleanup_close_ int listener = make_listener(variant, &address);
	double wall, cpu;

	check_variant(variant, listener, &address);
	wall = now(CLOCK_MONOTONIC);
	cpu = now(CLOCK_PROCESS_CPUTIME_ID);
	for (unsigned i = 0; i < connections; i++) {
		struct pair pair = make_pair(variant, listener, &address);

		close_pair(&pair);
	}
	return (struct cost){ .cpu = (now(CLOCK_PROCESS_CPUTIME_ID) - cpu) / connections,
			      .wall = (now(CLOCK_MONOTONIC) - wall) / connections };
}

static void add(struct tw_series *series, double value)
{
	series->value[series->count++] = value;
}

static void time_round(const char *tree, unsigned connections, struct tw_figures *figures)
{
	for (size_t i = 0; i < TW_VARIANTS; i++) {
		struct tw_series *bare = &figures[TW_BARE].cpu;
		struct cost cost;

		enter(tree, tw_variants[i].cgroup);
		cost = measure(&tw_variants[i], connections);
		add(&figures[i].rate, 1e9 / cost.wall);
		add(&figures[i].cpu, cost.cpu / 1e3);
		add(&figures[i].over_bare, cost.cpu / 1e3 - bare->value[bare->count - 1]);
	}
}

/* The kernel's own count of the time in a program; counting slows, so it has rounds of its own. */
static void bpf_round(const char *tree, unsigned connections, const int *programs,
		      struct tw_figures *figures)
{
	for (size_t i = 0; i < TW_VARIANTS; i++) {
		const struct tw_series *empty = &figures[TW_EMPTY].bpf;
		struct tw_usage before, after;
		double ns;

		if (programs[i] < 0)
			continue;
		enter(tree, tw_variants[i].cgroup);
		if (tw_bpf_usage(programs[i], &before) < 0)
			fail("program information");
		measure(&tw_variants[i], connections);
		if (tw_bpf_usage(programs[i], &after) < 0)
			fail("program information");
		/* One more than measured: the checked one. */
		ns = (double)(after.ns - before.ns) / (connections + 1);
		add(&figures[i].bpf, ns);
		add(&figures[i].over_empty, ns - empty->value[empty->count - 1]);
		figures[i].runs = (double)(after.runs - before.runs) / (connections + 1);
	}
}

/* --- set up ----------------------------------------------------------------- */

static int open_cgroup(const char *tree, const char *cgroup)
{
	char path[PATH_MAX];
	int fd;

	snprintf(path, sizeof(path), "%s/%s", tree, cgroup);
	fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		fail("%s", path);
	return fd;
}

static int program_at(const char *tree, const char *cgroup)
{
	_cleanup_close_ int fd = open_cgroup(tree, cgroup);
	int program = tw_bpf_attached(fd);

	if (program < 0) {
		errno = -program;
		fail("%s/%s: its one sockops program", tree, cgroup);
	}
	return program;
}

static void attach_empty(const char *tree)
{
	_cleanup_close_ int fd = open_cgroup(tree, "empty");
	int link = tw_bpf_attach_empty(fd);

	if (link < 0) {
		errno = -link;
		fail("attach the empty program");
	}
}

static void find_programs(const char *tree, int *ret_programs)
{
	int empty = program_at(tree, "empty");
	int warden = program_at(tree, "warden");

	for (size_t i = 0; i < TW_VARIANTS; i++) {
		const char *cgroup = tw_variants[i].cgroup;

		ret_programs[i] = !strncmp(cgroup, "warden/", strlen("warden/")) ? warden
				  : i == TW_EMPTY				 ? empty
										 : -1;
	}
}

static void stay_on_this_cpu(void)
{
	cpu_set_t set;
	int cpu = sched_getcpu();

	CPU_ZERO(&set);
	CPU_SET((size_t)cpu, &set);
	if (cpu < 0 || sched_setaffinity(0, sizeof(set), &set) < 0)
		fail("sched_setaffinity");
}

static unsigned number(const char *text, unsigned max)
{
	char *end;
	unsigned long n = strtoul(text, &end, 10);

	errno = 0;
	if (end == text || *end || n < 1 || n > max)
		fail("%s: not a number from 1 to %u", text, max);
	return (unsigned)n;
}

static void run_rounds(const char *tree, unsigned rounds, unsigned connections,
		       struct tw_figures *figures)
{
	_cleanup_close_ int stats = -1;
	int programs[TW_VARIANTS];

	attach_empty(tree);
	find_programs(tree, programs);
	stay_on_this_cpu();
	for (unsigned i = 0; i < rounds; i++)
		time_round(tree, connections, figures);
	stats = tw_bpf_enable_stats();
	if (stats < 0)
		fail("enable BPF statistics");
	for (unsigned i = 0; i < rounds; i++)
		bpf_round(tree, connections, programs, figures);
}

int main(int argc, char **argv)
{
	static struct tw_figures figures[TW_VARIANTS];
	_cleanup_fclose_ FILE *json = NULL;
	struct tw_idle idle;

	if (argc != 7)
		fail("usage: tw-bench TREE JSON ROUNDS CONNECTIONS RSS-KIB WAKEUPS");
	idle.rss_kib = strtod(argv[5], NULL);
	idle.wakeups = strtod(argv[6], NULL);
	json = fopen(argv[2], "we");
	if (!json)
		fail("%s", argv[2]);
	run_rounds(argv[1], number(argv[3], TW_BENCH_MAX_ROUNDS), number(argv[4], UINT_MAX),
		   figures);
	tw_report_table(figures, &idle);
	tw_report_json(json, figures, &idle);
	return 0;
}
