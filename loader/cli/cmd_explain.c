// SPDX-License-Identifier: GPL-2.0-only
/* tcpwarden explain: which policy a connection has, why, and when a dead peer is noticed. */
#include <errno.h>
#include <string.h>

#include "cli/explain_output.h"
#include "cli/policy_source.h"
#include "kernel/cgroup.h"
#include "kernel/cgroup_names.h"
#include "kernel/live.h"
#include "kernel/node_limits.h"
#include "kernel/process.h"
#include "lib/path.h"
#include "node/pods.h"
#include "policy/compile.h"
#include "policy/warn.h"

#define MAX_PID 4194304 /* PID_MAX_LIMIT of 64-bit kernels */

/* What is asked, and what it is answered from. */
struct explain {
	const struct tw_args *args;
	pid_t pid; /* 0: none */
	char *cgroup;
	struct tw_pods *pods; /* NULL: a file is asked, not this node */
	char *attached_to;    /* NULL: the policy is of a file */
	enum tw_direction direction;
	struct tw_endpoint local;
	struct tw_endpoint remote;
	struct tw_model model;
	struct tw_place place;
	struct tw_compiled compiled;
	struct tw_node_limits limits;
};

static void explain_free(struct explain *explain)
{
	free(explain->cgroup);
	free(explain->attached_to);
	tw_pods_close(explain->pods);
	tw_model_free(&explain->model);
	tw_compiled_free(&explain->compiled);
}

/* --- the question ---------------------------------------------------------------------- */

static enum tw_exit refuse(const char *option, const char *wants, const char *got)
{
	fprintf(stderr, "tcpwarden: --%s wants %s, got %s\n", option, wants, got);
	return TW_EXIT_USAGE;
}

static enum tw_exit refuse_fault(const struct tw_fault *fault)
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

static enum tw_exit read_args(struct explain *explain)
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

/* Both ends given, and no file: a connection that is there. */
static bool is_live(const struct explain *explain)
{
	return explain->args->local && explain->args->remote && !explain->args->policy;
}

/* A process without more: all that it has open. */
static bool wants_sockets(const struct explain *explain)
{
	return explain->pid && !explain->args->local && !explain->args->remote;
}

/* Where the process is: its cgroup, and for all that follows its network namespace. */
static enum tw_exit enter_process(struct explain *explain)
{
	struct tw_fault fault = TW_FAULT_INIT;
	int error;

	if (!explain->pid)
		return TW_EXIT_OK;
	error = tw_process_cgroup(explain->pid, &explain->cgroup, &fault);
	/* A thought-of connection under a file needs no privilege, so no namespace but ours. */
	if (!error && !(explain->args->policy && !wants_sockets(explain)))
		error = tw_process_enter(explain->pid, &fault);
	if (!error)
		return TW_EXIT_OK;
	return error == -ESRCH ? refuse_fault(&fault) : tw_output_fault(&fault);
}

/* With a file, a cgroup may be one that is still to come. */
static enum tw_exit check_cgroup(const struct explain *explain)
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
	return refuse_fault(&fault);
}

static enum tw_exit load(struct explain *explain)
{
	struct tw_fault fault = TW_FAULT_INIT;
	int error;

