// SPDX-License-Identifier: GPL-2.0-only
#include "policy/cohort.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <xxhash.h>

#include "lib/cleanup.h"

unsigned tw_cohort_place(const char *cohort, const char *node)
{
	char key[TW_NAME_LEN + TW_NODE_LEN];
	int len = snprintf(key, sizeof(key), "%s/%s", cohort, node);
	size_t taken = len < (int)sizeof(key) ? (size_t)len : sizeof(key) - 1;

	return (unsigned)(XXH64(key, taken, 0) % TW_WHOLE_SHARE);
}

bool tw_cohort_has(const char *cohort, const char *node, unsigned share)
{
	return tw_cohort_place(cohort, node) < share;
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

int tw_share_parse(const char *text, unsigned *ret_share)
{
	unsigned share = 0, digits = 0;

	for (; is_digit(*text); text++, digits++)
		share = share > TW_WHOLE_SHARE ? share : share * 10 + (unsigned)(*text - '0');
	if (!digits)
		return -EINVAL;
	share = share > TW_WHOLE_SHARE ? share : share * 10;
	if (*text == '.') {
		if (!is_digit(text[1]))
			return -EINVAL;
		share += (unsigned)(text[1] - '0');
		text += 2;
	}
	if (strcmp(text, "%") != 0)
		return -EINVAL;
	if (share > TW_WHOLE_SHARE)
		return -ERANGE;
	*ret_share = share;
	return 0;
}

const char *tw_share_format(unsigned share, char buf[static TW_SHARE_LEN])
{
	if (share % 10)
		snprintf(buf, TW_SHARE_LEN, "%u.%u%%", share / 10 % 1000, share % 10);
	else
		snprintf(buf, TW_SHARE_LEN, "%u%%", share / 10 % 1000);
	return buf;
}

unsigned tw_share_next(unsigned share)
{
	static const unsigned steps[] = { 1, 10, 50, 250, 500 };

	for (size_t i = 0; i < ARRAY_SIZE(steps); i++)
		if (share < steps[i])
			return steps[i];
	return TW_WHOLE_SHARE;
}

bool tw_node_name_has(char c)
{
	return c > ' ' && c < 0x7f && c != '/' && c != '#';
}

bool tw_node_name_valid(const char *name)
{
	size_t len = 0;

	while (tw_node_name_has(name[len]))
		len++;
	return len && !name[len] && len < TW_NODE_LEN;
}
