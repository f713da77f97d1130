// SPDX-License-Identifier: GPL-2.0-only
/* tcpwarden status: what the kernel enforces now, read from the kernel. */
#include <errno.h>
#include <string.h>

#include "cli/output.h"
#include "kernel/program.h"
#include "kernel/state.h"
#include "lib/cleanup.h"
#include "policy/canon.h"
#include "policy/cohort.h"

static bool observes(const struct tw_loaded_policy *policy)
{
	return policy->flags & TW_POLICY_OBSERVE;
}

/* --- for scripts ------------------------------------------------------------------ */

static json_t *counts_json(const struct tw_policy_counts *counts)
{
	json_t *numbers = json_object();

	for (int outcome = 0; outcome < TW_OUTCOMES; outcome++)
		json_object_set_new(numbers, tw_outcome_name((enum tw_outcome)outcome),
				    json_integer((json_int_t)tw_counts_total(
					    counts, (enum tw_outcome)outcome)));
	return numbers;
}

static json_t *deaths_json(const struct tw_tally *tally)
{
	json_t *deaths = json_object();

	for (int reason = 0; reason < TW_REASONS; reason++)
		json_object_set_new(deaths, tw_reason_name((enum tw_reason)reason),
				    json_integer((json_int_t)tally->dead[reason]));
	return deaths;
}

static json_t *settings_json(const struct tw_tally *tally)
{
	json_t *settings = json_object();

	for (int action = 0; action < TW_APP_ACTIONS; action++)
		json_object_set_new(settings, tw_app_action_name((enum tw_app_action)action),
				    json_integer((json_int_t)tally->app[action]));
	return settings;
}

static json_t *guard_json(const struct tw_loaded_policy *policy)
{
	char time[TW_TIME_LEN];
	bool tripped = policy->tripped_at_ns;

	if (!policy->guarded)
		return json_null();
	return json_pack(
		"{s:I, s:b, s:o}", "max_deaths_per_minute", (json_int_t)policy->max_deaths,
		"tripped", tripped, "tripped_at",
		tw_output_text(tripped ? tw_output_time(policy->tripped_at_ns, time) : NULL));
}

static json_t *policy_json(const struct tw_loaded_policy *policy,
			   const struct tw_policy_counts *counts)
{
	return json_pack("{s:s, s:s, s:f, s:b, s:b, s:o, s:o, s:o, s:o}", "name", policy->name,
			 "mode", observes(policy) ? "observe" : "enforce", "rollout",
			 (double)policy->rollout / 10, "on_this_node",
			 (policy->here & TW_HERE_SELECTED) != 0, "in_share",
			 (policy->here & TW_HERE_IN_SHARE) != 0, "guard", guard_json(policy),
			 "counts", counts_json(counts), "deaths", deaths_json(&counts->tally),
			 "app_settings", settings_json(&counts->tally));
}

static json_t *refusal_json(const struct tw_state *state)
{
	char time[TW_TIME_LEN];

	if (!state->refused_at_ns)
		return json_null();
	return json_pack("{s:s, s:s}", "time", tw_output_time(state->refused_at_ns, time),
			 "message", state->refusal);
}

static json_t *errors_json(const struct tw_error_counts *errors)
{
	json_t *list = json_array();
	char name[TW_ERRNO_LEN];

	for (size_t i = 0; i < errors->count; i++) {
		const struct tw_error *error = &errors->list[i].error;

		json_array_append_new(list, json_pack("{s:s, s:s, s:I}", "site",
						      tw_site_name(error->site), "errno",
						      tw_errno_name(error->error, name), "count",
						      (json_int_t)errors->list[i].count));
	}
	return list;
}

static json_t *text_or_null(bool known, const char *text)
{
	return tw_output_text(known ? text : NULL);
}

