// SPDX-License-Identifier: GPL-2.0-only
#include "policies.h"

#include <fnmatch.h>
#include <time.h>

#include "policy/canon.h"
#include "policy/compile.h"

#include <tcpwarden/match.h>

struct connection {
	const char *cgroup;
	struct tw_pod pod;
	unsigned direction;
	uint8_t addr[16];
	uint16_t port;
};

/* --- the oracle: policy by policy, straight from the model --------------------- */

static bool is_v4(const uint8_t addr[static 16])
{
	static const uint8_t mapped[12] = { [10] = 0xff, [11] = 0xff };

	return !memcmp(addr, mapped, sizeof(mapped));
}

static bool oracle_prefix(const struct tw_cidr *cidr, const uint8_t addr[static 16])
{
	bool v4 = cidr->len >= 96 && is_v4(cidr->addr);

	if (v4 != is_v4(addr))
		return false;
	for (unsigned bit = 0; bit < cidr->len; bit++)
		if ((cidr->addr[bit / 8] ^ addr[bit / 8]) & 0x80 >> bit % 8)
			return false;
	return true;
}

/* Whether the pattern fits the path or an ancestor: cut the path at each component. */
static bool oracle_cgroup(const char *pattern, const char *path)
{
	char cut[TW_PATH_LEN];

	if (!strcmp(pattern, "/"))
		return true;
	for (size_t i = 1; i <= strlen(path); i++) {
		if (path[i] != '/' && path[i] != '\0')
			continue;
		memcpy(cut, path, i);
		cut[i] = '\0';
		if (!fnmatch(pattern, cut, FNM_PATHNAME))
			return true;
	}
	return false;
}

static bool oracle_names(char *const *patterns, size_t count, const char *name)
{
	bool any = !count;

	for (size_t i = 0; i < count; i++)
		any |= !fnmatch(patterns[i], name, 0);
	return any;
}

enum answer {
	NO,
	MAYBE,
	YES,
};

static enum answer oracle_pod(const struct tw_model_policy *policy, const struct tw_pod *pod)
{
	if (!policy->namespace_count && !policy->pod_count)
		return YES;
	if (pod->state != TW_POD_KNOWN)
		return pod->state == TW_POD_UNKNOWN ? MAYBE : NO;
	return oracle_names(policy->namespaces, policy->namespace_count, pod->namespace) &&
			       oracle_names(policy->pods, policy->pod_count, pod->name)
		       ? YES
		       : NO;
}

static enum answer oracle_matches(const struct tw_model_policy *policy, const struct connection *c)
{
	bool cgroup = !policy->cgroup_count, remote = !policy->remote_count;
	bool port = !policy->port_count;

	for (size_t i = 0; i < policy->cgroup_count; i++)
		cgroup |= oracle_cgroup(policy->cgroups[i], c->cgroup);
	for (size_t i = 0; i < policy->remote_count; i++)
		remote |= oracle_prefix(&policy->remotes[i], c->addr);
	for (size_t i = 0; i < policy->port_count; i++)
		port |= policy->ports[i].first <= c->port && c->port <= policy->ports[i].last;
	if (!cgroup || !remote || !port || !(policy->directions & 1u << c->direction))
		return NO;
	return oracle_pod(policy, &c->pod);
}

static void oracle_select(const struct tw_model *model, const struct connection *c,
			  struct tw_verdict *ret_verdict)
{
	*ret_verdict = (struct tw_verdict){ .winner = TW_MAX_POLICIES };
	for (unsigned i = 0; i < model->count; i++) {
		enum answer answer = oracle_matches(&model->policies[i], c);

		if (answer == NO)
			continue;
		if (!model->policies[i].observe) {
			ret_verdict->winner = i;
			ret_verdict->pending = answer == MAYBE;
			return;
		}
		if (answer == YES)
			ret_verdict->observers.word[i / 64] |= 1ULL << i % 64;
	}
}

