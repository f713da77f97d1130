// SPDX-License-Identifier: GPL-2.0-only
#include "policies.h"

#include "policy/compile.h"
#include "policy/cover.h"

#include <tcpwarden/match.h>

#define NO_TIMEOUT "no user_timeout: a connection with data in flight hangs for about 15 minutes"

/* One policy with these lines gives this warning at this place, or none where it is NULL. */
static void assert_warning(const char *lines, unsigned line, unsigned column, const char *message)
{
	_cleanup_diags_ struct tw_diags diags = TW_DIAGS_INIT;
	_cleanup_model_ struct tw_model model = TW_MODEL_INIT;
	_cleanup_buf_ struct tw_buf text = TW_BUF_INIT;

	tw_buf_addf(&text, "  - name: a\n%s", lines);
	assert_int_equal(policies_parse(text.data, &diags, &model), 0);
	assert_int_equal(diags.warnings, message != NULL);
	if (message)
		unit_assert_diag(&diags, 0, line, column, message);
}

static void warn__misses_a_user_timeout(void **state)
{
	(void)state;
	assert_warning("    keepalive: on\n", 4, 16, NO_TIMEOUT);
	assert_warning("    keepalive: 60s:10s:3\n", 4, 16,
		       NO_TIMEOUT "; write user_timeout: auto");
	assert_warning("    mode: observe\n    keepalive: {idle: 60s}\n", 5, 16, NO_TIMEOUT);
	assert_warning("    match: {port: 80}\n", 0, 0, NULL);
	assert_warning("    keepalive: 60s:10s:3\n    user_timeout: auto\n", 0, 0, NULL);
}

static void warn__knows_short_and_long_user_timeouts(void **state)
{
	(void)state;
	assert_warning("    user_timeout: 9999ms\n", 4, 19,
		       "user_timeout 9s999ms is under 10s: it kills a live peer that stops reading "
		       "for so long");
	assert_warning("    user_timeout: 10s\n", 0, 0, NULL);
	assert_warning("    user_timeout: 924s\n", 0, 0, NULL);
	assert_warning("    user_timeout: 924001ms\n", 4, 19,
		       "user_timeout 15m24s1ms is over 924s, what tcp_retries2 gives by default: a "
		       "busy connection hangs longer than without it");
	/* L = 3 s, and half an interval */
	assert_warning("    keepalive: 1:1:3\n    user_timeout: auto\n", 5, 19,
		       "user_timeout 3s500ms is under 10s: it kills a live peer that stops reading "
		       "for so long");
	/* L = 822 s; L x 9/8 is 924.75 s */
	assert_warning("    keepalive: 722:25:5\n    user_timeout: auto\n", 5, 19,
		       "user_timeout 15m24s750ms is over 924s, what tcp_retries2 gives by default: "
		       "a busy connection hangs longer than without it");
	assert_warning("    keepalive: 721:25:5\n    user_timeout: auto\n", 0, 0, NULL);
}

/* What is turned off is as it was asked. */
static void warn__takes_off_as_asked(void **state)
{
	(void)state;
	assert_warning("    user_timeout: off\n    precedence: policy\n", 0, 0, NULL);
	assert_warning("    keepalive: 60s:10s:3\n    user_timeout: off\n    precedence: policy\n",
		       0, 0, NULL);
	assert_warning("    keepalive: off\n    user_timeout: 30s\n    precedence: policy\n"
		       "    must_beat: 350s\n",
		       7, 16, "must_beat 5m50s, and the policy turns keepalive off");
}

