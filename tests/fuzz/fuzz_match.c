// SPDX-License-Identifier: GPL-2.0-only
/*
 * A model and connections made of the input: the sets of the compiled generation,
 * as the BPF program would look them up, select what the oracle selects. And a
 * policy that only observes, put in anywhere, changes the policy of no connection.
 */
#include <tcpwarden/match.h>

#include "fuzz.h"
#include "oracle.h"
#include "policy/cohort.h"
#include "policy/compile.h"
#include "policy/cover.h"
#include "policy/explain.h"

#define MAX_MODEL	24
#define MAX_CONNECTIONS 6

static const struct tw_place place = { .node = "node-a" };

/* --- made of the input ------------------------------------------------------------------ */

static char *make_path(struct fuzz_bytes *in, const char *const *words, unsigned count,
		       unsigned most)
{
	_cleanup_buf_ struct tw_buf path = TW_BUF_INIT;
	unsigned depth = fuzz_below(in, most + 1);

	for (unsigned i = 0; i < depth; i++)
		fuzz_check(tw_buf_addf(&path, "/%s", words[fuzz_below(in, count)]) == 0);
	if (!depth)
		fuzz_check(tw_buf_addf(&path, "/") == 0);
	return TAKE_PTR(path.data);
}

static char *make_pattern(struct fuzz_bytes *in)
{
	static const char *const words[] = {
		"a", "b", "*", "a*", "?", "[ab]", "\\*", ".c", "[!a]"
	};

	return make_path(in, words, ARRAY_SIZE(words), fuzz_below(in, 8) ? 3 : 16);
}

static char *make_cgroup(struct fuzz_bytes *in)
{
	static const char *const words[] = { "a", "b", "ab", ".c", "*", "c" };

	return make_path(in, words, ARRAY_SIZE(words), fuzz_below(in, 8) ? 4 : 18);
}

/* Of a small world, so that prefixes and addresses meet; now and then any. */
static void make_address(struct fuzz_bytes *in, uint8_t addr[static 16])
{
	unsigned kind = fuzz_below(in, 8);

	memset(addr, 0, 16);
	if (kind == 0)
		for (int i = 0; i < 16; i++)
			addr[i] = fuzz_byte(in);
	if (kind >= 4) {
		addr[10] = addr[11] = 0xff;
		addr[12] = (uint8_t)(10 + (kind & 1));
	} else if (kind >= 2) {
		addr[0] = (uint8_t)(0xfc + kind);
	}
	addr[15] = fuzz_byte(in) & 15;
}

static struct tw_cidr make_prefix(struct fuzz_bytes *in)
{
	struct tw_cidr prefix = { .len = (uint8_t)fuzz_below(in, 129) };

	make_address(in, prefix.addr);
	for (int bit = prefix.len; bit < 128; bit++)
		prefix.addr[bit / 8] &= (uint8_t) ~(0x80 >> bit % 8);
	return prefix;
}

static uint16_t make_port(struct fuzz_bytes *in)
{
	unsigned byte = fuzz_byte(in);

	if (byte < 16)
		return (uint16_t)(fuzz_number(in) % 65535 + 1);
	return (uint16_t)(byte < 128 ? byte - 15 : 65535 - (255 - byte));
}

static struct tw_port_range make_range(struct fuzz_bytes *in)
{
	uint16_t a = make_port(in), b = make_port(in);

	return a < b ? (struct tw_port_range){ a, b } : (struct tw_port_range){ b, a };
}

static void *make_list(size_t count, size_t size)
{
	void *list = calloc(count ? count : 1, size);

	fuzz_check(list);
	return list;
}

/* Now and then a policy selects by names: of nodes, of pods. */
static void make_names(struct fuzz_bytes *in, const char *const *patterns, size_t count,
		       char ***ret_names, size_t *ret_count)
{
	*ret_count = fuzz_below(in, 6) ? 0 : fuzz_below(in, 3);
	*ret_names = make_list(*ret_count, sizeof(**ret_names));
	for (size_t i = 0; i < *ret_count; i++) {
		(*ret_names)[i] = strdup(patterns[fuzz_below(in, (unsigned)count)]);
		fuzz_check((*ret_names)[i]);
	}
}

