/* SPDX-License-Identifier: GPL-2.0-only */
/* Models for tests: from text, or made up. */
#ifndef TW_TESTS_POLICIES_H
#define TW_TESTS_POLICIES_H

#include "unit.h"

#include "policy/load.h"
#include "policy/model.h"
#include "policy/pod.h"

/* Parse policies, without the `version` and `policies` above them; -EINVAL and so on. */
static inline int policies_parse(const char *list, struct tw_diags *diags, struct tw_model *model)
{
	_cleanup_buf_ struct tw_buf text = TW_BUF_INIT;

	assert_int_equal(tw_buf_addf(&text, "version: 1\npolicies:\n%s", list), 0);
	return tw_policy_parse("f", text.data, text.len, diags, model);
}

/* The same for policies that are valid, warnings or not. */
static inline struct tw_model policies_valid(const char *list)
{
	_cleanup_diags_ struct tw_diags diags = TW_DIAGS_INIT;
	struct tw_model model = TW_MODEL_INIT;
	int r = policies_parse(list, &diags, &model);

	if (r < 0)
		tw_diags_print(&diags, stderr);
	assert_int_equal(r, 0);
	return model;
}

static const char *const policies_components[] = { "a", "b", "*", "a*", "?", "[ab]", "\\*", ".c" };
static const char *const policies_names[] = { "a", "b", "ab", ".c", "*", "c" };

static const char *const policies_pod_patterns[] = { "a", "a*", "*", "b", "[ab]", "?-1", "c.d" };
static const char *const policies_pods[] = { "a", "b", "a-1", "b-1", "c.d" };

/* A path of 1 to `max` of these words. */
static inline char *policies_path(uint64_t *seed, const char *const *words, unsigned count,
				  unsigned max)
{
	_cleanup_buf_ struct tw_buf path = TW_BUF_INIT;
	unsigned depth = 1 + unit_below(seed, max);

	for (unsigned i = 0; i < depth; i++)
		assert_int_equal(tw_buf_addf(&path, "/%s", words[unit_below(seed, count)]), 0);
	return TAKE_PTR(path.data);
}

/* An address of a small world, so that prefixes meet: 10.0.0.0/29 or fd00::/125 and around. */
static inline void policies_address(uint64_t *seed, uint8_t addr[static 16])
{
	memset(addr, 0, 16);
	if (unit_below(seed, 2)) {
		addr[10] = addr[11] = 0xff;
		addr[12] = (uint8_t)(10 + unit_below(seed, 2));
	} else if (unit_below(seed, 4)) {
		addr[0] = (uint8_t)(0xfc + unit_below(seed, 4));
	}
	addr[15] = (uint8_t)unit_below(seed, 8);
}

static inline struct tw_cidr policies_prefix(uint64_t *seed)
{
	static const uint8_t lengths[] = { 0, 1, 6, 7, 8, 80, 95, 96, 97, 104, 125, 126, 127, 128 };
	struct tw_cidr cidr;
	char text[TW_CIDR_LEN];

	policies_address(seed, cidr.addr);
	cidr.len = lengths[unit_below(seed, ARRAY_SIZE(lengths))];
	/* Formatting and parsing clears the host bits. */
	tw_cidr_format(&cidr, text);
	tw_cidr_parse(text, &cidr);
	return cidr;
}

static inline struct tw_port_range policies_range(uint64_t *seed)
{
	unsigned base = unit_below(seed, 2) ? 1 : 65500;
	unsigned first = base + unit_below(seed, 36);
	unsigned last =
		first + unit_below(seed, (unsigned)(65536 - first) < 20 ? 65536 - first : 20);

	return (struct tw_port_range){ (uint16_t)first, (uint16_t)last };
}

/* No pattern, or up to three. */
static inline size_t policies_random_pods(uint64_t *seed, char ***ret_patterns)
{
	size_t n = unit_below(seed, 4) ? 0 : unit_below(seed, 4);
	char **patterns = calloc(4, sizeof(*patterns));

	assert_non_null(patterns);
	for (size_t i = 0; i < n; i++)
		patterns[i] = strdup(
			policies_pod_patterns[unit_below(seed, ARRAY_SIZE(policies_pod_patterns))]);
	*ret_patterns = patterns;
	return n;
}

/* A pod of any state. */
static inline struct tw_pod policies_pod(uint64_t *seed)
{
	struct tw_pod pod = { .state = (enum tw_pod_state)unit_below(seed, 3) };

	if (pod.state == TW_POD_KNOWN) {
		pod.namespace = policies_pods[unit_below(seed, ARRAY_SIZE(policies_pods))];
		pod.name = policies_pods[unit_below(seed, ARRAY_SIZE(policies_pods))];
	}
	return pod;
}

