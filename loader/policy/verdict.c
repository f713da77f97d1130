// SPDX-License-Identifier: GPL-2.0-only
#include "policy/verdict.h"

#include <tcpwarden/match.h>

const char *const tw_verdict_names[TW_VERDICTS] = {
	[TW_VERDICT_OK] = "ok",		  [TW_VERDICT_APP] = "app",
	[TW_VERDICT_DIFFERS] = "differs", [TW_VERDICT_EXEMPT] = "exempt",
	[TW_VERDICT_PENDING] = "pending", [TW_VERDICT_NONE] = "none",
};

enum tw_socket_verdict tw_verdict_of(const struct tw_socket *socket,
				     const struct tw_generation *generation)
{
	const struct tw_policy *policy;
	struct tw_options base;
	struct tw_plan plan;
	__u32 app;

	if (socket->winner >= TW_MAX_POLICIES)
		return TW_VERDICT_NONE;
	if (socket->flags & TW_SOCKET_PENDING)
		return TW_VERDICT_PENDING;
	policy = &generation->policy[socket->winner];
	if (!policy->fields)
		return TW_VERDICT_EXEMPT;
	app = tw_base(&socket->now, &socket->sysctl, &socket->record, &base);
	tw_plan(policy, &socket->now, &base, app, &plan);
	if (plan.write)
		return TW_VERDICT_DIFFERS;
	return plan.kept ? TW_VERDICT_APP : TW_VERDICT_OK;
}
