// SPDX-License-Identifier: GPL-2.0-only
#include "policy/compile.h"

#include <errno.h>
#include <fnmatch.h>
#include <string.h>

#include <tcpwarden/match.h>

#include "policy/canon.h"
#include "policy/cohort.h"
#include "policy/compile_ports.h"
#include "policy/pattern.h"
#include "policy/set.h"

/* ::ffff:0:0/96: all of IPv4. */
static const struct tw_cidr all_v4 = { .addr = { [10] = 0xff, [11] = 0xff }, .len = 96 };

void tw_compiled_free(struct tw_compiled *compiled)
{
	free(compiled->generation);
	free(compiled->prefixes);
	free(compiled->port_sets);
	tw_buf_free(&compiled->text);
	*compiled = (struct tw_compiled){ 0 };
}

/* --- policies ---------------------------------------------------------------- */

bool tw_policy_selects_node(const struct tw_model_policy *policy, const char *node)
{
	for (size_t i = 0; i < policy->node_count; i++)
		if (!fnmatch(policy->nodes[i], node, 0))
			return true;
	return !policy->node_count;
}

__u8 tw_compile_here(const struct tw_model_policy *policy, size_t number,
		     const struct tw_place *place)
{
	__u8 here = 0;

	if (!place)
		return TW_HERE_SELECTED | TW_HERE_IN_SHARE;
	if (!tw_policy_selects_node(policy, place->node))
		return 0;
	here = TW_HERE_SELECTED;
	if (tw_cohort_has(policy->cohort, place->node, policy->rollout))
		here |= TW_HERE_IN_SHARE;
	if (policy->guarded && place->tripped.word[number / 64] >> number % 64 & 1)
		here |= TW_HERE_TRIPPED;
	return here;
}

static bool observes(const struct tw_model_policy *policy, __u8 here)
{
	return policy->observe || !(here & TW_HERE_IN_SHARE) || here & TW_HERE_TRIPPED;
}

static void compile_policy(const struct tw_model_policy *policy, __u8 here,
			   struct tw_policy *ret_policy)
{
	__u32 *want = ret_policy->want.value;

	*ret_policy = (struct tw_policy){
		.want = policy->want,
		.fields = (__u8)policy->fields,
		.flags = (__u8)((policy->auto_timeout ? TW_POLICY_AUTO : 0) |
				(observes(policy, here) ? TW_POLICY_OBSERVE : 0)),
		.precedence = (__u8)(policy->fields && here & TW_HERE_SELECTED ? policy->precedence
									       : TW_PRECEDENCE_APP),
	};
	if (policy->auto_timeout)
		want[TW_USER_TIMEOUT] =
			tw_auto_user_timeout(want[TW_IDLE], want[TW_INTERVAL], want[TW_PROBES]);
}

/* Of a cgroup that is too deep no pattern is asked, and nobody says whose pod it is. */
static void compile_deep(const struct tw_model_policy *policy, size_t i,
			 struct tw_cgroup_sets *deep)
{
	if (!policy->cgroup_count)
		tw_set_add(tw_model_by_pod(policy) ? &deep->may : &deep->must, i);
}

/* A policy of other nodes is in neither direction's set, so that nothing meets it. */
static void compile_policies(const struct tw_model *model, const struct tw_place *place,
			     struct tw_compiled *compiled)
{
	struct tw_generation *generation = compiled->generation;

	for (size_t i = 0; i < model->count; i++) {
		const struct tw_model_policy *policy = &model->policies[i];
		__u8 here = tw_compile_here(policy, i, place);

		compiled->here[i] = here;
		compile_policy(policy, here, &generation->policy[i]);
		for (unsigned d = 0; d < TW_DIRECTIONS; d++)
			if (here & TW_HERE_SELECTED && policy->directions & 1u << d)
				tw_set_add(&generation->direction[d], i);
		if (observes(policy, here))
			tw_set_add(&generation->observe, i);
		if (observes(policy, here) && generation->policy[i].precedence) {
			tw_set_add(&generation->watch, i);
			generation->watches++;
		}
		compile_deep(policy, i, &generation->deep);
		if (!policy->remote_count)
			tw_set_add(&generation->any_remote, i);
		if (!policy->port_count)
			tw_set_add(&generation->any_port, i);
	}
	generation->deep.own_may = ~0ULL;
}

/* --- prefixes ---------------------------------------------------------------- */

