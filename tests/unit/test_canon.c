// SPDX-License-Identifier: GPL-2.0-only
#include "policies.h"

#include "policy/canon.h"

static char *canon(const struct tw_model *model)
{
	struct tw_buf buf = TW_BUF_INIT;

	assert_int_equal(tw_canon_write(model, &buf), 0);
	return buf.data;
}

static void assert_canon(const char *list, const char *expected)
{
	_cleanup_model_ struct tw_model model = policies_valid(list);
	_cleanup_free_ char *text = canon(&model);

	assert_string_equal(text, expected);
}

static void canon__has_one_spelling(void **state)
{
	static const char expected[] = "version: 1\n"
				       "policies:\n"
				       "  - name: a\n"
				       "    match:\n"
				       "      cgroup: [\"/b\", \"/c/*\"]\n"
				       "      namespace: [\"kube-*\", \"shop\"]\n"
				       "      pod: [\"[ab]-?.c\"]\n"
				       "      direction: in\n"
				       "      remote: [\"10.0.0.0/8\", \"fd00::/8\"]\n"
				       "      port: [80, 9000-9099]\n"
				       "    keepalive: {idle: 1m30s, interval: 10s, probes: 3}\n"
				       "    user_timeout: 2m\n"
				       "    mode: observe\n"
				       "    must_beat: [5m50s, azure-lb, ipvs]\n";

	(void)state;
	assert_canon("  - name: a\n"
		     "    match:\n"
		     "      cgroup: [/c/*, /b]\n"
		     "      pod: \"[ab]-?.c\"\n"
		     "      namespace: [shop, kube-*, shop]\n"
		     "      direction: in\n"
		     "      remote: [10.0.0.0/8, \"fd00::/8\"]\n"
		     "      port: [9000-9099, 80]\n"
		     "    keepalive: 90s:10s:3\n"
		     "    user_timeout: 120s\n"
		     "    mode: observe\n"
		     "    must_beat: [ipvs, 350s, azure-lb]\n",
		     expected);
	assert_canon("  # a comment\n"
		     "  - must_beat: [azure-lb, 350, ipvs, 5m50s]\n"
		     "    mode: observe\n"
		     "    user_timeout: 120000ms\n"
		     "    keepalive: {probes: '3', interval: 10000ms, idle: 1m30s}\n"
		     "    precedence: app\n"
		     "    match: {port: [80, 80-80, 9000-9099], remote: [\"FD00:0::/8\", "
		     "\"::ffff:10.0.0.0/104\"], cgroup: [//b/, /c/*/], direction: in, "
		     "namespace: [kube-*, shop], pod: [\"[ab]-?.c\"]}\n"
		     "    name: \"a\"\n",
		     expected);
}

static void canon__leaves_out_what_is_absent(void **state)
{
	(void)state;
	assert_canon("  []\n", "version: 1\npolicies: []\n");
	assert_canon("  - {name: a, match: {}, mode: enforce, precedence: app}\n",
		     "version: 1\npolicies:\n  - name: a\n");
	assert_canon("  - {name: a, match: {direction: any}, keepalive: on}\n",
		     "version: 1\npolicies:\n  - name: a\n    keepalive: on\n");
	assert_canon("  - {name: a, keepalive: \":10s:\"}\n",
		     "version: 1\npolicies:\n  - name: a\n    keepalive: {interval: 10s}\n");
}

static void canon__keeps_precedence_and_off(void **state)
{
	(void)state;
	assert_canon("  - {precedence: strictest, name: a, user_timeout: 90s}\n",
		     "version: 1\npolicies:\n  - name: a\n    user_timeout: 1m30s\n"
		     "    precedence: strictest\n");
	assert_canon("  - {precedence: policy, name: a, user_timeout: off, keepalive: off}\n",
		     "version: 1\npolicies:\n  - name: a\n    keepalive: off\n"
		     "    user_timeout: off\n    precedence: policy\n");
}

static void canon__keeps_the_mode_of_the_file(void **state)
{
	static const char text[] = "version: 1\nmode: observe\npolicies: [{name: a}]\n";
	_cleanup_diags_ struct tw_diags diags = TW_DIAGS_INIT;
	_cleanup_model_ struct tw_model model = TW_MODEL_INIT;
	_cleanup_free_ char *written = NULL;

	(void)state;
	assert_int_equal(tw_policy_parse("f", text, strlen(text), &diags, &model), 0);
	written = canon(&model);
	assert_string_equal(written, "version: 1\nmode: observe\npolicies:\n  - name: a\n");
}

