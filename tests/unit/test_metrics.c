// SPDX-License-Identifier: GPL-2.0-only
#include "overviews.h"

#include "daemon/metrics.h"

static char *render(const struct tw_overview *overview)
{
	struct tw_buf buf = TW_BUF_INIT;

	assert_int_equal(tw_metrics_render(overview, &buf), 0);
	return buf.data;
}

static void assert_line(const char *text, const char *line)
{
	_cleanup_buf_ struct tw_buf whole = TW_BUF_INIT;

	assert_int_equal(tw_buf_addf(&whole, "\n%s\n", line), 0);
	if (!strstr(text, whole.data))
		print_error("there is no line: %s\n", line);
	assert_non_null(strstr(text, whole.data));
}

static size_t count_lines(const char *text, const char *start)
{
	size_t count = 0;

	for (const char *line = text; line; line = strchr(line, '\n')) {
		line += *line == '\n';
		count += !strncmp(line, start, strlen(start));
	}
	return count;
}

static void metrics__every_name(void **state)
{
	static const char *const names[] = {
		"tcpwarden_build_info gauge",
		"tcpwarden_attached gauge",
		"tcpwarden_policy_generation gauge",
		"tcpwarden_policy_info gauge",
		"tcpwarden_policy_reloads_total counter",
		"tcpwarden_policy_last_reload_success gauge",
		"tcpwarden_policy_rollout_share gauge",
		"tcpwarden_policy_in_share gauge",
		"tcpwarden_policy_guard_tripped gauge",
		"tcpwarden_sockets_total counter",
		"tcpwarden_sockets_differing gauge",
		"tcpwarden_sockets_audited_timestamp_seconds gauge",
		"tcpwarden_dead_connections_total counter",
		"tcpwarden_app_settings_total counter",
		"tcpwarden_sweep_sockets_total counter",
		"tcpwarden_sweep_duration_seconds histogram",
		"tcpwarden_bpf_errors_total counter",
		"tcpwarden_events_lost_total counter",
		"tcpwarden_cgroups gauge",
		"tcpwarden_cgroup_ready_seconds histogram",
	};
	_cleanup_free_ struct tw_overview *overview = overview_make(1);
	_cleanup_free_ char *text = render(overview);
	char line[128];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		snprintf(line, sizeof(line), "# TYPE %s", names[i]);
		assert_line(text, line);
	}
	assert_int_equal(count_lines(text, "# TYPE "), ARRAY_SIZE(names));
	assert_int_equal(count_lines(text, "# HELP "), ARRAY_SIZE(names));
}

static void metrics__values_of_policies(void **state)
{
	_cleanup_free_ struct tw_overview *overview = overview_make(2);
	_cleanup_free_ char *text = NULL;

	(void)state;
	overview->none.dead[TW_DEAD_CONNECT] = 9;
	text = render(overview);
	assert_line(text, "tcpwarden_attached 1");
	assert_line(text, "tcpwarden_policy_generation 7");
	assert_line(text, "tcpwarden_policy_info{digest=\"00000000000000000000000000000000\"} 1");
	assert_line(
		text,
		"tcpwarden_sockets_total{policy=\"policy-1\",direction=\"out\",outcome=\"set\"} "
		"1001");
	assert_line(
		text,
		"tcpwarden_sockets_total{policy=\"policy-0\",direction=\"in\",outcome=\"failed\"} "
		"2000");
	assert_line(
		text,
		"tcpwarden_dead_connections_total{policy=\"policy-1\",reason=\"unacked\"} 3001");
	assert_line(text,
		    "tcpwarden_dead_connections_total{policy=\"(none)\",reason=\"connect\"} 9");
	assert_line(text,
		    "tcpwarden_app_settings_total{policy=\"policy-1\",action=\"limited\"} 4001");
	assert_line(text, "tcpwarden_sockets_differing{policy=\"policy-1\"} 5001");
	assert_line(text, "tcpwarden_sockets_audited_timestamp_seconds 1700000000.500");
}

static void metrics__rollouts_and_guards(void **state)
{
	_cleanup_free_ struct tw_overview *overview = overview_make(3);
	struct tw_loaded_policy *policy = overview->loaded.policy;
	_cleanup_free_ char *text = NULL;

	(void)state;
	policy[0].rollout = 125;
	policy[1].here &= (__u8)~TW_HERE_IN_SHARE;
	policy[1].guarded = 1;
	policy[2].here |= TW_HERE_TRIPPED;
	policy[2].guarded = 1;
	text = render(overview);
	assert_line(text, "tcpwarden_policy_rollout_share{policy=\"policy-0\"} 0.125");
	assert_line(text, "tcpwarden_policy_rollout_share{policy=\"policy-1\"} 1");
	assert_line(text, "tcpwarden_policy_in_share{policy=\"policy-0\"} 1");
	assert_line(text, "tcpwarden_policy_in_share{policy=\"policy-1\"} 0");
	assert_line(text, "tcpwarden_policy_guard_tripped{policy=\"policy-1\"} 0");
	assert_line(text, "tcpwarden_policy_guard_tripped{policy=\"policy-2\"} 1");
	assert_int_equal(count_lines(text, "tcpwarden_policy_guard_tripped{"), 2);
}

/* Figures of another generation's policies are nobody's. */
static void metrics__an_audit_of_another_generation(void **state)
{
	_cleanup_free_ struct tw_overview *overview = overview_make(2);
	_cleanup_free_ char *text = NULL;

	(void)state;
	overview->loaded.number = 8;
	text = render(overview);
	assert_int_equal(count_lines(text, "tcpwarden_sockets_differing{"), 0);
	assert_int_equal(count_lines(text, "tcpwarden_sockets_audited_timestamp_seconds "), 0);
}