static bool tw_selects_path(const struct tw_model_policy *policy, const char *path)
{
	bool any = !policy->cgroup_count;

	for (size_t i = 0; i < policy->cgroup_count; i++)
		any |= oracle_cgroup(policy->cgroups[i], path);
	return any;
}

static void compiled_select(const struct tw_model *model, const struct tw_compiled *compiled,
			    const struct connection *c, struct tw_verdict *ret_verdict)
{
	const struct tw_generation *generation = compiled->generation;
	struct tw_cgroup_sets cgroup;

	tw_compile_cgroup(model, c->cgroup, &c->pod, &cgroup);
	/* Of an unknown pod's cgroup, patterns for what is below it may be in doubt as well. */
	for (size_t i = 0; i < model->count; i++)
		if (!tw_selects_path(&model->policies[i], c->cgroup))
			cgroup.may.word[i / 64] &= ~(1ULL << i % 64);
	tw_select(&cgroup, cgroup.own_may, &generation->direction[c->direction],
		  tw_compiled_remote(compiled, c->addr), tw_compiled_port(compiled, c->port),
		  &generation->observe, ret_verdict);
}

/* --- against the oracle ------------------------------------------------------- */

static void assert_same(const struct tw_model *model, const struct tw_compiled *compiled,
			const struct connection *connection)
{
	struct tw_verdict expected, got;

	oracle_select(model, connection, &expected);
	compiled_select(model, compiled, connection, &got);
	assert_int_equal(got.winner, expected.winner);
	assert_int_equal(got.pending, expected.pending);
	assert_memory_equal(&got.observers, &expected.observers, sizeof(got.observers));
}

static void compile__selects_as_the_oracle_does(void **state)
{
	uint64_t seed = 7;
	unsigned won = 0, pending = 0;

	(void)state;
	for (unsigned i = 0; i < 400; i++) {
		_cleanup_model_ struct tw_model model =
			policies_random(&seed, i % 20 ? i % 20 : TW_MAX_POLICIES);
		_cleanup_compiled_ struct tw_compiled compiled = { 0 };

		assert_int_equal(tw_compile(&model, NULL, &compiled), 0);
		for (unsigned j = 0; j < 200; j++) {
			_cleanup_free_ char *path =
				policies_path(&seed, policies_names, ARRAY_SIZE(policies_names), 4);
			struct connection connection = {
				.cgroup = path,
				.pod = policies_pod(&seed),
				.direction = unit_below(&seed, TW_DIRECTIONS),
				.port = policies_range(&seed).last,
			};
			struct tw_verdict verdict;

			policies_address(&seed, connection.addr);
			assert_same(&model, &compiled, &connection);
			compiled_select(&model, &compiled, &connection, &verdict);
			won += verdict.winner != TW_MAX_POLICIES;
			pending += verdict.pending;
		}
	}
	assert_true(won > 10000);
	assert_true(pending > 1000);
}

/* --- by hand ------------------------------------------------------------------ */

static struct tw_compiled compile(const struct tw_model *model)
{
	struct tw_compiled compiled = { 0 };

	assert_int_equal(tw_compile(model, NULL, &compiled), 0);
	return compiled;
}

static __u64 remote_word(const struct tw_compiled *compiled, const char *address)
{
	struct tw_cidr cidr;

	assert_int_equal(tw_cidr_parse(address, &cidr), 0);
	return tw_compiled_remote(compiled, cidr.addr)->word[0];
}

