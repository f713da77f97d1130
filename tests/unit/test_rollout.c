// SPDX-License-Identifier: GPL-2.0-only
/* match.node, rollout, cohort and guard, from their text to a generation and an explanation. */
#include "policies.h"

#include "policy/canon.h"
#include "policy/cohort.h"
#include "policy/compile.h"
#include "policy/explain.h"
#include "policy/trip.h"

#include <tcpwarden/match.h>

/* node-951 has place 0 in the default cohort, node-1 has 888, node-1115 has 999. */
#define FIRST "node-951"
#define LATE  "node-1"

static struct tw_place place(const char *node)
{
	struct tw_place at = { 0 };

	snprintf(at.node, sizeof(at.node), "%s", node);
	return at;
}

static struct tw_compiled compile_at(const struct tw_model *model, const struct tw_place *at)
{
	struct tw_compiled compiled = { 0 };

	assert_int_equal(tw_compile(model, at, &compiled), 0);
	return compiled;
}

static struct tw_compiled compile_on(const struct tw_model *model, const char *node)
{
	struct tw_place at = place(node);

	return compile_at(model, &at);
}

/* What a new outgoing connection of the root meets. */
static struct tw_verdict meet(const struct tw_model *model, const struct tw_compiled *compiled)
{
	const struct tw_generation *generation = compiled->generation;
	struct tw_verdict verdict;
	struct tw_pod none = { 0 };
	struct tw_cgroup_sets cgroup;

	tw_compile_cgroup(model, "/", &none, &cgroup);
	tw_select(&cgroup, cgroup.own_may, &generation->direction[TW_OUT], &generation->any_remote,
		  &generation->any_port, &generation->observe, &verdict);
	return verdict;
}

/* --- schema ------------------------------------------------------------------------ */

static void assert_error(const char *lines, unsigned line, unsigned column, const char *message)
{
	_cleanup_diags_ struct tw_diags diags = TW_DIAGS_INIT;
	_cleanup_model_ struct tw_model model = TW_MODEL_INIT;
	_cleanup_buf_ struct tw_buf text = TW_BUF_INIT;

	tw_buf_addf(&text, "  - name: a\n%s", lines);
	assert_int_equal(policies_parse(text.data, &diags, &model), -EINVAL);
	assert_int_equal(diags.errors, 1);
	unit_assert_diag(&diags, 0, line, column, message);
}

static void rollout__is_whole_and_of_one_cohort_where_absent(void **state)
{
	_cleanup_model_ struct tw_model model = policies_valid("  - name: a\n");

	(void)state;
	assert_int_equal(model.policies[0].rollout, TW_WHOLE_SHARE);
	assert_string_equal(model.policies[0].cohort, "default");
	assert_false(model.policies[0].guarded);
	assert_int_equal(model.policies[0].node_count, 0);
}

static void rollout__is_read(void **state)
{
	_cleanup_model_ struct tw_model model =
		policies_valid("  - name: a\n    match: {node: [b*, a, a]}\n    keepalive: on\n"
			       "    rollout: 0.1%\n    cohort: c1\n"
			       "    guard: {max_deaths_per_minute: 1000000}\n");
	const struct tw_model_policy *policy = &model.policies[0];

	(void)state;
	assert_int_equal(policy->rollout, 1);
	assert_string_equal(policy->cohort, "c1");
	assert_true(policy->guarded);
	assert_int_equal(policy->max_deaths, TW_MAX_DEATH_RATE);
	assert_int_equal(policy->node_count, 2);
	assert_string_equal(policy->nodes[0], "a");
	assert_string_equal(policy->nodes[1], "b*");
}

