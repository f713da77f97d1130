/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What enforcement costs at the birth of a connection: connect, accept and
 * close on loopback, over and over. Each variant has a process of its own; all
 * are on one CPU and take turns, in an order that is drawn anew each round: what
 * else the machine does, and what is done later for the connections of the one
 * before, falls on all of them alike.
 *
 *   tw-bench TREE JSON JSON-OF-ROUNDS ROUNDS CONNECTIONS LONG-ROUNDS LONG-CONNECTIONS
 *   tw-bench --make TREE VARIANT CONNECTIONS      of one variant; prints ns of CPU of each
 *
 * TREE is a cgroup folder that holds the variants' cgroups, tcpwarden attached
 * to some; variants whose first folder is not there are left out. Run it in a network
 * namespace of its own.
 */
#include <bpf/bpf.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bench.h"
#include "bpf.h"
#include "kernel/pins.h"
#include "lib/cleanup.h"
#include "worker.h"

#define MAX_VARIANTS 64
#define BARE	     0

/* Of an order that takes long: connections that only make what is left to do later a steady flow. */
#define WARM_SHARE 5

struct bench {
	const char *tree;
	struct tw_turns turns;
	int worker[MAX_VARIANTS];  /* -1: the variant is left out */
	int program[MAX_VARIANTS]; /* sockops; -1 where there is none */
	int deaths;		   /* the programs on the tracepoint of deaths */
	int deaths_empty;
	struct tw_figures figures[MAX_VARIANTS];
	struct tw_tracepoint tracepoint;
};

void tw_bench_fail(const char *format, ...)
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

static int check(int r, const char *what)
{
	if (r < 0) {
		errno = -r;
		tw_bench_fail("%s", what);
	}
	return r;
}

/* --- rounds ----------------------------------------------------------------- */

/* The same on each run, so that two runs are alike. */
static void shuffle(size_t *order)
{
	static unsigned seed = 1;

	for (size_t i = 0; i < tw_variant_count; i++)
		order[i] = i;
	for (size_t i = tw_variant_count; i > 1; i--) {
		size_t j = (size_t)rand_r(&seed) % i, other = order[i - 1];

		order[i - 1] = order[j];
		order[j] = other;
	}
}

/* A turn of each variant. */
static void take_turns(struct bench *bench, void (*turn)(struct bench *bench, size_t variant))
{
	size_t order[MAX_VARIANTS];

	shuffle(order);
	for (size_t i = 0; i < tw_variant_count; i++)
		if (bench->worker[order[i]] >= 0)
			turn(bench, order[i]);
}

static void add(struct tw_series *series, double value)
{
	series->value[series->count++] = value;
}

static double last(const struct tw_series *series)
{
	return series->value[series->count - 1];
}

static void short_turn(struct bench *bench, size_t variant)
{
	struct tw_order order = { .connections = bench->turns.connections };
	struct tw_cost cost = tw_worker_turn(bench->worker[variant], &order);

	add(&bench->figures[variant].cpu, cost.cpu / 1e3);
}

static void short_round(struct bench *bench)
{
	struct tw_figures *figures = bench->figures;

	take_turns(bench, short_turn);
	for (size_t i = 0; i < tw_variant_count; i++)
		if (bench->worker[i] >= 0)
			add(&figures[i].over_bare,
			    last(&figures[i].cpu) - last(&figures[BARE].cpu));
}

static void long_turn(struct bench *bench, size_t variant)
{
	struct tw_order order = {
		.warm = bench->turns.long_connections / WARM_SHARE,
		.connections = bench->turns.long_connections,
		.kernel_threads = true,
	};
	struct tw_cost cost;

	if (!tw_variants[variant].compared)
		return;
	cost = tw_worker_turn(bench->worker[variant], &order);
	add(&bench->figures[variant].rate, 1e9 / cost.wall);
	add(&bench->figures[variant].whole, (cost.cpu + cost.kernel) / 1e3);
}

static void long_round(struct bench *bench)
{
	struct tw_figures *figures = bench->figures;

	take_turns(bench, long_turn);
	for (size_t i = 0; i < tw_variant_count; i++)
		if (tw_variants[i].compared)
			add(&figures[i].whole_over,
			    last(&figures[i].whole) - last(&figures[BARE].whole));
}

static struct tw_usage usage(int program)
{
	struct tw_usage usage;

