// SPDX-License-Identifier: GPL-2.0-only
/* What each key makes of the model. What is refused, and how, is in tests/golden too. */
#include "policies.h"

#define HEAD "  - name: p\n"

static struct tw_model_policy *only(struct tw_model *model)
{
	assert_int_equal(model->count, 1);
	return &model->policies[0];
}

static void schema__reads_the_example(void **state)
{
	_cleanup_model_ struct tw_model model =
		policies_valid("  - name: databases\n"
			       "    match:\n"
			       "      cgroup: /kubepods.slice\n"
			       "      namespace: [shop, kube-*]\n"
			       "      pod: db-*\n"
			       "      direction: out\n"
			       "      remote: [\"fd00::/8\", 10.0.0.0/8]\n"
			       "      port: [5432, 6379, 9000-9099]\n"
			       "    keepalive: 60s:10s:3\n"
			       "    user_timeout: auto\n"
			       "    precedence: app\n"
			       "    mode: observe\n");
	const struct tw_model_policy *policy = only(&model);
	char text[TW_CIDR_LEN];

	(void)state;
	assert_string_equal(policy->name, "databases");
	assert_int_equal(policy->mark.line, 3);
	assert_int_equal(policy->mark.column, 11);
	assert_int_equal(policy->cgroup_count, 1);
	assert_string_equal(policy->cgroups[0], "/kubepods.slice");
	assert_int_equal(policy->namespace_count, 2);
	assert_string_equal(policy->namespaces[0], "kube-*");
	assert_string_equal(policy->namespaces[1], "shop");
	assert_int_equal(policy->pod_count, 1);
	assert_string_equal(policy->pods[0], "db-*");
	assert_true(tw_model_by_pod(policy));
	assert_int_equal(policy->directions, 1u << TW_OUT);
	assert_int_equal(policy->remote_count, 2);
	assert_string_equal(tw_cidr_format(&policy->remotes[0], text), "10.0.0.0/8");
	assert_string_equal(tw_cidr_format(&policy->remotes[1], text), "fd00::/8");
	assert_int_equal(policy->port_count, 3);
	assert_int_equal(policy->ports[2].first, 9000);
	assert_int_equal(policy->ports[2].last, 9099);
	assert_int_equal(policy->fields,
			 TW_TIMERS | TW_BIT(TW_KEEPALIVE) | TW_BIT(TW_USER_TIMEOUT));
	assert_int_equal(policy->want.value[TW_IDLE], 60);
	assert_int_equal(policy->want.value[TW_INTERVAL], 10);
	assert_int_equal(policy->want.value[TW_PROBES], 3);
	assert_int_equal(policy->want.value[TW_KEEPALIVE], 1);
	assert_true(policy->auto_timeout);
	assert_true(policy->observe);
	assert_int_equal(policy->precedence, TW_PRECEDENCE_APP);
	assert_int_equal(policy->keepalive_mark.line, 11);
	assert_int_equal(policy->user_timeout_mark.line, 12);
	assert_int_equal(policy->match_mark.line, 5);
}

static void schema__leaves_out_what_is_absent(void **state)
{
	_cleanup_model_ struct tw_model model = policies_valid(HEAD);
	const struct tw_model_policy *policy = only(&model);

	(void)state;
	assert_int_equal(policy->fields, 0);
	assert_int_equal(policy->directions, TW_ANY_DIRECTION);
	assert_int_equal(policy->cgroup_count + policy->remote_count + policy->port_count, 0);
	assert_false(policy->observe);
	assert_false(policy->auto_timeout);
	assert_int_equal(policy->keepalive_mark.line, 0);
	assert_int_equal(policy->user_timeout_mark.line, 0);
	assert_int_equal(policy->match_mark.line, 0);
}