static void compile__lays_a_policy_out(void **state)
{
	_cleanup_model_ struct tw_model model =
		policies_valid("  - {name: a, match: {direction: in, port: 80}, mode: observe}\n"
			       "  - {name: b, keepalive: 60s:10s:3, user_timeout: auto}\n"
			       "  - {name: c, match: {cgroup: /x}, user_timeout: 90s}\n");
	_cleanup_compiled_ struct tw_compiled compiled = compile(&model);
	const struct tw_generation *generation = compiled.generation;
	const struct tw_policy *policy = generation->policy;

	(void)state;
	assert_int_equal(policy[0].fields, 0);
	assert_int_equal(policy[0].flags, TW_POLICY_OBSERVE);
	assert_int_equal(policy[1].fields, 0x1f);
	assert_int_equal(policy[1].flags, TW_POLICY_AUTO);
	assert_int_equal(policy[1].want.value[TW_IDLE], 60);
	assert_int_equal(policy[1].want.value[TW_INTERVAL], 10);
	assert_int_equal(policy[1].want.value[TW_PROBES], 3);
	assert_int_equal(policy[1].want.value[TW_KEEPALIVE], 1);
	assert_int_equal(policy[2].fields, TW_BIT(TW_USER_TIMEOUT));
	assert_int_equal(policy[2].flags, 0);
	assert_int_equal(policy[2].want.value[TW_USER_TIMEOUT], 90000);
	assert_int_equal(policy[2].precedence, TW_PRECEDENCE_APP);

	assert_int_equal(generation->direction[TW_IN].word[0], 7);
	assert_int_equal(generation->direction[TW_OUT].word[0], 6);
	assert_int_equal(generation->observe.word[0], 1);
	assert_int_equal(generation->deep.must.word[0], 3);
	assert_int_equal(generation->any_remote.word[0], 7);
	assert_int_equal(generation->any_port.word[0], 6);
	assert_int_equal(generation->prefixes, 0);
	assert_int_equal(compiled.port_set_count, 1);
	assert_int_equal(generation->port_class[79], 0);
	assert_int_equal(generation->port_class[80], 1);
	assert_int_equal(generation->port_class[81], 0);
	assert_int_equal(compiled.port_sets[0].word[0], 7);
}

/* An exemption asks nothing that could be held. */
static void compile__lays_precedence_out(void **state)
{
	_cleanup_model_ struct tw_model model = policies_valid(
		"  - {name: a, precedence: policy}\n"
		"  - {name: b, user_timeout: 90s, precedence: strictest, mode: observe}\n"
		"  - {name: c, keepalive: on, mode: observe}\n"
		"  - {name: d, keepalive: off, precedence: policy}\n");
	_cleanup_compiled_ struct tw_compiled compiled = compile(&model);
	const struct tw_generation *generation = compiled.generation;

	(void)state;
	assert_int_equal(generation->policy[0].precedence, TW_PRECEDENCE_APP);
	assert_int_equal(generation->policy[1].precedence, TW_PRECEDENCE_STRICTEST);
	assert_int_equal(generation->policy[3].precedence, TW_PRECEDENCE_POLICY);
	assert_int_equal(generation->policy[3].fields, TW_BIT(TW_KEEPALIVE));
	assert_int_equal(generation->watch.word[0], 1 << 1);
	assert_int_equal(generation->watches, 1);
}

static void compile__gives_prefixes_what_covers_them(void **state)
{
	_cleanup_model_ struct tw_model model = policies_valid(
		"  - {name: a, match: {remote: 10.0.0.0/8}}\n"
		"  - {name: b, match: {remote: [10.1.0.0/16, \"fd00::/8\"]}}\n"
		"  - {name: c, match: {remote: [10.1.2.0/24, 10.0.0.0/8], port: 1}}\n"
		"  - {name: d, match: {port: 2}}\n"
		"  - {name: e, match: {remote: [0.0.0.0/0, \"::1\"], port: 3}}\n");
	_cleanup_compiled_ struct tw_compiled compiled = compile(&model);

	(void)state;
	/* 0/0, 10/8, 10.1/16, 10.1.2/24, ::1, fd00::/8 */
	assert_int_equal(compiled.generation->prefixes, 6);
	assert_int_equal(remote_word(&compiled, "9.0.0.0"), 1 << 3 | 1 << 4);
	assert_int_equal(remote_word(&compiled, "10.0.0.1"), 1 << 0 | 1 << 2 | 1 << 3 | 1 << 4);
	assert_int_equal(remote_word(&compiled, "10.1.0.1"), 0x1f);
	assert_int_equal(remote_word(&compiled, "10.1.2.3"), 0x1f);
	assert_int_equal(remote_word(&compiled, "fd12::1"), 1 << 1 | 1 << 3);
	assert_int_equal(remote_word(&compiled, "::1"), 1 << 3 | 1 << 4);
	assert_int_equal(remote_word(&compiled, "::2"), 1 << 3);
}

