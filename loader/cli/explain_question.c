// SPDX-License-Identifier: GPL-2.0-only
#include "cli/explain_question.h"

#include <errno.h>
#include <string.h>

#include "cli/output.h"
#include "cli/policy_source.h"
#include "kernel/cgroup.h"
#include "kernel/process.h"
#include "lib/path.h"
#include "node/pod_path.h"

#define MAX_PID 4194304 /* PID_MAX_LIMIT of 64-bit kernels */

void tw_explain_free(struct tw_explain_question *explain)
{
	free(explain->cgroup);
	free(explain->attached_to);
	tw_pods_close(explain->pods);
	tw_model_free(&explain->model);
	tw_compiled_free(&explain->compiled);
}

static enum tw_exit refuse(const char *option, const char *wants, const char *got)
{
	fprintf(stderr, "tcpwarden: --%s wants %s, got %s\n", option, wants, got);
	return TW_EXIT_USAGE;
}

enum tw_exit tw_explain_refuse(const struct tw_fault *fault)
{
	tw_output_fault(fault);
	return TW_EXIT_USAGE;
}

static enum tw_exit read_endpoint(const char *option, const char *text,
				  struct tw_endpoint *ret_endpoint)
{
	int error = text ? tw_endpoint_parse(text, ret_endpoint) : 0;

	if (error == -ERANGE)
		return refuse(option, "a port of 1..65535", text);
	if (error)
		return refuse(option, "ADDRESS:PORT such as 192.0.2.1:5432 or [::1]:80", text);
	return TW_EXIT_OK;
}

static enum tw_exit read_pid(const char *text, pid_t *ret_pid)
{
	char *end;
	long value = text ? strtol(text, &end, 10) : 0;

	if (!text)
		return TW_EXIT_OK;
	if (text[0] < '0' || text[0] > '9' || *end || value < 1 || value > MAX_PID)
		return refuse("pid", "the number of a process", text);
	*ret_pid = (pid_t)value;
	return TW_EXIT_OK;
}

static enum tw_exit read_args(struct tw_explain_question *explain)
{
	const struct tw_args *args = explain->args;
	enum tw_exit status = read_pid(args->pid, &explain->pid);

	if (status == TW_EXIT_OK)
		status = read_endpoint("local", args->local, &explain->local);
	if (status == TW_EXIT_OK)
		status = read_endpoint("remote", args->remote, &explain->remote);
	if (status != TW_EXIT_OK)
		return status;
	if (args->cgroup && args->pid) {
		fprintf(stderr, "tcpwarden: --cgroup and --pid exclude each other: a process has "
				"its cgroup\n");
		return TW_EXIT_USAGE;
	}
	if (args->node_name && !args->policy) {
		fprintf(stderr, "tcpwarden: --node-name needs -c: what is enforced now is "
				"enforced on this node\n");
		return TW_EXIT_USAGE;
	}
	explain->direction = args->direction && !strcmp(args->direction, "in") ? TW_IN : TW_OUT;
	if (args->pid)
		return TW_EXIT_OK;
	explain->cgroup = tw_path_normal(args->cgroup ?: "/");
	if (!explain->cgroup)
		return refuse("cgroup",
			      "an absolute path in the cgroup2 tree, such as /system.slice",
			      args->cgroup);
	return TW_EXIT_OK;
}

bool tw_explain_is_live(const struct tw_explain_question *explain)
{
	return explain->args->local && explain->args->remote && !explain->args->policy;
}

bool tw_explain_wants_sockets(const struct tw_explain_question *explain)
{
	return explain->pid && !explain->args->local && !explain->args->remote;
}

/* Where the process is: its cgroup, and for all that follows its network namespace. */
static enum tw_exit enter_process(struct tw_explain_question *explain)
{
	struct tw_fault fault = TW_FAULT_INIT;
	int error;

	if (!explain->pid)
		return TW_EXIT_OK;
	error = tw_process_cgroup(explain->pid, &explain->cgroup, &fault);
	/* A thought-of connection under a file needs no privilege, so no namespace but ours. */
	if (!error && !(explain->args->policy && !tw_explain_wants_sockets(explain)))
		error = tw_process_enter(explain->pid, &fault);
	if (!error)
		return TW_EXIT_OK;
	return error == -ESRCH ? tw_explain_refuse(&fault) : tw_output_fault(&fault);
}

/* With a file, a cgroup may be one that is still to come. */
static enum tw_exit check_cgroup(const struct tw_explain_question *explain)
{
	_cleanup_cgroup_tree_ struct tw_cgroup_tree tree = TW_CGROUP_TREE_INIT;
	struct tw_fault fault = TW_FAULT_INIT;
	_cleanup_close_ int fd = -1;
	int error;

	if (explain->args->policy || explain->pid)
		return TW_EXIT_OK;
	if (tw_cgroup_tree_open(&tree, &fault))
		return tw_output_fault(&fault);
	error = tw_cgroup_open(&tree, explain->cgroup, &fd);
	if (!error)
		return TW_EXIT_OK;
	tw_fault(&fault, error, "cannot open the cgroup %s below %s: %m", explain->cgroup,
		 tree.mount);
	return tw_explain_refuse(&fault);
}

static enum tw_exit load(struct tw_explain_question *explain)
{
	struct tw_fault fault = TW_FAULT_INIT;
	int error;

	if (explain->args->policy) {
		error = tw_policy_source_file(explain->args->policy, &explain->model);
		if (error)
			return error == -ENOMEM ? TW_EXIT_FAILED : TW_EXIT_USAGE;
		if (tw_policy_source_place(explain->args->node_name, &explain->place, &fault))
			return tw_explain_refuse(&fault);
	} else if (tw_policy_source_kernel(&explain->model, &explain->attached_to, &explain->place,
					   &fault)) {
		return tw_output_fault(&fault);
	}
	error = tw_compile(&explain->model, &explain->place, &explain->compiled);
	if (!error)
		return TW_EXIT_OK;
	tw_fault(&fault, error, "cannot compile the policy: %m");
	return tw_output_fault(&fault);
}

/* Of a file alone no machine is asked: a pod is then one that is not known. */
static enum tw_exit read_pods(struct tw_explain_question *explain)
{
	const struct tw_args *args = explain->args;
	struct tw_fault fault = TW_FAULT_INIT;

	if (args->policy && !args->pod_logs && !args->pid)
		return TW_EXIT_OK;
	if (!tw_pods_open(args->pod_logs ?: TW_POD_LOGS, &explain->pods))
		return TW_EXIT_OK;
	tw_fault(&fault, -ENOMEM, "cannot know the pods of this node: %m");
	return tw_output_fault(&fault);
}

struct tw_pod tw_explain_pod_of(const struct tw_explain_question *explain, const char *cgroup)
{
	struct tw_pod_path path;

	if (explain->pods)
		return tw_pods_of(explain->pods, cgroup);
	return (struct tw_pod){ .state = tw_pod_path_parse(cgroup, &path) ? TW_POD_UNKNOWN
									  : TW_POD_NONE };
}

enum tw_exit tw_explain_ask(struct tw_explain_question *explain)
{
	enum tw_exit status = read_args(explain);

	if (status == TW_EXIT_OK)
		status = enter_process(explain);
	if (status == TW_EXIT_OK)
		status = check_cgroup(explain);
	if (status == TW_EXIT_OK)
		status = load(explain);
	if (status == TW_EXIT_OK)
		status = read_pods(explain);
	if (status == TW_EXIT_OK)
		tw_node_limits_read(&explain->limits);
	return status;
}
