// SPDX-License-Identifier: GPL-2.0-only
#include "lib/duration.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "lib/cleanup.h"

#define LIMIT (UINT64_MAX / 2)

static const struct {
	const char *name;
	uint64_t ms;
} units[] = {
	{ "h", 3600 * 1000 },
	{ "m", 60 * 1000 },
	{ "s", 1000 },
	{ "ms", 1 },
};

#define SECONDS 2 /* in units[]: what a bare integer counts */

/* Read digits, at least one; *text is then behind them. */
static int read_number(const char **text, uint64_t *ret_number)
{
	const char *at = *text;
	uint64_t number = 0;

	if (*at < '0' || *at > '9')
		return -EINVAL;
	for (; *at >= '0' && *at <= '9'; at++)
		if (__builtin_mul_overflow(number, 10, &number) ||
		    __builtin_add_overflow(number, (uint64_t)(*at - '0'), &number))
			return -ERANGE;
	*text = at;
	*ret_number = number;
	return 0;
}

/* Read a unit not before units[first]; *text is then behind it. */
static int read_unit(const char **text, size_t first, size_t *ret_unit)
{
	size_t len = strspn(*text, "hms");

	for (size_t i = first; i < ARRAY_SIZE(units); i++) {
		if (strlen(units[i].name) == len && !memcmp(units[i].name, *text, len)) {
			*text += len;
			*ret_unit = i;
			return 0;
		}
	}
	return -EINVAL;
}

int tw_duration_parse(const char *text, uint64_t *ret_ms)
{
	uint64_t total = 0;
	size_t next = 0;

	do {
		uint64_t number;
		size_t unit = SECONDS;
		int r = read_number(&text, &number);

		if (r == 0 && (next || *text))
			r = read_unit(&text, next, &unit);
		if (r < 0)
			return r;
		if (__builtin_mul_overflow(number, units[unit].ms, &number) ||
		    __builtin_add_overflow(total, number, &total) || total > LIMIT)
			return -ERANGE;
		next = unit + 1;
	} while (*text);
	*ret_ms = total;
	return 0;
}

const char *tw_duration_format(uint64_t ms, char buf[static TW_DURATION_LEN])
{
	char *at = buf;
	char *end = buf + TW_DURATION_LEN;

	if (!ms)
		return strcpy(buf, "0s");
	for (size_t i = 0; i < ARRAY_SIZE(units); i++) {
		uint64_t number = ms / units[i].ms;

		ms %= units[i].ms;
		if (number)
			at += snprintf(at, (size_t)(end - at), "%" PRIu64 "%s", number,
				       units[i].name);
	}
	return buf;
}