static void schema__takes_all_forms_of_keepalive(void **state)
{
	static const struct {
		const char *value;
		unsigned fields;
		__u32 idle, interval, probes;
	} cases[] = {
		{ "on", 0, 0, 0, 0 },
		{ "60s:10s:3", TW_TIMERS, 60, 10, 3 },
		{ "60:10:3", TW_TIMERS, 60, 10, 3 },
		{ "1h:1m30s:127", TW_TIMERS, 3600, 90, 127 },
		{ "30m::10", TW_BIT(TW_IDLE) | TW_BIT(TW_PROBES), 1800, 0, 10 },
		{ "\":10s:\"", TW_BIT(TW_INTERVAL), 0, 10, 0 },
		{ "\"2m::\"", TW_BIT(TW_IDLE), 120, 0, 0 },
		{ "::9", TW_BIT(TW_PROBES), 0, 0, 9 },
		{ "{idle: 2m, interval: 20, probes: 5}", TW_TIMERS, 120, 20, 5 },
		{ "{probes: \"5\"}", TW_BIT(TW_PROBES), 0, 0, 5 },
		{ "1000ms:32767s:1", TW_TIMERS, 1, 32767, 1 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_buf_ struct tw_buf text = TW_BUF_INIT;
		_cleanup_model_ struct tw_model model = TW_MODEL_INIT;
		const __u32 *want;

		tw_buf_addf(&text, HEAD "    keepalive: %s\n", cases[i].value);
		model = policies_valid(text.data);
		want = only(&model)->want.value;
		assert_int_equal(only(&model)->fields, cases[i].fields | TW_BIT(TW_KEEPALIVE));
		assert_int_equal(want[TW_KEEPALIVE], 1);
		assert_int_equal(want[TW_IDLE], cases[i].idle);
		assert_int_equal(want[TW_INTERVAL], cases[i].interval);
		assert_int_equal(want[TW_PROBES], cases[i].probes);
	}
}

static void schema__takes_user_timeouts(void **state)
{
	static const struct {
		const char *value;
		__u32 ms;
	} cases[] = {
		{ "1ms", 1 },
		{ "90s", 90000 },
		{ "90", 90000 },
		{ "2147483647ms", 2147483647 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_buf_ struct tw_buf text = TW_BUF_INIT;
		_cleanup_model_ struct tw_model model = TW_MODEL_INIT;

		tw_buf_addf(&text, HEAD "    user_timeout: %s\n", cases[i].value);
		model = policies_valid(text.data);
		assert_int_equal(only(&model)->fields, TW_BIT(TW_USER_TIMEOUT));
		assert_int_equal(only(&model)->want.value[TW_USER_TIMEOUT], cases[i].ms);
	}
}

static void schema__brings_cgroup_paths_to_one_form(void **state)
{
	_cleanup_model_ struct tw_model model = policies_valid(
		HEAD "    match: {cgroup: [/b//c/, /, ///, /a/*.slice, /b/c, /..., /.a]}\n");
	static const char *const paths[] = { "/", "/...", "/.a", "/a/*.slice", "/b/c" };

	(void)state;
	assert_int_equal(only(&model)->cgroup_count, ARRAY_SIZE(paths));
	for (size_t i = 0; i < ARRAY_SIZE(paths); i++)
		assert_string_equal(only(&model)->cgroups[i], paths[i]);
}

static void schema__sorts_and_drops_duplicates(void **state)
{
	_cleanup_model_ struct tw_model model = policies_valid(
		HEAD "    match:\n"
		     "      remote: [\"::1\", 10.0.0.1, \"::ffff:10.0.0.1/128\", 10.0.0.1/32]\n"
		     "      port: [80, 1-5, 80-80, 1-4, 80]\n");
	const struct tw_model_policy *policy = only(&model);

	(void)state;
	assert_int_equal(policy->remote_count, 2);
	assert_true(tw_cidr_is_v4(&policy->remotes[0]));
	assert_int_equal(policy->port_count, 3);
	assert_int_equal(policy->ports[0].last, 4);
	assert_int_equal(policy->ports[1].last, 5);
	assert_int_equal(policy->ports[2].first, 80);
}

static void schema__takes_text_or_a_list(void **state)
{
	_cleanup_model_ struct tw_model one =
		policies_valid(HEAD "    match: {cgroup: /a, remote: 10.0.0.0/8, port: 80}\n");
	_cleanup_model_ struct tw_model list = policies_valid(
		HEAD "    match: {cgroup: [/a], remote: [10.0.0.0/8], port: [80]}\n");

	(void)state;
	assert_string_equal(only(&one)->cgroups[0], only(&list)->cgroups[0]);
	assert_memory_equal(only(&one)->remotes, only(&list)->remotes, sizeof(struct tw_cidr));
	assert_memory_equal(only(&one)->ports, only(&list)->ports, sizeof(struct tw_port_range));
}

/* A list of `count` elements under `key` of match, each made by `format` from its number. */
static int parse_list(const char *key, const char *prefix, unsigned count, struct tw_diags *diags)
{
	_cleanup_buf_ struct tw_buf text = TW_BUF_INIT;
	_cleanup_model_ struct tw_model model = TW_MODEL_INIT;

	tw_buf_addf(&text, HEAD "    match:\n      %s:\n", key);
	for (unsigned i = 0; i < count; i++)
		tw_buf_addf(&text, "        - %s%u\n", prefix, 1 + i);
	return policies_parse(text.data, diags, &model);
}

static void schema__takes_lists_to_the_limit_and_not_past_it(void **state)
{
	static const struct {
		const char *key, *prefix;
		unsigned limit;
	} cases[] = {
		{ "cgroup", "/c", TW_MAX_CGROUP_PATTERNS },
		{ "remote", "10.0.0.", TW_MAX_PREFIXES },
		{ "port", "", TW_MAX_PORT_RANGES },
		{ "node", "n", TW_MAX_NODE_PATTERNS },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_diags_ struct tw_diags diags = TW_DIAGS_INIT;
		_cleanup_buf_ struct tw_buf message = TW_BUF_INIT;

		assert_int_equal(parse_list(cases[i].key, cases[i].prefix, cases[i].limit, &diags),
				 0);
		assert_int_equal(
			parse_list(cases[i].key, cases[i].prefix, cases[i].limit + 1, &diags),
			-EINVAL);
		tw_buf_addf(&message, "more than %u elements in %s", cases[i].limit, cases[i].key);
		unit_assert_diag(&diags, 0, 6 + cases[i].limit, 11, message.data);
	}
}

static int parse_policies(unsigned count, struct tw_diags *diags)
{
	_cleanup_buf_ struct tw_buf text = TW_BUF_INIT;
	_cleanup_model_ struct tw_model model = TW_MODEL_INIT;

	for (unsigned i = 0; i < count; i++)
		tw_buf_addf(&text, "  - {name: p%u, match: {port: %u}}\n", i, i + 1);
	return policies_parse(text.data, diags, &model);
}

static void schema__takes_256_policies_and_not_257(void **state)
{
	_cleanup_diags_ struct tw_diags diags = TW_DIAGS_INIT;

	(void)state;
	assert_int_equal(parse_policies(TW_MAX_POLICIES, &diags), 0);
	assert_int_equal(diags.count, 0);
	assert_int_equal(parse_policies(TW_MAX_POLICIES + 1, &diags), -EINVAL);
	unit_assert_diag(&diags, 0, 3 + 256, 5, "more than 256 policies");
}

static void assert_cgroup(const char *path, bool valid)
{
	_cleanup_diags_ struct tw_diags diags = TW_DIAGS_INIT;
	_cleanup_model_ struct tw_model model = TW_MODEL_INIT;
	_cleanup_buf_ struct tw_buf text = TW_BUF_INIT;

	tw_buf_addf(&text, HEAD "    match: {cgroup: \"%s\"}\n", path);
	assert_int_equal(policies_parse(text.data, &diags, &model), valid ? 0 : -EINVAL);
	assert_int_equal(diags.errors, valid ? 0 : 1);
}

static void schema__limits_cgroup_paths(void **state)
{
	char path[TW_PATH_LEN + 1];

	(void)state;
	assert_cgroup("/1/2/3/4/5/6/7/8/9/10/11/12/13/14/15/16", true);
	assert_cgroup("/1/2/3/4/5/6/7/8/9/10/11/12/13/14/15/16/", true);
	assert_cgroup("/1/2/3/4/5/6/7/8/9/10/11/12/13/14/15/16/17", false);
	memset(path, 'x', sizeof(path));
	path[0] = '/';
	path[TW_PATH_LEN] = '\0';
	assert_cgroup(path, false);
	path[TW_PATH_LEN - 1] = '\0';
	assert_cgroup(path, true);
}

static void assert_name(const char *name, bool valid)
{
	_cleanup_diags_ struct tw_diags diags = TW_DIAGS_INIT;
	_cleanup_model_ struct tw_model model = TW_MODEL_INIT;
	_cleanup_buf_ struct tw_buf text = TW_BUF_INIT;

	tw_buf_addf(&text, "  - name: \"%s\"\n", name);
	assert_int_equal(policies_parse(text.data, &diags, &model), valid ? 0 : -EINVAL);
	if (valid)
		assert_string_equal(only(&model)->name, name);
}

static void schema__limits_names(void **state)
{
	char name[65];

	(void)state;
	assert_name("a", true);
	assert_name("0", true);
	assert_name("a--b", true);
	assert_name("", false);
	assert_name("-", false);
	assert_name("a-", false);
	assert_name("-a", false);
	assert_name("A", false);
	assert_name("a_b", false);
	assert_name("a.b", false);
	assert_name("a b", false);
	memset(name, 'x', sizeof(name));
	name[64] = '\0';
	assert_name(name, false);
	name[63] = '\0';
	assert_name(name, true);
}

static void schema__reads_precedences(void **state)
{
	static const struct {
		const char *text;
		enum tw_precedence precedence;
	} cases[] = { { "app", TW_PRECEDENCE_APP },
		      { "strictest", TW_PRECEDENCE_STRICTEST },
		      { "policy", TW_PRECEDENCE_POLICY } };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_diags_ struct tw_diags diags = TW_DIAGS_INIT;
		_cleanup_model_ struct tw_model model = TW_MODEL_INIT;
		_cleanup_buf_ struct tw_buf text = TW_BUF_INIT;

		tw_buf_addf(&text, HEAD "    keepalive: 60s:10s:3\n    precedence: %s\n",
			    cases[i].text);
		assert_int_equal(policies_parse(text.data, &diags, &model), 0);
		assert_int_equal(model.policies[0].precedence, cases[i].precedence);
	}
}

static void schema__refuses_other_precedences(void **state)
{
	_cleanup_diags_ struct tw_diags diags = TW_DIAGS_INIT;
	_cleanup_model_ struct tw_model model = TW_MODEL_INIT;

	(void)state;
	assert_int_equal(policies_parse(HEAD "    precedence: mine\n", &diags, &model), -EINVAL);
	assert_int_equal(diags.errors, 1);
	unit_assert_diag(&diags, 0, 4, 17,
			 "precedence must be app, strictest or policy, got \"mine\"");
}

/* Whichever of the keys comes first. */
static void schema__takes_off_under_policy(void **state)
{
	_cleanup_diags_ struct tw_diags diags = TW_DIAGS_INIT;
	_cleanup_model_ struct tw_model model = TW_MODEL_INIT;
	const struct tw_model_policy *policy;

	(void)state;
	assert_int_equal(policies_parse(HEAD "    keepalive: off\n    precedence: policy\n"
					     "    user_timeout: off\n",
					&diags, &model),
			 0);
	policy = &model.policies[0];
	assert_int_equal(policy->fields, TW_BIT(TW_KEEPALIVE) | TW_BIT(TW_USER_TIMEOUT));
	assert_int_equal(policy->want.value[TW_KEEPALIVE], 0);
	assert_int_equal(policy->want.value[TW_USER_TIMEOUT], 0);
	assert_true(tw_model_policy_off(policy, TW_KEEPALIVE));
	assert_true(tw_model_policy_off(policy, TW_USER_TIMEOUT));
}

static void schema__refuses_off_under_others(void **state)
{
	static const char *const precedences[] = { "", "    precedence: app\n",
						   "    precedence: strictest\n" };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(precedences); i++) {
		_cleanup_diags_ struct tw_diags diags = TW_DIAGS_INIT;
		_cleanup_model_ struct tw_model model = TW_MODEL_INIT;
		_cleanup_buf_ struct tw_buf text = TW_BUF_INIT;

		tw_buf_addf(&text, HEAD "    keepalive: off\n    user_timeout: off\n%s",
			    precedences[i]);
		assert_int_equal(policies_parse(text.data, &diags, &model), -EINVAL);
		assert_int_equal(diags.errors, 2);
		unit_assert_diag(&diags, 0, 4, 16, "keepalive: off needs precedence: policy");
		unit_assert_diag(&diags, 1, 5, 19, "user_timeout: off needs precedence: policy");
	}
}

