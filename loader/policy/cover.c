// SPDX-License-Identifier: GPL-2.0-only
#include "policy/cover.h"

#include <fnmatch.h>
#include <string.h>

#define WILDCARDS "*?[\\"

/* Components end at a slash or at the end, so they are copied to be C strings. */
static bool component_covers(const char *outer, size_t outer_len, const char *inner,
			     size_t inner_len)
{
	char pattern[TW_PATH_LEN], name[TW_PATH_LEN];

	if (strspn(outer, "*") == outer_len)
		return true;
	if (outer_len == inner_len && !memcmp(outer, inner, outer_len))
		return true;
	memcpy(pattern, outer, outer_len);
	pattern[outer_len] = '\0';
	memcpy(name, inner, inner_len);
	name[inner_len] = '\0';
	return !strpbrk(name, WILDCARDS) && !fnmatch(pattern, name, 0);
}

static bool cgroup_covers(const char *outer, const char *inner)
{
	while (outer += strspn(outer, "/"), *outer) {
		size_t outer_len = strcspn(outer, "/");
		size_t inner_len;

		inner += strspn(inner, "/");
		inner_len = strcspn(inner, "/");
		if (!inner_len || !component_covers(outer, outer_len, inner, inner_len))
			return false;
		outer += outer_len;
		inner += inner_len;
	}
	return true;
}

static bool any_cgroup_covers(const struct tw_model_policy *outer, const char *inner)
{
	for (size_t i = 0; i < outer->cgroup_count; i++)
		if (cgroup_covers(outer->cgroups[i], inner))
			return true;
	return false;
}

static bool cgroups_cover(const struct tw_model_policy *outer, const struct tw_model_policy *inner)
{
	if (!outer->cgroup_count)
		return true;
	/* Even "/" leaves out what is deeper than TW_MAX_CGROUP_DEPTH. */
	if (!inner->cgroup_count)
		return false;
	for (size_t i = 0; i < inner->cgroup_count; i++)
		if (!any_cgroup_covers(outer, inner->cgroups[i]))
			return false;
	return true;
}

static bool name_covered(char *const *outer, size_t count, const char *inner)
{
	for (size_t i = 0; i < count; i++)
		if (component_covers(outer[i], strlen(outer[i]), inner, strlen(inner)))
			return true;
	return false;
}

/* Where a policy selects by pod, its empty list is any name, as `*` is. */
static bool names_cover(char *const *outer, size_t outer_count, char *const *inner,
			size_t inner_count)
{
	if (!outer_count)
		return true;
	if (!inner_count)
		return name_covered(outer, outer_count, "*");
	for (size_t i = 0; i < inner_count; i++)
		if (!name_covered(outer, outer_count, inner[i]))
			return false;
	return true;
}

static bool pods_cover(const struct tw_model_policy *outer, const struct tw_model_policy *inner)
{
	if (!tw_model_by_pod(outer))
		return true;
	return tw_model_by_pod(inner) &&
	       names_cover(outer->namespaces, outer->namespace_count, inner->namespaces,
			   inner->namespace_count) &&
	       names_cover(outer->pods, outer->pod_count, inner->pods, inner->pod_count);
}

/* By one of the outer's prefixes, or by several: each half of the inner on its own. */
static bool remote_covered(const struct tw_model_policy *outer, const struct tw_cidr *inner)
{
	struct tw_cidr half = *inner;
	bool inside = false;

	for (size_t i = 0; i < outer->remote_count; i++) {
		if (tw_cidr_covers(&outer->remotes[i], inner))
			return true;
		inside |= tw_cidr_covers(inner, &outer->remotes[i]);
	}
	if (!inside || inner->len == 128)
		return false;
	half.len++;
	if (!remote_covered(outer, &half))
		return false;
	half.addr[inner->len / 8] |= (uint8_t)(0x80 >> inner->len % 8);
	return remote_covered(outer, &half);
}

static bool remotes_cover(const struct tw_model_policy *outer, const struct tw_model_policy *inner)
{
	static const struct tw_cidr all[] = {
		{ .addr = { [10] = 0xff, [11] = 0xff }, .len = 96 }, /* 0.0.0.0/0 */
		{ .len = 0 },					     /* ::/0 */
	};
	const struct tw_cidr *remotes = inner->remote_count ? inner->remotes : all;
	size_t count = inner->remote_count ? inner->remote_count : ARRAY_SIZE(all);

	if (!outer->remote_count)
		return true;
	for (size_t i = 0; i < count; i++)
		if (!remote_covered(outer, &remotes[i]))
			return false;
	return true;
}

/* The outer's ranges are in order of their first ports: walk along `inner`. */
static bool range_covered(const struct tw_model_policy *outer, const struct tw_port_range *inner)
{
	unsigned next = inner->first; /* the lowest port that nothing has covered yet */

	for (size_t i = 0; i < outer->port_count && next <= inner->last; i++)
		if (outer->ports[i].first <= next && next <= outer->ports[i].last)
			next = outer->ports[i].last + 1u;
	return next > inner->last;
}

static bool ports_cover(const struct tw_model_policy *outer, const struct tw_model_policy *inner)
{
	static const struct tw_port_range all = { 1, UINT16_MAX };
	const struct tw_port_range *ports = inner->port_count ? inner->ports : &all;
	size_t count = inner->port_count ? inner->port_count : 1;

	if (!outer->port_count)
		return true;
	for (size_t i = 0; i < count; i++)
		if (!range_covered(outer, &ports[i]))
			return false;
	return true;
}

static bool any_node_covers(const struct tw_model_policy *outer, const char *inner)
{
	for (size_t i = 0; i < outer->node_count; i++)
		if (component_covers(outer->nodes[i], strlen(outer->nodes[i]), inner,
				     strlen(inner)))
			return true;
	return false;
}

static bool nodes_cover(const struct tw_model_policy *outer, const struct tw_model_policy *inner)
{
	if (!outer->node_count)
		return true;
	if (!inner->node_count)
		return any_node_covers(outer, "*");
	for (size_t i = 0; i < inner->node_count; i++)
		if (!any_node_covers(outer, inner->nodes[i]))
			return false;
	return true;
}

bool tw_policy_covers(const struct tw_model_policy *outer, const struct tw_model_policy *inner)
{
	return !(inner->directions & ~outer->directions) && ports_cover(outer, inner) &&
	       remotes_cover(outer, inner) && cgroups_cover(outer, inner) &&
	       nodes_cover(outer, inner) && pods_cover(outer, inner);
}
