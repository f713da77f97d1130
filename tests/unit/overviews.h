/* SPDX-License-Identifier: GPL-2.0-only */
/* An overview of a made-up node, for tests of what is made of it. */
#ifndef TW_TESTS_OVERVIEWS_H
#define TW_TESTS_OVERVIEWS_H

#include "unit.h"

#include "daemon/overview.h"

/* Ready, generation 7, with so many policies: policy-0 and on, each with counts of its own. */
static inline struct tw_overview *overview_make(uint32_t policies)
{
	static struct tw_audit audit;
	struct tw_overview *overview = calloc(1, sizeof(*overview));

	assert_non_null(overview);
	audit = (struct tw_audit){ .generation = 7, .at_ns = 1700000000500000000 };
	overview->now_ns = 1700000001000000000;
	overview->attach_path = "/system.slice";
	overview->attached = overview->ready = true;
	overview->loaded.number = 7;
	overview->loaded.policies = policies;
	overview->audit = &audit;
	for (uint32_t i = 0; i < policies; i++) {
		struct tw_policy_counts *counts = &overview->counts[i];

		snprintf(overview->loaded.policy[i].name, TW_NAME_LEN, "policy-%u", i);
		overview->loaded.policy[i].rollout = TW_WHOLE_SHARE;
		overview->loaded.policy[i].here = TW_HERE_SELECTED | TW_HERE_IN_SHARE;
		counts->direction[TW_OUT].sockets[TW_SET] = 1000 + i;
		counts->direction[TW_IN].sockets[TW_FAILED] = 2000 + i;
		counts->tally.dead[TW_DEAD_UNACKED] = 3000 + i;
		counts->tally.app[TW_APP_LIMITED] = 4000 + i;
		audit.policy[i][TW_VERDICT_DIFFERS] = 5000 + i;
	}
	return overview;
}

#endif