/* The longest prefix wins in the map too, so ::/0 must not be the longest for IPv4. */
static void compile__keeps_ipv6_prefixes_from_ipv4(void **state)
{
	_cleanup_model_ struct tw_model model =
		policies_valid("  - {name: a, match: {remote: \"::/0\"}}\n"
			       "  - {name: b, match: {remote: \"::/64\", port: 1}}\n"
			       "  - {name: c, match: {remote: 10.0.0.0/8}}\n"
			       "  - {name: d, match: {port: 2}}\n");
	_cleanup_compiled_ struct tw_compiled compiled = compile(&model);
	bool all_v4 = false;

	(void)state;
	assert_int_equal(remote_word(&compiled, "192.0.2.1"), 1 << 3);
	assert_int_equal(remote_word(&compiled, "10.0.0.1"), 1 << 2 | 1 << 3);
	assert_int_equal(remote_word(&compiled, "::1"), 1 << 0 | 1 << 1 | 1 << 3);
	assert_int_equal(remote_word(&compiled, "2001:db8::1"), 1 << 0 | 1 << 3);
	for (unsigned i = 0; i < compiled.generation->prefixes; i++) {
		const struct tw_compiled_prefix *prefix = &compiled.prefixes[i];

		if (prefix->key.len == 96 && is_v4(prefix->key.addr)) {
			all_v4 = true;
			assert_int_equal(prefix->set.word[0], 1 << 3);
		}
	}
	assert_true(all_v4);
}

static void compile__joins_ports_into_classes(void **state)
{
	_cleanup_model_ struct tw_model model =
		policies_valid("  - {name: a, match: {port: [10-19, 20-29, 15-25, 65535]}}\n"
			       "  - {name: b, match: {port: [1-65535], remote: 10.0.0.0/8}}\n");
	_cleanup_compiled_ struct tw_compiled compiled = compile(&model);
	const __u16 *class = compiled.generation->port_class;

	(void)state;
	assert_int_equal(class[0], 0);
	assert_int_equal(compiled.port_set_count, 4);
	assert_int_equal(class[1], class[9]);
	assert_int_equal(class[10], class[29]);
	assert_int_equal(class[20], class[10]);
	assert_int_not_equal(class[9], class[10]);
	assert_int_equal(tw_compiled_port(&compiled, 9)->word[0], 2);
	assert_int_equal(tw_compiled_port(&compiled, 10)->word[0], 3);
	assert_int_equal(tw_compiled_port(&compiled, 29)->word[0], 3);
	assert_int_equal(tw_compiled_port(&compiled, 30)->word[0], 2);
	assert_int_equal(tw_compiled_port(&compiled, 65534)->word[0], 2);
	assert_int_equal(tw_compiled_port(&compiled, 65535)->word[0], 3);
}

static void compile__ends_overlapping_ranges_where_the_last_ends(void **state)
{
	_cleanup_model_ struct tw_model model =
		policies_valid("  - {name: a, match: {port: [10-19, 12-13, 15-25, 15-20]}}\n");
	_cleanup_compiled_ struct tw_compiled compiled = compile(&model);
	const __u16 *class = compiled.generation->port_class;

	(void)state;
	assert_int_equal(compiled.port_set_count, 1);
	for (unsigned port = 0; port < 40; port++)
		assert_int_equal(class[port], port >= 10 && port <= 25);
}

