// SPDX-License-Identifier: GPL-2.0-only
#include "policy/explain.h"

#include <errno.h>
#include <string.h>

#include <tcpwarden/match.h>

#include "lib/buf.h"
#include "lib/cleanup.h"
#include "lib/path.h"
#include "policy/cohort.h"

#define MAX_SHOWN 8 /* elements of a list that a reason names */

void tw_answer_free(struct tw_answer *answer)
{
	for (size_t i = 0; i < answer->count; i++)
		free(answer->considered[i].why);
	free(answer->considered);
	*answer = TW_ANSWER_INIT;
}

/* What a connection meets, as the BPF program finds it. */
struct meeting {
	struct tw_cgroup_sets cgroup;
	const struct tw_set *direction;
	const struct tw_set *remote;
	const struct tw_set *port;
	struct tw_verdict verdict;
	bool outside; /* of the attach point */
};

static bool has(const struct tw_set *set, size_t policy)
{
	return set->word[policy / 64] >> policy % 64 & 1;
}

/* The end that the service listens on: whose port policies select by. */
static const struct tw_endpoint *service(const struct tw_question *question)
{
	return question->direction == TW_OUT ? question->remote : question->local;
}

static void meet(const struct tw_model *model, const struct tw_compiled *compiled,
		 const struct tw_question *question, struct meeting *ret_meeting)
{
	const struct tw_generation *generation = compiled->generation;
	const struct tw_endpoint *at = service(question);
	struct meeting meeting = {
		.direction = &generation->direction[question->direction],
		.remote = question->remote ? tw_compiled_remote(compiled, question->remote->addr)
					   : &generation->any_remote,
		.port = at ? tw_compiled_port(compiled, at->port) : &generation->any_port,
		.outside = question->attached_to &&
			   !tw_path_is_below(question->cgroup, question->attached_to),
	};

	if (!meeting.outside)
		tw_compile_cgroup(model, question->cgroup, &question->pod, &meeting.cgroup);
	tw_select(&meeting.cgroup, meeting.cgroup.own_may, meeting.direction, meeting.remote,
		  meeting.port, &generation->observe, &meeting.verdict);
	*ret_meeting = meeting;
}

/* --- reasons ----------------------------------------------------------------------- */

/* "a, b, c", of many only the first and how many there are more. */
static int add_list(struct tw_buf *buf, const struct tw_model_policy *policy, size_t count,
		    int (*add)(struct tw_buf *, const struct tw_model_policy *, size_t))
{
	int r = 0;

	for (size_t i = 0; i < count && i < MAX_SHOWN && r == 0; i++) {
		if (i)
			r = tw_buf_addf(buf, ", ");
		if (r == 0)
			r = add(buf, policy, i);
	}
	if (r == 0 && count > MAX_SHOWN)
		r = tw_buf_addf(buf, " and %zu more", count - MAX_SHOWN);
	return r;
}

static int add_cgroup(struct tw_buf *buf, const struct tw_model_policy *policy, size_t i)
{
	return tw_buf_addf(buf, "%s", policy->cgroups[i]);
}

static int add_remote(struct tw_buf *buf, const struct tw_model_policy *policy, size_t i)
{
	char text[TW_CIDR_LEN];

	return tw_buf_addf(buf, "%s", tw_cidr_format(&policy->remotes[i], text));
}

static int add_port(struct tw_buf *buf, const struct tw_model_policy *policy, size_t i)
{
	const struct tw_port_range *range = &policy->ports[i];

	if (range->first == range->last)
		return tw_buf_addf(buf, "%u", range->first);
	return tw_buf_addf(buf, "%u-%u", range->first, range->last);
}

static int why_cgroup(struct tw_buf *buf, const struct tw_model_policy *policy,
		      const struct tw_question *question)
{
	int r = tw_buf_addf(buf, "cgroup %s is not below ", question->cgroup);

	return r < 0 ? r : add_list(buf, policy, policy->cgroup_count, add_cgroup);
}

static int add_text_list(struct tw_buf *buf, const char *key, char *const *texts, size_t count)
{
	int r = count ? tw_buf_addf(buf, " %s ", key) : 0;

	for (size_t i = 0; i < count && i < MAX_SHOWN && r == 0; i++)
		r = tw_buf_addf(buf, "%s%s", i ? ", " : "", texts[i]);
	if (r == 0 && count > MAX_SHOWN)
		r = tw_buf_addf(buf, " and %zu more", count - MAX_SHOWN);
	return r;
}