static void metrics__the_daemon(void **state)
{
	_cleanup_free_ struct tw_overview *overview = overview_make(0);
	_cleanup_free_ char *text = NULL;

	(void)state;
	overview->reloads = (struct tw_reloads){ 3, 4, 5, .last_refused = true };
	overview->events_lost = 6;
	overview->cgroups = 12;
	tw_histogram_add(&overview->cgroup_ready, 1500000);
	tw_histogram_add(&overview->cgroup_ready, 60000000000);
	overview->sweeps = (struct tw_sweep_totals){
		.sockets = { .seen = 20, .written = 5, .failed = 2, .orphans = 3 },
		.full = { .of = &tw_histogram_minutes,
			  .bucket = { [0] = 1, [4] = 2, [9] = 1 },
			  .sum_ns = 400250000000,
			  .count = 4 },
	};
	text = render(overview);
	assert_line(text, "tcpwarden_policy_reloads_total{result=\"applied\"} 3");
	assert_line(text, "tcpwarden_policy_reloads_total{result=\"unchanged\"} 4");
	assert_line(text, "tcpwarden_policy_reloads_total{result=\"refused\"} 5");
	assert_line(text, "tcpwarden_policy_last_reload_success 0");
	assert_line(text, "tcpwarden_events_lost_total 6");
	assert_line(text, "tcpwarden_cgroups 12");
	assert_line(text, "tcpwarden_cgroup_ready_seconds_bucket{le=\"0.001\"} 0");
	assert_line(text, "tcpwarden_cgroup_ready_seconds_bucket{le=\"5\"} 1");
	assert_line(text, "tcpwarden_cgroup_ready_seconds_sum 60.001500");
	assert_line(text, "tcpwarden_cgroup_ready_seconds_count 2");
	assert_line(text, "tcpwarden_sweep_sockets_total{outcome=\"changed\"} 5");
	assert_line(text, "tcpwarden_sweep_sockets_total{outcome=\"refused\"} 2");
	assert_line(text, "tcpwarden_sweep_sockets_total{outcome=\"orphan\"} 3");
	assert_line(text, "tcpwarden_sweep_sockets_total{outcome=\"unchanged\"} 10");
	assert_line(text, "tcpwarden_sweep_duration_seconds_bucket{le=\"0.01\"} 1");
	assert_line(text, "tcpwarden_sweep_duration_seconds_bucket{le=\"0.5\"} 1");
	assert_line(text, "tcpwarden_sweep_duration_seconds_bucket{le=\"1\"} 3");
	assert_line(text, "tcpwarden_sweep_duration_seconds_bucket{le=\"300\"} 3");
	assert_line(text, "tcpwarden_sweep_duration_seconds_bucket{le=\"+Inf\"} 4");
	assert_line(text, "tcpwarden_sweep_duration_seconds_sum 400.250000");
	assert_line(text, "tcpwarden_sweep_duration_seconds_count 4");
}

static void metrics__bpf_errors(void **state)
{
	_cleanup_free_ struct tw_overview *overview = overview_make(0);
	_cleanup_free_ char *text = NULL;

	(void)state;
	overview->errors.count = 2;
	overview->errors.list[0] = (struct tw_error_count){ { TW_SITE_CGROUP, ENOENT }, 8 };
	overview->errors.list[1] = (struct tw_error_count){ { TW_SITE_RECORD, 524 }, 9 };
	text = render(overview);
	assert_line(text, "tcpwarden_bpf_errors_total{site=\"cgroup\",errno=\"ENOENT\"} 8");
	assert_line(text, "tcpwarden_bpf_errors_total{site=\"record\",errno=\"524\"} 9");
}

/* As many series as policies times fixed words: nothing else makes them grow. */
static void metrics__the_most_policies(void **state)
{
	_cleanup_free_ struct tw_overview *overview = overview_make(TW_MAX_POLICIES);
	_cleanup_free_ char *text = render(overview);

	(void)state;
	assert_int_equal(count_lines(text, "tcpwarden_sockets_total{"),
			 TW_MAX_POLICIES * TW_DIRECTIONS * TW_OUTCOMES);
	assert_int_equal(count_lines(text, "tcpwarden_dead_connections_total{"),
			 (TW_MAX_POLICIES + 1) * TW_REASONS);
	assert_int_equal(count_lines(text, "tcpwarden_app_settings_total{"),
			 TW_MAX_POLICIES * TW_APP_ACTIONS);
	assert_int_equal(count_lines(text, "tcpwarden_sockets_differing{"), TW_MAX_POLICIES);
}

static void metrics__labels_are_escaped(void **state)
{
	_cleanup_buf_ struct tw_buf buf = TW_BUF_INIT;

	(void)state;
	assert_int_equal(tw_metrics_escape("a\\b\"c\nd\xc3\xa4 {}", &buf), 0);
	assert_string_equal(tw_buf_string(&buf), "a\\\\b\\\"c\\nd\xc3\xa4 {}");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(metrics__every_name),
		cmocka_unit_test(metrics__values_of_policies),
		cmocka_unit_test(metrics__rollouts_and_guards),
		cmocka_unit_test(metrics__an_audit_of_another_generation),
		cmocka_unit_test(metrics__the_daemon),
		cmocka_unit_test(metrics__bpf_errors),
		cmocka_unit_test(metrics__the_most_policies),
		cmocka_unit_test(metrics__labels_are_escaped),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
