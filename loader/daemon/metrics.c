// SPDX-License-Identifier: GPL-2.0-only
#include "daemon/metrics.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <string.h>

#include "daemon/overview.h"
#include "policy/canon.h"
#include "version.h"

/* The policy label of what happened to sockets under none; no policy can have such a name. */
#define NO_POLICY "(none)"

/* What is appended to; after a failure nothing is. */
struct output {
	struct tw_buf *buf;
	const struct tw_overview *overview;
	int error;
};

__attribute__((format(printf, 2, 3))) static void add(struct output *output, const char *format,
						      ...)
{
	va_list args;

	va_start(args, format);
	if (!output->error)
		output->error = tw_buf_addv(output->buf, format, args);
	va_end(args);
}

int tw_metrics_escape(const char *value, struct tw_buf *buf)
{
	int error = 0;

	for (; *value && !error; value++) {
		if (*value == '\\' || *value == '"')
			error = tw_buf_addf(buf, "\\%c", *value);
		else if (*value == '\n')
			error = tw_buf_add(buf, "\\n", 2);
		else
			error = tw_buf_add(buf, value, 1);
	}
	return error;
}

static void add_value(struct output *output, uint64_t value)
{
	add(output, " %" PRIu64 "\n", value);
}

/* "name{key="value""; more labels and the value follow. */
static void add_label(struct output *output, const char *name, const char *key, const char *value)
{
	add(output, "%s{%s=\"", name, key);
	if (!output->error)
		output->error = tw_metrics_escape(value, output->buf);
	add(output, "\"");
}

static uint32_t policies(const struct output *output)
{
	return output->overview->loaded.policies;
}

static const char *policy_name(const struct output *output, uint32_t i)
{
	return output->overview->loaded.policy[i].name;
}

/* --- each metric --------------------------------------------------------------------- */

static void build_info(struct output *output, const char *name)
{
	add_label(output, name, "version", TW_VERSION);
	add(output, "} 1\n");
}

static void attached(struct output *output, const char *name)
{
	add(output, "%s %d\n", name, output->overview->attached);
}

static void generation(struct output *output, const char *name)
{
	add(output, "%s", name);
	add_value(output, output->overview->loaded.number);
}

static void policy_info(struct output *output, const char *name)
{
	char digest[TW_DIGEST_LEN];

	if (!output->overview->loaded.number)
		return;
	add_label(output, name, "digest",
		  tw_digest_format(output->overview->loaded.digest, digest));
	add(output, "} 1\n");
}

static void reloads(struct output *output, const char *name)
{
	const struct tw_reloads *reloads = &output->overview->reloads;

	add(output, "%s{result=\"applied\"} %" PRIu64 "\n", name, reloads->applied);
	add(output, "%s{result=\"unchanged\"} %" PRIu64 "\n", name, reloads->unchanged);
	add(output, "%s{result=\"refused\"} %" PRIu64 "\n", name, reloads->refused);
}

static void last_reload_success(struct output *output, const char *name)
{
	add(output, "%s %d\n", name, !output->overview->reloads.last_refused);
}

static void add_of_policy(struct output *output, const char *name, uint32_t i, double value)
{
	add_label(output, name, "policy", policy_name(output, i));
	add(output, "} %g\n", value);
}

static void rollout_share(struct output *output, const char *name)
{
	for (uint32_t i = 0; i < policies(output); i++)
		add_of_policy(output, name, i,
			      (double)output->overview->loaded.policy[i].rollout / TW_WHOLE_SHARE);
}

static void in_share(struct output *output, const char *name)
{
	const uint8_t both = TW_HERE_SELECTED | TW_HERE_IN_SHARE;

	for (uint32_t i = 0; i < policies(output); i++)
		add_of_policy(output, name, i,
			      (output->overview->loaded.policy[i].here & both) == both);
}

static void guard_tripped(struct output *output, const char *name)
{
	for (uint32_t i = 0; i < policies(output); i++)
		if (output->overview->loaded.policy[i].guarded)
			add_of_policy(output, name, i,
				      (output->overview->loaded.policy[i].here & TW_HERE_TRIPPED) !=
					      0);
}

