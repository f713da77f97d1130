// SPDX-License-Identifier: GPL-2.0-only
#include "node/pod_check.h"

#include <errno.h>
#include <string.h>

/* Cgroups of pods, without their containers'. */
struct found {
	struct tw_pods *pods;
	size_t known;
	size_t unknown;
};

static int visit(const char *path, uint64_t id, void *data)
{
	struct found *found = data;
	struct tw_pod_path pod;

	(void)id;
	if (!tw_pod_path_parse(path, &pod) || path[pod.len])
		return 0;
	if (tw_pods_of(found->pods, path).state == TW_POD_KNOWN)
		found->known++;
	else
		found->unknown++;
	return 0;
}

static bool any_by_pod(const struct tw_model *model)
{
	for (size_t i = 0; i < model->count; i++)
		if (tw_model_by_pod(&model->policies[i]))
			return true;
	return false;
}

/* What is amiss matters only where a policy selects by pod. */
static void set(struct tw_check *check, const struct tw_model *model, const char *remedy,
		const char *detail)
{
	tw_check_set(check, "pods", any_by_pod(model) ? TW_CHECK_DEGRADED : TW_CHECK_OK, remedy,
		     "%s", detail);
}

static void check_none_met(struct tw_pods *pods, const struct tw_model *model,
			   struct tw_check *check)
{
	struct tw_pods_counts counts = tw_pods_counts(pods);
	char detail[sizeof(check->detail)];

	if (counts.known) {
		snprintf(detail, sizeof(detail),
			 "%zu pods below %s, and none has a cgroup of its own in the cgroup2 tree "
			 "(cgroup v1?): only policies without match.namespace and match.pod match",
			 counts.known, tw_pods_root(pods));
		set(check, model,
		    "boot the node with cgroup v2 (systemd.unified_cgroup_hierarchy=1)", detail);
		return;
	}
	if (counts.error && counts.error != -ENOENT)
		snprintf(detail, sizeof(detail), "cannot read %s: %s", tw_pods_root(pods),
			 strerror(-counts.error));
	else
		snprintf(detail, sizeof(detail), "no pods here: %s %s", tw_pods_root(pods),
			 counts.error ? "is not there" : "has none");
	set(check, model,
	    "where this is a Kubernetes node, give the kubelet's folder by --pod-logs", detail);
}

void tw_pod_check(struct tw_pods *pods, const struct tw_cgroup_tree *tree,
		  const struct tw_model *model, struct tw_check *ret_check)
{
	struct found found = { .pods = pods };
	char detail[sizeof(ret_check->detail)];

	if (tree)
		tw_cgroup_walk(tree, "/", visit, &found);
	if (!found.known && !found.unknown) {
		check_none_met(pods, model, ret_check);
		return;
	}
	snprintf(detail, sizeof(detail),
		 "%zu pods in the cgroup2 tree, of which %zu are known by %s%s",
		 found.known + found.unknown, found.known, tw_pods_root(pods),
		 tw_pods_counts(pods).error ? ", which cannot be read" : "");
	if (found.unknown)
		set(ret_check, model,
		    "connections of the others are left alone where a policy selects by pod; "
		    "give the kubelet's folder by --pod-logs",
		    detail);
	else
		tw_check_set(ret_check, "pods", TW_CHECK_OK, "", "%s", detail);
}
