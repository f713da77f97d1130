// SPDX-License-Identifier: GPL-2.0-only
#include "oracle.h"

#include <fnmatch.h>
#include <string.h>

/* --- which policy -------------------------------------------------------------------- */

/* The components of a path, in order; how many there are. */
static size_t split(char *path, char **components, size_t limit)
{
	size_t count = 0;
	char *rest = NULL;

	for (char *one = strtok_r(path, "/", &rest); one; one = strtok_r(NULL, "/", &rest))
		if (count++ < limit)
			components[count - 1] = one;
	return count;
}

/* At or below what the pattern names. What is deeper than 16 no pattern selects. */
static bool matches_cgroup(const char *pattern, const char *path)
{
	char pattern_copy[TW_PATH_LEN], path_copy[TW_PATH_LEN];
	char *wanted[TW_MAX_CGROUP_DEPTH], *there[TW_MAX_CGROUP_DEPTH];
	size_t wanted_count, there_count;

	strcpy(pattern_copy, pattern);
	strcpy(path_copy, path);
	wanted_count = split(pattern_copy, wanted, TW_MAX_CGROUP_DEPTH);
	there_count = split(path_copy, there, TW_MAX_CGROUP_DEPTH);
	if (there_count > TW_MAX_CGROUP_DEPTH || wanted_count > there_count)
		return false;
	for (size_t i = 0; i < wanted_count; i++)
		if (fnmatch(wanted[i], there[i], 0))
			return false;
	return true;
}

/* One of the patterns, if there are any. */
static bool matches_name(char *const *patterns, size_t count, const char *name)
{
	bool matches = !count;

	for (size_t i = 0; i < count; i++)
		matches |= name && !fnmatch(patterns[i], name, 0);
	return matches;
}

static bool is_deep(const char *path)
{
	char copy[TW_PATH_LEN];

	strcpy(copy, path);
	return split(copy, NULL, 0) > TW_MAX_CGROUP_DEPTH;
}

/* Of what is too deep the pod is not looked for. */
static bool matches_pod(const struct tw_model_policy *policy,
			const struct oracle_connection *connection)
{
	if (!policy->namespace_count && !policy->pod_count)
		return true;
	return connection->pod && !is_deep(connection->cgroup) &&
	       matches_name(policy->namespaces, policy->namespace_count, connection->namespace) &&
	       matches_name(policy->pods, policy->pod_count, connection->pod);
}

static bool is_v4(const uint8_t addr[16])
{
	for (int i = 0; i < 10; i++)
		if (addr[i])
			return false;
	return addr[10] == 0xff && addr[11] == 0xff;
}

/* Bit by bit. A prefix of IPv6 holds no IPv4 address, though those are written as IPv6 here. */
static bool matches_remote(const struct tw_cidr *prefix, const uint8_t addr[16])
{
	bool prefix_v4 = prefix->len >= 96 && is_v4(prefix->addr);

	if (prefix_v4 != is_v4(addr))
		return false;
	for (int bit = 0; bit < prefix->len; bit++) {
		int mine = prefix->addr[bit / 8] >> (7 - bit % 8) & 1;
		int its = addr[bit / 8] >> (7 - bit % 8) & 1;

		if (mine != its)
			return false;
	}
	return true;
}

bool oracle_matches(const struct tw_model_policy *policy,
		    const struct oracle_connection *connection)
{
	bool out = connection->direction == TW_OUT;
	unsigned port = out ? connection->remote.port : connection->local.port;
	bool cgroup = !policy->cgroup_count, remote = !policy->remote_count,
	     in_ports = !policy->port_count;

	for (size_t i = 0; i < policy->cgroup_count; i++)
		cgroup |= matches_cgroup(policy->cgroups[i], connection->cgroup);
	for (size_t i = 0; i < policy->remote_count; i++)
		remote |= matches_remote(&policy->remotes[i], connection->remote.addr);
	for (size_t i = 0; i < policy->port_count; i++)
		in_ports |= policy->ports[i].first <= port && port <= policy->ports[i].last;
	return matches_name(policy->nodes, policy->node_count, connection->node) &&
	       matches_pod(policy, connection) && cgroup && remote && in_ports &&
	       policy->directions & (out ? 1 : 2);
}

bool oracle_enforces(const struct tw_model_policy *policy)
{
	return !policy->observe && policy->rollout;
}

