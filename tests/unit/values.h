/* SPDX-License-Identifier: GPL-2.0-only */
/* Values of sockets, and the policy that is embedded, for tests of the arithmetic. */
#ifndef TW_UNIT_VALUES_H
#define TW_UNIT_VALUES_H

#include "unit.h"

#include <tcpwarden/match.h>

#define ALL (TW_TIMERS | TW_BIT(TW_KEEPALIVE) | TW_BIT(TW_USER_TIMEOUT))

/* What the kernel gives a fresh socket: no keepalive, the sysctls' defaults. */
static const struct tw_options fresh = {
	.value = { [TW_IDLE] = 7200, [TW_INTERVAL] = 75, [TW_PROBES] = 9 },
};

static inline struct tw_options options(__u32 on, __u32 idle, __u32 interval, __u32 probes,
					__u32 timeout)
{
	return (struct tw_options){ .value = {
					    [TW_KEEPALIVE] = on,
					    [TW_IDLE] = idle,
					    [TW_INTERVAL] = interval,
					    [TW_PROBES] = probes,
					    [TW_USER_TIMEOUT] = timeout,
				    } };
}

static inline void assert_values(const struct tw_options *got, const struct tw_options *expected)
{
	for (unsigned f = 0; f < TW_FIELDS; f++)
		assert_int_equal(got->value[f], expected->value[f]);
}

/* The policy 2m:20s:5 with `user_timeout: auto`. */
static inline struct tw_policy default_policy(void)
{
	return (struct tw_policy){
		.want = options(1, 120, 20, 5, 0),
		.fields = ALL,
		.flags = TW_POLICY_AUTO,
	};
}

#endif
