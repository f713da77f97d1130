// SPDX-License-Identifier: GPL-2.0-only
#include "policies.h"

#include "policy/explain.h"

#include <tcpwarden/match.h>

static const struct tw_options fresh = {
	.value = { [TW_IDLE] = 7200, [TW_INTERVAL] = 75, [TW_PROBES] = 9 },
};

struct fixture {
	struct tw_model model;
	struct tw_compiled compiled;
};

static void fixture_free(struct fixture *fixture)
{
	tw_model_free(&fixture->model);
	tw_compiled_free(&fixture->compiled);
}
#define _cleanup_fixture_ _cleanup_(fixture_free)

static struct fixture fixture_of(const char *list)
{
	struct fixture fixture = { .model = policies_valid(list) };

	assert_int_equal(tw_compile(&fixture.model, NULL, &fixture.compiled), 0);
	return fixture;
}

/* One connection, in words: "" or NULL where something is not known. */
struct connection {
	const char *cgroup;
	struct tw_pod pod;
	enum tw_direction direction;
	const char *local;
	const char *remote;
	const char *attached_to;
};

static struct tw_answer ask(const struct fixture *fixture, struct connection c)
{
	struct tw_answer answer = TW_ANSWER_INIT;
	struct tw_endpoint local, remote;
	struct tw_question question = { .cgroup = c.cgroup ?: "/",
					.pod = c.pod,
					.attached_to = c.attached_to,
					.direction = c.direction };

	if (c.local) {
		assert_int_equal(tw_endpoint_parse(c.local, &local), 0);
		question.local = &local;
	}
	if (c.remote) {
		assert_int_equal(tw_endpoint_parse(c.remote, &remote), 0);
		question.remote = &remote;
	}
	assert_int_equal(tw_explain(&fixture->model, &fixture->compiled, &question, &answer), 0);
	return answer;
}

/* The first of one policy or more says this of the connection. */
static void assert_why(const char *match, struct connection c, bool matched, const char *why)
{
	_cleanup_buf_ struct tw_buf list = TW_BUF_INIT;
	_cleanup_fixture_ struct fixture fixture = { 0 };
	_cleanup_answer_ struct tw_answer answer = TW_ANSWER_INIT;

	tw_buf_addf(&list, "  - {name: a, match: {%s}, keepalive: on}\n", match);
	fixture = fixture_of(list.data);
	answer = ask(&fixture, c);
	assert_int_equal(answer.count, 1);
	assert_string_equal(answer.considered[0].why, why);
	assert_int_equal(answer.considered[0].matched, matched);
	assert_int_equal(answer.winner, matched ? 0 : TW_MAX_POLICIES);
}

static void explain__says_why(void **state)
{
	(void)state;
	assert_why("cgroup: /kubepods.slice", (struct connection){ .cgroup = "/a" }, false,
		   "cgroup /a is not below /kubepods.slice");
	assert_why("cgroup: [/b, /c]", (struct connection){ .cgroup = "/a" }, false,
		   "cgroup /a is not below /b, /c");
	assert_why("direction: in", (struct connection){ 0 }, false,
		   "it is for connections that we accepted, this one we opened");
	assert_why("direction: out", (struct connection){ .direction = TW_IN }, false,
		   "it is for connections that we opened, this one we accepted");
	assert_why("remote: 10.0.0.0/8", (struct connection){ .remote = "[fd00::1]:1" }, false,
		   "remote fd00::1 is not in 10.0.0.0/8");
	assert_why("remote: 10.0.0.0/8", (struct connection){ 0 }, false,
		   "it selects by remote address, which is not given");
	assert_why("port: [5432, 6379, 9000-9099]", (struct connection){ .remote = "10.0.0.1:443" },
		   false, "port 443 is not in 5432, 6379, 9000-9099");
	assert_why("port: 80", (struct connection){ .local = "10.0.0.1:80" }, false,
		   "it selects by port, and no remote address is given");
	assert_why("port: 80", (struct connection){ .direction = TW_IN, .remote = "10.0.0.1:80" },
		   false, "it selects by port, and no local address is given");
	assert_why("port: 80", (struct connection){ .direction = TW_IN, .local = "10.0.0.1:80" },
		   true, "matches, and takes it");
	assert_why("cgroup: /a, direction: out, remote: 10.0.0.0/8, port: 80",
		   (struct connection){ .cgroup = "/a/b", .remote = "10.9.8.7:80" }, true,
		   "matches, and takes it");
	assert_why("", (struct connection){ .cgroup = "/b", .attached_to = "/a" }, false,
		   "cgroup /b is not below /a, where tcpwarden is attached");
	assert_why("", (struct connection){ .cgroup = "/a/b", .attached_to = "/a" }, true,
		   "matches, and takes it");
}

