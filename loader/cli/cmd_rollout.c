// SPDX-License-Identifier: GPL-2.0-only
/*
 * tcpwarden rollout: which nodes of a fleet enforce each policy, and which
 * another share would add. Looks at no machine, needs no privilege.
 */
#include <errno.h>
#include <string.h>

#include "cli/output.h"
#include "cli/policy_source.h"
#include "lib/cleanup.h"
#include "node/fleet.h"
#include "policy/cohort.h"

/* A node that a policy selects, in the order in which nodes go in. */
struct candidate {
	const char *node;
	unsigned place;
};

/* One policy on the fleet. */
struct plan {
	const struct tw_model_policy *policy;
	struct candidate *candidates; /* by place, then name */
	size_t count;
	unsigned now;	/* per mille that enforces; 0 where it observes everywhere */
	unsigned other; /* per mille to compare with */
	size_t inside_now;
	size_t inside_other;
};

static void plan_free(struct plan *plan)
{
	free(plan->candidates);
}
#define _cleanup_plan_ _cleanup_(plan_free)

static int by_place(const void *a, const void *b)
{
	const struct candidate *x = a, *y = b;

	if (x->place != y->place)
		return x->place < y->place ? -1 : 1;
	return strcmp(x->node, y->node);
}

/* Those of the share are the first of the candidates. */
static size_t inside(const struct plan *plan, unsigned share)
{
	size_t count = 0;

	while (count < plan->count && plan->candidates[count].place < share)
		count++;
	return count;
}

/* Of one that observes everywhere, the next step is to let its own share enforce. */
static unsigned next_share(const struct tw_model_policy *policy)
{
	return policy->observe && policy->rollout ? policy->rollout
						  : tw_share_next(policy->rollout);
}

/* `share` NULL: the next step. */
static int make_plan(const struct tw_model_policy *policy, const struct tw_fleet *fleet,
		     const unsigned *share, struct plan *plan)
{
	plan->policy = policy;
	plan->candidates = calloc(fleet->count, sizeof(*plan->candidates));
	if (!plan->candidates)
		return -ENOMEM;
	for (size_t i = 0; i < fleet->count; i++)
		if (tw_policy_selects_node(policy, fleet->nodes[i]))
			plan->candidates[plan->count++] = (struct candidate){
				fleet->nodes[i], tw_cohort_place(policy->cohort, fleet->nodes[i])
			};
	qsort(plan->candidates, plan->count, sizeof(*plan->candidates), by_place);
	plan->now = policy->observe ? 0 : policy->rollout;
	plan->other = share ? *share : next_share(policy);
	plan->inside_now = inside(plan, plan->now);
	plan->inside_other = inside(plan, plan->other);
	return 0;
}

/* --- for scripts ------------------------------------------------------------------ */

/* The candidates `from` up to `to`; none where they are not in that order. */
static json_t *nodes_json(const struct plan *plan, size_t from, size_t to)
{
	json_t *list = json_array();

	for (size_t i = from; i < to; i++)
		json_array_append_new(list, json_string(plan->candidates[i].node));
	return list;
}

static json_t *plan_json(const struct plan *plan)
{
	const struct tw_model_policy *policy = plan->policy;

	return json_pack("{s:s, s:s, s:f, s:s, s:i, s:o, s:{s:f, s:o, s:o}}", "name", policy->name,
			 "mode", policy->observe ? "observe" : "enforce", "rollout",
			 (double)policy->rollout / 10, "cohort", policy->cohort, "selected",
			 (int)plan->count, "enforcing", nodes_json(plan, 0, plan->inside_now),
			 "next", "rollout", (double)plan->other / 10, "adds",
			 nodes_json(plan, plan->inside_now, plan->inside_other), "removes",
			 nodes_json(plan, plan->inside_other, plan->inside_now));
}

/* --- for people --------------------------------------------------------------------- */

static void print_nodes(const struct plan *plan, size_t from, size_t to, const char *what)
{
	for (size_t i = from; i < to; i++)
		printf("  %-6s  %s\n", what, plan->candidates[i].node);
}