static struct tw_cidr key_cidr(const struct tw_prefix *key)
{
	struct tw_cidr cidr = { .len = (__u8)key->len };

	memcpy(cidr.addr, key->addr, sizeof(cidr.addr));
	return cidr;
}

static int prefix_compare(const void *a, const void *b)
{
	const struct tw_compiled_prefix *x = a, *y = b;
	struct tw_cidr left = key_cidr(&x->key), right = key_cidr(&y->key);

	return tw_cidr_compare(&left, &right);
}

static bool prefix_covers(const struct tw_compiled_prefix *a, const struct tw_compiled_prefix *b)
{
	struct tw_cidr outer = key_cidr(&a->key), inner = key_cidr(&b->key);

	return tw_cidr_covers(&outer, &inner);
}

static struct tw_compiled_prefix *add_prefix(struct tw_compiled_prefix *at,
					     const struct tw_cidr *cidr)
{
	*at = (struct tw_compiled_prefix){ .key.len = cidr->len };
	memcpy(at->key.addr, cidr->addr, sizeof(at->key.addr));
	return at;
}

static size_t count_prefixes(const struct tw_model *model)
{
	size_t count = 0;

	for (size_t i = 0; i < model->count; i++)
		count += model->policies[i].remote_count;
	return count;
}

/*
 * All prefixes, each with the bit of its policy; and all of IPv4, in which an
 * IPv6 prefix such as ::/0 must not be found, though the map's keys say so.
 */
static size_t collect_prefixes(const struct tw_model *model, struct tw_compiled_prefix *prefixes)
{
	size_t count = 0;

	for (size_t i = 0; i < model->count; i++)
		for (size_t j = 0; j < model->policies[i].remote_count; j++)
			tw_set_add(&add_prefix(&prefixes[count++], &model->policies[i].remotes[j])
					    ->set,
				   i);
	if (count)
		add_prefix(&prefixes[count++], &all_v4);
	return count;
}

/* Join the sets of equal neighbours. */
static size_t merge_prefixes(struct tw_compiled_prefix *prefixes, size_t count)
{
	size_t kept = 0;

	for (size_t i = 1; i < count; i++) {
		if (!prefix_compare(&prefixes[kept], &prefixes[i]))
			tw_set_join(&prefixes[kept].set, &prefixes[i].set);
		else
			prefixes[++kept] = prefixes[i];
	}
	return count ? kept + 1 : 0;
}

/*
 * Give each prefix the bits of those that cover it. A covering prefix stands
 * before those inside it, so the chain of them is a stack; lengths grow along
 * it, so it is never deeper than there are lengths.
 */
static void spread_prefixes(struct tw_compiled_prefix *prefixes, size_t count,
			    const struct tw_set *any)
{
	const struct tw_compiled_prefix *chain[129];
	size_t depth = 0;

	for (size_t i = 0; i < count; i++) {
		while (depth && !prefix_covers(chain[depth - 1], &prefixes[i]))
			depth--;
		tw_set_join(&prefixes[i].set, depth ? &chain[depth - 1]->set : any);
		chain[depth++] = &prefixes[i];
	}
}

static int compile_prefixes(const struct tw_model *model, struct tw_compiled *compiled)
{
	struct tw_generation *generation = compiled->generation;
	struct tw_compiled_prefix *prefixes;
	size_t count = count_prefixes(model);

	if (!count)
		return 0;
	prefixes = calloc(count + 1, sizeof(*prefixes));
	if (!prefixes)
		return -ENOMEM;
	count = collect_prefixes(model, prefixes);
	qsort(prefixes, count, sizeof(*prefixes), prefix_compare);
	count = merge_prefixes(prefixes, count);
	spread_prefixes(prefixes, count, &generation->any_remote);
	compiled->prefixes = prefixes;
	generation->prefixes = (__u32)count;
	return 0;
}

const struct tw_set *tw_compiled_remote(const struct tw_compiled *compiled,
					const __u8 addr[static 16])
{
	const struct tw_generation *generation = compiled->generation;
	struct tw_compiled_prefix wanted = { 0 };

	if (!generation->prefixes)
		return &generation->any_remote;
	memcpy(wanted.key.addr, addr, sizeof(wanted.key.addr));
	for (unsigned len = 128;; len--) {
		const struct tw_compiled_prefix *found;

		wanted.key.len = len;
		if (len < 128)
			wanted.key.addr[len / 8] &= (__u8)(0xff00 >> len % 8);
		found = bsearch(&wanted, compiled->prefixes, generation->prefixes, sizeof(wanted),
				prefix_compare);
		if (found)
			return &found->set;
		if (!len)
			return &generation->any_remote;
	}
}