static void rollout__is_refused_with_its_place(void **state)
{
	(void)state;
	assert_error("    rollout: 100.1%\n", 4, 14, "rollout must be 0%..100%, got \"100.1%\"");
	assert_error("    rollout: 12.25%\n", 4, 14,
		     "rollout must be a share such as 25% or 0.1%, with at most one decimal, got "
		     "\"12.25%\"");
	assert_error(
		"    rollout: 25\n", 4, 14,
		"rollout must be a share such as 25% or 0.1%, with at most one decimal, got 25");
	assert_error("    rollout: [1%]\n", 4, 14, "rollout must be text, got a list");
	assert_error(
		"    cohort: A\n", 4, 13,
		"cohort must be 1..63 of a-z, 0-9 and \"-\", starting and ending with a letter "
		"or a digit, got \"A\"");
	assert_error("    guard: 5\n", 4, 12, "guard must be a map, got 5");
	assert_error("    guard: {}\n", 4, 12, "guard has no \"max_deaths_per_minute\"");
	assert_error("    guard: {max_deaths_per_minute: 1000001}\n", 4, 36,
		     "max_deaths_per_minute must be 0..1000000, got 1000001");
	assert_error("    guard: {max_deaths_per_minute: -1}\n", 4, 36,
		     "max_deaths_per_minute must be 0..1000000, got -1");
	assert_error("    guard: {max_deaths_per_minute: 99999999999999999999}\n", 4, 36,
		     "max_deaths_per_minute must be 0..1000000, got 99999999999999999999");
	assert_error("    match: {node: []}\n", 4, 19,
		     "node is an empty list; leave it out to match all");
	assert_error("    match: {node: \"\"}\n", 4, 19, "node must be text, got \"\"");
}

static void rollout__takes_node_patterns_to_their_length_and_number(void **state)
{
	char longest[TW_NODE_LEN + 1];

	(void)state;
	memset(longest, 'n', sizeof(longest));
	longest[TW_NODE_LEN] = '\0';
	for (int more = 1; more >= 0; more--) {
		_cleanup_diags_ struct tw_diags diags = TW_DIAGS_INIT;
		_cleanup_model_ struct tw_model model = TW_MODEL_INIT;
		_cleanup_buf_ struct tw_buf text = TW_BUF_INIT;

		longest[TW_NODE_LEN - 1 + more] = '\0';
		tw_buf_addf(&text, "  - {name: a, match: {node: [%s", longest);
		for (int i = 1; i < TW_MAX_NODE_PATTERNS; i++)
			tw_buf_addf(&text, ", n%d", i);
		tw_buf_addf(&text, "]}}\n");
		assert_int_equal(policies_parse(text.data, &diags, &model), more ? -EINVAL : 0);
		if (more)
			unit_assert_diag(&diags, 0, 3, 30,
					 "node must be shorter than 254 bytes, got 254");
	}
}

/* --- canon ------------------------------------------------------------------------------ */

static void rollout__has_one_spelling(void **state)
{
	static const char expected[] = "version: 1\npolicies:\n"
				       "  - name: a\n"
				       "    match:\n"
				       "      node: [\"a*\", \"b\"]\n"
				       "    keepalive: on\n"
				       "    rollout: 12.5%\n"
				       "    cohort: c1\n"
				       "    guard: {max_deaths_per_minute: 7}\n"
				       "  - name: b\n";
	_cleanup_model_ struct tw_model model = policies_valid(
		"  - {guard: {max_deaths_per_minute: 007}, cohort: c1, rollout: 12.5%,\n"
		"     keepalive: on, match: {node: [b, a*, b]}, name: a}\n"
		"  - {name: b, rollout: 100.0%, cohort: default}\n");
	_cleanup_buf_ struct tw_buf text = TW_BUF_INIT;

	(void)state;
	assert_int_equal(tw_canon_write(&model, &text), 0);
	assert_string_equal(text.data, expected);
}

static void digest_of(const char *list, bool all_observe, __u64 digest[static 2])
{
	_cleanup_model_ struct tw_model model = policies_valid(list);

	model.policies[0].observe |= all_observe;
	assert_int_equal(tw_canon_policy_digest(&model.policies[0], all_observe, digest), 0);
}

static void rollout__digests_a_policy_by_itself(void **state)
{
	__u64 one[2], other[2];

	(void)state;
	digest_of("  - {name: a, rollout: 1%}\n", false, one);
	digest_of("  # a comment\n  - {rollout: 1.0%, name: a}\n  - {name: b}\n", false, other);
	assert_memory_equal(one, other, sizeof(one));
	digest_of("  - {name: a, rollout: 1%}\n", true, other);
	assert_memory_equal(one, other, sizeof(one));
	digest_of("  - {name: a, rollout: 5%}\n", false, other);
	assert_memory_not_equal(one, other, sizeof(one));
}

