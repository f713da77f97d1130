// SPDX-License-Identifier: GPL-2.0-only
/* `doctor` compares the policy with this node. */
#include "harness.h"

/* `auto` for these comes to 100 + 40 s, and an eighth: 157.5 s. */
#define POLICY "- {name: all, keepalive: 100s:10s:5, user_timeout: auto}\n"

static const char *doctor(const char *const *args)
{
	struct tw_result result = tw_run(&(struct tw_command){ .args = args });

	CHECK_INT(result.status, 0);
	CHECK(tw_json_valid(result.out));
	CHECK(tw_json_bool(result.out, "ok"));
	return result.out;
}

#define DOCTOR(...) doctor(ARGS("doctor", "--json", ##__VA_ARGS__))
#define CHECK_STATUS(json, check, status) \
	CHECK_EQUAL(tw_json_string(json, "checks[" check "].status"), status)

TW_TEST(doctor__compares_tcp_retries2)
{
	const char *path = tw_policy(POLICY), *json;

	CHECK_STATUS(DOCTOR("-c", path), "tcp-retries2", "ok");
	tw_sysctl("net/ipv4/tcp_retries2", "6");
	json = DOCTOR("-c", path);
	CHECK_STATUS(json, "tcp-retries2", "degraded");
	CHECK_HAS(tw_json_string(json, "checks[tcp-retries2].detail"), "policy all");
}

TW_TEST(doctor__compares_tcp_keepalive_time)
{
	const char *path = tw_policy("- {name: all, keepalive: on, must_beat: [aws-nlb]}\n");

	CHECK_STATUS(DOCTOR("-c", path), "tcp-keepalive", "degraded");
	tw_sysctl("net/ipv4/tcp_keepalive_time", "300");
	CHECK_STATUS(DOCTOR("-c", path), "tcp-keepalive", "ok");
}

TW_TEST(doctor__takes_the_policy_in_force)
{
	CHECK_HAS(tw_json_string(DOCTOR(), "checks[policy].detail"), "embedded");
	tw_enforce(POLICY);
	CHECK_HAS(tw_json_string(DOCTOR(), "checks[policy].detail"), "in force (1 policy)");
}

TW_TEST(doctor__bad_policy)
{
	CHECK_INT(TW_RUN("doctor", "-c", tw_policy("- {name: all, colour: red}\n")).status, 2);
}