static void schema__checks_auto_only_where_the_rest_is_right(void **state)
{
	_cleanup_diags_ struct tw_diags diags = TW_DIAGS_INIT;
	_cleanup_model_ struct tw_model model = TW_MODEL_INIT;

	(void)state;
	assert_int_equal(policies_parse(HEAD "    keepalive: 60s:10s:0\n    user_timeout: auto\n",
					&diags, &model),
			 -EINVAL);
	assert_int_equal(diags.errors, 1);
	unit_assert_diag(&diags, 0, 4, 16, "probes must be 1..127, got 0");
}

/* The last second of idle that fits below INT_MAX ms, and one more. */
static void schema__takes_auto_to_int_max_and_not_past_it(void **state)
{
	_cleanup_diags_ struct tw_diags diags = TW_DIAGS_INIT;
	_cleanup_model_ struct tw_model model = TW_MODEL_INIT;

	(void)state;
	/* L = 23284 + 1885590 = 1908874 s; L x 9/8 = 2147483.25 s; INT_MAX is 2147483.647 s */
	model = policies_valid(HEAD "    keepalive: 23284:14965:127\n    user_timeout: auto\n");
	assert_true(only(&model)->auto_timeout);
	tw_model_free(&model);
	assert_int_equal(policies_parse(HEAD
					"    keepalive: 23285:14965:127\n    user_timeout: auto\n",
					&diags, &model),
			 -EINVAL);
	unit_assert_diag(&diags, 0, 5, 19,
			 "user_timeout: auto comes to more than 2147483647ms with these timers");
}