static void make_policy(struct fuzz_bytes *in, struct tw_model_policy *policy)
{
	static const char *const nodes[] = { "node-a", "node-?", "*", "node-b", "[!n]*" };
	static const char *const pods[] = { "a", "b", "a*", "*", "?b" };
	unsigned shape = fuzz_byte(in);

	*policy =
		(struct tw_model_policy){ .directions = 1 + shape % 3, .observe = shape >> 6 == 1 };
	policy->cgroup_count = shape & 4 ? fuzz_below(in, 4) : 0;
	policy->remote_count = shape & 8 ? fuzz_below(in, 8) : 0;
	policy->port_count = shape & 16 ? fuzz_below(in, 8) : 0;
	policy->cgroups = make_list(policy->cgroup_count, sizeof(*policy->cgroups));
	policy->remotes = make_list(policy->remote_count, sizeof(*policy->remotes));
	policy->ports = make_list(policy->port_count, sizeof(*policy->ports));
	make_names(in, nodes, ARRAY_SIZE(nodes), &policy->nodes, &policy->node_count);
	make_names(in, pods, ARRAY_SIZE(pods), &policy->namespaces, &policy->namespace_count);
	make_names(in, pods, ARRAY_SIZE(pods), &policy->pods, &policy->pod_count);
	for (size_t i = 0; i < policy->cgroup_count; i++)
		policy->cgroups[i] = make_pattern(in);
	for (size_t i = 0; i < policy->remote_count; i++)
		policy->remotes[i] = make_prefix(in);
	for (size_t i = 0; i < policy->port_count; i++)
		policy->ports[i] = make_range(in);
	if (shape & 32) {
		policy->fields = TW_BIT(TW_USER_TIMEOUT);
		policy->want.value[TW_USER_TIMEOUT] = 1 + fuzz_number(in) % INT32_MAX;
	}
	tw_model_policy_sort(policy);
}

/* Policies that match nothing, in front, so that the others are in any word of the sets. */
static void fill(struct tw_model *model, size_t count)
{
	for (; model->count < count; model->count++) {
		struct tw_model_policy *policy = &model->policies[model->count];

		*policy = (struct tw_model_policy){ .directions = TW_ANY_DIRECTION,
						    .rollout = TW_WHOLE_SHARE,
						    .cohort = TW_DEFAULT_COHORT,
						    .cgroup_count = 1 };
		policy->cgroups = make_list(1, sizeof(*policy->cgroups));
		policy->cgroups[0] = strdup("/nobody");
	}
}

static void make_model(struct fuzz_bytes *in, struct tw_model *model)
{
	unsigned count = fuzz_below(in, MAX_MODEL);

	model->policies = make_list(TW_MAX_POLICIES, sizeof(*model->policies));
	if (!fuzz_below(in, 8))
		fill(model, fuzz_below(in, TW_MAX_POLICIES - MAX_MODEL));
	for (unsigned i = 0; i < count; i++)
		make_policy(in, &model->policies[model->count++]);
	for (size_t i = 0; i < model->count; i++)
		snprintf(model->policies[i].name, TW_NAME_LEN, "p%zu", i);
}

static void make_connection(struct fuzz_bytes *in, struct oracle_connection *connection)
{
	static const char *const names[] = { NULL, "a", "b", "ab" };

	connection->node = place.node;
	connection->direction = fuzz_byte(in) & 1 ? TW_IN : TW_OUT;
	make_address(in, connection->local.addr);
	make_address(in, connection->remote.addr);
	connection->local.port = make_port(in);
	connection->remote.port = make_port(in);
	connection->cgroup = make_cgroup(in);
	connection->namespace = names[fuzz_below(in, ARRAY_SIZE(names))];
	connection->pod = connection->namespace ? names[1 + fuzz_below(in, ARRAY_SIZE(names) - 1)]
						: NULL;
}

static void connection_free(struct oracle_connection *connection)
{
	free((char *)connection->cgroup);
}

/* --- compared -------------------------------------------------------------------------- */

/* What the LPM map finds: the longest prefix whose bits are the address's. */
static const struct tw_set *look_up_prefix(const struct tw_compiled *compiled,
					   const uint8_t addr[static 16])
{
	const struct tw_compiled_prefix *best = NULL;

	for (size_t i = 0; i < compiled->generation->prefixes; i++) {
		const struct tw_compiled_prefix *prefix = &compiled->prefixes[i];
		unsigned bit = 0;

		while (bit < prefix->key.len &&
		       !((prefix->key.addr[bit / 8] ^ addr[bit / 8]) >> (7 - bit % 8) & 1))
			bit++;
		if (bit == prefix->key.len && (!best || best->key.len < prefix->key.len))
			best = prefix;
	}
	return best ? &best->set : &compiled->generation->any_remote;
}

static struct tw_pod pod_of(const struct oracle_connection *connection)
{
	return (struct tw_pod){
		.state = connection->pod ? TW_POD_KNOWN : TW_POD_NONE,
		.namespace = connection->namespace,
		.name = connection->pod,
	};
}

static void select_by_sets(const struct tw_model *model, const struct tw_compiled *compiled,
			   const struct oracle_connection *connection,
			   struct tw_verdict *ret_verdict)
{
	const struct tw_generation *generation = compiled->generation;
	bool out = connection->direction == TW_OUT;
	const struct tw_set *remote = look_up_prefix(compiled, connection->remote.addr);
	struct tw_pod pod = pod_of(connection);
	struct tw_cgroup_sets cgroup;

	fuzz_check(!memcmp(remote, tw_compiled_remote(compiled, connection->remote.addr),
			   sizeof(*remote)));
	tw_compile_cgroup(model, connection->cgroup, &pod, &cgroup);
	tw_select(
		&cgroup, cgroup.own_may, &generation->direction[connection->direction], remote,
		tw_compiled_port(compiled, out ? connection->remote.port : connection->local.port),
		&generation->observe, ret_verdict);
}