/* The cgroup is one that the policy selects, but the pod is not. */
static int why_pod(struct tw_buf *buf, const struct tw_model_policy *policy,
		   const struct tw_question *question)
{
	int r;

	if (question->pod.state == TW_POD_KNOWN)
		r = tw_buf_addf(buf, "pod %s/%s is not in", question->pod.namespace,
				question->pod.name);
	else
		r = tw_buf_addf(buf, "cgroup %s is not a pod's; it is for pods in",
				question->cgroup);
	if (r == 0)
		r = add_text_list(buf, "namespace", policy->namespaces, policy->namespace_count);
	if (r == 0 && policy->namespace_count && policy->pod_count)
		r = tw_buf_addf(buf, ",");
	return r < 0 ? r : add_text_list(buf, "pod", policy->pods, policy->pod_count);
}

static bool cgroup_selected(const struct tw_model_policy *policy, const char *path)
{
	for (size_t i = 0; i < policy->cgroup_count; i++)
		if (tw_cgroup_covers(policy->cgroups[i], path))
			return true;
	return !policy->cgroup_count;
}

/* Whether it selects this connection is not known. */
static bool is_doubtful(const struct meeting *meeting, size_t i)
{
	return meeting->cgroup.own_may && has(&meeting->cgroup.may, i);
}

static int why_direction(struct tw_buf *buf, const struct tw_question *question)
{
	return tw_buf_addf(buf, "it is for connections that we %s, this one we %s",
			   question->direction == TW_OUT ? "accepted" : "opened",
			   question->direction == TW_OUT ? "opened" : "accepted");
}

static int why_remote(struct tw_buf *buf, const struct tw_model_policy *policy,
		      const struct tw_question *question)
{
	char addr[TW_ENDPOINT_LEN];
	int r;

	if (!question->remote)
		return tw_buf_addf(buf, "it selects by remote address, which is not given");
	r = tw_buf_addf(buf, "remote %s is not in ",
			tw_endpoint_format_addr(question->remote, addr));
	return r < 0 ? r : add_list(buf, policy, policy->remote_count, add_remote);
}

static int why_port(struct tw_buf *buf, const struct tw_model_policy *policy,
		    const struct tw_question *question)
{
	const struct tw_endpoint *at = service(question);
	int r;

	if (!at)
		return tw_buf_addf(buf, "it selects by port, and no %s address is given",
				   question->direction == TW_OUT ? "remote" : "local");
	r = tw_buf_addf(buf, "port %u is not in ", at->port);
	return r < 0 ? r : add_list(buf, policy, policy->port_count, add_port);
}

static int add_node(struct tw_buf *buf, const struct tw_model_policy *policy, size_t i)
{
	return tw_buf_addf(buf, "%s", policy->nodes[i]);
}

static int why_node(struct tw_buf *buf, const struct tw_model_policy *policy,
		    const struct tw_question *question)
{
	int r = tw_buf_addf(buf, "not this node: %s is not one of ", question->node ?: "it");

	return r < 0 ? r : add_list(buf, policy, policy->node_count, add_node);
}

/* Places are told as shares: that of place 730 goes in at 73.1 %. */
static int why_outside(struct tw_buf *buf, const struct tw_model_policy *policy,
		       const struct tw_question *question)
{
	char share[TW_SHARE_LEN], needed[TW_SHARE_LEN];
	const char *node = question->node ?: "";

	return tw_buf_addf(buf,
			   "observes here: node %s is outside its rollout of %s, and goes in at %s "
			   "(cohort %s); counted, and the search goes on",
			   node, tw_share_format(policy->rollout, share),
			   tw_share_format(tw_cohort_place(policy->cohort, node) + 1, needed),
			   policy->cohort);
}