static void sockets(struct output *output, const char *name)
{
	static const char *const directions[TW_DIRECTIONS] = { [TW_OUT] = "out", [TW_IN] = "in" };

	for (uint32_t i = 0; i < policies(output); i++)
		for (int d = 0; d < TW_DIRECTIONS; d++)
			for (int o = 0; o < TW_OUTCOMES; o++) {
				add_label(output, name, "policy", policy_name(output, i));
				add(output, ",direction=\"%s\",outcome=\"%s\"}", directions[d],
				    tw_outcome_name((enum tw_outcome)o));
				add_value(output,
					  output->overview->counts[i].direction[d].sockets[o]);
			}
}

static void differing(struct output *output, const char *name)
{
	const struct tw_audit *audit = tw_overview_audit(output->overview);

	for (uint32_t i = 0; audit && i < policies(output); i++) {
		add_label(output, name, "policy", policy_name(output, i));
		add(output, "} %" PRIu32 "\n", audit->policy[i][TW_VERDICT_DIFFERS]);
	}
}

static void audited(struct output *output, const char *name)
{
	const struct tw_audit *audit = tw_overview_audit(output->overview);

	if (audit)
		add(output, "%s %" PRIu64 ".%03" PRIu64 "\n", name, audit->at_ns / 1000000000,
		    audit->at_ns / 1000000 % 1000);
}

static void dead_of(struct output *output, const char *name, const char *policy,
		    const struct tw_tally *tally)
{
	for (int r = 0; r < TW_REASONS; r++) {
		add_label(output, name, "policy", policy);
		add(output, ",reason=\"%s\"}", tw_reason_name((enum tw_reason)r));
		add_value(output, tally->dead[r]);
	}
}

static void dead(struct output *output, const char *name)
{
	for (uint32_t i = 0; i < policies(output); i++)
		dead_of(output, name, policy_name(output, i), &output->overview->counts[i].tally);
	dead_of(output, name, NO_POLICY, &output->overview->none);
}

static void app_settings(struct output *output, const char *name)
{
	for (uint32_t i = 0; i < policies(output); i++)
		for (int a = 0; a < TW_APP_ACTIONS; a++) {
			add_label(output, name, "policy", policy_name(output, i));
			add(output, ",action=\"%s\"}", tw_app_action_name((enum tw_app_action)a));
			add_value(output, output->overview->counts[i].tally.app[a]);
		}
}