static void print_plan(const struct plan *plan, const struct tw_fleet *fleet)
{
	const struct tw_model_policy *policy = plan->policy;
	bool shrinks = plan->inside_other < plan->inside_now;
	size_t change = shrinks ? plan->inside_now - plan->inside_other
				: plan->inside_other - plan->inside_now;
	char now[TW_SHARE_LEN], other[TW_SHARE_LEN];

	printf("%s: rollout %s%s, cohort %s: enforces on %zu of %zu nodes", policy->name,
	       tw_share_format(policy->rollout, now), policy->observe ? ", mode observe" : "",
	       policy->cohort, plan->inside_now, plan->count);
	if (plan->count != fleet->count)
		printf(" (match.node leaves out %zu)", fleet->count - plan->count);
	if (plan->other != policy->rollout || policy->observe)
		printf("; %s %s %zu", tw_share_format(plan->other, other),
		       shrinks ? "removes" : "adds", change);
	printf("\n");
	print_nodes(plan, 0, shrinks ? plan->inside_other : plan->inside_now, "now");
	print_nodes(plan, plan->inside_now, plan->inside_other, "next");
	print_nodes(plan, plan->inside_other, plan->inside_now, "leaves");
}

/* --- all -------------------------------------------------------------------------------- */

static enum tw_exit no_memory(void)
{
	struct tw_fault fault;

	tw_fault(&fault, -ENOMEM, "cannot plan the roll-out: %m");
	return tw_output_fault(&fault);
}

/* To `list`, or where it is NULL to standard output. */
static int each_policy(const struct tw_model *model, const struct tw_fleet *fleet,
		       const unsigned *share, json_t *list)
{
	for (size_t i = 0; i < model->count; i++) {
		_cleanup_plan_ struct plan plan = { 0 };
		int r = make_plan(&model->policies[i], fleet, share, &plan);

		if (r < 0)
			return r;
		if (list)
			json_array_append_new(list, plan_json(&plan));
		else
			print_plan(&plan, fleet);
	}
	return 0;
}

static enum tw_exit print(const struct tw_args *args, const struct tw_model *model,
			  const struct tw_fleet *fleet, const unsigned *share)
{
	json_t *list = args->json ? json_array() : NULL;

	if (each_policy(model, fleet, share, list) < 0) {
		json_decref(list);
		return no_memory();
	}
	if (args->json)
		return tw_output_json(
			json_pack("{s:i, s:o}", "nodes", (int)fleet->count, "policies", list));
	return TW_EXIT_OK;
}

static enum tw_exit read_share(const char *text, unsigned *ret_share)
{
	if (!text || !tw_share_parse(text, ret_share))
		return TW_EXIT_OK;
	fprintf(stderr,
		"tcpwarden: --share wants 0%%..100%% with at most one decimal, such as 25%%, "
		"got %s\n",
		text);
	return TW_EXIT_USAGE;
}

static enum tw_exit load_fleet(const char *path, struct tw_fleet *ret_fleet)
{
	_cleanup_diags_ struct tw_diags diags = TW_DIAGS_INIT;
	int error;

	if (!path) {
		fprintf(stderr,
			"tcpwarden: rollout needs --nodes FILE: a node's name on each line, "
			"such as `kubectl get nodes -o name | cut -d/ -f2` prints\n");
		return TW_EXIT_USAGE;
	}
	error = tw_fleet_load(path, &diags, ret_fleet);
	tw_diags_print(&diags, stderr);
	if (error == -ENOMEM)
		return no_memory();
	return error ? TW_EXIT_USAGE : TW_EXIT_OK;
}

enum tw_exit tw_cmd_rollout(const struct tw_args *args)
{
	_cleanup_fleet_ struct tw_fleet fleet = TW_FLEET_INIT;
	_cleanup_model_ struct tw_model model = TW_MODEL_INIT;
	unsigned share = 0;
	enum tw_exit status = read_share(args->share, &share);
	int error;

	if (status == TW_EXIT_OK)
		status = load_fleet(args->nodes, &fleet);
	if (status != TW_EXIT_OK)
		return status;
	error = tw_policy_source_file(args->policy, &model);
	if (error)
		return error == -ENOMEM ? TW_EXIT_FAILED : TW_EXIT_USAGE;
	return print(args, &model, &fleet, args->share ? &share : NULL);
}
