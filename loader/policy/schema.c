// SPDX-License-Identifier: GPL-2.0-only
#include "policy/schema.h"

#include <errno.h>
#include <string.h>

#include "lib/duration.h"
#include "policy/cohort.h"
#include "policy/reader.h"
#include "policy/roll.h"
#include "policy/selector.h"

#include <tcpwarden/match.h>

#define PART_LEN 32 /* a part of idle:interval:probes and its NUL */

static const char *const field_names[TW_FIELDS] = {
	[TW_INTERVAL] = "interval",
	[TW_PROBES] = "probes",
	[TW_IDLE] = "idle",
};

static void set_field(struct tw_model_policy *policy, enum tw_field field, __u32 value)
{
	policy->want.value[field] = value;
	policy->fields |= TW_BIT(field);
}

/* --- names and modes ------------------------------------------------------- */

static const struct tw_model_policy *find_policy(const struct tw_model *model, const char *name)
{
	for (size_t i = 0; i < model->count; i++)
		if (!strcmp(model->policies[i].name, name))
			return &model->policies[i];
	return NULL;
}

static int read_name(struct tw_reader *reader, const struct tw_node *value)
{
	const char *text = tw_read_text(reader, value, "name");
	const struct tw_model_policy *first;
	char shown[TW_SHOWN_LEN];

	if (!text)
		return 0;
	if (!tw_is_name(text)) {
		tw_read_error(reader, value->mark, "name must be " TW_NAME_RULE ", got %s",
			      tw_shown(value, shown));
		return 0;
	}
	first = find_policy(reader->model, text);
	if (first) {
		tw_read_error(reader, value->mark,
			      "duplicate policy name \"%s\" (first at %s:%u:%u)", text,
			      first->mark.file, first->mark.line, first->mark.column);
		return 0;
	}
	strcpy(reader->policy->name, text);
	reader->policy->mark = value->mark;
	return 0;
}

/* Sets *observe where the value says so; a file's mode never takes it back. */
static int read_observe(struct tw_reader *reader, const struct tw_node *value, bool *observe)
{
	const char *text = tw_read_text(reader, value, "mode");
	char shown[TW_SHOWN_LEN];

	if (!text)
		return 0;
	if (!strcmp(text, "observe"))
		*observe = true;
	else if (strcmp(text, "enforce") != 0)
		tw_read_error(reader, value->mark, "mode must be enforce or observe, got %s",
			      tw_shown(value, shown));
	return 0;
}

static int read_mode(struct tw_reader *reader, const struct tw_node *value)
{
	return read_observe(reader, value, &reader->policy->observe);
}

static int read_file_mode(struct tw_reader *reader, const struct tw_node *value)
{
	return read_observe(reader, value, &reader->model->observe);
}

static int read_precedence(struct tw_reader *reader, const struct tw_node *value)
{
	const char *text = tw_read_text(reader, value, "precedence");
	char shown[TW_SHOWN_LEN];

	if (!text)
		return 0;
	for (unsigned i = 0; i < ARRAY_SIZE(tw_precedence_names); i++) {
		if (!strcmp(text, tw_precedence_names[i])) {
			reader->policy->precedence = (enum tw_precedence)i;
			return 0;
		}
	}
	tw_read_error(reader, value->mark, "precedence must be app, strictest or policy, got %s",
		      tw_shown(value, shown));
	return 0;
}

/* --- keepalive and user_timeout ---------------------------------------------- */

static void set_seconds(struct tw_reader *reader, struct tw_mark mark, enum tw_field field,
			const char *text)
{
	const char *name = field_names[field];
	char shown[TW_SHOWN_LEN];
	uint64_t ms;
	int r = tw_duration_parse(text, &ms);

	tw_shown_text(text, shown);
	if (r == -EINVAL)
		tw_read_error(reader, mark, "%s must be a duration such as 60s, got %s", name,
			      shown);
	else if (r < 0 || ms < TW_MIN_SECONDS * 1000ULL || ms > TW_MAX_SECONDS * 1000ULL ||
		 ms % 1000)
		tw_read_error(reader, mark, "%s must be %d..%d whole seconds, got %s", name,
			      TW_MIN_SECONDS, TW_MAX_SECONDS, shown);
	else
		set_field(reader->policy, field, (__u32)(ms / 1000));
}