static bool is_observer(const struct tw_verdict *verdict, size_t i)
{
	return verdict->observers.word[i / 64] >> i % 64 & 1;
}

static void check_verdict(const struct tw_model *model, const struct oracle_connection *connection,
			  const struct tw_verdict *verdict)
{
	size_t winner = oracle_winner(model, connection);

	fuzz_check(verdict->winner == winner && !verdict->pending);
	for (size_t i = 0; i < TW_MAX_POLICIES; i++)
		fuzz_check(is_observer(verdict, i) ==
			   (i < model->count && i < winner &&
			    !oracle_enforces(&model->policies[i]) &&
			    oracle_matches(&model->policies[i], connection)));
}

static void check_explained(const struct tw_model *model, const struct tw_compiled *compiled,
			    const struct oracle_connection *connection,
			    const struct tw_verdict *verdict)
{
	_cleanup_answer_ struct tw_answer answer = TW_ANSWER_INIT;
	struct tw_question question = {
		.cgroup = connection->cgroup,
		.pod = pod_of(connection),
		.node = place.node,
		.direction = connection->direction,
		.local = &connection->local,
		.remote = &connection->remote,
	};

	fuzz_check(tw_explain(model, compiled, &question, &answer) == 0);
	fuzz_check(answer.winner == verdict->winner);
	for (size_t i = 0; i < answer.count; i++) {
		fuzz_check(answer.considered[i].policy == i && answer.considered[i].why);
		fuzz_check(answer.considered[i].matched ==
			   oracle_matches(&model->policies[i], connection));
	}
}

/* Where one policy is said to cover another, no connection shows the contrary. */
static void check_covers(const struct tw_model *model, const struct oracle_connection *connection)
{
	size_t first = model->count > MAX_MODEL ? model->count - MAX_MODEL : 0;

	for (size_t i = first; i < model->count; i++)
		for (size_t j = i + 1; j < model->count; j++)
			if (tw_policy_covers(&model->policies[i], &model->policies[j]) &&
			    oracle_matches(&model->policies[j], connection))
				fuzz_check(oracle_matches(&model->policies[i], connection));
}

static void insert_observer(struct fuzz_bytes *in, struct tw_model *model, size_t at)
{
	struct tw_model_policy *policy = &model->policies[at];

	memmove(policy + 1, policy, (model->count - at) * sizeof(*policy));
	make_policy(in, policy);
	switch (fuzz_below(in, 3)) {
	case 0:
		policy->observe = true;
		break;
	case 1:
		policy->rollout = 0;
		break;
	default: /* of another node: it meets nothing here */
		while (policy->node_count)
			free(policy->nodes[--policy->node_count]);
		free(policy->nodes);
		policy->nodes = make_list(1, sizeof(*policy->nodes));
		policy->nodes[policy->node_count++] = strdup("node-b");
	}
	snprintf(policy->name, TW_NAME_LEN, "observer");
	model->count++;
}

/* The one that won before wins, and asks for the same. */
static void check_same(const struct tw_compiled *before, size_t winner, size_t at,
		       const struct tw_compiled *after, size_t now)
{
	if (winner == TW_MAX_POLICIES) {
		fuzz_check(now == TW_MAX_POLICIES);
		return;
	}
	fuzz_check(now == winner + (winner >= at));
	fuzz_check(!memcmp(&before->generation->policy[winner], &after->generation->policy[now],
			   sizeof(struct tw_policy)));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_bytes in = { data, size };
	_cleanup_model_ struct tw_model model = TW_MODEL_INIT;
	_cleanup_compiled_ struct tw_compiled before = { 0 }, after = { 0 };
	struct oracle_connection connections[MAX_CONNECTIONS];
	struct tw_verdict verdicts[MAX_CONNECTIONS], verdict;
	size_t at;

	make_model(&in, &model);
	at = fuzz_below(&in, (unsigned)(model.count < 255 ? model.count : 255) + 1);
	fuzz_check(tw_compile(&model, &place, &before) == 0);
	for (size_t i = 0; i < MAX_CONNECTIONS; i++) {
		make_connection(&in, &connections[i]);
		select_by_sets(&model, &before, &connections[i], &verdicts[i]);
		check_verdict(&model, &connections[i], &verdicts[i]);
		check_explained(&model, &before, &connections[i], &verdicts[i]);
		check_covers(&model, &connections[i]);
	}
	insert_observer(&in, &model, at);
	fuzz_check(tw_compile(&model, &place, &after) == 0);
	for (size_t i = 0; i < MAX_CONNECTIONS; i++) {
		select_by_sets(&model, &after, &connections[i], &verdict);
		check_same(&before, verdicts[i].winner, at, &after, verdict.winner);
		connection_free(&connections[i]);
	}
	return 0;
}