static json_t *status_json(const struct tw_snapshot *snapshot)
{
	bool loaded = snapshot->number;
	char digest[TW_DIGEST_LEN], time[TW_TIME_LEN];
	json_t *policies = json_array();

	for (uint32_t i = 0; i < snapshot->loaded.policies; i++)
		json_array_append_new(
			policies, policy_json(&snapshot->loaded.policy[i], &snapshot->counts[i]));
	return json_pack(
		"{s:b, s:o, s:I, s:o, s:{s:b, s:o}, s:o, s:o, s:o, s:o, s:o, s:o, s:I}", "attached",
		snapshot->attached, "attached_to",
		text_or_null(snapshot->attached, snapshot->state.attached_to), "generation",
		(json_int_t)snapshot->number, "digest",
		text_or_null(loaded, tw_digest_format(snapshot->loaded.digest, digest)), "daemon",
		"running", snapshot->daemon, "pid",
		snapshot->daemon_pid ? json_integer(snapshot->daemon_pid) : json_null(), "version",
		text_or_null(loaded, snapshot->state.version), "policies", policies, "loaded_at",
		text_or_null(loaded, tw_output_time(snapshot->loaded.at_ns, time)), "last_refusal",
		refusal_json(&snapshot->state), "errors", errors_json(&snapshot->errors), "node",
		text_or_null(snapshot->attached, snapshot->state.node), "events_lost",
		(json_int_t)snapshot->events_lost);
}

/* --- for people --------------------------------------------------------------------- */

/* Whatever of. */
static __u64 deaths(const struct tw_policy_counts *counts)
{
	__u64 sum = 0;

	for (int reason = 0; reason < TW_REASONS; reason++)
		sum += counts->tally.dead[reason];
	return sum;
}

/* Why a policy does not do on this node what it says, or may cease to. */
static void print_here(const struct tw_loaded_policy *policy, const char *node)
{
	char share[TW_SHARE_LEN], time[TW_TIME_LEN];

	tw_share_format(policy->rollout, share);
	if (!(policy->here & TW_HERE_SELECTED))
		printf("%s: not on this node, %s\n", policy->name, node);
	else if (!(policy->here & TW_HERE_IN_SHARE))
		printf("%s: observes here, node %s is outside its rollout of %s\n", policy->name,
		       node, share);
	else if (policy->rollout != TW_WHOLE_SHARE)
		printf("%s: node %s is inside its rollout of %s\n", policy->name, node, share);
	if (policy->tripped_at_ns)
		printf("%s%s: its guard tripped%s at %s, over %u deaths in a minute: it observes "
		       "here until it is changed\n",
		       tw_output_colour(31), policy->name, tw_output_colour(0),
		       tw_output_time(policy->tripped_at_ns, time), policy->max_deaths);
}

static int name_width(const struct tw_snapshot *snapshot)
{
	int width = (int)sizeof("POLICY") - 1;

	for (uint32_t i = 0; i < snapshot->loaded.policies; i++) {
		int len = (int)strnlen(snapshot->loaded.policy[i].name, TW_NAME_LEN);

		width = len > width ? len : width;
	}
	return width;
}

static bool has_settings(const struct tw_policy_counts *counts)
{
	__u64 any = 0;

	for (int action = 0; action < TW_APP_ACTIONS; action++)
		any |= counts->tally.app[action];
	return any;
}

/* What became of the applications' own settings, of the policies that met some. */
static void print_settings(const struct tw_snapshot *snapshot)
{
	static const int widths[TW_APP_ACTIONS] = { 10, 10, 10, 11, 13 };
	int width = name_width(snapshot);
	bool header = false;

	for (uint32_t i = 0; i < snapshot->loaded.policies; i++) {
		if (!has_settings(&snapshot->counts[i]))
			continue;
		if (!header)
			printf("\napplications' own settings\n%-*s  %10s  %10s  %10s  %11s  "
			       "%13s\n",
			       width, "POLICY", "ALLOWED", "LIMITED", "REPLACED", "WOULD-LIMIT",
			       "WOULD-REPLACE");
		header = true;
		printf("%-*s", width, snapshot->loaded.policy[i].name);
		for (int action = 0; action < TW_APP_ACTIONS; action++)
			printf("  %*llu", widths[action],
			       (unsigned long long)snapshot->counts[i].tally.app[action]);
		putchar('\n');
	}
}