static void set_probes(struct tw_reader *reader, struct tw_mark mark, const char *text)
{
	char shown[TW_SHOWN_LEN];
	unsigned probes = 0;
	size_t len = strspn(text, "0123456789");

	/* Three digits are enough for all that is in range. */
	if (!text[len] && len && len <= 3)
		probes = (unsigned)strtoul(text, NULL, 10);
	if (probes < TW_MIN_PROBES || probes > TW_MAX_PROBES)
		tw_read_error(reader, mark, "probes must be %d..%d, got %s", TW_MIN_PROBES,
			      TW_MAX_PROBES, tw_shown_text(text, shown));
	else
		set_field(reader->policy, TW_PROBES, probes);
}

static int read_idle(struct tw_reader *reader, const struct tw_node *value)
{
	const char *text = tw_read_text(reader, value, "idle");

	if (text)
		set_seconds(reader, value->mark, TW_IDLE, text);
	return 0;
}

static int read_interval(struct tw_reader *reader, const struct tw_node *value)
{
	const char *text = tw_read_text(reader, value, "interval");

	if (text)
		set_seconds(reader, value->mark, TW_INTERVAL, text);
	return 0;
}

static int read_probes(struct tw_reader *reader, const struct tw_node *value)
{
	const char *text = tw_read_text(reader, value, "probes");

	if (text)
		set_probes(reader, value->mark, text);
	return 0;
}

/* Split idle:interval:probes at its two colons; false where it is not of that shape. */
static bool split_parts(const char *text, char parts[static 3][PART_LEN])
{
	for (size_t i = 0; i < 3; i++) {
		size_t len = strcspn(text, ":");

		if (len >= PART_LEN || !text[len] != (i == 2))
			return false;
		memcpy(parts[i], text, len);
		parts[i][len] = '\0';
		text += len + 1;
	}
	return true;
}

static void refuse_keepalive(struct tw_reader *reader, const struct tw_node *value)
{
	char shown[TW_SHOWN_LEN];

	tw_read_error(reader, value->mark,
		      "keepalive must be idle:interval:probes such as 60s:10s:3, a map, on or off, "
		      "got %s",
		      tw_shown(value, shown));
}

static void refuse_no_value(struct tw_reader *reader, const struct tw_node *value)
{
	tw_read_error(reader, value->mark,
		      "keepalive gives no value; for the system's, write keepalive: on");
}

static void read_keepalive_parts(struct tw_reader *reader, const struct tw_node *value)
{
	char parts[3][PART_LEN];

	if (!split_parts(value->text, parts)) {
		refuse_keepalive(reader, value);
		return;
	}
	if (!*parts[0] && !*parts[1] && !*parts[2])
		refuse_no_value(reader, value);
	if (*parts[0])
		set_seconds(reader, value->mark, TW_IDLE, parts[0]);
	if (*parts[1])
		set_seconds(reader, value->mark, TW_INTERVAL, parts[1]);
	if (*parts[2])
		set_probes(reader, value->mark, parts[2]);
}

static int read_keepalive_map(struct tw_reader *reader, const struct tw_node *value)
{
	static const struct tw_key keys[] = {
		{ .name = "idle", .read = read_idle },
		{ .name = "interval", .read = read_interval },
		{ .name = "probes", .read = read_probes },
	};

	if (!value->count)
		refuse_no_value(reader, value);
	return tw_read_map(reader, value, "keepalive", keys, ARRAY_SIZE(keys));
}

static int read_keepalive(struct tw_reader *reader, const struct tw_node *value)
{
	reader->policy->keepalive_mark = value->mark;
	set_field(reader->policy, TW_KEEPALIVE, 1);
	if (value->kind == TW_NODE_MAP)
		return read_keepalive_map(reader, value);
	if (value->kind == TW_NODE_LIST)
		refuse_keepalive(reader, value);
	else if (!strcmp(value->text, "off"))
		set_field(reader->policy, TW_KEEPALIVE, 0);
	else if (strcmp(value->text, "on") != 0)
		read_keepalive_parts(reader, value);
	return 0;
}

