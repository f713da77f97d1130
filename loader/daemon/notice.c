// SPDX-License-Identifier: GPL-2.0-only
#include "daemon/notice.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "kernel/state.h"
#include "lib/clock.h"
#include "lib/duration.h"
#include "lib/json.h"
#include "policy/canon.h"

static const char *const kinds[] = {
	[TW_NOTICE_DEAD] = "dead",	   [TW_NOTICE_POLICY] = "policy",
	[TW_NOTICE_ATTACHED] = "attached", [TW_NOTICE_DETACHED] = "detached",
	[TW_NOTICE_LOST] = "lost",	   [TW_NOTICE_SETTING] = "setting",
};

static const char *const options[TW_FIELDS] = {
	[TW_INTERVAL] = "TCP_KEEPINTVL",
	[TW_PROBES] = "TCP_KEEPCNT",
	[TW_USER_TIMEOUT] = "TCP_USER_TIMEOUT",
	[TW_KEEPALIVE] = "SO_KEEPALIVE",
	[TW_IDLE] = "TCP_KEEPIDLE",
};

static const char *const directions[] = { [TW_OUT] = "out", [TW_IN] = "in" };
static const char *const results[] = { "accepted", "refused" };

void tw_notice_free(struct tw_notice *notice)
{
	free(notice->cgroup);
	free(notice->message);
	*notice = TW_NOTICE_INIT;
}

const char *tw_notice_kind_name(enum tw_notice_kind kind)
{
	return kinds[kind];
}

/* --- to JSON ---------------------------------------------------------------------- */

static json_t *digest_json(const struct tw_notice *notice)
{
	char digest[TW_DIGEST_LEN];

	return json_string(tw_digest_format(notice->digest, digest));
}

static json_t *dead_json(const struct tw_notice *notice)
{
	char local[TW_ENDPOINT_LEN], remote[TW_ENDPOINT_LEN];

	return json_pack("{s:s, s:o, s:o, s:I, s:s, s:s, s:s, s:I}", "reason",
			 tw_reason_name(notice->reason), "policy",
			 tw_json_text(notice->policy[0] ? notice->policy : NULL), "cgroup",
			 tw_json_text(notice->cgroup), "netns", (json_int_t)notice->netns,
			 "direction", directions[notice->direction], "local",
			 tw_endpoint_format(&notice->local, local), "remote",
			 tw_endpoint_format(&notice->remote, remote), "silent_ms",
			 (json_int_t)notice->silent_ms);
}

static json_t *setting_json(const struct tw_notice *notice)
{
	char local[TW_ENDPOINT_LEN], remote[TW_ENDPOINT_LEN];

	return json_pack("{s:o, s:s, s:s, s:I, s:I, s:o, s:I, s:s, s:s, s:s}", "policy",
			 tw_json_text(notice->policy[0] ? notice->policy : NULL), "action",
			 tw_app_action_name(notice->action), "option", options[notice->field],
			 "asked", (json_int_t)notice->asked, "given", (json_int_t)notice->given,
			 "cgroup", tw_json_text(notice->cgroup), "netns", (json_int_t)notice->netns,
			 "direction", directions[notice->direction], "local",
			 tw_endpoint_format(&notice->local, local), "remote",
			 tw_endpoint_format(&notice->remote, remote));
}

static json_t *fields_json(const struct tw_notice *notice)
{
	switch (notice->kind) {
	case TW_NOTICE_DEAD:
		return dead_json(notice);
	case TW_NOTICE_POLICY:
		return json_pack("{s:s, s:I, s:o, s:o}", "result", results[notice->refused],
				 "generation", (json_int_t)notice->generation, "digest",
				 digest_json(notice), "message", tw_json_text(notice->message));
	case TW_NOTICE_ATTACHED:
		return json_pack("{s:o, s:I, s:o}", "attached_to", tw_json_text(notice->cgroup),
				 "generation", (json_int_t)notice->generation, "digest",
				 digest_json(notice));
	case TW_NOTICE_DETACHED:
		return json_object();
	case TW_NOTICE_LOST:
		return json_pack("{s:I}", "lost", (json_int_t)notice->lost);
	case TW_NOTICE_SETTING:
		return setting_json(notice);
	}
	return NULL;
}

