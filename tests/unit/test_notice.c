// SPDX-License-Identifier: GPL-2.0-only
#include "unit.h"

#include "daemon/notice.h"
#include "lib/clock.h"

#define AT 1764037800123000000ULL /* 2025-11-25T02:30:00.123Z */

static struct tw_notice dead(void)
{
	struct tw_notice notice = {
		.at_ns = AT,
		.kind = TW_NOTICE_DEAD,
		.cgroup = strdup("/kubepods.slice/a"),
		.reason = TW_DEAD_ZERO_WINDOW,
		.direction = TW_IN,
		.netns = 4026531840,
		.silent_ms = 61500,
		.policy = "databases",
	};

	assert_int_equal(tw_endpoint_parse("192.0.2.1:5432", &notice.local), 0);
	assert_int_equal(tw_endpoint_parse("[2001:db8::1]:40000", &notice.remote), 0);
	return notice;
}

static void notice__dead_as_json(void **state)
{
	_cleanup_notice_ struct tw_notice notice = dead();
	_cleanup_buf_ struct tw_buf buf = TW_BUF_INIT;

	(void)state;
	assert_int_equal(tw_notice_json(&notice, &buf), 0);
	assert_string_equal(
		tw_buf_string(&buf),
		"{\"time\":\"2025-11-25T02:30:00.123Z\",\"event\":\"dead\","
		"\"reason\":\"zero_window\",\"policy\":\"databases\","
		"\"cgroup\":\"/kubepods.slice/a\",\"netns\":4026531840,\"direction\":\"in\","
		"\"local\":\"192.0.2.1:5432\",\"remote\":\"[2001:db8::1]:40000\","
		"\"silent_ms\":61500}\n");
}

static struct tw_notice setting(void)
{
	struct tw_notice notice = dead();

	notice.kind = TW_NOTICE_SETTING;
	notice.reason = 0;
	notice.silent_ms = 0;
	notice.action = TW_APP_LIMITED;
	notice.field = TW_USER_TIMEOUT;
	notice.asked = TW_MAX_USER_TIMEOUT;
	notice.given = 225000;
	return notice;
}

static void notice__setting_as_json(void **state)
{
	_cleanup_notice_ struct tw_notice notice = setting();
	_cleanup_buf_ struct tw_buf buf = TW_BUF_INIT;

	(void)state;
	assert_int_equal(tw_notice_json(&notice, &buf), 0);
	assert_string_equal(
		tw_buf_string(&buf),
		"{\"time\":\"2025-11-25T02:30:00.123Z\",\"event\":\"setting\","
		"\"policy\":\"databases\",\"action\":\"limited\",\"option\":\"TCP_USER_TIMEOUT\","
		"\"asked\":2147483647,\"given\":225000,\"cgroup\":\"/kubepods.slice/a\","
		"\"netns\":4026531840,\"direction\":\"in\",\"local\":\"192.0.2.1:5432\","
		"\"remote\":\"[2001:db8::1]:40000\"}\n");
}

static void check_round(const struct tw_notice *notice)
{
	_cleanup_notice_ struct tw_notice back = TW_NOTICE_INIT;
	_cleanup_buf_ struct tw_buf first = TW_BUF_INIT, second = TW_BUF_INIT;

	assert_int_equal(tw_notice_json(notice, &first), 0);
	assert_int_equal(tw_notice_parse(first.data, first.len, &back), 0);
	assert_int_equal(back.kind, notice->kind);
	assert_int_equal(tw_notice_json(&back, &second), 0);
	assert_string_equal(first.data, second.data);
}

static void notice__every_kind_comes_back_from_json(void **state)
{
	_cleanup_notice_ struct tw_notice one = dead();
	_cleanup_notice_ struct tw_notice gone = dead();
	_cleanup_notice_ struct tw_notice set = setting();
	struct tw_notice others[] = {
		{ .kind = TW_NOTICE_POLICY, .generation = 7, .digest = { 1, 0xfeULL << 56 } },
		{ .kind = TW_NOTICE_POLICY,
		  .generation = 7,
		  .refused = true,
		  .message = (char *)"policy.yaml:7:16: error: \"x\"" },
		{ .kind = TW_NOTICE_POLICY, .generation = 8, .message = (char *)"guard: policy" },
		{ .kind = TW_NOTICE_ATTACHED, .generation = 1, .cgroup = (char *)"/a" },
		{ .kind = TW_NOTICE_DETACHED },
		{ .kind = TW_NOTICE_LOST, .lost = 12 },
	};

	(void)state;
	check_round(&one);
	free(gone.cgroup);
	gone.cgroup = NULL;
	gone.policy[0] = '\0';
	gone.direction = TW_OUT;
	for (int reason = 0; reason < TW_REASONS; reason++) {
		gone.reason = (enum tw_reason)reason;
		check_round(&gone);
	}
	for (int action = 0; action < TW_APP_ACTIONS; action++) {
		set.action = (enum tw_app_action)action;
		for (int field = 0; field < TW_FIELDS; field++) {
			set.field = (enum tw_field)field;
			check_round(&set);
		}
	}
	for (size_t i = 0; i < ARRAY_SIZE(others); i++) {
		others[i].at_ns = AT;
		check_round(&others[i]);
	}
}