static void set_user_timeout(struct tw_reader *reader, const struct tw_node *value)
{
	char shown[TW_SHOWN_LEN];
	uint64_t ms;
	int r = tw_duration_parse(value->text, &ms);

	tw_shown(value, shown);
	if (r == -EINVAL)
		tw_read_error(reader, value->mark,
			      "user_timeout must be a duration such as 90s, auto or off, got %s",
			      shown);
	else if (r < 0 || ms < 1 || ms > TW_MAX_USER_TIMEOUT)
		tw_read_error(reader, value->mark, "user_timeout must be 1ms..%ums, got %s",
			      TW_MAX_USER_TIMEOUT, shown);
	else
		set_field(reader->policy, TW_USER_TIMEOUT, (__u32)ms);
}

static int read_user_timeout(struct tw_reader *reader, const struct tw_node *value)
{
	const char *text = tw_read_text(reader, value, "user_timeout");

	reader->policy->user_timeout_mark = value->mark;
	if (!text)
		return 0;
	if (!strcmp(text, "off")) {
		set_field(reader->policy, TW_USER_TIMEOUT, 0);
	} else if (!strcmp(text, "auto")) {
		reader->policy->auto_timeout = true;
		reader->policy->fields |= TW_BIT(TW_USER_TIMEOUT);
	} else {
		set_user_timeout(reader, value);
	}
	return 0;
}

/* --- must_beat --------------------------------------------------------------- */

static int refuse_must_beat(struct tw_reader *reader, const struct tw_node *value)
{
	_cleanup_buf_ struct tw_buf near = TW_BUF_INIT;
	char shown[TW_SHOWN_LEN];
	int r = tw_catalogue_suggest(value->text, &near);

	if (r < 0)
		return r;
	tw_read_error(reader, value->mark,
		      "must_beat must be a duration or a name of `check --list-must-beat`, got "
		      "%s%s%s%s",
		      tw_shown(value, shown), near.len ? "; did you mean: " : "",
		      tw_buf_string(&near), near.len ? "?" : "");
	return 0;
}

static int read_must_beat_item(struct tw_reader *reader, const struct tw_node *value)
{
	struct tw_model_policy *policy = reader->policy;
	const char *text = tw_read_text(reader, value, "must_beat");
	struct tw_must_beat beat = { .mark = value->mark };
	char shown[TW_SHOWN_LEN];
	int r;

	if (!text)
		return 0;
	beat.box = tw_catalogue_find(text);
	if (beat.box) {
		beat.ms = beat.box->seconds * 1000ULL;
	} else {
		r = tw_duration_parse(text, &beat.ms);
		if (r == -EINVAL)
			return refuse_must_beat(reader, value);
		if (r < 0 || beat.ms < 1000 || beat.ms > TW_MAX_USER_TIMEOUT) {
			tw_read_error(reader, value->mark, "must_beat must be 1s..%ums, got %s",
				      TW_MAX_USER_TIMEOUT, tw_shown(value, shown));
			return 0;
		}
	}
	policy->must_beat[policy->must_beat_count++] = beat;
	return 0;
}

static int read_must_beat(struct tw_reader *reader, const struct tw_node *value)
{
	if (value->kind == TW_NODE_LIST && !value->count) {
		tw_read_error(reader, value->mark, "must_beat is an empty list; leave it out");
		return 0;
	}
	return tw_read_items(reader, value, "must_beat", TW_MAX_MUST_BEAT,
			     sizeof(*reader->policy->must_beat),
			     (void **)&reader->policy->must_beat, read_must_beat_item);
}

/* --- policies and files ------------------------------------------------------- */

/* `auto` is arithmetic on the three timers of the same policy, so they must be there. */
static void check_auto(struct tw_reader *reader)
{
	const struct tw_model_policy *policy = reader->policy;
	const __u32 *want = policy->want.value;

	if (!policy->auto_timeout)
		return;
	if ((policy->fields & TW_TIMERS) != TW_TIMERS)
		tw_read_error(reader, policy->user_timeout_mark,
			      "user_timeout: auto needs idle, interval and probes in the keepalive "
			      "of the same policy");
	else if (tw_auto_user_timeout(want[TW_IDLE], want[TW_INTERVAL], want[TW_PROBES]) ==
		 TW_MAX_USER_TIMEOUT) /* clamped: the sum is a multiple of 125 ms, this is not */
		tw_read_error(reader, policy->user_timeout_mark,
			      "user_timeout: auto comes to more than %ums with these timers",
			      TW_MAX_USER_TIMEOUT);
}