int tw_notice_json(const struct tw_notice *notice, struct tw_buf *buf)
{
	char time[TW_TIME_LEN];
	_cleanup_json_ json_t *fields = fields_json(notice);
	_cleanup_json_ json_t *line = json_pack("{s:s, s:s}", "time",
						tw_clock_format(notice->at_ns, time), "event",
						kinds[notice->kind]);
	_cleanup_free_ char *text = NULL;

	if (!line || json_object_update(line, fields) < 0)
		return -ENOMEM;
	text = json_dumps(line, JSON_COMPACT);
	return text ? tw_buf_addf(buf, "%s\n", text) : -ENOMEM;
}

/* --- from JSON -------------------------------------------------------------------- */

/* Where in `names` the text of that key is. */
static int find(const json_t *line, const char *key, const char *const *names, size_t count,
		unsigned *ret_index)
{
	const char *text = json_string_value(json_object_get(line, key));

	for (unsigned i = 0; text && i < count; i++) {
		if (!strcmp(names[i], text)) {
			*ret_index = i;
			return 0;
		}
	}
	return -EPROTO;
}

static int64_t number(const json_t *line, const char *key)
{
	return json_integer_value(json_object_get(line, key));
}

/* NULL where it is null, or is not there. */
static int text(const json_t *line, const char *key, char **ret_text)
{
	const char *value = json_string_value(json_object_get(line, key));

	if (!value)
		return 0;
	*ret_text = strdup(value);
	return *ret_text ? 0 : -ENOMEM;
}

static int endpoint(const json_t *line, const char *key, struct tw_endpoint *ret_endpoint)
{
	const char *value = json_string_value(json_object_get(line, key));

	return value ? tw_endpoint_parse(value, ret_endpoint) : -EPROTO;
}

/* Whose connection it is. */
static int parse_connection(const json_t *line, struct tw_notice *notice)
{
	const char *policy = json_string_value(json_object_get(line, "policy"));
	unsigned direction = 0;
	int error = find(line, "direction", directions, TW_DIRECTIONS, &direction);

	error = error ?: endpoint(line, "local", &notice->local);
	error = error ?: endpoint(line, "remote", &notice->remote);
	notice->direction = (enum tw_direction)direction;
	notice->netns = (uint32_t)number(line, "netns");
	if (policy && strlen(policy) >= sizeof(notice->policy))
		return -EPROTO;
	strcpy(notice->policy, policy ?: "");
	return error ?: text(line, "cgroup", &notice->cgroup);
}

static int parse_dead(const json_t *line, struct tw_notice *notice)
{
	const char *reasons[TW_REASONS];
	unsigned reason = 0;
	int error;

	for (int r = 0; r < TW_REASONS; r++)
		reasons[r] = tw_reason_name((enum tw_reason)r);
	error = find(line, "reason", reasons, TW_REASONS, &reason);
	notice->reason = (enum tw_reason)reason;
	notice->silent_ms = (uint32_t)number(line, "silent_ms");
	return error ?: parse_connection(line, notice);
}

static int parse_setting(const json_t *line, struct tw_notice *notice)
{
	const char *actions[TW_APP_ACTIONS];
	unsigned action = 0, field = 0;
	int error;

	for (int a = 0; a < TW_APP_ACTIONS; a++)
		actions[a] = tw_app_action_name((enum tw_app_action)a);
	error = find(line, "action", actions, TW_APP_ACTIONS, &action)
			?: find(line, "option", options, TW_FIELDS, &field);
	notice->action = (enum tw_app_action)action;
	notice->field = (enum tw_field)field;
	notice->asked = (uint32_t)number(line, "asked");
	notice->given = (uint32_t)number(line, "given");
	return error ?: parse_connection(line, notice);
}

static int parse_load(const json_t *line, struct tw_notice *notice)
{
	const char *digest = json_string_value(json_object_get(line, "digest"));
	unsigned long long high, low;
	unsigned result = 0;
	int error = 0;

	if (!digest || sscanf(digest, "%16llx%16llx", &high, &low) != 2)
		return -EPROTO;
	notice->digest[0] = high;
	notice->digest[1] = low;
	notice->generation = (uint64_t)number(line, "generation");
	if (notice->kind == TW_NOTICE_ATTACHED)
		return text(line, "attached_to", &notice->cgroup) ?: (notice->cgroup ? 0 : -EPROTO);
	error = find(line, "result", results, ARRAY_SIZE(results), &result);
	notice->refused = result;
	return error ?: text(line, "message", &notice->message);
}

