// SPDX-License-Identifier: GPL-2.0-only
/* tcpwarden explain: which policy a connection has, why, and when a dead peer is noticed. */
#include <errno.h>
#include <string.h>

#include "cli/explain_output.h"
#include "cli/explain_question.h"
#include "kernel/cgroup.h"
#include "kernel/cgroup_names.h"
#include "kernel/live.h"
#include "policy/warn.h"

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
static int answer(const struct tw_explain_question *explain, const struct tw_question *question,
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
static char *live_cgroup(const struct tw_explain_question *explain,
			 const struct tw_live_socket *socket, struct tw_explanation *explanation)
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
static int answer_live(const struct tw_explain_question *explain,
		       const struct tw_live_socket *socket, char **ret_cgroup,
		       struct tw_explanation *ret_explanation)
{
	_cleanup_explanation_ struct tw_explanation live = TW_EXPLANATION_INIT, fresh;
	_cleanup_free_ char *cgroup = live_cgroup(explain, socket, &live);
	struct tw_question question = {
		.cgroup = cgroup,
		.pod = tw_explain_pod_of(explain, cgroup ?: "/"),
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
static int add_pod(const struct tw_explain_question *explain, const char *cgroup,
		   struct tw_buf *buf)
{
	struct tw_pod pod = tw_explain_pod_of(explain, cgroup);

	if (pod.state == TW_POD_NONE)
		return 0;
	if (pod.state == TW_POD_UNKNOWN)
		return tw_buf_addf(buf, ", pod not known");
	return tw_buf_addf(buf, ", pod %s/%s", pod.namespace, pod.name);
}

/* The first line of a connection that is thought of: what is known of it. */
static int thought_head(const struct tw_explain_question *explain, struct tw_buf *buf)
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

static int live_head(const struct tw_explain_question *explain, const struct tw_live_socket *socket,
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

static int answer_thought(const struct tw_explain_question *explain,
			  struct tw_explanation *ret_explanation)
{
	struct tw_question question = {
		.cgroup = explain->cgroup,
		.pod = tw_explain_pod_of(explain, explain->cgroup),
		.attached_to = explain->attached_to,
		.node = explain->place.node,
		.direction = explain->direction,
		.local = explain->args->local ? &explain->local : NULL,
		.remote = explain->args->remote ? &explain->remote : NULL,
	};

	return answer(explain, &question, ret_explanation);
}

static enum tw_exit explain_thought(const struct tw_explain_question *explain)
{
	_cleanup_explanation_ struct tw_explanation explanation = TW_EXPLANATION_INIT;
	_cleanup_buf_ struct tw_buf head = TW_BUF_INIT;

	if (answer_thought(explain, &explanation) < 0 || thought_head(explain, &head) < 0)
		return no_memory();
	if (explain->args->json)
		return tw_output_json(tw_explanation_json(&explanation));
	return print_text(&explanation, &head);
}

static enum tw_exit explain_live(const struct tw_explain_question *explain)
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
static enum tw_exit one_socket(const struct tw_explain_question *explain,
			       const struct tw_live_socket *socket, json_t *list)
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

static enum tw_exit each_socket(const struct tw_explain_question *explain,
				const struct tw_live *live, json_t *list)
{
	enum tw_exit status = TW_EXIT_OK;

	for (size_t i = 0; i < live->count && status == TW_EXIT_OK; i++)
		status = one_socket(explain, &live->sockets[i], list);
	return status;
}

/* What its next connection would have, and each of its sockets. */
static enum tw_exit explain_process(const struct tw_explain_question *explain)
{
	_cleanup_explanation_ struct tw_explanation explanation = TW_EXPLANATION_INIT;
	_cleanup_live_ struct tw_live live = TW_LIVE_INIT;
	struct tw_fault fault = TW_FAULT_INIT;
	json_t *document, *list;
	enum tw_exit status;
	int error = tw_live_of_process(explain->pid, &live, &fault);

	if (error)
		return error == -ESRCH ? tw_explain_refuse(&fault) : tw_output_fault(&fault);
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
	_cleanup_explain_ struct tw_explain_question explain = { .args = args };
	enum tw_exit status = tw_explain_ask(&explain);

	if (status != TW_EXIT_OK)
		return status;
	if (tw_explain_is_live(&explain))
		return explain_live(&explain);
	if (tw_explain_wants_sockets(&explain))
		return explain_process(&explain);
	return explain_thought(&explain);
}