static void compile__covers_cgroups_by_component(void **state)
{
	static const struct {
		const char *pattern, *path;
		bool covers;
	} cases[] = {
		{ "/", "/", true },
		{ "/", "/a/b", true },
		{ "/a", "/", false },
		{ "/a", "/a", true },
		{ "/a", "/a/", true },
		{ "/a", "/a/b/c", true },
		{ "/a", "/ab", false },
		{ "/a/b", "/a", false },
		{ "/a/*", "/a", false },
		{ "/a/*", "/a/b/c", true },
		{ "/*", "/.hidden", true },
		{ "/*b", "/a/b", false },
		{ "/a*c", "/a/c", false },
		{ "/kubepods.slice/*-pod*.slice",
		  "/kubepods.slice/kubepods-pod12.slice/cri-x.scope", true },
		{ "/a?", "/ab", true },
		{ "/a?", "/a", false },
		{ "/[!a]", "/b", true },
		{ "/[!a]", "/a", false },
		{ "/\\*", "/*", true },
		{ "/\\*", "/a", false },
		{ "/A", "/a", false },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		assert_int_equal(tw_cgroup_covers(cases[i].pattern, cases[i].path),
				 cases[i].covers);
}

/* A few letters and all that a pattern may be made of, so that many match. */
static void random_name(char *name, size_t size, const char *letters)
{
	size_t len = 1 + (size_t)random() % (size - 1);

	for (size_t i = 0; i < len; i++)
		name[i] = letters[(size_t)random() % strlen(letters)];
	name[len] = '\0';
}

static void compile__matches_names_as_fnmatch_does(void **state)
{
	unsigned matched = 0;

	(void)state;
	srandom(1);
	for (int i = 0; i < 200000; i++) {
		char pattern[8] = "/", path[8] = "/";
		bool expected;

		random_name(pattern + 1, sizeof(pattern) - 1, "aab-*?[]!\\");
		random_name(path + 1, sizeof(path) - 1, "aab-*[\\");
		expected = fnmatch(pattern + 1, path + 1, 0) == 0;
		if (tw_cgroup_covers(pattern, path) != expected ||
		    tw_cgroup_may_cover(pattern, path) != expected)
			fail_msg("%s, %s: fnmatch() says %d", pattern, path, expected);
		matched += expected;
	}
	assert_true(matched > 2000);
}

static void compile__selects_no_cgroup_past_the_depth(void **state)
{
	_cleanup_model_ struct tw_model model =
		policies_valid("  - {name: a, match: {cgroup: /}}\n"
			       "  - {name: b, match: {cgroup: /1/2}}\n"
			       "  - {name: c}\n"
			       "  - {name: d, match: {pod: p}}\n");
	struct tw_pod pod = { .state = TW_POD_KNOWN, .namespace = "n", .name = "p" };
	struct tw_cgroup_sets sets;

	(void)state;
	tw_compile_cgroup(&model, "/1/2/3/4/5/6/7/8/9/10/11/12/13/14/15/16", &pod, &sets);
	assert_int_equal(sets.must.word[0], 0xf);
	tw_compile_cgroup(&model, "/1/2/3/4/5/6/7/8/9/10/11/12/13/14/15/16/17", &pod, &sets);
	assert_int_equal(sets.must.word[0], 4);
	assert_int_equal(sets.may.word[0], 8);
	assert_int_equal(sets.own_may, ~0ULL);
	tw_compile_cgroup(&model, "/", &pod, &sets);
	assert_int_equal(sets.must.word[0], 0xd);
}

/* The table of abi.h, and patterns for cgroups in pods. */
static void compile__knows_what_may_be_a_pod(void **state)
{
	_cleanup_model_ struct tw_model model =
		policies_valid("  - {name: a, match: {pod: db-*}}\n"
			       "  - {name: b}\n"
			       "  - {name: c, match: {namespace: [shop, web], pod: db-0}}\n"
			       "  - {name: d, match: {namespace: shop, cgroup: /k/pod/cri-*}}\n");
	static const struct {
		const char *path;
		struct tw_pod pod;
		__u64 must, may, own;
	} cases[] = {
		{ "/", { TW_POD_NONE, NULL, NULL }, 2, 0xd, 0 },
		{ "/k", { TW_POD_NONE, NULL, NULL }, 2, 0xd, 0 },
		{ "/system.slice", { TW_POD_NONE, NULL, NULL }, 2, 5, 0 },
		{ "/k/pod", { TW_POD_UNKNOWN, NULL, NULL }, 2, 0xd, ~0ULL },
		{ "/k/pod/other", { TW_POD_UNKNOWN, NULL, NULL }, 2, 5, ~0ULL },
		{ "/k/pod", { TW_POD_KNOWN, "shop", "db-0" }, 7, 8, 0 },
		{ "/k/pod/cri-1", { TW_POD_KNOWN, "shop", "db-0" }, 0xf, 0, 0 },
		{ "/k/pod/x", { TW_POD_KNOWN, "web", "db-1" }, 3, 0, 0 },
		{ "/k/pod/cri-1", { TW_POD_KNOWN, "shop", "web-0" }, 0xa, 0, 0 },
		{ "/k/pod/cri-1", { TW_POD_KNOWN, "prod", "web-0" }, 2, 0, 0 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct tw_cgroup_sets sets;

		tw_compile_cgroup(&model, cases[i].path, &cases[i].pod, &sets);
		assert_int_equal(sets.must.word[0], cases[i].must);
		assert_int_equal(sets.may.word[0], cases[i].may);
		assert_int_equal(sets.own_may, cases[i].own);
	}
}

static void compile__keeps_the_canonical_text(void **state)
{
	_cleanup_model_ struct tw_model model = policies_valid("  - {name: a}\n");
	_cleanup_compiled_ struct tw_compiled compiled = compile(&model);
	__u64 digest[2];

	(void)state;
	assert_string_equal(compiled.text.data, "version: 1\npolicies:\n  - name: a\n");
	tw_canon_digest(compiled.text.data, compiled.text.len, digest);
	assert_memory_equal(compiled.digest, digest, sizeof(digest));
}

static void compile__takes_no_policies(void **state)
{
	_cleanup_model_ struct tw_model model = TW_MODEL_INIT;
	_cleanup_compiled_ struct tw_compiled compiled = compile(&model);
	struct connection connection = { .cgroup = "/", .port = 80 };
	struct tw_verdict verdict;

	(void)state;
	compiled_select(&model, &compiled, &connection, &verdict);
	assert_int_equal(verdict.winner, TW_MAX_POLICIES);
	assert_int_equal(compiled.generation->prefixes, 0);
	assert_int_equal(compiled.port_set_count, 0);
}

/* --- at the limits ------------------------------------------------------------ */

/* 256 policies with 64 prefixes in one another and 64 overlapping ranges, all different. */
static void fill(struct tw_model *model)
{
	model->policies = calloc(TW_MAX_POLICIES, sizeof(*model->policies));
	assert_non_null(model->policies);
	model->count = TW_MAX_POLICIES;
	for (unsigned i = 0; i < TW_MAX_POLICIES; i++) {
		struct tw_model_policy *policy = &model->policies[i];

		snprintf(policy->name, sizeof(policy->name), "p%u", i);
		policy->directions = TW_ANY_DIRECTION;
		policy->remotes = calloc(TW_MAX_PREFIXES, sizeof(*policy->remotes));
		policy->ports = calloc(TW_MAX_PORT_RANGES, sizeof(*policy->ports));
		policy->remote_count = TW_MAX_PREFIXES;
		policy->port_count = TW_MAX_PORT_RANGES;
		for (unsigned j = 0; j < TW_MAX_PREFIXES; j++) {
			policy->remotes[j].len = (uint8_t)(65 + j);
			policy->remotes[j].addr[0] = 0xfd;
			policy->remotes[j].addr[7] = (uint8_t)i;
			policy->ports[j].first = (uint16_t)(1 + i + 512 * j);
			policy->ports[j].last = (uint16_t)(policy->ports[j].first + 32767);
		}
	}
}

static double seconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static void compile__is_quick_at_the_limits(void **state)
{
	_cleanup_model_ struct tw_model model = TW_MODEL_INIT;
	_cleanup_compiled_ struct tw_compiled compiled = { 0 };
	struct connection connection = { .cgroup = "/", .addr = { 0xfd, [7] = 200 } };
	double start;

	(void)state;
	fill(&model);
	start = seconds();
	assert_int_equal(tw_compile(&model, NULL, &compiled), 0);
	assert_true(seconds() - start < 1.0); /* of CPU time, under ASan; 0.05 s without */
	/* One more than there are in the policies: all of IPv4. */
	assert_int_equal(compiled.generation->prefixes, TW_MAX_POLICIES * TW_MAX_PREFIXES + 1);
	for (unsigned port = 1; port < TW_PORTS; port += 127) {
		connection.port = (uint16_t)port;
		assert_same(&model, &compiled, &connection);
	}
}

/* Policies with as many and as long cgroup patterns as there may be. */
static void make_text(struct tw_model *model, size_t policies)
{
	model->policies = calloc(policies, sizeof(*model->policies));
	assert_non_null(model->policies);
	model->count = policies;
	for (size_t i = 0; i < policies; i++) {
		struct tw_model_policy *policy = &model->policies[i];

		snprintf(policy->name, sizeof(policy->name), "p%zu", i);
		policy->directions = TW_ANY_DIRECTION;
		policy->rollout = TW_WHOLE_SHARE;
		strcpy(policy->cohort, "default");
		policy->cgroups = calloc(TW_MAX_CGROUP_PATTERNS, sizeof(*policy->cgroups));
		assert_non_null(policy->cgroups);
		for (size_t j = 0; j < TW_MAX_CGROUP_PATTERNS; j++) {
			char *path = malloc(TW_PATH_LEN);

			assert_non_null(path);
			memset(path, 'x', TW_PATH_LEN);
			path[0] = '/';
			path[TW_PATH_LEN - 1] = '\0';
			policy->cgroups[policy->cgroup_count++] = path;
		}
	}
}

static void compile__refuses_text_past_its_limit(void **state)
{
	/* 64 patterns of 4095 bytes and their quotes are a little over 1/64 of 16 MiB. */
	const size_t most = TW_MAX_TEXT_CHUNKS / 64;
	_cleanup_model_ struct tw_model fits = TW_MODEL_INIT, larger = TW_MODEL_INIT;
	_cleanup_compiled_ struct tw_compiled compiled = { 0 }, untouched = { 0 };

	(void)state;
	make_text(&fits, most - 1);
	make_text(&larger, most);
	assert_int_equal(tw_compile(&fits, NULL, &compiled), 0);
	assert_int_equal(tw_compile(&larger, NULL, &untouched), -E2BIG);
	assert_null(untouched.generation);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(compile__selects_as_the_oracle_does),
		cmocka_unit_test(compile__lays_a_policy_out),
		cmocka_unit_test(compile__lays_precedence_out),
		cmocka_unit_test(compile__gives_prefixes_what_covers_them),
		cmocka_unit_test(compile__keeps_ipv6_prefixes_from_ipv4),
		cmocka_unit_test(compile__joins_ports_into_classes),
		cmocka_unit_test(compile__ends_overlapping_ranges_where_the_last_ends),
		cmocka_unit_test(compile__covers_cgroups_by_component),
		cmocka_unit_test(compile__matches_names_as_fnmatch_does),
		cmocka_unit_test(compile__selects_no_cgroup_past_the_depth),
		cmocka_unit_test(compile__knows_what_may_be_a_pod),
		cmocka_unit_test(compile__keeps_the_canonical_text),
		cmocka_unit_test(compile__takes_no_policies),
		cmocka_unit_test(compile__is_quick_at_the_limits),
		cmocka_unit_test(compile__refuses_text_past_its_limit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
