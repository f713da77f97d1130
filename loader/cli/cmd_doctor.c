// SPDX-License-Identifier: GPL-2.0-only
/* tcpwarden doctor: what works here, what does not, and how to mend it. */
#include <errno.h>

#include "cli/output.h"
#include "cli/policy_source.h"
#include "kernel/features.h"
#include "kernel/node_limits.h"
#include "lib/cleanup.h"
#include "node/pod_check.h"

static const struct {
	const char *name;
	int colour;
} statuses[] = {
	[TW_CHECK_OK] = { "ok", 32 },
	[TW_CHECK_DEGRADED] = { "degraded", 33 },
	[TW_CHECK_MISSING] = { "missing", 31 },
};

static enum tw_exit print_json(const struct tw_check *checks, size_t count, bool ok)
{
	json_t *list = json_array();

	for (size_t i = 0; i < count; i++)
		json_array_append_new(list,
				      json_pack("{s:s, s:s, s:s, s:s}", "name", checks[i].name,
						"status", statuses[checks[i].status].name, "detail",
						checks[i].detail, "remedy", checks[i].remedy));
	return tw_output_json(json_pack("{s:b, s:o}", "ok", ok, "checks", list));
}

static void print_check(const struct tw_check *check)
{
	printf("%s%-8s%s  %-16s  %s\n", tw_output_colour(statuses[check->status].colour),
	       statuses[check->status].name, tw_output_colour(0), check->name, check->detail);
	if (check->remedy[0])
		printf("%-26s  -> %s\n", "", check->remedy);
}

/*
 * The policy that the node is compared with: of the file, else in force, else
 * embedded. TW_EXIT_USAGE: the file is not valid; all else is a check.
 */
static enum tw_exit load(const char *path, struct tw_model *ret_model, struct tw_check *ret_check)
{
	_cleanup_free_ char *attached_to = NULL;
	struct tw_fault fault = TW_FAULT_INIT;
	const char *which = path;
	int error;

	if (path) {
		error = tw_policy_source_file(path, ret_model);
		if (error)
			return error == -ENOMEM ? TW_EXIT_FAILED : TW_EXIT_USAGE;
	} else if (tw_policy_source_kernel(ret_model, &attached_to, &fault) == 0) {
		which = "the policy in force";
	} else if (tw_policy_source_file(NULL, ret_model) == 0) {
		which = "the embedded policy";
	} else {
		return TW_EXIT_FAILED;
	}
	tw_check_set(ret_check, "policy", TW_CHECK_OK, "",
		     "what follows compares this node with %s (%zu %s)", which, ret_model->count,
		     ret_model->count == 1 ? "policy" : "policies");
	return TW_EXIT_OK;
}

/* Whether policies can select by pod here. -ENOMEM. */
static int check_pods(const char *pod_logs, const struct tw_model *model,
		      struct tw_check *ret_check)
{
	_cleanup_cgroup_tree_ struct tw_cgroup_tree tree = TW_CGROUP_TREE_INIT;
	struct tw_fault fault = TW_FAULT_INIT;
	struct tw_pods *pods;
	int error = tw_pods_open(pod_logs ?: TW_POD_LOGS, &pods);

	if (error)
		return error;
	tw_pod_check(pods, tw_cgroup_tree_open(&tree, &fault) ? NULL : &tree, model, ret_check);
	tw_pods_close(pods);
	return 0;
}

/* All checks: what BPF offers, then the node and its policy. */
static enum tw_exit probe(const struct tw_args *args, struct tw_check *checks, size_t *ret_count)
{
	_cleanup_model_ struct tw_model model = TW_MODEL_INIT;
	struct tw_node_limits limits;
	struct tw_check policy;
	enum tw_exit status = load(args->policy, &model, &policy);
	size_t count;

	if (status != TW_EXIT_OK)
		return status;
	count = tw_features_probe(checks);
	checks[count++] = policy;
	tw_node_limits_read(&limits);
	count += tw_node_limits_check(&limits, &model, checks + count);
	if (check_pods(args->pod_logs, &model, &checks[count++]))
		return TW_EXIT_FAILED;
	*ret_count = count;
	return TW_EXIT_OK;
}

enum tw_exit tw_cmd_doctor(const struct tw_args *args)
{
	_cleanup_free_ struct tw_check *checks =
		calloc(TW_MAX_CHECKS + 2 + TW_MAX_NODE_CHECKS, sizeof(*checks));
	bool ok = true;
	size_t count;
	enum tw_exit status;

	if (!checks) {
		fprintf(stderr, "tcpwarden: error: cannot probe: no memory\n");
		return TW_EXIT_FAILED;
	}
	status = probe(args, checks, &count);
	if (status != TW_EXIT_OK)
		return status;
	for (size_t i = 0; i < count; i++)
		ok = ok && checks[i].status != TW_CHECK_MISSING;
	if (args->json) {
		status = print_json(checks, count, ok);
		if (status != TW_EXIT_OK)
			return status;
	} else {
		for (size_t i = 0; i < count; i++)
			print_check(&checks[i]);
		printf("%s\n", ok ? "tcpwarden can enforce here" : "tcpwarden cannot enforce here");
	}
	return ok ? TW_EXIT_OK : TW_EXIT_FAILED;
}