static void explain__says_who_wins(void **state)
{
	static const struct {
		const char *precedence, *why;
	} cases[] = {
		{ "app", "matches, and takes it" },
		{ "strictest", "matches, and takes it; of its values and the application's the "
			       "smaller stand, now and later" },
		{ "policy", "matches, and takes it; its values stand against the application's, "
			    "now and later" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_buf_ struct tw_buf list = TW_BUF_INIT;
		_cleanup_fixture_ struct fixture fixture = { 0 };
		_cleanup_answer_ struct tw_answer answer = TW_ANSWER_INIT;

		tw_buf_addf(&list, "  - {name: a, keepalive: on, precedence: %s}\n",
			    cases[i].precedence);
		fixture = fixture_of(list.data);
		answer = ask(&fixture, (struct connection){ 0 });
		assert_string_equal(answer.considered[0].why, cases[i].why);
	}
}

#define POD(ns, pod_name) \
	((struct connection){ .cgroup = "/k", .pod = { TW_POD_KNOWN, (ns), (pod_name) } })

static void explain__says_why_not_a_pod(void **state)
{
	(void)state;
	assert_why("namespace: shop", (struct connection){ .cgroup = "/a" }, false,
		   "cgroup /a is not a pod's; it is for pods in namespace shop");
	assert_why("namespace: [shop, web-*], pod: db-*", POD("shop", "web-0"), false,
		   "pod shop/web-0 is not in namespace shop, web-*, pod db-*");
	assert_why("pod: db-*", POD("shop", "web-0"), false, "pod shop/web-0 is not in pod db-*");
	assert_why("namespace: shop, pod: [a, web-?]", POD("shop", "web-0"), true,
		   "matches, and takes it");
	assert_why("namespace: shop, cgroup: /b", POD("shop", "web-0"), false,
		   "cgroup /k is not below /b");
}

static void explain__says_what_is_pending(void **state)
{
	_cleanup_fixture_ struct fixture fixture =
		fixture_of("  - {name: a, match: {pod: x}, mode: observe, keepalive: on}\n"
			   "  - {name: b, match: {pod: y, port: 80}}\n"
			   "  - {name: c, match: {pod: z}}\n"
			   "  - {name: d, keepalive: on}\n");
	struct connection c = { .cgroup = "/k", .pod = { .state = TW_POD_UNKNOWN } };
	_cleanup_answer_ struct tw_answer answer = ask(&fixture, c);
	struct tw_options options;

	(void)state;
	assert_true(answer.pending);
	assert_false(answer.observed);
	assert_int_equal(answer.winner, TW_MAX_POLICIES);
	assert_int_equal(answer.count, 3);
	assert_string_equal(answer.considered[0].why,
			    "may match: the pod of cgroup /k is not known");
	assert_string_equal(answer.considered[1].why,
			    "it selects by port, and no remote address is given");
	assert_string_equal(answer.considered[2].why,
			    "may match: the pod of cgroup /k is not known; until it is, the "
			    "connection is left alone");
	for (size_t i = 0; i < answer.count; i++)
		assert_false(answer.considered[i].matched);
	options = tw_explain_options(&fixture.compiled, &answer, &fresh);
	assert_memory_equal(&options, &fresh, sizeof(fresh));
}

static void explain__cuts_long_lists(void **state)
{
	(void)state;
	assert_why("port: [1, 3, 5, 7, 9, 11, 13, 15, 17, 19]",
		   (struct connection){ .remote = "10.0.0.1:2" }, false,
		   "port 2 is not in 1, 3, 5, 7, 9, 11, 13, 15 and 2 more");
}

static void explain__goes_on_past_observers(void **state)
{
	_cleanup_fixture_ struct fixture fixture =
		fixture_of("  - {name: a, mode: observe, keepalive: 60s:10s:3}\n"
			   "  - {name: b, match: {port: 80}}\n"
			   "  - {name: c, match: {port: 81}, keepalive: 60s:10s:3}\n"
			   "  - {name: d, keepalive: on}\n");
	_cleanup_answer_ struct tw_answer answer =
		ask(&fixture, (struct connection){ .remote = "10.0.0.1:81" });

	(void)state;
	assert_int_equal(answer.winner, 2);
	assert_int_equal(answer.count, 3);
	assert_true(answer.observed);
	assert_true(answer.considered[0].matched);
	assert_string_equal(answer.considered[0].why, "observes: counted, and the search goes on");
	assert_false(answer.considered[1].matched);
	assert_true(answer.considered[2].matched);
	tw_answer_free(&answer);
	answer = ask(&fixture, (struct connection){ .remote = "10.0.0.1:80" });
	assert_int_equal(answer.winner, 1);
	assert_string_equal(answer.considered[1].why,
			    "matches: an exemption, the connection is left alone");
}

static void explain__has_no_policies(void **state)
{
	_cleanup_fixture_ struct fixture fixture = fixture_of("  []\n");
	_cleanup_answer_ struct tw_answer answer = ask(&fixture, (struct connection){ 0 });

	(void)state;
	assert_int_equal(answer.winner, TW_MAX_POLICIES);
	assert_int_equal(answer.count, 0);
	assert_false(answer.observed);
}

static void assert_options(const char *policy, const struct tw_options *expected)
{
	_cleanup_buf_ struct tw_buf list = TW_BUF_INIT;
	_cleanup_fixture_ struct fixture fixture = { 0 };
	_cleanup_answer_ struct tw_answer answer = TW_ANSWER_INIT;
	struct tw_options options;

	tw_buf_addf(&list, "  - {name: a%s}\n", policy);
	fixture = fixture_of(list.data);
	answer = ask(&fixture, (struct connection){ 0 });
	options = tw_explain_options(&fixture.compiled, &answer, &fresh);
	assert_memory_equal(&options, expected, sizeof(options));
}

static void explain__has_the_options_that_result(void **state)
{
	struct tw_options expected = fresh;

	(void)state;
	assert_options("", &expected);
	assert_options(", mode: observe, keepalive: on", &expected);
	expected.value[TW_KEEPALIVE] = 1;
	assert_options(", keepalive: on", &expected);
	expected.value[TW_IDLE] = 60;
	expected.value[TW_PROBES] = 3;
	assert_options(", keepalive: \"60s::3\"", &expected);
	expected.value[TW_INTERVAL] = 10;
	expected.value[TW_USER_TIMEOUT] = 90000;
	assert_options(", keepalive: 60s:10s:3, user_timeout: auto", &expected);
}

/* Over random policies and connections: matched and not, why and verdict agree. */
static void explain__agrees_with_the_matcher(void **state)
{
	uint64_t seed = 99;

	(void)state;
	for (unsigned i = 0; i < 2000; i++) {
		struct fixture fixture = { .model = policies_random(&seed,
								    1 + unit_below(&seed, 6)) };
		struct tw_answer answer = TW_ANSWER_INIT;
		struct tw_endpoint local = { .port = 1 }, remote = { .port = 30 };
		_cleanup_free_ char *path =
			policies_path(&seed, policies_names, ARRAY_SIZE(policies_names), 3);
		struct tw_question question = { .cgroup = path,
						.pod = policies_pod(&seed),
						.direction =
							(enum tw_direction)unit_below(&seed, 2),
						.local = &local,
						.remote = &remote };

		policies_address(&seed, remote.addr);
		assert_int_equal(tw_compile(&fixture.model, NULL, &fixture.compiled), 0);
		assert_int_equal(tw_explain(&fixture.model, &fixture.compiled, &question, &answer),
				 0);
		for (size_t j = 0; j < answer.count; j++) {
			const struct tw_considered *one = &answer.considered[j];
			bool says = strstr(one->why, "match") == one->why ||
				    strstr(one->why, "observes") == one->why;

			assert_int_equal(one->policy, j);
			assert_int_equal(one->matched, says);
			assert_int_equal(j == answer.winner,
					 one->matched && !fixture.model.policies[j].observe);
		}
		tw_answer_free(&answer);
		fixture_free(&fixture);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(explain__says_why),
		cmocka_unit_test(explain__says_who_wins),
		cmocka_unit_test(explain__says_why_not_a_pod),
		cmocka_unit_test(explain__says_what_is_pending),
		cmocka_unit_test(explain__cuts_long_lists),
		cmocka_unit_test(explain__goes_on_past_observers),
		cmocka_unit_test(explain__has_no_policies),
		cmocka_unit_test(explain__has_the_options_that_result),
		cmocka_unit_test(explain__agrees_with_the_matcher),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