static void print_policies(const struct tw_snapshot *snapshot)
{
	int width = name_width(snapshot);

	printf("%-*s  %-7s  %10s  %10s  %10s  %10s  %10s  %10s  %10s\n", width, "POLICY", "MODE",
	       "SET", "ALREADY", "KEPT-APP", "WOULD-SET", "FAILED", "PENDING", "DEAD");
	for (uint32_t i = 0; i < snapshot->loaded.policies; i++) {
		const struct tw_loaded_policy *policy = &snapshot->loaded.policy[i];

		printf("%-*s  %-7s", width, policy->name,
		       !(policy->here & TW_HERE_SELECTED) ? "-"
		       : observes(policy)		  ? "observe"
							  : "enforce");
		for (int outcome = 0; outcome < TW_OUTCOMES; outcome++)
			printf("  %10llu", (unsigned long long)tw_counts_total(
						   &snapshot->counts[i], (enum tw_outcome)outcome));
		printf("  %10llu\n", (unsigned long long)deaths(&snapshot->counts[i]));
	}
	print_settings(snapshot);
	for (uint32_t i = 0; i < snapshot->loaded.policies; i++)
		print_here(&snapshot->loaded.policy[i], snapshot->state.node);
}

static void print_status(const struct tw_snapshot *snapshot)
{
	char digest[TW_DIGEST_LEN], time[TW_TIME_LEN];

	uint64_t cgroup;

	if (!snapshot->attached) {
		printf("%snot attached%s: %s; start with `tcpwarden run`\n", tw_output_colour(31),
		       tw_output_colour(0),
		       tw_link_cgroup_of_others(&cgroup) == 0
			       ? "another version of tcpwarden enforces here, whose state this one "
				 "cannot read"
			       : "nothing is enforced here");
		return;
	}
	printf("%sattached%s to %s, generation %llu, policy %s, loaded %s, version %s\n",
	       tw_output_colour(32), tw_output_colour(0), snapshot->state.attached_to,
	       (unsigned long long)snapshot->number,
	       tw_digest_format(snapshot->loaded.digest, digest),
	       tw_output_time(snapshot->loaded.at_ns, time), snapshot->state.version);
	if (snapshot->daemon_pid)
		printf("daemon: process %d\n", (int)snapshot->daemon_pid);
	else if (snapshot->daemon)
		printf("daemon: running, in another pid namespace\n");
	else
		printf("daemon: none; enforcement goes on, the policy is not followed\n");
	if (snapshot->state.refused_at_ns)
		printf("%slast policy refused%s at %s: %s\n", tw_output_colour(33),
		       tw_output_colour(0), tw_output_time(snapshot->state.refused_at_ns, time),
		       snapshot->state.refusal);
	if (snapshot->loaded.policies)
		print_policies(snapshot);
	else
		printf("no policies: every socket is left alone\n");
}

enum tw_exit tw_cmd_status(const struct tw_args *args)
{
	_cleanup_free_ struct tw_snapshot *snapshot = calloc(1, sizeof(*snapshot));
	struct tw_fault fault = TW_FAULT_INIT;
	enum tw_exit status = TW_EXIT_OK;

	if (!snapshot) {
		tw_fault(&fault, -ENOMEM, "cannot read the state: %m");
		return tw_output_fault(&fault);
	}
	if (tw_snapshot_read(snapshot, &fault))
		return tw_output_fault(&fault);
	if (args->json)
		status = tw_output_json(status_json(snapshot));
	else
		print_status(snapshot);
	if (status == TW_EXIT_OK && !snapshot->attached)
		status = TW_EXIT_DETACHED;
	return status;
}
