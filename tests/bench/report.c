/* SPDX-License-Identifier: GPL-2.0-only */
#include <stdlib.h>
#include <string.h>

#include "bench.h"

/* DESIGN: what a connection with nothing to change may cost, what an idle daemon may hold. */
#define MAX_NOTHING_NS 200.0
#define MAX_RSS_KIB    (5 * 1024.0)

struct spread {
	double low; /* lower quartile */
	double median;
	double high;
};

static int ascending(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static struct spread spread(const struct tw_series *series)
{
	static double sorted[TW_BENCH_MAX_ROUNDS];
	size_t n = series->count;

	if (n == 0)
		return (struct spread){ 0 };
	memcpy(sorted, series->value, n * sizeof(*sorted));
	qsort(sorted, n, sizeof(*sorted), ascending);
	return (struct spread){ sorted[n / 4], sorted[n / 2], sorted[n * 3 / 4] };
}

static double median(const struct tw_series *series)
{
	return spread(series).median;
}

/* What a policy that changes nothing costs one socket, over the empty program: a connection here has two. */
static double nothing_ns(const struct tw_figures *figures)
{
	double none = median(&figures[TW_WARDEN_NONE].over_empty);
	double already = median(&figures[TW_WARDEN_ALREADY].over_empty);

	return (none > already ? none : already) / 2;
}

static void print_row(const char *title, const struct tw_figures *figures)
{
	struct spread over = spread(&figures->over_bare);

	printf("%-46s %8.0f %8.2f   %+6.2f (%+.2f..%+.2f)", title, median(&figures->rate),
	       median(&figures->cpu), over.median, over.low, over.high);
	if (figures->bpf.count > 0)
		printf("%*s%5.0f %+6.0f %5.1f", 2, "", median(&figures->bpf),
		       median(&figures->over_empty), figures->runs);
	putchar('\n');
}

static void print_target(const char *what, double value, const char *unit, const char *limit,
			 bool met)
{
	printf("  %-58s %9.2f %-6s %-26s %s\n", what, value, unit, limit, met ? "met" : "MISSED");
}

static void print_targets(const struct tw_figures *figures, const struct tw_idle *idle)
{
	double warden = median(&figures[TW_WARDEN].over_bare);
	double app = median(&figures[TW_APP].over_bare);
	double out = median(&figures[TW_WARDEN_OUT].over_bare);
	double app_out = median(&figures[TW_APP_OUT].over_bare);
	double nothing = nothing_ns(figures);
	char limit[64];

	puts("\ntargets");
	snprintf(limit, sizeof(limit), "under %.2f, the app's", app);
	print_target("CPU that it adds, setting both ends", warden, "us", limit, warden < app);
	snprintf(limit, sizeof(limit), "under %.2f, the app's", app_out);
	print_target("CPU that it adds, setting the connecting end", out, "us", limit,
		     out < app_out);
	print_target("BPF on a socket with nothing to change, net of empty", nothing, "ns",
		     "under 200", nothing < MAX_NOTHING_NS);
	print_target("resident memory of the static `run`", idle->rss_kib, "KiB", "under 5120",
		     idle->rss_kib < MAX_RSS_KIB);
	print_target("wake-ups of `run` when nothing happens", idle->wakeups, "a second", "0",
		     idle->wakeups <= 0);
}

void tw_report_table(const struct tw_figures *figures, const struct tw_idle *idle)
{
	printf("Medians of %zu interleaved rounds; over bare with its quartiles, the difference "
	       "taken "
	       "within each round.\nA connection is both its ends, in one cgroup three deep.\n\n",
	       figures[TW_BARE].cpu.count);
	printf("%-46s %8s %8s   %-24s%7s %6s %5s\n", "", "conn/s", "CPU us", "over bare, us",
	       "BPF ns", "net", "runs");
	for (size_t i = 0; i < TW_VARIANTS; i++)
		print_row(tw_variants[i].title, &figures[i]);
	print_targets(figures, idle);
}

static void json_spread(FILE *out, const char *key, const struct tw_series *series)
{
	struct spread s = spread(series);

	if (series->count > 0)
		fprintf(out, ", \"%s\": {\"low\": %.3f, \"median\": %.3f, \"high\": %.3f}", key,
			s.low, s.median, s.high);
}

void tw_report_json(FILE *out, const struct tw_figures *figures, const struct tw_idle *idle)
{
	fprintf(out,
		"{\"rounds\": %zu, \"idle\": {\"rss_kib\": %.0f, \"wakeups_per_second\": %.3f},\n",
		figures[TW_BARE].cpu.count, idle->rss_kib, idle->wakeups);
	fprintf(out, " \"nothing_to_change_ns\": %.1f,\n \"variants\": [", nothing_ns(figures));
	for (size_t i = 0; i < TW_VARIANTS; i++) {
		fprintf(out, "%s\n  {\"name\": \"%s\"", i ? "," : "", tw_variants[i].key);
		json_spread(out, "connections_per_second", &figures[i].rate);
		json_spread(out, "cpu_us", &figures[i].cpu);
		json_spread(out, "cpu_over_bare_us", &figures[i].over_bare);
		json_spread(out, "bpf_ns", &figures[i].bpf);
		json_spread(out, "bpf_over_empty_ns", &figures[i].over_empty);
		if (figures[i].bpf.count > 0)
			fprintf(out, ", \"bpf_runs\": %.2f", figures[i].runs);
		fputc('}', out);
	}
	fputs("\n ]}\n", out);
}