/* --- compile ------------------------------------------------------------------------------ */

static void rollout__lets_a_policy_observe_outside_its_share(void **state)
{
	_cleanup_model_ struct tw_model model =
		policies_valid("  - {name: a, keepalive: on, rollout: 0.1%}\n"
			       "  - {name: b, keepalive: on}\n");
	_cleanup_compiled_ struct tw_compiled in = compile_on(&model, FIRST);
	_cleanup_compiled_ struct tw_compiled out = compile_on(&model, LATE);
	struct tw_verdict verdict = meet(&model, &in);

	(void)state;
	assert_int_equal(in.here[0], TW_HERE_SELECTED | TW_HERE_IN_SHARE);
	assert_int_equal(in.generation->policy[0].flags, 0);
	assert_int_equal(verdict.winner, 0);
	verdict = meet(&model, &out);
	assert_int_equal(out.here[0], TW_HERE_SELECTED);
	assert_int_equal(out.generation->policy[0].flags, TW_POLICY_OBSERVE);
	assert_int_equal(verdict.winner, 1);
	assert_int_equal(verdict.observers.word[0], 1);
	assert_memory_equal(in.digest, out.digest, sizeof(in.digest));
}

static void rollout__of_no_share_and_of_all(void **state)
{
	_cleanup_model_ struct tw_model model =
		policies_valid("  - {name: a, rollout: 0%}\n  - {name: b, rollout: 100%}\n");
	_cleanup_compiled_ struct tw_compiled first = compile_on(&model, FIRST);
	_cleanup_compiled_ struct tw_compiled last = compile_on(&model, "node-1115");

	(void)state;
	assert_int_equal(first.generation->observe.word[0], 1);
	assert_int_equal(last.generation->observe.word[0], 1);
}

static void rollout__keeps_a_policy_from_other_nodes(void **state)
{
	_cleanup_model_ struct tw_model model =
		policies_valid("  - {name: a, match: {node: [db-*, web-1]}, keepalive: on}\n"
			       "  - {name: b, mode: observe, match: {node: \"db-[12]\"}}\n"
			       "  - {name: c}\n");
	_cleanup_compiled_ struct tw_compiled web = compile_on(&model, "web-1");
	_cleanup_compiled_ struct tw_compiled other = compile_on(&model, "web-2");
	_cleanup_compiled_ struct tw_compiled db = compile_on(&model, "db-3");
	struct tw_verdict verdict = meet(&model, &web);

	(void)state;
	assert_int_equal(verdict.winner, 0);
	verdict = meet(&model, &other);
	assert_int_equal(verdict.winner, 2);
	assert_int_equal(verdict.observers.word[0], 0);
	assert_int_equal(other.here[0], 0);
	verdict = meet(&model, &db);
	assert_int_equal(verdict.winner, 0);
	assert_int_equal(db.here[1], 0);
	assert_memory_equal(web.digest, db.digest, sizeof(web.digest));
}

static void rollout__without_a_place_is_as_written(void **state)
{
	_cleanup_model_ struct tw_model model = policies_valid(
		"  - {name: a, match: {node: x}, rollout: 0.1%}\n  - {name: b, mode: observe}\n");
	_cleanup_compiled_ struct tw_compiled compiled = compile_at(&model, NULL);

	(void)state;
	assert_int_equal(compiled.generation->observe.word[0], 2);
	assert_int_equal(compiled.generation->direction[TW_IN].word[0], 3);
}

/* --- the guard ---------------------------------------------------------------------------------- */

static const char guarded[] = "  - {name: z}\n"
			      "  - {name: a, keepalive: on, guard: {max_deaths_per_minute: 5}}\n"
			      "  - {name: b, keepalive: on, guard: {max_deaths_per_minute: 5}}\n";

/* As a generation with this model would be noted, with all guards tripped. */
static struct tw_loaded *loaded_of(const struct tw_model *model)
{
	struct tw_loaded *loaded = calloc(1, sizeof(*loaded));

