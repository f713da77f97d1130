// SPDX-License-Identifier: GPL-2.0-only
#include "policy/model.h"

#include <string.h>

const char *const tw_precedence_names[TW_PRECEDENCE_POLICY + 1] = {
	[TW_PRECEDENCE_APP] = "app",
	[TW_PRECEDENCE_STRICTEST] = "strictest",
	[TW_PRECEDENCE_POLICY] = "policy",
};

bool tw_model_policy_off(const struct tw_model_policy *policy, enum tw_field field)
{
	bool counted = field == TW_USER_TIMEOUT && policy->auto_timeout;

	return policy->fields & TW_BIT(field) && !policy->want.value[field] && !counted;
}

static void free_texts(char **texts, size_t count)
{
	for (size_t i = 0; i < count; i++)
		free(texts[i]);
	free(texts);
}

static void policy_free(struct tw_model_policy *policy)
{
	free_texts(policy->cgroups, policy->cgroup_count);
	free_texts(policy->namespaces, policy->namespace_count);
	free_texts(policy->pods, policy->pod_count);
	free(policy->remotes);
	free(policy->ports);
	for (size_t i = 0; i < policy->node_count; i++)
		free(policy->nodes[i]);
	free(policy->nodes);
	free(policy->must_beat);
}

void tw_model_free(struct tw_model *model)
{
	for (size_t i = 0; i < model->count; i++)
		policy_free(&model->policies[i]);
	for (size_t i = 0; i < model->file_count; i++)
		free(model->files[i]);
	free(model->policies);
	free(model->files);
	*model = TW_MODEL_INIT;
}

static int text_compare(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static int remote_compare(const void *a, const void *b)
{
	return tw_cidr_compare(a, b);
}

static int port_compare(const void *a, const void *b)
{
	const struct tw_port_range *x = a, *y = b;

	return x->first != y->first ? x->first - y->first : x->last - y->last;
}

static int must_beat_compare(const void *a, const void *b)
{
	const struct tw_must_beat *x = a, *y = b;

	if (x->box && y->box)
		return strcmp(x->box->name, y->box->name);
	if (x->box || y->box)
		return x->box ? 1 : -1;
	return x->ms < y->ms ? -1 : x->ms > y->ms;
}

/* Sort in place and drop duplicates. Returns how many are left. */
static size_t sort_unique(void *list, size_t count, size_t size,
			  int (*compare)(const void *, const void *), void (*drop)(void *))
{
	char *items = list;
	size_t kept = 0;

	if (!count)
		return 0;
	qsort(items, count, size, compare);
	for (size_t i = 1; i < count; i++) {
		if (!compare(items + kept * size, items + i * size))
			drop(items + i * size);
		else if (++kept != i)
			memcpy(items + kept * size, items + i * size, size);
	}
	return kept + 1;
}

static void drop_text(void *item)
{
	free(*(char **)item);
}

static void drop_nothing(void *item)
{
	(void)item;
}

void tw_model_policy_sort(struct tw_model_policy *policy)
{
	policy->cgroup_count = sort_unique(policy->cgroups, policy->cgroup_count,
					   sizeof(*policy->cgroups), text_compare, drop_text);
	policy->namespace_count = sort_unique(policy->namespaces, policy->namespace_count,
					      sizeof(*policy->namespaces), text_compare, drop_text);
	policy->pod_count = sort_unique(policy->pods, policy->pod_count, sizeof(*policy->pods),
					text_compare, drop_text);
	policy->remote_count = sort_unique(policy->remotes, policy->remote_count,
					   sizeof(*policy->remotes), remote_compare, drop_nothing);
	policy->port_count = sort_unique(policy->ports, policy->port_count, sizeof(*policy->ports),
					 port_compare, drop_nothing);
	policy->node_count = sort_unique(policy->nodes, policy->node_count, sizeof(*policy->nodes),
					 text_compare, drop_text);
	policy->must_beat_count = sort_unique(policy->must_beat, policy->must_beat_count,
					      sizeof(*policy->must_beat), must_beat_compare,
					      drop_nothing);
}