	if (explain->args->policy) {
		error = tw_policy_source_file(explain->args->policy, &explain->model);
		if (error)
			return error == -ENOMEM ? TW_EXIT_FAILED : TW_EXIT_USAGE;
		if (tw_policy_source_place(explain->args->node_name, &explain->place, &fault))
			return refuse_fault(&fault);
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
static enum tw_exit read_pods(struct explain *explain)
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

static struct tw_pod pod_of(const struct explain *explain, const char *cgroup)
{
	struct tw_pod_path path;

	if (explain->pods)
		return tw_pods_of(explain->pods, cgroup);
	return (struct tw_pod){ .state = tw_pod_path_parse(cgroup, &path) ? TW_POD_UNKNOWN
									  : TW_POD_NONE };
}

/* --- the answer --------------------------------------------------------------------------- */

static const struct tw_mark nowhere = { .file = "" };

#define warn(explanation, ...) \
	tw_diags_add(&(explanation)->warnings, TW_WARNING, nowhere, __VA_ARGS__)

/* What the winner, and the values that result, leave to be wished for. */
static void warn_result(const struct tw_model_policy *policy, struct tw_explanation *explanation)
{
	tw_warn_policy(policy, &explanation->warnings);
	if (policy->fields && explanation->timing.idle.never)
		warn(explanation, "keepalive is off: an idle connection never notices a dead peer");
}

/* Answer for a connection; the options are those of a fresh socket, the RTO is not known. */
static int answer(const struct explain *explain, const struct tw_question *question,
		  struct tw_explanation *ret_explanation)
{
	_cleanup_explanation_ struct tw_explanation explanation = TW_EXPLANATION_INIT;
	int r = tw_explain(&explain->model, &explain->compiled, question, &explanation.answer);

	if (r < 0)
		return r;
	explanation.model = &explain->model;
	explanation.pod = question->pod;
	explanation.system = explain->limits.timing;
	explanation.options =
		tw_explain_options(&explain->compiled, &explanation.answer, &explain->limits.fresh);
	tw_timing_predict(&explanation.options, &explanation.system, &explanation.timing);
	if (explanation.answer.winner != TW_MAX_POLICIES)
		warn_result(&explain->model.policies[explanation.answer.winner], &explanation);
	*ret_explanation = explanation;
	explanation = TW_EXPLANATION_INIT;
	return 0;
}

static void warn_live(const struct tw_live_socket *socket, const struct tw_options *expected,
		      struct tw_explanation *explanation)
{
	if (!socket->direction_known)
		warn(explanation,
		     "tcpwarden has not changed this connection, so its direction, %s, is a guess: "
		     "%s listens on its local port",
		     socket->direction == TW_IN ? "in" : "out",
		     socket->direction == TW_IN ? "a socket" : "no socket");
	if (socket->mptcp)
		warn(explanation, "Multipath TCP: its subflows may carry other options than these");
	if (!socket->seen)
		warn(explanation, "its options cannot be read; these are a fresh connection's");
	else if (memcmp(expected, &socket->options, sizeof(*expected)))
		warn(explanation,
		     "these are not the options of a fresh connection under this policy: the "
		     "application set some, or the connection is older than the policy");
}

/* The path of the connection's cgroup; where it cannot be told, the attach point. */
static char *live_cgroup(const struct explain *explain, const struct tw_live_socket *socket,
			 struct tw_explanation *explanation)
{
	_cleanup_cgroup_tree_ struct tw_cgroup_tree tree = TW_CGROUP_TREE_INIT;
	const char *otherwise = explain->pid	       ? explain->cgroup
				: explain->attached_to ? explain->attached_to
						       : "/";
	struct tw_fault fault = TW_FAULT_INIT;
	char *path;

	if (!socket->cgroup_id)
		warn(explanation,
		     "this kernel does not say the connection's cgroup; %s is taken for it",
		     otherwise);
	else if (tw_cgroup_tree_open(&tree, &fault))
		warn(explanation, "%s; %s is taken for the connection's cgroup", fault.text,
		     otherwise);
	else if (tw_cgroup_path_of(&tree, socket->cgroup_id, &path) == 0)
		return path;
	else
		warn(explanation,
		     "the connection's cgroup (id %llu) is not in the tree; %s is taken for it",
		     (unsigned long long)socket->cgroup_id, otherwise);
	return strdup(otherwise);
}

/* Answer for a live connection: its cgroup, its options, its RTO. */
static int answer_live(const struct explain *explain, const struct tw_live_socket *socket,
		       char **ret_cgroup, struct tw_explanation *ret_explanation)
{
	_cleanup_explanation_ struct tw_explanation live = TW_EXPLANATION_INIT, fresh;
	_cleanup_free_ char *cgroup = live_cgroup(explain, socket, &live);
	struct tw_question question = {
		.cgroup = cgroup,
		.pod = pod_of(explain, cgroup ?: "/"),
		.attached_to = explain->attached_to,
		.node = explain->place.node,
		.direction = socket->direction,
		.local = &socket->local,
		.remote = &socket->remote,
	};
	int r;

	fresh = TW_EXPLANATION_INIT;
	r = cgroup ? answer(explain, &question, &fresh) : -ENOMEM;
	if (r < 0)
		return r;
	warn_live(socket, &fresh.options, &fresh);
	for (size_t i = 0; i < live.warnings.count; i++)
		warn(&fresh, "%s", live.warnings.list[i].message);
	if (socket->seen)
		fresh.options = socket->options;
	if (socket->rto_ms) {
		fresh.system.rto_least_ms = socket->rto_ms;
		fresh.system.rto_most_ms = socket->rto_ms;
	}
	tw_timing_predict(&fresh.options, &fresh.system, &fresh.timing);
	*ret_cgroup = TAKE_PTR(cgroup);
	*ret_explanation = fresh;
	fresh = TW_EXPLANATION_INIT;
	return 0;
}

/* --- what is printed ------------------------------------------------------------------------ */

static enum tw_exit no_memory(void)
{
	struct tw_fault fault;

	tw_fault(&fault, -ENOMEM, "cannot explain: %m");
	return tw_output_fault(&fault);
}

static const char *direction_name(enum tw_direction direction)
{
	return direction == TW_IN ? "in" : "out";
}

static enum tw_exit print_text(const struct tw_explanation *explanation, const struct tw_buf *head)
{
	return tw_explanation_print(explanation, tw_buf_string(head)) < 0 ? no_memory()
									  : TW_EXIT_OK;
}

/* ", pod namespace/name" where the cgroup is a pod's. */
static int add_pod(const struct explain *explain, const char *cgroup, struct tw_buf *buf)
{
	struct tw_pod pod = pod_of(explain, cgroup);

	if (pod.state == TW_POD_NONE)
		return 0;
	if (pod.state == TW_POD_UNKNOWN)
		return tw_buf_addf(buf, ", pod not known");
	return tw_buf_addf(buf, ", pod %s/%s", pod.namespace, pod.name);
}

/* The first line of a connection that is thought of: what is known of it. */
static int thought_head(const struct explain *explain, struct tw_buf *buf)
{
	const struct tw_args *args = explain->args;
	int r = tw_buf_addf(buf, "a new connection, %s, of cgroup %s",
			    direction_name(explain->direction), explain->cgroup);

	if (r == 0)
		r = add_pod(explain, explain->cgroup, buf);
	if (r == 0 && args->local)
		r = tw_buf_addf(buf, ", local %s", args->local);
	if (r == 0 && args->remote)
		r = tw_buf_addf(buf, ", remote %s", args->remote);
	return r;
}

static int live_head(const struct explain *explain, const struct tw_live_socket *socket,
		     const char *cgroup, struct tw_buf *buf)
{
	char from[TW_ENDPOINT_LEN], to[TW_ENDPOINT_LEN];
	int r;

	r = tw_buf_addf(buf, "%s -> %s, %s, %s, of cgroup %s",
			tw_endpoint_format(&socket->local, from),
			tw_endpoint_format(&socket->remote, to), tw_live_state(socket->state),
			direction_name(socket->direction), cgroup);
	return r < 0 ? r : add_pod(explain, cgroup, buf);
}

static int answer_thought(const struct explain *explain, struct tw_explanation *ret_explanation)
{
	struct tw_question question = {
		.cgroup = explain->cgroup,
		.pod = pod_of(explain, explain->cgroup),
		.attached_to = explain->attached_to,
		.node = explain->place.node,
		.direction = explain->direction,
		.local = explain->args->local ? &explain->local : NULL,
		.remote = explain->args->remote ? &explain->remote : NULL,
	};

	return answer(explain, &question, ret_explanation);
}

static enum tw_exit explain_thought(const struct explain *explain)
{
	_cleanup_explanation_ struct tw_explanation explanation = TW_EXPLANATION_INIT;
	_cleanup_buf_ struct tw_buf head = TW_BUF_INIT;

	if (answer_thought(explain, &explanation) < 0 || thought_head(explain, &head) < 0)
		return no_memory();
	if (explain->args->json)
		return tw_output_json(tw_explanation_json(&explanation));
	return print_text(&explanation, &head);
}

static enum tw_exit explain_live(const struct explain *explain)
{
	_cleanup_explanation_ struct tw_explanation explanation = TW_EXPLANATION_INIT;
	_cleanup_buf_ struct tw_buf head = TW_BUF_INIT;
	_cleanup_free_ char *cgroup = NULL;
	struct tw_fault fault = TW_FAULT_INIT;
	struct tw_live_socket socket;

	if (tw_live_find(&explain->local, &explain->remote, &socket, &fault))
		return tw_output_fault(&fault);
	if (answer_live(explain, &socket, &cgroup, &explanation) < 0 ||
	    live_head(explain, &socket, cgroup, &head) < 0)
		return no_memory();
	if (explain->args->json)
		return tw_output_json(tw_explanation_json(&explanation));
	return print_text(&explanation, &head);
}

/* --- a process ------------------------------------------------------------------------------- */

/* A listening socket is never written, so there is nothing to explain. */
static enum tw_exit one_listener(const struct tw_live_socket *socket, json_t *list)
{
	char local[TW_ENDPOINT_LEN];

	tw_endpoint_format(&socket->local, local);
	if (!list)
		printf("\n%s, LISTEN: never written; each connection that it accepts has its own "
		       "policy\n",
		       local);
	else if (json_array_append_new(list, json_pack("{s:s, s:n, s:s, s:n}", "local", local,
						       "remote", "state", "LISTEN", "direction")))
		return no_memory();
	return TW_EXIT_OK;
}

static json_t *live_json(const struct tw_live_socket *socket, const char *cgroup,
			 const struct tw_explanation *explanation)
{
	char local[TW_ENDPOINT_LEN], remote[TW_ENDPOINT_LEN];
	json_t *document = tw_explanation_json(explanation);

	if (json_object_set_new(document, "local",
				json_string(tw_endpoint_format(&socket->local, local))) ||
	    json_object_set_new(document, "remote",
				json_string(tw_endpoint_format(&socket->remote, remote))) ||
	    json_object_set_new(document, "state", json_string(tw_live_state(socket->state))) ||
	    json_object_set_new(document, "direction",
				json_string(direction_name(socket->direction))) ||
	    json_object_set_new(document, "cgroup", json_string(cgroup))) {
		json_decref(document);
		return NULL;
	}
	return document;
}

/* To `list`, or where it is NULL to standard output. */
static enum tw_exit one_socket(const struct explain *explain, const struct tw_live_socket *socket,
			       json_t *list)
{
	_cleanup_explanation_ struct tw_explanation explanation = TW_EXPLANATION_INIT;
	_cleanup_buf_ struct tw_buf head = TW_BUF_INIT;
	_cleanup_free_ char *cgroup = NULL;

	if (socket->state == TW_LIVE_LISTEN)
		return one_listener(socket, list);
	if (answer_live(explain, socket, &cgroup, &explanation) < 0 ||
	    tw_buf_addf(&head, "\n") < 0 || live_head(explain, socket, cgroup, &head) < 0)
		return no_memory();
	if (!list)
		return print_text(&explanation, &head);
	if (json_array_append_new(list, live_json(socket, cgroup, &explanation)))
		return no_memory();
	return TW_EXIT_OK;
}

static enum tw_exit each_socket(const struct explain *explain, const struct tw_live *live,
				json_t *list)
{
	enum tw_exit status = TW_EXIT_OK;

	for (size_t i = 0; i < live->count && status == TW_EXIT_OK; i++)
		status = one_socket(explain, &live->sockets[i], list);
	return status;
}

/* What its next connection would have, and each of its sockets. */
static enum tw_exit explain_process(const struct explain *explain)
{
	_cleanup_explanation_ struct tw_explanation explanation = TW_EXPLANATION_INIT;
	_cleanup_live_ struct tw_live live = TW_LIVE_INIT;
	struct tw_fault fault = TW_FAULT_INIT;
	json_t *document, *list;
	enum tw_exit status;
	int error = tw_live_of_process(explain->pid, &live, &fault);

	if (error)
		return error == -ESRCH ? refuse_fault(&fault) : tw_output_fault(&fault);
	if (!explain->args->json) {
		status = explain_thought(explain);
		return status == TW_EXIT_OK ? each_socket(explain, &live, NULL) : status;
	}
	if (answer_thought(explain, &explanation) < 0)
		return no_memory();
	document = tw_explanation_json(&explanation);
	list = json_array();
	status = each_socket(explain, &live, list);
	if (json_object_set_new(document, "sockets", list) < 0 || status != TW_EXIT_OK) {
		json_decref(document);
		return status != TW_EXIT_OK ? status : no_memory();
	}
	return tw_output_json(document);
}

enum tw_exit tw_cmd_explain(const struct tw_args *args)
{
	_cleanup_(explain_free) struct explain explain = { .args = args };
	enum tw_exit status = read_args(&explain);

	if (status == TW_EXIT_OK)
		status = enter_process(&explain);
	if (status == TW_EXIT_OK)
		status = check_cgroup(&explain);
	if (status == TW_EXIT_OK)
		status = load(&explain);
	if (status == TW_EXIT_OK)
		status = read_pods(&explain);
	if (status != TW_EXIT_OK)
		return status;
	tw_node_limits_read(&explain.limits);
	if (is_live(&explain))
		return explain_live(&explain);
	if (wants_sockets(&explain))
		return explain_process(&explain);
	return explain_thought(&explain);
}