static void sweep_sockets(struct output *output, const char *name)
{
	const struct tw_sweep_counts *counts = &output->overview->sweeps.sockets;
	uint64_t others = counts->written + counts->failed + counts->orphans;
	const struct {
		const char *outcome;
		uint64_t sockets;
	} rows[] = {
		{ "changed", counts->written },
		{ "refused", counts->failed },
		{ "orphan", counts->orphans },
		/* One that was written in a later pass was seen once. */
		{ "unchanged", counts->seen > others ? counts->seen - others : 0 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		add(output, "%s{outcome=\"%s\"} %" PRIu64 "\n", name, rows[i].outcome,
		    rows[i].sockets);
}

static void add_histogram(struct output *output, const char *name,
			  const struct tw_histogram *histogram)
{
	const struct tw_histogram_bounds *bounds = tw_histogram_bounds(histogram);

	for (unsigned i = 0; i < bounds->count; i++)
		add(output, "%s_bucket{le=\"%g\"} %" PRIu64 "\n", name, (double)bounds->ns[i] / 1e9,
		    tw_histogram_at_most(histogram, i));
	add(output, "%s_bucket{le=\"+Inf\"} %" PRIu64 "\n", name, histogram->count);
	add(output, "%s_sum %.6f\n%s_count %" PRIu64 "\n", name, (double)histogram->sum_ns / 1e9,
	    name, histogram->count);
}

static void sweep_duration(struct output *output, const char *name)
{
	add_histogram(output, name, &output->overview->sweeps.full);
}

static void bpf_errors(struct output *output, const char *name)
{
	const struct tw_error_counts *errors = &output->overview->errors;
	char buf[TW_ERRNO_LEN];

	for (size_t i = 0; i < errors->count; i++) {
		const struct tw_error *error = &errors->list[i].error;

		add_label(output, name, "site", tw_site_name(error->site));
		add(output, ",errno=\"%s\"}", tw_errno_name(error->error, buf));
		add_value(output, errors->list[i].count);
	}
}

static void events_lost(struct output *output, const char *name)
{
	add(output, "%s", name);
	add_value(output, output->overview->events_lost);
}

static void cgroups(struct output *output, const char *name)
{
	add(output, "%s", name);
	add_value(output, output->overview->cgroups);
}

static void cgroup_ready(struct output *output, const char *name)
{
	add_histogram(output, name, &output->overview->cgroup_ready);
}

static const struct {
	const char *name;
	const char *type;
	const char *help;
	void (*add)(struct output *output, const char *name);
} metrics[] = {
	{ "tcpwarden_build_info", "gauge", "The version that runs; always 1.", build_info },
	{ "tcpwarden_attached", "gauge",
	  "1 while our link is in the kernel, on a cgroup that lives.", attached },
	{ "tcpwarden_policy_generation", "gauge",
	  "Number of the generation in force; each load that takes effect adds one.", generation },
	{ "tcpwarden_policy_info", "gauge",
	  "Digest of the policy in force, the same on all nodes that have it; always 1.",
	  policy_info },
	{ "tcpwarden_policy_reloads_total", "counter",
	  "Loads of the policy since the start, by what came of them.", reloads },
	{ "tcpwarden_policy_last_reload_success", "gauge",
	  "0 while the policy that is there was refused, and an earlier one runs.",
	  last_reload_success },
	{ "tcpwarden_policy_rollout_share", "gauge",
	  "The share of the nodes on which the policy is to enforce, 0 to 1.", rollout_share },
	{ "tcpwarden_policy_in_share", "gauge",
	  "1 where this node is one that the policy selects, and in its share.", in_share },
	{ "tcpwarden_policy_guard_tripped", "gauge",
	  "1 while the policy only observes here, since too many connections died under it.",
	  guard_tripped },
	{ "tcpwarden_sockets_total", "counter",
	  "Sockets that a policy met, at birth and in sweeps, by what became of them.", sockets },
	{ "tcpwarden_sockets_differing", "gauge",
	  "Open sockets that should carry what their policy asks and do not, at the last audit.",
	  differing },
	{ "tcpwarden_sockets_audited_timestamp_seconds", "gauge",
	  "When the last audit of the open sockets ended.", audited },
	{ "tcpwarden_dead_connections_total", "counter",
	  "Connections that the kernel gave up, by policy and reason.", dead },
	{ "tcpwarden_app_settings_total", "counter",
	  "Settings of keepalive or user timeout by applications, by what became of them.",
	  app_settings },
	{ "tcpwarden_sweep_sockets_total", "counter",
	  "Open connections that sweeps looked at, by what became of them.", sweep_sockets },
	{ "tcpwarden_sweep_duration_seconds", "histogram",
	  "How long sweeps of all network namespaces took, their pacing included.",
	  sweep_duration },
	{ "tcpwarden_bpf_errors_total", "counter",
	  "What failed in the BPF programs, by where and why.", bpf_errors },
	{ "tcpwarden_events_lost_total", "counter",
	  "Events that did not come to those who read them.", events_lost },
	{ "tcpwarden_cgroups", "gauge", "Cgroups that have an element of their own.", cgroups },
	{ "tcpwarden_cgroup_ready_seconds", "histogram",
	  "From a cgroup's creation to its own policies in the kernel.", cgroup_ready },
};

int tw_metrics_render(const struct tw_overview *overview, struct tw_buf *buf)
{
	struct output output = { .buf = buf, .overview = overview };

	for (size_t i = 0; i < ARRAY_SIZE(metrics); i++) {
		add(&output, "# HELP %s %s\n# TYPE %s %s\n", metrics[i].name, metrics[i].help,
		    metrics[i].name, metrics[i].type);
		metrics[i].add(&output, metrics[i].name);
	}
	return output.error;
}