	check(tw_bpf_usage(program, &usage), "program information");
	return usage;
}

static double ns_a_run(const struct tw_usage *before, const struct tw_usage *after)
{
	return (double)(after->ns - before->ns) / (double)(after->runs - before->runs);
}

/* Of `bare`: its connections are reset, so half of their ends are errors that are no deaths. */
static void tracepoint_turn(struct bench *bench, const struct tw_order *order)
{
	struct tw_usage before = usage(bench->deaths), empty_before = usage(bench->deaths_empty);
	struct tw_tracepoint *tracepoint = &bench->tracepoint;
	struct tw_usage after, empty_after;

	tw_worker_turn(bench->worker[BARE], order);
	after = usage(bench->deaths);
	empty_after = usage(bench->deaths_empty);
	add(&tracepoint->deaths, ns_a_run(&before, &after));
	add(&tracepoint->empty, ns_a_run(&empty_before, &empty_after));
	add(&tracepoint->over_empty, last(&tracepoint->deaths) - last(&tracepoint->empty));
}

/* What the tracepoint costs connections that no policy concerns: one turn with it, one without. */
static void watched_round(struct bench *bench)
{
	struct tw_order order = { .connections = bench->turns.connections };
	struct tw_cost with, without;
	int link = check(bpf_raw_tracepoint_open(NULL, bench->deaths), "attach to the tracepoint");

	with = tw_worker_turn(bench->worker[BARE], &order);
	close(link);
	without = tw_worker_turn(bench->worker[BARE], &order);
	add(&bench->tracepoint.cpu, (with.cpu - without.cpu) / 1e3);
}

/* The kernel's own count of the time in a program; counting slows, so it has rounds of its own. */
static void bpf_turn(struct bench *bench, size_t variant)
{
	struct tw_order order = { .connections = bench->turns.connections };
	double connections = order.connections + 2; /* those that are looked at, too */
	struct tw_figures *figures = &bench->figures[variant];
	struct tw_usage before, after;

	if (variant == BARE)
		tracepoint_turn(bench, &order);
	if (bench->program[variant] < 0)
		return;
	before = usage(bench->program[variant]);
	tw_worker_turn(bench->worker[variant], &order);
	after = usage(bench->program[variant]);
	add(&figures->bpf, (double)(after.ns - before.ns) / connections);
	figures->runs = (double)(after.runs - before.runs) / connections;
}

static size_t variant_named(const char *key)
{
	for (size_t i = 0; i < tw_variant_count; i++)
		if (!strcmp(tw_variants[i].key, key))
			return i;
	errno = 0;
	tw_bench_fail("there is no variant %s", key);
}

static void bpf_round(struct bench *bench)
{
	struct tw_figures *empty = &bench->figures[variant_named("empty")];

	take_turns(bench, bpf_turn);
	for (size_t i = 0; i < tw_variant_count; i++) {
		struct tw_figures *figures = &bench->figures[i];

		if (bench->program[i] < 0)
			continue;
		add(&figures->over_empty, last(&figures->bpf) - last(&empty->bpf));
		if (tw_variants[i].above)
			add(&figures->over_above,
			    last(&figures->bpf) -
				    last(&bench->figures[variant_named(tw_variants[i].above)].bpf));
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
		tw_bench_fail("%s", path);
	return fd;
}

/* The first folder of the variant's cgroup: one of those set up. */
static char *setup_of(const struct tw_variant *variant)
{
	return strndup(variant->cgroup, (size_t)(strchr(variant->cgroup, '/') - variant->cgroup));
}

/* Whether its set-up is there; else the variant is left out. */
static bool is_set_up(const char *tree, const struct tw_variant *variant)
{
	_cleanup_free_ char *top = setup_of(variant);
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "%s/%s", tree, top);
	return access(path, F_OK) == 0;
}

/* The program at its set-up; nothing is at `bare`. */
static int program_of(const char *tree, const struct tw_variant *variant)
{
	_cleanup_free_ char *top = setup_of(variant);
	_cleanup_close_ int fd = open_cgroup(tree, top);
	int program = tw_bpf_attached(fd);

	if (program == -ENOENT && !strcmp(top, "bare"))
		return -1;
	return check(program, top);
}

static void attach_empty(const char *tree)
{
	_cleanup_close_ int fd = open_cgroup(tree, "empty");

	check(tw_bpf_attach_empty(fd), "attach the empty program");
}