	assert_non_null(loaded);
	loaded->policies = (__u32)model->count;
	for (size_t i = 0; i < model->count; i++) {
		struct tw_loaded_policy *policy = &loaded->policy[i];

		memcpy(policy->name, model->policies[i].name, TW_NAME_LEN);
		policy->tripped_at_ns = 1;
		assert_int_equal(
			tw_canon_policy_digest(&model->policies[i], model->observe, policy->digest),
			0);
	}
	return loaded;
}

static __u64 tripped_of(const struct tw_loaded *loaded, const char *list)
{
	_cleanup_model_ struct tw_model model = policies_valid(list);
	struct tw_set tripped;

	assert_int_equal(tw_trip_of(loaded, &model, &tripped), 0);
	return tripped.word[0];
}

static void guard__stays_tripped_until_its_policy_changes(void **state)
{
	_cleanup_model_ struct tw_model model = policies_valid(guarded);
	_cleanup_free_ struct tw_loaded *loaded = loaded_of(&model);

	(void)state;
	assert_int_equal(tripped_of(loaded, guarded), 6);
	/* Elsewhere in the file, and with others around it. */
	assert_int_equal(tripped_of(loaded, "  - {name: b, keepalive: on, guard: "
					    "{max_deaths_per_minute: 5}}\n"
					    "  - {name: other}\n"),
			 1);
	assert_int_equal(tripped_of(loaded, "  - {name: a, keepalive: on, guard: "
					    "{max_deaths_per_minute: 6}}\n"
					    "  - {name: b, keepalive: on}\n"
					    "  - {name: c, keepalive: on, guard: "
					    "{max_deaths_per_minute: 5}}\n"),
			 0);
	loaded->policy[1].tripped_at_ns = 0;
	assert_int_equal(tripped_of(loaded, guarded), 4);
	loaded->policies = 2;
	assert_int_equal(tripped_of(loaded, guarded), 0);
}

static void guard__tripped_lets_the_policy_observe(void **state)
{
	_cleanup_model_ struct tw_model model = policies_valid(guarded);
	struct tw_place at = place(LATE);
	_cleanup_compiled_ struct tw_compiled compiled = { 0 };

	(void)state;
	at.tripped.word[0] = 3; /* the first has no guard */
	compiled = compile_at(&model, &at);
	assert_int_equal(compiled.generation->observe.word[0], 2);
	assert_int_equal(compiled.here[0], TW_HERE_SELECTED | TW_HERE_IN_SHARE);
	assert_int_equal(compiled.here[1], TW_HERE_SELECTED | TW_HERE_IN_SHARE | TW_HERE_TRIPPED);
	assert_int_equal(compiled.generation->policy[1].flags, TW_POLICY_OBSERVE);
}

/* --- explain -------------------------------------------------------------------------------------- */

static void assert_why(const struct tw_model *model, const struct tw_place *at, size_t i,
		       const char *expected)
{
	_cleanup_compiled_ struct tw_compiled compiled = compile_at(model, at);
	_cleanup_answer_ struct tw_answer answer = TW_ANSWER_INIT;
	struct tw_question question = { .cgroup = "/", .node = at->node };

	assert_int_equal(tw_explain(model, &compiled, &question, &answer), 0);
	assert_in_range(i + 1, 1, answer.count);
	assert_string_equal(answer.considered[i].why, expected);
}

static void rollout__is_explained(void **state)
{
	_cleanup_model_ struct tw_model model =
		policies_valid("  - {name: a, keepalive: on, match: {node: [db-*, \"x\"]}}\n"
			       "  - {name: b, keepalive: on, rollout: 0.1%, cohort: default}\n"
			       "  - {name: c, keepalive: on, guard: {max_deaths_per_minute: 5}}\n");
	struct tw_place late = place(LATE), first = place(FIRST);

	(void)state;
	assert_why(&model, &late, 0, "not this node: node-1 is not one of db-*, x");
	assert_why(&model, &late, 1,
		   "observes here: node node-1 is outside its rollout of 0.1%, and goes in at "
		   "88.9% (cohort default); counted, and the search goes on");
	assert_why(&model, &late, 2, "matches, and takes it");
	late.tripped.word[0] = 4;
	assert_why(&model, &late, 2,
		   "observes here: its guard tripped, more than 5 deaths in a minute; counted, and "
		   "the search goes on");
	assert_why(&model, &first, 1, "matches, and takes it");
}