static void warn__counts_probes(void **state)
{
	static const char fewer[] =
		"user_timeout 1m20s <= idle + (probes - 1) x interval (1m20s): fewer probes than "
		"asked are sent";
	static const char one[] =
		"user_timeout 1m10s <= idle + interval (1m10s): a single lost probe kills the "
		"connection, fewer probes than asked";

	(void)state;
	assert_warning("    keepalive: 60:10:3\n    user_timeout: 80s\n", 5, 19, fewer);
	assert_warning("    keepalive: 60:10:3\n    user_timeout: 80001ms\n", 0, 0, NULL);
	assert_warning("    keepalive: 60:10:3\n    user_timeout: 70s\n", 5, 19, one);
	assert_warning("    keepalive: 60:10:2\n    user_timeout: 70s\n", 5, 19, one);
	assert_warning("    keepalive: 60:10:2\n    user_timeout: 70001ms\n", 0, 0, NULL);
	assert_warning("    keepalive: {idle: 60s, interval: 10s}\n    user_timeout: 70s\n", 5, 19,
		       one);
	assert_warning("    keepalive: {idle: 60s, interval: 10s}\n    user_timeout: 71s\n", 0, 0,
		       NULL);
	/* One probe is what is asked; what is not given is not known here. */
	assert_warning("    keepalive: 60:10:1\n    user_timeout: 20s\n", 0, 0, NULL);
	assert_warning("    keepalive: 60::3\n    user_timeout: 20s\n", 0, 0, NULL);
	assert_warning("    keepalive: \":10:3\"\n    user_timeout: 20s\n", 0, 0, NULL);
	assert_warning("    keepalive: on\n    user_timeout: 20s\n", 0, 0, NULL);
	assert_warning("    keepalive: 60:10:3\n    user_timeout: auto\n", 0, 0, NULL);
}

static void warn__compares_with_must_beat(void **state)
{
	static const char values[] = "    user_timeout: auto\n    keepalive: 311s:10s:3\n";
	_cleanup_buf_ struct tw_buf lines = TW_BUF_INIT;

	(void)state;
	tw_buf_addf(&lines, "%s    must_beat: [1h, aws-nlb]\n", values);
	assert_warning(lines.data, 0, 0, NULL);
	tw_buf_truncate(&lines, 0);
	/* 312 s x 9/8 = 351 s; 311 s x 9/8 is 349.875 s */
	tw_buf_addf(&lines, "    user_timeout: auto\n    keepalive: 312s:10s:3\n"
			    "    must_beat: [1h, aws-nlb]\n");
	assert_warning(lines.data, 6, 21,
		       "idle 5m12s x 9/8 (5m51s) >= 5m50s of aws-nlb: the first probe may come "
		       "after the connection is forgotten");
	tw_buf_truncate(&lines, 0);
	/* Equal is too late. */
	tw_buf_addf(&lines, "    user_timeout: auto\n    keepalive: 80s:10s:3\n"
			    "    must_beat: 90s\n");
	assert_warning(lines.data, 6, 16,
		       "idle 1m20s x 9/8 (1m30s) >= 1m30s: the first probe may come after the "
		       "connection is forgotten");
}

static void warn__knows_what_keepalive_does_not_refresh(void **state)
{
	_cleanup_buf_ struct tw_buf lines = TW_BUF_INIT;

	(void)state;
	tw_buf_addf(&lines, "    user_timeout: auto\n    keepalive: 20s:10s:3\n"
			    "    must_beat: [aws-alb]\n");
	assert_warning(lines.data, 6, 17,
		       "keepalive does not help against aws-alb: it closes a connection that "
		       "carries no data for 1m; raise its timeout, or let the application ping");
	tw_buf_truncate(&lines, 0);
	tw_buf_addf(&lines, "    user_timeout: auto\n    keepalive: 20s:10s:3\n"
			    "    must_beat: [haproxy]\n");
	assert_warning(lines.data, 6, 17,
		       "keepalive does not help against haproxy: it closes a connection that "
		       "carries no data for its configured timeout; raise its timeout, or let the "
		       "application ping");
}

static void warn__misses_an_idle_time_to_beat_with(void **state)
{
	(void)state;
	assert_warning("    must_beat: ipvs\n", 4, 16,
		       "must_beat 15m of ipvs, and the policy gives no idle time: the system's is "
		       "7200 s by default");
	assert_warning("    user_timeout: 60s\n    must_beat: 1m\n", 5, 16,
		       "must_beat 1m, and the policy gives no idle time: the system's is 7200 s by "
		       "default");
}

/* The second of two policies, in the words of `match`, never matches, or may. */
static void assert_covered(const char *first, const char *second, bool covered)
{
	_cleanup_diags_ struct tw_diags diags = TW_DIAGS_INIT;
	_cleanup_model_ struct tw_model model = TW_MODEL_INIT;
	_cleanup_buf_ struct tw_buf text = TW_BUF_INIT;

	tw_buf_addf(&text, "  - {name: a, match: {%s}}\n  - {name: b, match: {%s}}\n", first,
		    second);
	assert_int_equal(policies_parse(text.data, &diags, &model), 0);
	if (diags.warnings != covered)
		print_error("{%s} {%s}\n", first, second);
	assert_int_equal(diags.warnings, covered);
	if (covered)
		unit_assert_diag(&diags, 0, 4, 12,
				 "policy \"b\" can never match: \"a\" (f:3:12) takes all that it "
				 "selects");
}