static inline void policies_random_match(uint64_t *seed, struct tw_model_policy *policy)
{
	size_t n = unit_below(seed, 3) ? unit_below(seed, 4) : 0;

	policy->cgroups = calloc(4, sizeof(*policy->cgroups));
	policy->remotes = calloc(8, sizeof(*policy->remotes));
	policy->ports = calloc(8, sizeof(*policy->ports));
	for (size_t i = 0; i < n; i++)
		policy->cgroups[policy->cgroup_count++] = policies_path(
			seed, policies_components, ARRAY_SIZE(policies_components), 3);
	n = unit_below(seed, 2) ? unit_below(seed, 8) : 0;
	for (size_t i = 0; i < n; i++)
		policy->remotes[policy->remote_count++] = policies_prefix(seed);
	n = unit_below(seed, 2) ? unit_below(seed, 8) : 0;
	for (size_t i = 0; i < n; i++)
		policy->ports[policy->port_count++] = policies_range(seed);
	policy->namespace_count = policies_random_pods(seed, &policy->namespaces);
	policy->pod_count = policies_random_pods(seed, &policy->pods);
	policy->directions = 1 + unit_below(seed, 3);
	tw_model_policy_sort(policy);
}

static inline void policies_random_rollout(uint64_t *seed, struct tw_model_policy *policy)
{
	size_t n = unit_below(seed, 3) ? 0 : unit_below(seed, 4);

	policy->nodes = calloc(4, sizeof(*policy->nodes));
	assert_non_null(policy->nodes);
	for (size_t i = 0; i < n; i++)
		policy->nodes[policy->node_count++] = strdup(
			policies_components[unit_below(seed, ARRAY_SIZE(policies_components))]);
	policy->rollout = unit_below(seed, 3) ? TW_WHOLE_SHARE : unit_below(seed, TW_WHOLE_SHARE);
	strcpy(policy->cohort, unit_below(seed, 3) ? "default" : "other");
	policy->guarded = !unit_below(seed, 4);
	policy->max_deaths = policy->guarded ? unit_below(seed, 100) : 0;
	tw_model_policy_sort(policy);
}

static inline void policies_random_must_beat(uint64_t *seed, struct tw_model_policy *policy)
{
	size_t n = unit_below(seed, 3) ? 0 : unit_below(seed, 8);

	policy->must_beat = calloc(8, sizeof(*policy->must_beat));
	assert_non_null(policy->must_beat);
	for (size_t i = 0; i < n; i++) {
		struct tw_must_beat *beat = &policy->must_beat[policy->must_beat_count++];

		if (unit_below(seed, 2)) {
			beat->box = &tw_catalogue[unit_below(seed, (unsigned)tw_catalogue_count)];
			beat->ms = beat->box->seconds * 1000ULL;
		} else {
			beat->ms = 1000 * (1ULL + unit_below(seed, 9));
		}
	}
	tw_model_policy_sort(policy);
}

static inline void policies_random_values(uint64_t *seed, struct tw_model_policy *policy)
{
	static const enum tw_field timers[] = { TW_IDLE, TW_INTERVAL, TW_PROBES };

	policy->observe = !unit_below(seed, 4);
	policy->precedence = (enum tw_precedence)unit_below(seed, TW_PRECEDENCE_POLICY + 1);
	if (policy->precedence == TW_PRECEDENCE_POLICY && !unit_below(seed, 3)) {
		policy->fields = TW_BIT(TW_KEEPALIVE) | TW_BIT(TW_USER_TIMEOUT);
		return; /* off, both */
	}
	if (unit_below(seed, 3)) {
		policy->fields = TW_BIT(TW_KEEPALIVE);
		policy->want.value[TW_KEEPALIVE] = 1;
		for (size_t i = 0; i < ARRAY_SIZE(timers); i++) {
			if (!unit_below(seed, 3))
				continue;
			policy->fields |= TW_BIT(timers[i]);
			policy->want.value[timers[i]] = 1 + unit_below(seed, 127);
		}
	}
	if (unit_below(seed, 2))
		return;
	policy->fields |= TW_BIT(TW_USER_TIMEOUT);
	policy->auto_timeout = (policy->fields & TW_TIMERS) == TW_TIMERS && unit_below(seed, 2);
	if (!policy->auto_timeout)
		policy->want.value[TW_USER_TIMEOUT] = 1 + unit_below(seed, TW_MAX_USER_TIMEOUT);
}

/* Anything that a policy file could say; `observe` of the file too. */
static inline struct tw_model policies_random(uint64_t *seed, size_t count)
{
	struct tw_model model = { .count = count, .observe = !unit_below(seed, 8) };

	model.policies = calloc(count ? count : 1, sizeof(*model.policies));
	assert_non_null(model.policies);
	for (size_t i = 0; i < count; i++) {
		struct tw_model_policy *policy = &model.policies[i];

		snprintf(policy->name, sizeof(policy->name), "p%zu", i);
		policies_random_match(seed, policy);
		policies_random_values(seed, policy);
		policies_random_must_beat(seed, policy);
		policies_random_rollout(seed, policy);
		policy->observe |= model.observe;
	}
	return model;
}

#endif
