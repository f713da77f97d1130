// SPDX-License-Identifier: GPL-2.0-only
#include "policies.h"

#include "kernel/node_limits.h"

static const struct tw_node_limits plain = {
	.fresh = { .value = { [TW_IDLE] = 7200, [TW_INTERVAL] = 75, [TW_PROBES] = 9 } },
	.timing = { .retries2 = 15, .rto_cap_ms = 120000 },
};

/* The check of this name, of one policy with these keys on such a node. */
static struct tw_check check(const struct tw_node_limits *limits, const char *keys,
			     const char *name)
{
	_cleanup_buf_ struct tw_buf list = TW_BUF_INIT;
	_cleanup_model_ struct tw_model model = TW_MODEL_INIT;
	struct tw_check checks[TW_MAX_NODE_CHECKS];
	size_t count;

	tw_buf_addf(&list,
		    "  - {name: first, keepalive: 1s:1s:1, user_timeout: 1s}\n"
		    "  - {name: a, %s}\n",
		    keys);
	model = policies_valid(list.data);
	count = tw_node_limits_check(limits, &model, checks);
	assert_int_equal(count, TW_MAX_NODE_CHECKS);
	for (size_t i = 0; i < count; i++)
		if (!strcmp(checks[i].name, name))
			return checks[i];
	fail_msg("no check %s", name);
	return checks[0];
}

static void assert_ok(const struct tw_node_limits *limits, const char *keys, const char *name)
{
	struct tw_check one = check(limits, keys, name);

	assert_int_equal(one.status, TW_CHECK_OK);
	assert_string_equal(one.remedy, "");
	assert_true(*one.detail);
}

static void assert_degraded(const struct tw_node_limits *limits, const char *keys, const char *name,
			    const char *detail)
{
	struct tw_check one = check(limits, keys, name);

	assert_int_equal(one.status, TW_CHECK_DEGRADED);
	assert_string_equal(one.detail, detail);
	assert_true(*one.remedy);
}

static void node_limits__compare_ipvs(void **state)
{
	struct tw_node_limits node = plain;

	(void)state;
	assert_ok(&node, "keepalive: 9000s:1s:1", "ipvs");
	node.ipvs = 900;
	assert_ok(&node, "keepalive: 799s:1s:1", "ipvs");
	assert_ok(&node, "user_timeout: 30s", "ipvs");
	assert_degraded(&node, "keepalive: 800s:1s:1", "ipvs",
			"policy a: the first probe after 13m20s, and IPVS forgets an idle "
			"connection after 900 s");
	assert_degraded(&node, "keepalive: on", "ipvs",
			"policy a: the first probe after 2h, and IPVS forgets an idle connection "
			"after 900 s");
	node.ipvs = 0;
	node.ipvs_error = -EPERM;
	assert_degraded(&node, "keepalive: on", "ipvs",
			"loaded, but its timeouts cannot be read: Operation not permitted");
}

static void node_limits__compare_conntrack(void **state)
{
	struct tw_node_limits node = plain;

	(void)state;
	assert_ok(&node, "keepalive: on", "conntrack");
	node.conntrack = 432000;
	assert_ok(&node, "keepalive: on", "conntrack");
	node.conntrack = 120;
	assert_degraded(&node, "keepalive: 2m:1s:1", "conntrack",
			"policy a: the first probe after 2m, and nf_conntrack forgets an idle "
			"connection after 120 s");
}

static void node_limits__compare_tcp_retries2(void **state)
{
	struct tw_node_limits node = plain;

	(void)state;
	assert_ok(&node, "user_timeout: 924600ms", "tcp-retries2");
	assert_ok(&node, "keepalive: on", "tcp-retries2");
	assert_degraded(&node, "user_timeout: 924601ms", "tcp-retries2",
			"policy a: user_timeout 15m24s601ms is longer than the 15m24s600ms that "
			"tcp_retries2 = 15 comes to here: a busy connection hangs longer than "
			"without it");
	node.timing.retries2 = 8;
	assert_ok(&node, "keepalive: 20s:1s:3, user_timeout: auto", "tcp-retries2");
	assert_degraded(&node, "keepalive: 2m:20s:5, user_timeout: auto", "tcp-retries2",
			"policy a: user_timeout 3m45s is longer than the 1m42s200ms that "
			"tcp_retries2 = 8 comes to here: a busy connection hangs longer than "
			"without it");
}

static void node_limits__compare_tcp_keepalive(void **state)
{
	struct tw_node_limits node = plain;

	(void)state;
	assert_ok(&node, "keepalive: on", "tcp-keepalive");
	assert_ok(&node, "must_beat: ipvs", "tcp-keepalive");
	assert_ok(&node, "keepalive: 20m:1s:1, must_beat: ipvs", "tcp-keepalive");
	assert_degraded(&node, "keepalive: \":1s:1\", must_beat: [haproxy, 3h, ipvs]",
			"tcp-keepalive",
			"policy a leaves idle to the system, 7200 s here, and must beat ipvs");
	node.fresh.value[TW_IDLE] = 799;
	assert_ok(&node, "keepalive: on, must_beat: ipvs", "tcp-keepalive");
	assert_degraded(&node, "keepalive: on, must_beat: 10m", "tcp-keepalive",
			"policy a leaves idle to the system, 799 s here, and must beat 10m");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(node_limits__compare_ipvs),
		cmocka_unit_test(node_limits__compare_conntrack),
		cmocka_unit_test(node_limits__compare_tcp_retries2),
		cmocka_unit_test(node_limits__compare_tcp_keepalive),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