static void warn__finds_what_is_covered(void **state)
{
	static const struct {
		const char *first, *second;
	} cases[] = {
		{ "", "" },
		{ "", "cgroup: /a, direction: in, remote: 10.0.0.0/8, port: 80" },
		{ "direction: any", "direction: out" },
		{ "direction: in", "direction: in" },
		{ "port: 1-65535", "" },
		{ "port: [1-32767, 32768-65535]", "" },
		{ "port: [1-10, 5-20, 21-30]", "port: [1-30, 7]" },
		{ "remote: 10.0.0.0/8", "remote: [10.1.0.0/16, 10.0.0.0/8, 10.2.3.4]" },
		{ "remote: 10.0.0.0/8", "remote: \"::ffff:10.1.0.0/112\"" },
		{ "remote: [10.0.0.0/9, 10.128.0.0/9]", "remote: 10.0.0.0/8" },
		{ "remote: [10.0.0.0/9, 10.128.0.0/10, 10.192.0.0/10]", "remote: 10.0.0.0/8" },
		{ "remote: [0.0.0.0/0, \"::/0\"]", "" },
		{ "remote: [0.0.0.0/1, 128.0.0.0/1, \"::/1\", \"8000::/1\"]", "" },
		{ "cgroup: /", "cgroup: /a/b" },
		{ "cgroup: /a", "cgroup: [/a, /a/b, /a/*]" },
		{ "cgroup: [/a, /b]", "cgroup: [/b/x, /a/y]" },
		{ "cgroup: /a/*", "cgroup: [/a/b, /a/.b, \"/a/[bc]/d\"]" },
		{ "cgroup: /a*", "cgroup: [/abc/d, /a*]" },
		{ "cgroup: /*/b", "cgroup: \"/[xy]/b\"" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		assert_covered(cases[i].first, cases[i].second, true);
}

static void warn__does_not_guess(void **state)
{
	static const struct {
		const char *first, *second;
	} cases[] = {
		{ "direction: out", "direction: in" },
		{ "direction: out", "" },
		{ "port: 1-65534", "" },
		{ "port: [1-10, 12-20]", "port: 1-20" },
		{ "port: 80", "port: [80, 81]" },
		{ "remote: 10.0.0.0/9", "remote: 10.0.0.0/8" },
		{ "remote: [10.0.0.0/9, 10.192.0.0/10]", "remote: 10.0.0.0/8" },
		{ "remote: 10.0.0.0/8", "remote: [10.0.0.0/8, 11.0.0.1]" },
		{ "remote: \"::/0\"", "remote: 10.0.0.0/8" },
		{ "remote: 0.0.0.0/0", "remote: \"::1\"" },
		{ "remote: 0.0.0.0/0", "" },
		{ "cgroup: /", "" },
		{ "cgroup: /a/b", "cgroup: /a" },
		{ "cgroup: /a", "cgroup: /ab" },
		{ "cgroup: /a", "cgroup: [/a, /b]" },
		{ "cgroup: /a/*", "cgroup: /a" },
		{ "cgroup: /a?", "cgroup: /a*" },
		{ "cgroup: \"/[ab]\"", "cgroup: \"/?\"" },
		{ "cgroup: /a, port: 80", "cgroup: /a" },
		{ "namespace: a", "" },
		{ "namespace: \"*\"", "" },
		{ "pod: a", "namespace: a" },
		{ "namespace: a", "namespace: [a, b]" },
		{ "namespace: a, pod: b", "namespace: a" },
		{ "namespace: a?", "namespace: a*" },
		{ "namespace: a, cgroup: /x", "namespace: a" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		assert_covered(cases[i].first, cases[i].second, false);
}

static void warn__knows_that_observers_take_nothing(void **state)
{
	_cleanup_diags_ struct tw_diags diags = TW_DIAGS_INIT;
	_cleanup_model_ struct tw_model model = TW_MODEL_INIT;

	(void)state;
	assert_int_equal(
		policies_parse("  - {name: a, mode: observe}\n  - {name: b}\n", &diags, &model), 0);
	assert_int_equal(diags.count, 0);
	tw_model_free(&model);
	assert_int_equal(
		policies_parse("  - {name: a}\n  - {name: b, mode: observe}\n", &diags, &model), 0);
	assert_int_equal(diags.warnings, 1);
}

static void warn__says_nothing_beside_errors(void **state)
{
	_cleanup_diags_ struct tw_diags diags = TW_DIAGS_INIT;
	_cleanup_model_ struct tw_model model = TW_MODEL_INIT;

	(void)state;
	assert_int_equal(
		policies_parse("  - {name: a}\n  - {name: B, keepalive: on}\n", &diags, &model),
		-EINVAL);
	assert_int_equal(diags.warnings, 0);
}

static bool selects_path(const struct tw_model_policy *policy, const char *path)
{
	for (size_t i = 0; i < policy->cgroup_count; i++)
		if (tw_cgroup_covers(policy->cgroups[i], path))
			return true;
	return !policy->cgroup_count;
}

/* Whether a connection meets the policy that is alone in `model`, or may. */
static bool meets(const struct tw_model *model, const struct tw_compiled *compiled,
		  const char *path, const struct tw_pod *pod, const uint8_t addr[static 16],
		  uint16_t port, unsigned direction)
{
	struct tw_cgroup_sets cgroup;

	tw_compile_cgroup(model, path, pod, &cgroup);
	/* It may as well be for cgroups below an unknown pod's: that is none of this connection. */
	if (!selects_path(model->policies, path))
		return false;
	return (cgroup.must.word[0] | (cgroup.may.word[0] & cgroup.own_may)) &
	       compiled->generation->direction[direction].word[0] &
	       tw_compiled_remote(compiled, addr)->word[0] &
	       tw_compiled_port(compiled, port)->word[0] & 1;
}

/* Over random pairs: what covers takes each connection that the other would. */
static void warn__covers_only_what_is_covered(void **state)
{
	uint64_t seed = 20260101;
	unsigned covered = 0, met = 0;

	(void)state;
	for (unsigned i = 0; i < 20000; i++) {
		_cleanup_model_ struct tw_model outer = policies_random(&seed, 1);
		_cleanup_model_ struct tw_model inner = policies_random(&seed, 1);
		_cleanup_compiled_ struct tw_compiled a = { 0 }, b = { 0 };

		if (!tw_policy_covers(outer.policies, inner.policies))
			continue;
		covered++;
		assert_int_equal(tw_compile(&outer, NULL, &a), 0);
		assert_int_equal(tw_compile(&inner, NULL, &b), 0);
		for (unsigned j = 0; j < 20; j++) {
			_cleanup_free_ char *path =
				policies_path(&seed, policies_names, ARRAY_SIZE(policies_names), 4);
			struct tw_port_range ports = policies_range(&seed);
			unsigned direction = unit_below(&seed, TW_DIRECTIONS);
			struct tw_pod pod = policies_pod(&seed);
			uint8_t addr[16];

			policies_address(&seed, addr);
			/* Of a pod that is not known is only said what may be, of it or below it. */
			if (pod.state == TW_POD_UNKNOWN ||
			    !meets(&inner, &b, path, &pod, addr, ports.last, direction))
				continue;
			met++;
			assert_true(meets(&outer, &a, path, &pod, addr, ports.last, direction));
		}
	}
	assert_true(covered > 500);
	assert_true(met > 500);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(warn__misses_a_user_timeout),
		cmocka_unit_test(warn__knows_short_and_long_user_timeouts),
		cmocka_unit_test(warn__takes_off_as_asked),
		cmocka_unit_test(warn__counts_probes),
		cmocka_unit_test(warn__compares_with_must_beat),
		cmocka_unit_test(warn__knows_what_keepalive_does_not_refresh),
		cmocka_unit_test(warn__misses_an_idle_time_to_beat_with),
		cmocka_unit_test(warn__finds_what_is_covered),
		cmocka_unit_test(warn__does_not_guess),
		cmocka_unit_test(warn__knows_that_observers_take_nothing),
		cmocka_unit_test(warn__says_nothing_beside_errors),
		cmocka_unit_test(warn__covers_only_what_is_covered),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
