// SPDX-License-Identifier: GPL-2.0-only
#include "policy/roll.h"

#include <errno.h>
#include <string.h>

#include "policy/cohort.h"

int tw_roll_read_rollout(struct tw_reader *reader, const struct tw_node *value)
{
	const char *text = tw_read_text(reader, value, "rollout");
	char shown[TW_SHOWN_LEN];
	int r;

	if (!text)
		return 0;
	r = tw_share_parse(text, &reader->policy->rollout);
	reader->policy->rollout_mark = value->mark;
	tw_shown(value, shown);
	if (r == -ERANGE)
		tw_read_error(reader, value->mark, "rollout must be 0%%..100%%, got %s", shown);
	else if (r < 0)
		tw_read_error(reader, value->mark,
			      "rollout must be a share such as 25%% or 0.1%%, with at most one "
			      "decimal, got %s",
			      shown);
	return 0;
}

int tw_roll_read_cohort(struct tw_reader *reader, const struct tw_node *value)
{
	const char *text = tw_read_text(reader, value, "cohort");
	char shown[TW_SHOWN_LEN];

	if (!text)
		return 0;
	reader->policy->cohort_mark = value->mark;
	if (tw_is_name(text))
		strcpy(reader->policy->cohort, text);
	else
		tw_read_error(reader, value->mark, "cohort must be " TW_NAME_RULE ", got %s",
			      tw_shown(value, shown));
	return 0;
}

static int read_max_deaths(struct tw_reader *reader, const struct tw_node *value)
{
	const char *text = tw_read_text(reader, value, "max_deaths_per_minute");
	char shown[TW_SHOWN_LEN];
	size_t digits = text ? strspn(text, "0123456789") : 0;
	unsigned long number;

	if (!text)
		return 0;
	number = strtoul(text, NULL, 10);
	if (!digits || text[digits] || number > TW_MAX_DEATH_RATE) {
		tw_read_error(reader, value->mark, "max_deaths_per_minute must be 0..%d, got %s",
			      TW_MAX_DEATH_RATE, tw_shown(value, shown));
		return 0;
	}
	reader->policy->guarded = true;
	reader->policy->max_deaths = (unsigned)number;
	return 0;
}

int tw_roll_read_guard(struct tw_reader *reader, const struct tw_node *value)
{
	static const struct tw_key keys[] = {
		{ .name = "max_deaths_per_minute", .read = read_max_deaths, .required = true },
	};

	reader->policy->guard_mark = value->mark;
	return tw_read_map(reader, value, "guard", keys, ARRAY_SIZE(keys));
}