/* --- warnings ---------------------------------------------------------------------------------------- */

static void assert_warnings(const char *list, const char *const *messages, size_t count)
{
	_cleanup_diags_ struct tw_diags diags = TW_DIAGS_INIT;
	_cleanup_model_ struct tw_model model = TW_MODEL_INIT;

	assert_int_equal(policies_parse(list, &diags, &model), 0);
	assert_int_equal(diags.warnings, count);
	for (size_t i = 0; i < count; i++)
		assert_string_equal(diags.list[i].message, messages[i]);
}

#define WARNINGS(list, ...)                                         \
	assert_warnings(list, (const char *const[]){ __VA_ARGS__ }, \
			sizeof((const char *const[]){ __VA_ARGS__ }) / sizeof(const char *))
#define NO_WARNING(list) assert_warnings(list, NULL, 0)

static void rollout__warns_of_what_does_nothing(void **state)
{
	(void)state;
	WARNINGS("  - {name: a, rollout: 0%}\n", "rollout: 0%: it only observes, on every node");
	WARNINGS("  - {name: a, cohort: c}\n",
		 "cohort without a rollout below 100% changes nothing");
	WARNINGS(
		"  - {name: a, guard: {max_deaths_per_minute: 5}}\n",
		"a guard of an exemption never trips: it changes no connection, so none dies under "
		"it");
	WARNINGS("  - {name: a, match: {node: [\"a b\", c]}}\n",
		 "match.node \"a b\" can never match: a node's name is 1 to 253 printable ASCII "
		 "characters without blanks, \"/\" and \"#\"");
	WARNINGS("  - {name: a, match: {node: x/y}}\n",
		 "policy \"a\" can never match: none of its nodes can be",
		 "match.node \"x/y\" can never match: a node's name is 1 to 253 printable ASCII "
		 "characters without blanks, \"/\" and \"#\"");
	NO_WARNING("  - {name: a, rollout: 0.1%, cohort: c, match: {node: [\"*\", \"[ a]\"]}}\n");
}

static void rollout__covers_where_it_always_enforces(void **state)
{
#define NEVER "policy \"b\" can never match: \"a\" (f:3:12) takes all that it selects"
	(void)state;
	WARNINGS("  - {name: a}\n  - {name: b, match: {node: x}}\n", NEVER);
	WARNINGS("  - {name: a, match: {node: x*}}\n  - {name: b, match: {node: [x1, x2]}}\n",
		 NEVER);
	WARNINGS("  - {name: a, match: {node: \"*\"}}\n  - {name: b}\n", NEVER);
	NO_WARNING("  - {name: a, match: {node: x*}}\n  - {name: b, match: {node: [x1, y]}}\n");
	NO_WARNING("  - {name: a, match: {node: x}}\n  - {name: b}\n");
	NO_WARNING("  - {name: a, rollout: 99.9%}\n  - {name: b}\n");
	NO_WARNING("  - {name: a, keepalive: 60s:10s:3, user_timeout: auto, guard: "
		   "{max_deaths_per_minute: 1}}\n  - {name: b}\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rollout__is_whole_and_of_one_cohort_where_absent),
		cmocka_unit_test(rollout__is_read),
		cmocka_unit_test(rollout__is_refused_with_its_place),
		cmocka_unit_test(rollout__takes_node_patterns_to_their_length_and_number),
		cmocka_unit_test(rollout__has_one_spelling),
		cmocka_unit_test(rollout__digests_a_policy_by_itself),
		cmocka_unit_test(rollout__lets_a_policy_observe_outside_its_share),
		cmocka_unit_test(rollout__of_no_share_and_of_all),
		cmocka_unit_test(rollout__keeps_a_policy_from_other_nodes),
		cmocka_unit_test(rollout__without_a_place_is_as_written),
		cmocka_unit_test(guard__stays_tripped_until_its_policy_changes),
		cmocka_unit_test(guard__tripped_lets_the_policy_observe),
		cmocka_unit_test(rollout__is_explained),
		cmocka_unit_test(rollout__warns_of_what_does_nothing),
		cmocka_unit_test(rollout__covers_where_it_always_enforces),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