static const char attached_to_nothing[] =
	"{\"time\":\"2025-11-25T02:30:00.123Z\",\"event\":\"attached\",\"generation\":1,"
	"\"digest\":\"00112233445566778899aabbccddeeff\"}";

/* No policy has so long a name. */
static const char long_name[] =
	"{\"time\":\"2025-11-25T02:30:00.123Z\",\"event\":\"dead\",\"reason\":\"connect\","
	"\"direction\":\"in\",\"local\":\"192.0.2.1:1\",\"remote\":\"192.0.2.2:2\",\"policy\":"
	"\"0123456789012345678901234567890123456789012345678901234567890123\"}";

static void notice__refuses_what_is_none(void **state)
{
	static const char *const bad[] = {
		"",
		"{}",
		"[]",
		"{\"error\":\"no\"}",
		"{\"time\":\"yesterday\",\"event\":\"detached\"}",
		"{\"time\":\"2025-11-25T02:30:00.123Z\",\"event\":\"born\"}",
		"{\"time\":\"2025-11-25T02:30:00.123Z\",\"event\":\"dead\"}",
		"{\"time\":\"2025-11-25T02:30:00.123Z\",\"event\":\"setting\"}",
		"{\"time\":\"2025-11-25T02:30:00.123Z\",\"event\":\"setting\",\"action\":\"none\"}",
		"{\"time\":\"2025-11-25T02:30:00.123Z\",\"event\":\"policy\"}",
		"{\"time\":\"2025-11-25T02:30:00.1Z\",\"event\":\"detached\"}",
		attached_to_nothing,
		long_name,
		"{\"time\":\"2025-11-25T02:30:00.123Z\",\"event\":\"detached\"",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		struct tw_notice notice;

		assert_int_equal(tw_notice_parse(bad[i], strlen(bad[i]), &notice), -EPROTO);
	}
}

static void check_text(const struct tw_notice *notice, const char *expected)
{
	_cleanup_buf_ struct tw_buf buf = TW_BUF_INIT;

	assert_int_equal(tw_notice_text(notice, &buf), 0);
	assert_string_equal(tw_buf_string(&buf), expected);
}

static void notice__one_line_for_people(void **state)
{
	_cleanup_notice_ struct tw_notice one = dead();
	_cleanup_notice_ struct tw_notice set = setting();
	const struct tw_notice refused = { .at_ns = AT,
					   .kind = TW_NOTICE_POLICY,
					   .generation = 3,
					   .refused = true,
					   .message = (char *)"p.yaml:1:1: no" };
	const struct tw_notice tripped = { .at_ns = AT,
					   .kind = TW_NOTICE_POLICY,
					   .generation = 3,
					   .message = (char *)"guard: policy \"a\" observes" };
	const struct tw_notice lost = { .at_ns = AT, .kind = TW_NOTICE_LOST, .lost = 5 };

	(void)state;
	check_text(&one, "2025-11-25T02:30:00.123Z  dead      zero_window, 192.0.2.1:5432 <- "
			 "[2001:db8::1]:40000, silent for 1m1s500ms, policy databases, cgroup "
			 "/kubepods.slice/a, netns 4026531840");
	check_text(&set, "2025-11-25T02:30:00.123Z  setting   limited, TCP_USER_TIMEOUT asked "
			 "2147483647, given 225000, 192.0.2.1:5432 <- [2001:db8::1]:40000, policy "
			 "databases, cgroup /kubepods.slice/a, netns 4026531840");
	check_text(&refused, "2025-11-25T02:30:00.123Z  policy    refused: p.yaml:1:1: no; "
			     "generation 3 stays");
	check_text(&tripped, "2025-11-25T02:30:00.123Z  policy    guard: policy \"a\" observes");
	check_text(&lost, "2025-11-25T02:30:00.123Z  lost      5 events were not read in time");
}

static void notice__names_that_are_no_utf8(void **state)
{
	_cleanup_notice_ struct tw_notice notice = dead();
	_cleanup_buf_ struct tw_buf buf = TW_BUF_INIT;

	(void)state;
	notice.cgroup[1] = (char)0xff;
	assert_int_equal(tw_notice_json(&notice, &buf), 0);
	assert_non_null(strstr(buf.data, "\"cgroup\":\"/?ubepods.slice/a\""));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(notice__dead_as_json),
		cmocka_unit_test(notice__setting_as_json),
		cmocka_unit_test(notice__every_kind_comes_back_from_json),
		cmocka_unit_test(notice__refuses_what_is_none),
		cmocka_unit_test(notice__one_line_for_people),
		cmocka_unit_test(notice__names_that_are_no_utf8),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
