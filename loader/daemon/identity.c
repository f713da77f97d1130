// SPDX-License-Identifier: GPL-2.0-only
#include "daemon/identity.h"

#include <errno.h>
#include <string.h>

#include "lib/cleanup.h"
#include "lib/log.h"
#include "node/pod_watch.h"

struct tw_identity {
	struct tw_enforcer *enforcer;
	struct tw_sweeper *sweeper;
	struct tw_pod_watch *watch;
	int error;	/* of the last look at the pods, said */
	bool full;	/* said that there are too many */
	bool unmatched; /* said that none can be selected */
};

static const struct tw_model_policy *first_by_pod(const struct tw_identity *identity)
{
	const struct tw_model *model = &identity->enforcer->model;

	for (size_t i = 0; i < model->count; i++)
		if (tw_model_by_pod(&model->policies[i]))
			return &model->policies[i];
	return NULL;
}

/* --- what is said, each once until it changes ------------------------------------------- */

/* Where no policy asks for pods, that there are none is no news. */
static void say_error(struct tw_identity *identity, int error)
{
	const char *root = tw_pods_root(identity->enforcer->pods);

	if (error == identity->error || !first_by_pod(identity))
		return;
	identity->error = error;
	if (error == -ENOENT)
		tw_info("no pods are known: %s is not there; waiting for it", root);
	else if (error)
		tw_error("cannot read the pods of this node below %s: %s; new pods are not known",
			 root, strerror(-error));
	else
		tw_info("the pods of this node are known by %s", root);
}

static void say_full(struct tw_identity *identity)
{
	struct tw_pods_counts counts = tw_pods_counts(identity->enforcer->pods);

	if (counts.full && !identity->full)
		tw_warning("more than %d pods below %s: the others are not known, and where a "
			   "policy selects by pod, their connections are left alone",
			   TW_MAX_PODS, tw_pods_root(identity->enforcer->pods));
	identity->full = counts.full;
}

void tw_identity_check(struct tw_identity *identity)
{
	const struct tw_enforcer *enforcer = identity->enforcer;
	struct tw_pods_counts counts = tw_pods_counts(enforcer->pods);
	const struct tw_model_policy *policy = first_by_pod(identity);

	say_error(identity, counts.error);
	if (!policy || !counts.known || counts.met || identity->unmatched)
		return;
	identity->unmatched = true;
	tw_warning("policy %s selects by pod, and none of this node's %zu pods has a cgroup of its "
		   "own at or below %s in the cgroup2 tree (cgroup v1?): only policies without "
		   "match.namespace and match.pod can match here",
		   policy->name, counts.known, enforcer->attach_path);
}

/* --- pods that became known ----------------------------------------------------------------- */

static void settle(struct tw_identity *identity, const char *cgroup)
{
	struct tw_cgroup_scope scope = tw_enforcer_scope(identity->enforcer);
	int error = tw_cgroup_sets_renew(&identity->enforcer->live.cgroups, &scope, cgroup);

	if (error == -ENOENT)
		return; /* it went meanwhile */
	if (error)
		tw_error("cannot give the pod's cgroup %s its policies: %s", cgroup,
			 strerror(-error));
	else if (identity->sweeper)
		tw_sweeper_cgroup(identity->sweeper, cgroup);
}

static void settle_all(struct tw_identity *identity)
{
	struct tw_cgroup_scope scope = tw_enforcer_scope(identity->enforcer);
	int error = tw_cgroup_sets_sync(&identity->enforcer->live.cgroups, &scope);

	if (error)
		tw_error("cannot read the cgroup tree: %s", strerror(-error));
	if (identity->sweeper)
		tw_sweeper_all(identity->sweeper);
}

void tw_identity_look(struct tw_identity *identity)
{
	struct tw_pods *pods = identity->enforcer->pods;

	tw_pods_read(pods);
	say_full(identity);
	for (;;) {
		_cleanup_free_ char *cgroup = tw_pods_next_known(pods);

		if (!cgroup)
			break;
		settle(identity, cgroup);
	}
	if (tw_pods_forgot(pods))
		settle_all(identity);
	tw_identity_check(identity);
}

static void on_changed(void *data)
{
	tw_identity_look(data);
}

int tw_identity_start(struct event_base *base, struct tw_enforcer *enforcer,
		      struct tw_sweeper *sweeper, struct tw_identity **ret_identity,
		      struct tw_fault *fault)
{
	struct tw_identity *identity = calloc(1, sizeof(*identity));
	int error;

	if (!identity)
		return tw_fault(fault, -ENOMEM, "cannot follow pods: %m");
	*identity = (struct tw_identity){ .enforcer = enforcer, .sweeper = sweeper };
	error = tw_pod_watch_start(base, tw_pods_root(enforcer->pods), on_changed, identity,
				   &identity->watch, fault);
	if (error) {
		tw_identity_stop(identity);
		return error;
	}
	*ret_identity = identity;
	tw_identity_look(identity);
	return 0;
}

void tw_identity_stop(struct tw_identity *identity)
{
	if (!identity)
		return;
	tw_pod_watch_stop(identity->watch);
	free(identity);
}
