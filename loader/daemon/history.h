/* SPDX-License-Identifier: GPL-2.0-only */
/* The last notices, and the deaths of the last hour by minute and reason: bounded, in memory. */
#ifndef TW_DAEMON_HISTORY_H
#define TW_DAEMON_HISTORY_H

#include <stddef.h>
#include <stdint.h>

#include "daemon/notice.h"

#define TW_HISTORY_NOTICES 100
#define TW_HISTORY_MINUTES 60

struct tw_history_minute {
	uint64_t minute; /* since the epoch */
	uint32_t dead[TW_REASONS];
};

struct tw_history {
	struct tw_notice notices[TW_HISTORY_NOTICES];
	uint64_t added; /* notices ever; number n is in notices[n % TW_HISTORY_NOTICES] */
	struct tw_history_minute minutes[TW_HISTORY_MINUTES]; /* minute m is in [m % 60] */
};

#define TW_HISTORY_INIT ((struct tw_history){ 0 })

/*
 * Take a notice in; *notice is empty then, as the oldest one's strings are
 * freed. A death counts in the minute in which it was.
 */
void tw_history_take(struct tw_history *history, struct tw_notice *notice);

/* The latest notice (back = 0) or one before it; NULL past the oldest that is kept. */
const struct tw_notice *tw_history_recent(const struct tw_history *history, size_t back);

/*
 * Deaths by one reason that were told of in the minute that is `ago` minutes
 * before that of now_ns (CLOCK_REALTIME); ago 0 is the current one, under way,
 * 59 the oldest that is kept. What the kernel did not tell of (its rate limit)
 * is in the tallies, not here.
 */
uint32_t tw_history_deaths(const struct tw_history *history, uint64_t now_ns, unsigned ago,
			   enum tw_reason reason);

void tw_history_free(struct tw_history *history);
#define _cleanup_history_ _cleanup_(tw_history_free)

#endif
