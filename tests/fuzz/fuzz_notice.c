// SPDX-License-Identifier: GPL-2.0-only
/*
 * A line of the socket that events are followed by, as `events` reads it from a `run` of
 * whatever version. What is taken for a notice is written as one that is read as
 * the same, and as a line for people.
 */
#include <errno.h>

#include "daemon/notice.h"
#include "fuzz.h"
#include "lib/clock.h"

static void check_time(const struct tw_notice *notice)
{
	char text[TW_TIME_LEN];
	uint64_t again;

	fuzz_check(tw_clock_parse(tw_clock_format(notice->at_ns, text), &again) == 0);
	fuzz_check(again == notice->at_ns);
}

static void check_words(const struct tw_notice *notice)
{
	_cleanup_buf_ struct tw_buf words = TW_BUF_INIT;

	fuzz_check(tw_notice_text(notice, &words) == 0);
	fuzz_check(strstr(words.data, tw_notice_kind_name(notice->kind)));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_cleanup_notice_ struct tw_notice notice = TW_NOTICE_INIT, again = TW_NOTICE_INIT;
	_cleanup_buf_ struct tw_buf line = TW_BUF_INIT, same = TW_BUF_INIT;
	/* Of exactly this size, and without a NUL, as it comes from a stream. */
	_cleanup_free_ char *text = malloc(size ? size : 1);
	int r;

	fuzz_check(text);
	if (size)
		memcpy(text, data, size);
	r = tw_notice_parse(text, size, &notice);
	fuzz_check(r == 0 || r == -EPROTO);
	if (r)
		return 0;
	check_time(&notice);
	check_words(&notice);
	fuzz_check(tw_notice_json(&notice, &line) == 0);
	fuzz_check(tw_notice_parse(line.data, line.len, &again) == 0);
	fuzz_check(tw_notice_json(&again, &same) == 0);
	fuzz_check(!strcmp(line.data, same.data));
	return 0;
}
