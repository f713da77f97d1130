// SPDX-License-Identifier: GPL-2.0-only
#include "daemon/history.h"

#include "lib/clock.h"

static uint64_t minute_of(uint64_t ns)
{
	return ns / (60 * TW_NS_PER_SECOND);
}

static void count(struct tw_history *history, const struct tw_notice *notice)
{
	uint64_t minute = minute_of(notice->at_ns);
	struct tw_history_minute *slot = &history->minutes[minute % TW_HISTORY_MINUTES];

	if (slot->minute > minute)
		return; /* read from the ring more than an hour late */
	if (slot->minute != minute)
		*slot = (struct tw_history_minute){ .minute = minute };
	slot->dead[notice->reason]++;
}

void tw_history_take(struct tw_history *history, struct tw_notice *notice)
{
	struct tw_notice *slot = &history->notices[history->added++ % TW_HISTORY_NOTICES];

	if (notice->kind == TW_NOTICE_DEAD)
		count(history, notice);
	tw_notice_free(slot);
	*slot = *notice;
	*notice = TW_NOTICE_INIT;
}

const struct tw_notice *tw_history_recent(const struct tw_history *history, size_t back)
{
	if (back >= TW_HISTORY_NOTICES || back >= history->added)
		return NULL;
	return &history->notices[(history->added - 1 - back) % TW_HISTORY_NOTICES];
}

uint32_t tw_history_deaths(const struct tw_history *history, uint64_t now_ns, unsigned ago,
			   enum tw_reason reason)
{
	uint64_t minute = minute_of(now_ns) - ago;
	const struct tw_history_minute *slot = &history->minutes[minute % TW_HISTORY_MINUTES];

	if (ago >= TW_HISTORY_MINUTES || slot->minute != minute)
		return 0;
	return slot->dead[reason];
}

void tw_history_free(struct tw_history *history)
{
	for (size_t i = 0; i < TW_HISTORY_NOTICES; i++)
		tw_notice_free(&history->notices[i]);
	history->added = 0;
}