/* --- cgroups ----------------------------------------------------------------- */

/* Whether one of the policy's cgroup patterns says so of the path; one without any selects all. */
static bool policy_selects(const struct tw_model_policy *policy, const char *path,
			   bool (*covers)(const char *pattern, const char *path))
{
	for (size_t i = 0; i < policy->cgroup_count; i++)
		if (covers(policy->cgroups[i], path))
			return true;
	return !policy->cgroup_count;
}

static bool name_matches(char *const *patterns, size_t count, const char *name)
{
	for (size_t i = 0; i < count; i++)
		if (fnmatch(patterns[i], name, 0) == 0)
			return true;
	return !count;
}

bool tw_compile_selects_pod(const struct tw_model_policy *policy, const struct tw_pod *pod)
{
	return pod->state == TW_POD_KNOWN &&
	       name_matches(policy->namespaces, policy->namespace_count, pod->namespace) &&
	       name_matches(policy->pods, policy->pod_count, pod->name);
}

/*
 * A policy that selects by pod. Of a cgroup that is not a pod's, a descendant
 * may be one; of a pod that is known, all is known but whether a pattern for
 * cgroups below it will find one.
 */
static void compile_by_pod(const struct tw_model_policy *policy, size_t i, const char *path,
			   const struct tw_pod *pod, struct tw_cgroup_sets *sets)
{
	if (pod->state == TW_POD_KNOWN && !tw_compile_selects_pod(policy, pod))
		return;
	if (pod->state == TW_POD_KNOWN && policy_selects(policy, path, tw_cgroup_covers))
		tw_set_add(&sets->must, i);
	else if (policy_selects(policy, path, tw_cgroup_covers) ||
		 policy_selects(policy, path, tw_cgroup_may_cover))
		tw_set_add(&sets->may, i);
}

static void compile_too_deep(const struct tw_model *model, struct tw_cgroup_sets *sets)
{
	*sets = (struct tw_cgroup_sets){ .own_may = ~0ULL };
	for (size_t i = 0; i < model->count; i++)
		compile_deep(&model->policies[i], i, sets);
}

void tw_compile_cgroup(const struct tw_model *model, const char *path, const struct tw_pod *pod,
		       struct tw_cgroup_sets *ret_sets)
{
	struct tw_cgroup_sets sets = { .own_may = pod->state == TW_POD_UNKNOWN ? ~0ULL : 0 };

	if (tw_pattern_depth(path) > TW_MAX_CGROUP_DEPTH) {
		compile_too_deep(model, ret_sets);
		return;
	}
	for (size_t i = 0; i < model->count; i++) {
		const struct tw_model_policy *policy = &model->policies[i];

		if (tw_model_by_pod(policy))
			compile_by_pod(policy, i, path, pod, &sets);
		else if (policy_selects(policy, path, tw_cgroup_covers))
			tw_set_add(&sets.must, i);
	}
	*ret_sets = sets;
}

/* --- all ----------------------------------------------------------------------- */

static int compile_text(const struct tw_model *model, struct tw_compiled *compiled)
{
	int r = tw_canon_write(model, &compiled->text);

	if (r < 0)
		return r;
	if (compiled->text.len > (size_t)TW_TEXT_CHUNK * TW_MAX_TEXT_CHUNKS)
		return -E2BIG;
	tw_canon_digest(tw_buf_string(&compiled->text), compiled->text.len, compiled->digest);
	return 0;
}

int tw_compile(const struct tw_model *model, const struct tw_place *place,
	       struct tw_compiled *ret_compiled)
{
	_cleanup_compiled_ struct tw_compiled compiled = { 0 };
	int r;

	compiled.generation = calloc(1, sizeof(*compiled.generation));
	if (!compiled.generation)
		return -ENOMEM;
	compile_policies(model, place, &compiled);
	r = compile_prefixes(model, &compiled);
	if (r == 0)
		r = tw_compile_ports(model, &compiled);
	if (r == 0)
		r = compile_text(model, &compiled);
	if (r < 0)
		return r;
	*ret_compiled = compiled;
	compiled = (struct tw_compiled){ 0 };
	return 0;
}