static void set_up(struct bench *bench)
{
	attach_empty(bench->tree);
	for (size_t i = 0; i < tw_variant_count; i++) {
		bool there = is_set_up(bench->tree, &tw_variants[i]);

		bench->program[i] = there ? program_of(bench->tree, &tw_variants[i]) : -1;
		bench->worker[i] = there ? tw_worker_start(bench->tree, &tw_variants[i]) : -1;
	}
	bench->deaths = check(tw_bpf_linked(TW_PIN_LINK_DEATHS), TW_PIN_LINK_DEATHS);
}

static void stay_on_this_cpu(void)
{
	cpu_set_t set;
	int cpu = sched_getcpu();

	CPU_ZERO(&set);
	CPU_SET((size_t)cpu, &set);
	if (cpu < 0 || sched_setaffinity(0, sizeof(set), &set) < 0)
		tw_bench_fail("sched_setaffinity");
}

static void run_rounds(struct bench *bench)
{
	_cleanup_close_ int statistics = -1, empty = -1;

	for (unsigned i = 0; i < bench->turns.rounds; i++)
		short_round(bench);
	for (unsigned i = 0; i < bench->turns.long_rounds; i++)
		long_round(bench);
	check(tw_bpf_trace_empty(&bench->deaths_empty, &empty), "an empty tracepoint program");
	statistics = check(bpf_enable_stats(BPF_STATS_RUN_TIME), "enable BPF statistics");
	for (unsigned i = 0; i < bench->turns.rounds; i++)
		bpf_round(bench);
	close(TAKE_FD(statistics));
	close(TAKE_FD(empty));
	if (unlink(TW_PIN_LINK_DEATHS) < 0)
		tw_bench_fail(TW_PIN_LINK_DEATHS);
	for (unsigned i = 0; i < bench->turns.rounds; i++)
		watched_round(bench);
}

static unsigned number(const char *text, unsigned min, unsigned max)
{
	char *end;
	unsigned long n = strtoul(text, &end, 10);

	errno = 0;
	if (end == text || *end || n < min || n > max)
		tw_bench_fail("%s: not a number from %u to %u", text, min, max);
	return (unsigned)n;
}

static FILE *open_for_writing(const char *path)
{
	FILE *file = fopen(path, "we");

	if (!file)
		tw_bench_fail("%s", path);
	return file;
}

static void report(const struct bench *bench, const char *json_path, const char *rounds_path)
{
	_cleanup_fclose_ FILE *json = open_for_writing(json_path);
	_cleanup_fclose_ FILE *rounds = open_for_writing(rounds_path);

	tw_report_table(bench->figures, &bench->tracepoint, &bench->turns);
	tw_report_json(json, bench->figures, &bench->tracepoint, &bench->turns);
	tw_report_rounds(rounds, bench->figures);
}

/* Connections of one variant, for a profile of them. */
static void make(const char *tree, const char *key, const char *connections)
{
	struct tw_order order = { .connections = number(connections, 1, UINT_MAX) };
	int worker = tw_worker_start(tree, &tw_variants[variant_named(key)]);

	printf("%.0f\n", tw_worker_turn(worker, &order).cpu);
}

int main(int argc, char **argv)
{
	static struct bench bench;

	if (argc == 4 && !strcmp(argv[1], "--worker")) {
		tw_worker_main(argv[2], &tw_variants[variant_named(argv[3])]);
		return 0;
	}
	if (argc == 5 && !strcmp(argv[1], "--make")) {
		make(argv[2], argv[3], argv[4]);
		return 0;
	}
	if (argc != 8) {
		errno = 0;
		tw_bench_fail("usage: tw-bench TREE JSON JSON-OF-ROUNDS ROUNDS CONNECTIONS "
			      "LONG-ROUNDS LONG-CONNECTIONS");
	}
	bench.tree = argv[1];
	bench.turns = (struct tw_turns){
		.rounds = number(argv[4], 1, TW_BENCH_MAX_ROUNDS),
		.connections = number(argv[5], 1, UINT_MAX),
		.long_rounds = number(argv[6], 0, TW_BENCH_MAX_ROUNDS),
		.long_connections = number(argv[7], 1, UINT_MAX),
	};
	stay_on_this_cpu();
	set_up(&bench);
	run_rounds(&bench);
	report(&bench, argv[2], argv[3]);
	return 0;
}