/* An application that wants it on set it itself, so what the policy says must go before that. */
static void check_off(struct tw_reader *reader, enum tw_field field, struct tw_mark mark,
		      const char *name)
{
	const struct tw_model_policy *policy = reader->policy;

	if (tw_model_policy_off(policy, field) && policy->precedence != TW_PRECEDENCE_POLICY)
		tw_read_error(reader, mark, "%s: off needs precedence: policy", name);
}

static int append_policy(struct tw_model *model, struct tw_model_policy **ret_policy)
{
	struct tw_model_policy *policies =
		reallocarray(model->policies, model->count + 1, sizeof(*policies));

	if (!policies)
		return -ENOMEM;
	model->policies = policies;
	policies[model->count] = (struct tw_model_policy){
		.directions = TW_ANY_DIRECTION,
		.rollout = TW_WHOLE_SHARE,
		.cohort = TW_DEFAULT_COHORT,
	};
	*ret_policy = &policies[model->count++];
	return 0;
}

static int read_policy(struct tw_reader *reader, const struct tw_node *value)
{
	static const struct tw_key keys[] = {
		{ .name = "name", .read = read_name, .required = true },
		{ .name = "match", .read = tw_selector_read },
		{ .name = "keepalive", .read = read_keepalive },
		{ .name = "user_timeout", .read = read_user_timeout },
		{ .name = "precedence", .read = read_precedence },
		{ .name = "mode", .read = read_mode },
		{ .name = "rollout", .read = tw_roll_read_rollout },
		{ .name = "cohort", .read = tw_roll_read_cohort },
		{ .name = "guard", .read = tw_roll_read_guard },
		{ .name = "must_beat", .read = read_must_beat },
	};
	size_t errors = reader->diags->errors;
	int r = append_policy(reader->model, &reader->policy);

	if (r < 0)
		return r;
	r = tw_read_map(reader, value, "a policy", keys, ARRAY_SIZE(keys));
	if (r < 0)
		return r;
	/* Of values that are wrong already, nothing is said twice. */
	if (reader->diags->errors == errors) {
		check_auto(reader);
		check_off(reader, TW_KEEPALIVE, reader->policy->keepalive_mark, "keepalive");
		check_off(reader, TW_USER_TIMEOUT, reader->policy->user_timeout_mark,
			  "user_timeout");
	}
	tw_model_policy_sort(reader->policy);
	return 0;
}

static int read_policies(struct tw_reader *reader, const struct tw_node *value)
{
	char shown[TW_SHOWN_LEN];

	if (value->kind != TW_NODE_LIST) {
		tw_read_error(reader, value->mark,
			      "policies must be a list, got %s; for none, write policies: []",
			      tw_shown(value, shown));
		return 0;
	}
	for (size_t i = 0; i < value->count; i++) {
		const struct tw_node *item = &value->entries[i].value;
		int r;

		if (reader->model->count == TW_MAX_POLICIES) {
			tw_read_error(reader, item->mark, "more than %d policies", TW_MAX_POLICIES);
			return 0;
		}
		r = read_policy(reader, item);
		if (r < 0)
			return r;
	}
	return 0;
}

static int read_version(struct tw_reader *reader, const struct tw_node *value)
{
	const char *text = tw_read_text(reader, value, "version");
	char shown[TW_SHOWN_LEN];

	if (text && strcmp(text, "1") != 0)
		tw_read_error(reader, value->mark, "version must be 1, got %s",
			      tw_shown(value, shown));
	return 0;
}

int tw_schema_read(const struct tw_node *root, struct tw_diags *diags, struct tw_model *model)
{
	static const struct tw_key keys[] = {
		{ .name = "version", .read = read_version, .required = true },
		{ .name = "mode", .read = read_file_mode },
		{ .name = "policies", .read = read_policies, .required = true },
	};
	struct tw_reader reader = { .diags = diags, .model = model };
	size_t errors = diags->errors;
	int r = tw_read_map(&reader, root, "a policy file", keys, ARRAY_SIZE(keys));

	if (r < 0)
		return r;
	return diags->errors == errors ? 0 : -EINVAL;
}
