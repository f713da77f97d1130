// SPDX-License-Identifier: GPL-2.0-only
#include "lib/clock.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static uint64_t now_of(clockid_t clock)
{
	struct timespec now = { 0 };

	clock_gettime(clock, &now);
	return (uint64_t)now.tv_sec * TW_NS_PER_SECOND + (uint64_t)now.tv_nsec;
}

uint64_t tw_clock_now(void)
{
	return now_of(CLOCK_REALTIME);
}

uint64_t tw_clock_monotonic(void)
{
	return now_of(CLOCK_MONOTONIC);
}

uint64_t tw_clock_from_boot(uint64_t boot_ns)
{
	return boot_ns + (now_of(CLOCK_REALTIME) - now_of(CLOCK_BOOTTIME));
}

const char *tw_clock_format(uint64_t ns, char buf[static TW_TIME_LEN])
{
	time_t seconds = (time_t)(ns / TW_NS_PER_SECOND);
	struct tm tm;
	size_t len;

	gmtime_r(&seconds, &tm);
	len = strftime(buf, TW_TIME_LEN, "%Y-%m-%dT%H:%M:%S", &tm);
	snprintf(buf + len, TW_TIME_LEN - len, ".%03uZ", (unsigned)(ns / TW_NS_PER_MS % 1000));
	return buf;
}

int tw_clock_parse(const char *text, uint64_t *ret_ns)
{
	char same[TW_TIME_LEN];
	struct tm tm = { 0 };
	const char *rest = strptime(text, "%Y-%m-%dT%H:%M:%S", &tm);
	uint64_t ns;

	if (!rest || *rest != '.')
		return -EINVAL;
	ns = (uint64_t)timegm(&tm) * TW_NS_PER_SECOND + strtoul(rest + 1, NULL, 10) * TW_NS_PER_MS;
	/* What strptime(3) and strtoul(3) take beyond that, and years that do not fit. */
	if (strcmp(text, tw_clock_format(ns, same)))
		return -EINVAL;
	*ret_ns = ns;
	return 0;
}