static void assert_must_beat(const char *value, size_t count)
{
	_cleanup_model_ struct tw_model model = TW_MODEL_INIT;
	_cleanup_buf_ struct tw_buf text = TW_BUF_INIT;

	tw_buf_addf(&text, HEAD "    must_beat: %s\n", value);
	model = policies_valid(text.data);
	assert_int_equal(only(&model)->must_beat_count, count);
}

static void schema__takes_must_beat(void **state)
{
	_cleanup_model_ struct tw_model model =
		policies_valid(HEAD "    must_beat: [haproxy, 90s, ipvs, 1m, ipvs, 60, 900s]\n");
	const struct tw_must_beat *beat = only(&model)->must_beat;

	(void)state;
	/* Durations, then names; a name is not the duration that it stands for. */
	assert_int_equal(only(&model)->must_beat_count, 5);
	assert_int_equal(beat[0].ms, 60000);
	assert_int_equal(beat[1].ms, 90000);
	assert_int_equal(beat[2].ms, 900000);
	assert_null(beat[2].box);
	assert_string_equal(beat[3].box->name, "haproxy");
	assert_int_equal(beat[3].ms, 0);
	assert_string_equal(beat[4].box->name, "ipvs");
	assert_int_equal(beat[4].ms, 900000);
	assert_must_beat("aws-nlb", 1);
	assert_must_beat("1s", 1);
	assert_must_beat("2147483647ms", 1);
}

