/* SPDX-License-Identifier: GPL-2.0-only */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "bench.h"

/* A median and its 95 % confidence interval. */
struct spread {
	double low;
	double median;
	double high;
};

static int ascending(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

/*
 * The interval is between two order statistics: of n values, as many as a
 * binomial of n and 1/2 has within 1.96 deviations of its mean lie below the
 * median. With less than six values no two are that far apart: the extremes.
 */
static struct spread spread(const struct tw_series *series)
{
	static double sorted[TW_BENCH_MAX_ROUNDS];
	size_t n = series->count, low;
	double rank;

	if (n == 0)
		return (struct spread){ 0 };
	memcpy(sorted, series->value, n * sizeof(*sorted));
	qsort(sorted, n, sizeof(*sorted), ascending);
	rank = floor(((double)n - 1.96 * sqrt((double)n)) / 2);
	low = rank > 0 ? (size_t)rank : 0;
	return (struct spread){ sorted[low], sorted[n / 2], sorted[n - 1 - low] };
}

static double median(const struct tw_series *series)
{
	return spread(series).median;
}

static void print_over(const struct tw_series *series)
{
	struct spread over = spread(series);

	printf(" %+6.2f (%+.2f..%+.2f)%*s", over.median, over.low, over.high, 2, "");
}

static void print_row(const struct tw_variant *variant, const struct tw_figures *figures)
{
	printf("%-42s %7.2f", variant->title, median(&figures->cpu));
	print_over(&figures->over_bare);
	if (figures->whole.count > 0) {
		printf("%7.2f", median(&figures->whole));
		print_over(&figures->whole_over);
		printf("%7.0f", median(&figures->rate));
	} else {
		printf("%38s", "");
	}
	if (figures->bpf.count > 0)
		printf(" %6.0f %+6.0f %5.1f", median(&figures->bpf), median(&figures->over_empty),
		       figures->runs);
	putchar('\n');
}

void tw_report_table(const struct tw_figures *figures, const struct tw_tracepoint *tracepoint,
		     const struct tw_turns *turns)
{
	struct spread deaths = spread(&tracepoint->over_empty), all = spread(&tracepoint->cpu);

	printf("us and ns a connection, which is both its ends: medians of interleaved rounds, "
	       "with "
	       "the 95 %% confidence\ninterval of the median; what is over bare or net of the "
	       "empty "
	       "program is taken within each round.\n"
	       "  CPU    of the process and the softirq work in its time, %u rounds of %u "
	       "connections\n"
	       "  whole  the same with all kernel threads, which free later what closing leaves, "
	       "%u rounds of %u\n"
	       "  BPF    the kernel's own count of the time in our sockops program, in rounds of "
	       "their own: all its\n"
	       "         runs, of which two do work (one at each end) and the others return at "
	       "once\n\n",
	       turns->rounds, turns->connections, turns->long_rounds, turns->long_connections);
	printf("%-42s %7s %-23s%7s %-23s %7s %6s %6s %5s\n", "", "CPU us", "  over bare", "whole",
	       "  over bare", "conn/s", "BPF ns", "net", "runs");
	for (size_t i = 0; i < tw_variant_count; i++)
		if (figures[i].cpu.count > 0)
			print_row(&tw_variants[i], &figures[i]);
	printf("\nThe tracepoint of deaths, a run where nobody died: %.1f ns, %+.1f (%+.1f..%+.1f) "
	       "over an empty program there;\nin all, to a connection that no policy concerns: "
	       "%+.2f (%+.2f..%+.2f) us of CPU (in each line above, bare's too)\n",
	       median(&tracepoint->deaths), deaths.median, deaths.low, deaths.high, all.median,
	       all.low, all.high);
}

static void json_spread(FILE *out, const char *key, const struct tw_series *series)
{
	struct spread s = spread(series);

	if (series->count > 0)
		fprintf(out, ", \"%s\": {\"low\": %.3f, \"median\": %.3f, \"high\": %.3f}", key,
			s.low, s.median, s.high);
}

static void json_variant(FILE *out, const struct tw_variant *variant,
			 const struct tw_figures *figures)
{
	fprintf(out, "  {\"name\": \"%s\", \"title\": \"%s\"", variant->key, variant->title);
	json_spread(out, "connections_per_second", &figures->rate);
	json_spread(out, "cpu_us", &figures->cpu);
	json_spread(out, "cpu_over_bare_us", &figures->over_bare);
	json_spread(out, "whole_us", &figures->whole);
	json_spread(out, "whole_over_bare_us", &figures->whole_over);
	json_spread(out, "bpf_ns", &figures->bpf);
	json_spread(out, "bpf_over_empty_ns", &figures->over_empty);
	json_spread(out, "bpf_over_search_ns", &figures->over_above);
	if (figures->bpf.count > 0)
		fprintf(out, ", \"bpf_runs\": %.2f", figures->runs);
	fputc('}', out);
}

void tw_report_json(FILE *out, const struct tw_figures *figures,
		    const struct tw_tracepoint *tracepoint, const struct tw_turns *turns)
{
	fprintf(out,
		"{\"rounds\": %u, \"connections\": %u, \"long_rounds\": %u, \"long_connections\": "
		"%u,\n \"deaths\": {\"runs_of\": \"bare\"",
		turns->rounds, turns->connections, turns->long_rounds, turns->long_connections);
	json_spread(out, "run_ns", &tracepoint->deaths);
	json_spread(out, "empty_ns", &tracepoint->empty);
	json_spread(out, "over_empty_ns", &tracepoint->over_empty);
	json_spread(out, "connection_us", &tracepoint->cpu);
	fputs("},\n \"variants\": [\n", out);
	for (size_t i = 0; i < tw_variant_count; i++) {
		json_variant(out, &tw_variants[i], &figures[i]);
		fputs(i + 1 < tw_variant_count ? ",\n" : "\n ]}\n", out);
	}
}

static void json_values(FILE *out, const char *key, const struct tw_series *series)
{
	fprintf(out, ", \"%s\": [", key);
	for (size_t i = 0; i < series->count; i++)
		fprintf(out, "%s%.3f", i ? ", " : "", series->value[i]);
	fputc(']', out);
}

void tw_report_rounds(FILE *out, const struct tw_figures *figures)
{
	fputs("[\n", out);
	for (size_t i = 0; i < tw_variant_count; i++) {
		fprintf(out, "  {\"name\": \"%s\"", tw_variants[i].key);
		json_values(out, "cpu_us", &figures[i].cpu);
		json_values(out, "whole_us", &figures[i].whole);
		json_values(out, "connections_per_second", &figures[i].rate);
		json_values(out, "bpf_ns", &figures[i].bpf);
		fputs(i + 1 < tw_variant_count ? "},\n" : "}\n]\n", out);
	}
}