static int why_matched(struct tw_buf *buf, const struct tw_model_policy *policy, __u8 here,
		       const struct tw_question *question)
{
	if (policy->observe)
		return tw_buf_addf(buf, "observes: counted, and the search goes on");
	if (!(here & TW_HERE_IN_SHARE))
		return why_outside(buf, policy, question);
	if (here & TW_HERE_TRIPPED)
		return tw_buf_addf(buf,
				   "observes here: its guard tripped, more than %u deaths in a "
				   "minute; counted, and the search goes on",
				   policy->max_deaths);
	if (!policy->fields)
		return tw_buf_addf(buf, "matches: an exemption, the connection is left alone");
	if (policy->precedence == TW_PRECEDENCE_STRICTEST)
		return tw_buf_addf(buf, "matches, and takes it; of its values and the "
					"application's the smaller stand, now and later");
	if (policy->precedence == TW_PRECEDENCE_POLICY)
		return tw_buf_addf(buf, "matches, and takes it; its values stand against the "
					"application's, now and later");
	return tw_buf_addf(buf, "matches, and takes it");
}

static int why_doubtful(struct tw_buf *buf, const struct tw_model_policy *policy,
			const struct tw_question *question)
{
	return tw_buf_addf(buf, "may match: the pod of cgroup %s is not known%s", question->cgroup,
			   policy->observe ? "" : "; until it is, the connection is left alone");
}

/* The first of the sets that the policy is not in says why; in all of them, it matches. */
static int why(struct tw_buf *buf, const struct tw_model *model, size_t i, __u8 here,
	       const struct tw_question *question, const struct meeting *meeting)
{
	const struct tw_model_policy *policy = &model->policies[i];

	if (meeting->outside)
		return tw_buf_addf(buf, "cgroup %s is not below %s, where tcpwarden is attached",
				   question->cgroup, question->attached_to);
	if (!(here & TW_HERE_SELECTED))
		return why_node(buf, policy, question);
	if (!has(&meeting->cgroup.must, i) && !is_doubtful(meeting, i))
		return tw_model_by_pod(policy) && cgroup_selected(policy, question->cgroup)
			       ? why_pod(buf, policy, question)
			       : why_cgroup(buf, policy, question);
	if (!has(meeting->direction, i))
		return why_direction(buf, question);
	if (!has(meeting->remote, i))
		return why_remote(buf, policy, question);
	if (!has(meeting->port, i))
		return why_port(buf, policy, question);
	if (is_doubtful(meeting, i))
		return why_doubtful(buf, policy, question);
	return why_matched(buf, policy, here, question);
}

static int consider(const struct tw_model *model, const struct tw_compiled *compiled, size_t i,
		    const struct tw_question *question, const struct meeting *meeting,
		    struct tw_answer *answer)
{
	_cleanup_buf_ struct tw_buf text = TW_BUF_INIT;
	bool observer = has(&meeting->verdict.observers, i);
	int r = why(&text, model, i, compiled->here[i], question, meeting);

	if (r < 0)
		return r;
	answer->considered[answer->count].policy = i;
	answer->considered[answer->count].matched =
		observer || (i == meeting->verdict.winner && !meeting->verdict.pending);
	answer->considered[answer->count++].why = TAKE_PTR(text.data);
	answer->observed |= observer;
	return 0;
}

int tw_explain(const struct tw_model *model, const struct tw_compiled *compiled,
	       const struct tw_question *question, struct tw_answer *ret_answer)
{
	_cleanup_answer_ struct tw_answer answer = TW_ANSWER_INIT;
	struct meeting meeting;

	meet(model, compiled, question, &meeting);
	answer.winner = meeting.verdict.pending ? TW_MAX_POLICIES : meeting.verdict.winner;
	answer.pending = meeting.verdict.pending;
	answer.considered = calloc(model->count ? model->count : 1, sizeof(*answer.considered));
	if (!answer.considered)
		return -ENOMEM;
	for (size_t i = 0; i < model->count && i <= meeting.verdict.winner; i++) {
		int r = consider(model, compiled, i, question, &meeting, &answer);

		if (r < 0)
			return r;
	}
	*ret_answer = answer;
	answer = TW_ANSWER_INIT;
	return 0;
}

struct tw_options tw_explain_options(const struct tw_compiled *compiled,
				     const struct tw_answer *answer, const struct tw_options *fresh)
{
	struct tw_plan plan;

	if (answer->winner == TW_MAX_POLICIES)
		return *fresh;
	tw_plan(&compiled->generation->policy[answer->winner], fresh, fresh, 0, &plan);
	return plan.want;
}