static void assert_must_beat_refused(const char *value, unsigned column, const char *message)
{
	_cleanup_diags_ struct tw_diags diags = TW_DIAGS_INIT;
	_cleanup_model_ struct tw_model model = TW_MODEL_INIT;
	_cleanup_buf_ struct tw_buf text = TW_BUF_INIT;

	tw_buf_addf(&text, HEAD "    must_beat: %s\n", value);
	assert_int_equal(policies_parse(text.data, &diags, &model), -EINVAL);
	unit_assert_diag(&diags, 0, 4, column, message);
	assert_int_equal(diags.errors, 1);
}

static void schema__refuses_what_is_nothing_to_beat(void **state)
{
	_cleanup_buf_ struct tw_buf many = TW_BUF_INIT;

	(void)state;
	assert_must_beat_refused("[ipvs, ivps]", 23,
				 "must_beat must be a duration or a name of `check "
				 "--list-must-beat`, got \"ivps\"; did you mean: ipvs?");
	assert_must_beat_refused("999ms", 16, "must_beat must be 1s..2147483647ms, got 999ms");
	assert_must_beat_refused("2147483648ms", 16,
				 "must_beat must be 1s..2147483647ms, got 2147483648ms");
	assert_must_beat_refused("{ipvs: 1}", 16,
				 "must_beat must be text or a list of texts, got a map");
	for (unsigned i = 0; i <= TW_MAX_MUST_BEAT; i++)
		tw_buf_addf(&many, "%s%us", i ? ", " : "[", 10 + i);
	tw_buf_addf(&many, "]");
	assert_must_beat_refused(many.data, 17 + 5 * TW_MAX_MUST_BEAT,
				 "more than 32 elements in must_beat");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(schema__reads_the_example),
		cmocka_unit_test(schema__leaves_out_what_is_absent),
		cmocka_unit_test(schema__takes_all_forms_of_keepalive),
		cmocka_unit_test(schema__takes_user_timeouts),
		cmocka_unit_test(schema__brings_cgroup_paths_to_one_form),
		cmocka_unit_test(schema__sorts_and_drops_duplicates),
		cmocka_unit_test(schema__takes_text_or_a_list),
		cmocka_unit_test(schema__takes_lists_to_the_limit_and_not_past_it),
		cmocka_unit_test(schema__takes_256_policies_and_not_257),
		cmocka_unit_test(schema__limits_cgroup_paths),
		cmocka_unit_test(schema__limits_names),
		cmocka_unit_test(schema__reads_precedences),
		cmocka_unit_test(schema__refuses_other_precedences),
		cmocka_unit_test(schema__takes_off_under_policy),
		cmocka_unit_test(schema__refuses_off_under_others),
		cmocka_unit_test(schema__checks_auto_only_where_the_rest_is_right),
		cmocka_unit_test(schema__takes_auto_to_int_max_and_not_past_it),
		cmocka_unit_test(schema__takes_must_beat),
		cmocka_unit_test(schema__refuses_what_is_nothing_to_beat),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
