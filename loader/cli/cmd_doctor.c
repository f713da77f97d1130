// SPDX-License-Identifier: GPL-2.0-only
/* tcpwarden doctor: what works here, what does not, and how to mend it. */
#include <errno.h>

#include "cli/output.h"
#include "cli/policy_source.h"
#include "kernel/checks.h"
#include "kernel/state.h"
#include "lib/cleanup.h"
#include "node/pod_check.h"

static int colour(enum tw_check_status status)
{
	switch (status) {
	case TW_CHECK_OK:
		return 32;
	case TW_CHECK_DEGRADED:
		return 33;
	default:
		return 31;
	}
}

static enum tw_exit print_json(const struct tw_check *checks, size_t count, bool ok)
{
	json_t *list = json_array();

	for (size_t i = 0; i < count; i++)
		json_array_append_new(
			list, json_pack("{s:s, s:s, s:s, s:s}", "name", checks[i].name, "status",
					tw_check_status_name(checks[i].status), "detail",
					checks[i].detail, "remedy", checks[i].remedy));
	return tw_output_json(json_pack("{s:b, s:o}", "ok", ok, "checks", list));
}

static void print_check(const struct tw_check *check)
{
	printf("%s%-8s%s  %-16s  %s\n", tw_output_colour(colour(check->status)),
	       tw_check_status_name(check->status), tw_output_colour(0), check->name,
	       check->detail);
	if (check->remedy[0])
		printf("%-26s  -> %s\n", "", check->remedy);
}

/*
 * The policy that the node is compared with: of the file, else in force, else
 * embedded. TW_EXIT_USAGE: the file is not valid; all else is a check.
 */
static enum tw_exit load(const char *path, struct tw_model *ret_model, const char **ret_which)
{
	_cleanup_free_ char *attached_to = NULL;
	struct tw_fault fault = TW_FAULT_INIT;
	struct tw_place place;
	const char *which = path;
	int error;

	if (path) {
		error = tw_policy_source_file(path, ret_model);
		if (error)
			return error == -ENOMEM ? TW_EXIT_FAILED : TW_EXIT_USAGE;
	} else if (tw_policy_source_kernel(ret_model, &attached_to, &place, &fault) == 0) {
		which = "the policy in force";
	} else if (tw_policy_source_file(NULL, ret_model) == 0) {
		which = "the embedded policy";
	} else {
		return TW_EXIT_FAILED;
	}
	*ret_which = which;
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

/* Errors are looked at where there are any maps of ours that may be read. */
static enum tw_exit probe(const struct tw_args *args, struct tw_check *checks, size_t *ret_count)
{
	_cleanup_free_ struct tw_snapshot *snapshot = calloc(1, sizeof(*snapshot));
	_cleanup_model_ struct tw_model model = TW_MODEL_INIT;
	struct tw_check_subject subject = { .model = &model };
	struct tw_fault fault = TW_FAULT_INIT;
	enum tw_exit status = load(args->policy, &model, &subject.which);

	if (status != TW_EXIT_OK)
		return status;
	if (snapshot && !tw_snapshot_read(snapshot, &fault) && snapshot->number)
		subject.errors = &snapshot->errors;
	*ret_count = tw_checks_run(&subject, checks);
	if (check_pods(args->pod_logs, &model, &checks[*ret_count]))
		return TW_EXIT_FAILED;
	++*ret_count;
	return TW_EXIT_OK;
}

enum tw_exit tw_cmd_doctor(const struct tw_args *args)
{
	_cleanup_free_ struct tw_check *checks = calloc(TW_MAX_ALL_CHECKS + 1, sizeof(*checks));
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