size_t oracle_winner(const struct tw_model *model, const struct oracle_connection *connection)
{
	for (size_t i = 0; i < model->count; i++)
		if (oracle_enforces(&model->policies[i]) &&
		    oracle_matches(&model->policies[i], connection))
			return i;
	return TW_MAX_POLICIES;
}

/* --- which values ------------------------------------------------------------------- */

/* What the socket would be without us: the value, and whether the application set it. */
struct owned {
	__u32 value;
	bool app;
};

static struct owned without_us(const struct oracle_socket *socket, enum tw_field field)
{
	__u32 now = socket->now.value[field], unset = socket->sysctl.value[field];

	if (socket->wrote[field] && socket->wrote_value[field] == now) {
		if (socket->had[field])
			return (struct owned){ socket->had_value[field], true };
		return (struct owned){ unset, false };
	}
	return (struct owned){ now, now != unset };
}

/* Off, 0 and unset are infinity. */
static __u32 stricter(enum tw_field field, __u32 a, __u32 b)
{
	if (field == TW_KEEPALIVE)
		return a || b;
	if (!a || !b)
		return a ? a : b;
	return a < b ? a : b;
}

static __u32 decide(enum tw_precedence precedence, enum tw_field field, struct owned own,
		    __u32 asked)
{
	if (!own.app || precedence == TW_PRECEDENCE_POLICY)
		return asked;
	return precedence == TW_PRECEDENCE_APP ? own.value : stricter(field, own.value, asked);
}

/* L + max(interval/2, L/8), L = idle + (probes-1) x interval. */
static __u32 auto_timeout(const __u32 *value)
{
	unsigned __int128 interval = value[TW_INTERVAL], ms, late;

	ms = 1000 * (value[TW_IDLE] + (value[TW_PROBES] ? value[TW_PROBES] - 1 : 0) * interval);
	late = 1000 * interval / 2 > ms / 8 ? 1000 * interval / 2 : ms / 8;
	return ms + late > INT32_MAX ? INT32_MAX : (__u32)(ms + late);
}

struct oracle_result oracle_plan(const struct oracle_socket *socket, const struct tw_policy *policy)
{
	static const enum tw_field order[] = { TW_IDLE, TW_INTERVAL, TW_PROBES, TW_KEEPALIVE,
					       TW_USER_TIMEOUT };
	struct oracle_result result = { .outcome = TW_ALREADY };
	bool kept = false, changed = false;

	for (int i = 0; i < TW_FIELDS; i++) {
		enum tw_field field = order[i];
		struct owned own = without_us(socket, field);
		__u32 *want = &result.want.value[field], asked;

		*want = own.value;
		if (policy && policy->fields >> field & 1) {
			asked = policy->want.value[field];
			if (field == TW_USER_TIMEOUT && policy->flags & TW_POLICY_AUTO)
				asked = auto_timeout(result.want.value);
			*want = decide(policy->precedence, field, own, asked);
			/* Of the two the stricter is all that is asked for. */
			kept |= *want != asked && policy->precedence == TW_PRECEDENCE_APP;
		}
		changed |= *want != socket->now.value[field];
	}
	if (changed)
		result.outcome = TW_SET;
	else if (kept)
		result.outcome = TW_KEPT_APP;
	return result;
}

static void write_one(struct oracle_socket *socket, enum tw_field field, __u32 want)
{
	struct owned own = without_us(socket, field);

	socket->now.value[field] = want;
	socket->wrote[field] = want != own.value;
	socket->wrote_value[field] = want;
	socket->had[field] = own.app;
	socket->had_value[field] = own.value;
}

void oracle_apply(struct oracle_socket *socket, const struct tw_policy *policy)
{
	struct oracle_result result = oracle_plan(socket, policy);

	for (int field = 0; field < TW_FIELDS; field++)
		write_one(socket, (enum tw_field)field, result.want.value[field]);
}

void oracle_set(struct oracle_socket *socket, enum tw_field field, __u32 value)
{
	socket->now.value[field] = value;
}

void oracle_ask(struct oracle_socket *socket, const struct tw_policy *policy, enum tw_field field,
		__u32 value, bool follow)
{
	struct oracle_result result;

	/* Whatever we wrote there: now it is the application's. */
	socket->wrote[field] = false;
	socket->now.value[field] = value;
	result = oracle_plan(socket, policy);
	write_one(socket, field, result.want.value[field]);
	if (policy->flags & TW_POLICY_AUTO && follow)
		write_one(socket, TW_USER_TIMEOUT, result.want.value[TW_USER_TIMEOUT]);
}