static void canon__escapes_what_yaml_would_read_otherwise(void **state)
{
	_cleanup_model_ struct tw_model model =
		policies_valid("  - {name: \"1\", match: {cgroup: "
			       "\"/a\\\"\\\\*\\n\\x07\\u00e4\\u2028\\U0001F600\"}}\n");
	_cleanup_free_ char *text = canon(&model);
	_cleanup_diags_ struct tw_diags diags = TW_DIAGS_INIT;
	_cleanup_model_ struct tw_model back = TW_MODEL_INIT;

	(void)state;
	assert_non_null(strstr(text, "[\"/a\\\"\\\\*\\U0000000A\\U00000007\\U000000E4\\U00002028"
				     "\\U0001F600\"]"));
	assert_int_equal(tw_policy_parse("f", text, strlen(text), &diags, &back), 0);
	assert_string_equal(model.policies[0].cgroups[0], back.policies[0].cgroups[0]);
}

static void assert_equal_lists(const struct tw_model_policy *a, const struct tw_model_policy *b)
{
	assert_int_equal(a->cgroup_count, b->cgroup_count);
	for (size_t i = 0; i < a->cgroup_count; i++)
		assert_string_equal(a->cgroups[i], b->cgroups[i]);
	assert_int_equal(a->namespace_count, b->namespace_count);
	for (size_t i = 0; i < a->namespace_count; i++)
		assert_string_equal(a->namespaces[i], b->namespaces[i]);
	assert_int_equal(a->pod_count, b->pod_count);
	for (size_t i = 0; i < a->pod_count; i++)
		assert_string_equal(a->pods[i], b->pods[i]);
	assert_int_equal(a->remote_count, b->remote_count);
	for (size_t i = 0; i < a->remote_count; i++)
		assert_int_equal(tw_cidr_compare(&a->remotes[i], &b->remotes[i]), 0);
	assert_int_equal(a->port_count, b->port_count);
	for (size_t i = 0; i < a->port_count; i++) {
		assert_int_equal(a->ports[i].first, b->ports[i].first);
		assert_int_equal(a->ports[i].last, b->ports[i].last);
	}
	assert_int_equal(a->node_count, b->node_count);
	for (size_t i = 0; i < a->node_count; i++)
		assert_string_equal(a->nodes[i], b->nodes[i]);
	assert_int_equal(a->must_beat_count, b->must_beat_count);
	for (size_t i = 0; i < a->must_beat_count; i++) {
		assert_ptr_equal(a->must_beat[i].box, b->must_beat[i].box);
		assert_int_equal(a->must_beat[i].ms, b->must_beat[i].ms);
	}
}

static void assert_equal_policies(const struct tw_model_policy *a, const struct tw_model_policy *b)
{
	assert_string_equal(a->name, b->name);
	assert_equal_lists(a, b);
	assert_int_equal(a->directions, b->directions);
	assert_int_equal(a->fields, b->fields);
	assert_memory_equal(&a->want, &b->want, sizeof(a->want));
	assert_int_equal(a->auto_timeout, b->auto_timeout);
	assert_int_equal(a->observe, b->observe);
	assert_int_equal(a->precedence, b->precedence);
	assert_int_equal(a->rollout, b->rollout);
	assert_string_equal(a->cohort, b->cohort);
	assert_int_equal(a->guarded, b->guarded);
	assert_int_equal(a->max_deaths, b->max_deaths);
}

static void canon__reads_back_equal_and_writes_the_same(void **state)
{
	uint64_t seed = 42;

	(void)state;
	for (unsigned i = 0; i < 2000; i++) {
		_cleanup_model_ struct tw_model model = policies_random(&seed, i % 7);
		_cleanup_model_ struct tw_model back = TW_MODEL_INIT;
		_cleanup_diags_ struct tw_diags diags = TW_DIAGS_INIT;
		_cleanup_free_ char *text = canon(&model);
		_cleanup_free_ char *again = NULL;

		assert_int_equal(tw_policy_parse("f", text, strlen(text), &diags, &back), 0);
		assert_int_equal(back.observe, model.observe);
		assert_int_equal(back.count, model.count);
		for (size_t j = 0; j < model.count; j++)
			assert_equal_policies(&back.policies[j], &model.policies[j]);
		again = canon(&back);
		assert_string_equal(again, text);
	}
}

/* What xxhsum -H2 prints for the same bytes, so that scripts can compute it. */
static void canon__digests_as_xxhsum_does(void **state)
{
	static const char text[] = "version: 1\npolicies: []\n";
	char buf[TW_DIGEST_LEN];
	__u64 digest[2];

	(void)state;
	tw_canon_digest("", 0, digest);
	assert_string_equal(tw_digest_format(digest, buf), "99aa06d3014798d86001c324468d497f");
	tw_canon_digest(text, strlen(text), digest);
	assert_string_equal(tw_digest_format(digest, buf), "986f98503ddc282e2274baab31aecc73");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(canon__has_one_spelling),
		cmocka_unit_test(canon__leaves_out_what_is_absent),
		cmocka_unit_test(canon__keeps_precedence_and_off),
		cmocka_unit_test(canon__keeps_the_mode_of_the_file),
		cmocka_unit_test(canon__escapes_what_yaml_would_read_otherwise),
		cmocka_unit_test(canon__reads_back_equal_and_writes_the_same),
		cmocka_unit_test(canon__digests_as_xxhsum_does),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