static int parse(const json_t *line, struct tw_notice *notice)
{
	const char *time = json_string_value(json_object_get(line, "time"));
	unsigned kind = 0;
	int error = find(line, "event", kinds, ARRAY_SIZE(kinds), &kind);

	error = error ?: (time ? tw_clock_parse(time, &notice->at_ns) : -EPROTO);
	notice->kind = (enum tw_notice_kind)kind;
	notice->lost = (uint64_t)number(line, "lost");
	if (!error && notice->kind == TW_NOTICE_DEAD)
		error = parse_dead(line, notice);
	else if (!error && notice->kind == TW_NOTICE_SETTING)
		error = parse_setting(line, notice);
	else if (!error && kind != TW_NOTICE_DETACHED && kind != TW_NOTICE_LOST)
		error = parse_load(line, notice);
	return error;
}

int tw_notice_parse(const char *line, size_t len, struct tw_notice *ret_notice)
{
	_cleanup_json_ json_t *json = json_loadb(line, len, 0, NULL);
	_cleanup_notice_ struct tw_notice notice = TW_NOTICE_INIT;
	int error = json ? parse(json, &notice) : -EPROTO;

	if (error)
		return error == -ENOMEM ? error : -EPROTO;
	*ret_notice = notice;
	notice = TW_NOTICE_INIT;
	return 0;
}

/* --- for people ------------------------------------------------------------------- */

static int ends_text(const struct tw_notice *notice, struct tw_buf *buf)
{
	char local[TW_ENDPOINT_LEN], remote[TW_ENDPOINT_LEN];

	return tw_buf_addf(buf, "%s %s %s", tw_endpoint_format(&notice->local, local),
			   notice->direction == TW_OUT ? "->" : "<-",
			   tw_endpoint_format(&notice->remote, remote));
}

static int owner_text(const struct tw_notice *notice, struct tw_buf *buf)
{
	return tw_buf_addf(buf, "policy %s, cgroup %s, netns %u",
			   notice->policy[0] ? notice->policy : "none",
			   notice->cgroup ?: "that is gone", notice->netns);
}

static int dead_text(const struct tw_notice *notice, struct tw_buf *buf)
{
	char silent[TW_DURATION_LEN];
	int error = tw_buf_addf(buf, "%s, ", tw_reason_name(notice->reason));

	error = error ?: ends_text(notice, buf);
	error = error
			?: tw_buf_addf(buf, ", silent for %s, ",
				       tw_duration_format(notice->silent_ms, silent));
	return error ?: owner_text(notice, buf);
}

static int setting_text(const struct tw_notice *notice, struct tw_buf *buf)
{
	int error = tw_buf_addf(buf, "%s, %s asked %u, given %u, ",
				tw_app_action_name(notice->action), options[notice->field],
				notice->asked, notice->given);

	error = error ?: ends_text(notice, buf);
	error = error ?: tw_buf_addf(buf, ", ");
	return error ?: owner_text(notice, buf);
}

static int load_text(const struct tw_notice *notice, struct tw_buf *buf)
{
	char digest[TW_DIGEST_LEN];

	tw_digest_format(notice->digest, digest);
	if (notice->kind == TW_NOTICE_ATTACHED)
		return tw_buf_addf(buf, "to %s, generation %" PRIu64 ", policy %s", notice->cgroup,
				   notice->generation, digest);
	if (notice->refused)
		return tw_buf_addf(buf, "refused: %s; generation %" PRIu64 " stays",
				   notice->message ?: "", notice->generation);
	if (notice->message)
		return tw_buf_addf(buf, "%s", notice->message);
	return tw_buf_addf(buf, "loaded: generation %" PRIu64 ", policy %s", notice->generation,
			   digest);
}

int tw_notice_text(const struct tw_notice *notice, struct tw_buf *buf)
{
	char time[TW_TIME_LEN];
	int error = tw_buf_addf(buf, "%s  %-8s  ", tw_clock_format(notice->at_ns, time),
				kinds[notice->kind]);

	return error ?: tw_notice_describe(notice, buf);
}

int tw_notice_describe(const struct tw_notice *notice, struct tw_buf *buf)
{
	switch (notice->kind) {
	case TW_NOTICE_DEAD:
		return dead_text(notice, buf);
	case TW_NOTICE_POLICY:
	case TW_NOTICE_ATTACHED:
		return load_text(notice, buf);
	case TW_NOTICE_DETACHED:
		return tw_buf_addf(buf, "nothing is enforced any more");
	case TW_NOTICE_SETTING:
		return setting_text(notice, buf);
	case TW_NOTICE_LOST:
		return tw_buf_addf(buf, "%" PRIu64 " events were not read in time", notice->lost);
	}
	return -EINVAL;
}
