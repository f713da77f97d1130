// SPDX-License-Identifier: GPL-2.0-only
#include "cli/explain_output.h"

#include <errno.h>
#include <string.h>

#include "lib/buf.h"
#include "lib/cleanup.h"
#include "lib/duration.h"
#include "node/pods.h"

void tw_explanation_free(struct tw_explanation *explanation)
{
	tw_answer_free(&explanation->answer);
	tw_diags_free(&explanation->warnings);
}

static const char *policy_name(const struct tw_explanation *explanation)
{
	size_t winner = explanation->answer.winner;

	return winner == TW_MAX_POLICIES ? NULL : explanation->model->policies[winner].name;
}

/* Of the winner; where only observers matched, theirs. */
static const char *mode(const struct tw_explanation *explanation)
{
	if (policy_name(explanation))
		return "enforce";
	return explanation->answer.observed ? "observe" : NULL;
}

/* --- for scripts ------------------------------------------------------------------ */

/* "namespace/name" as text or null. */
static json_t *pod_json(const struct tw_pod *pod)
{
	char text[TW_POD_TEXT_LEN];

	if (pod->state != TW_POD_KNOWN)
		return json_null();
	snprintf(text, sizeof(text), "%s/%s", pod->namespace, pod->name);
	return json_string(text);
}

static json_t *range_json(const struct tw_time_range *range)
{
	if (range->never)
		return json_null();
	return json_pack("{s:f, s:f}", "min", (double)range->min_ms / 1000, "max",
			 (double)range->max_ms / 1000);
}

static json_t *considered_json(const struct tw_explanation *explanation)
{
	json_t *list = json_array();

	for (size_t i = 0; i < explanation->answer.count; i++) {
		const struct tw_considered *one = &explanation->answer.considered[i];

		list = tw_output_append(list,
					json_pack("{s:s, s:b, s:s}", "policy",
						  explanation->model->policies[one->policy].name,
						  "matched", one->matched, "why", one->why));
	}
	return list;
}

static json_t *warnings_json(const struct tw_diags *warnings)
{
	json_t *list = json_array();

	for (size_t i = 0; i < warnings->count; i++)
		list = tw_output_append(list, json_string(warnings->list[i].message));
	return list;
}

json_t *tw_explanation_json(const struct tw_explanation *explanation)
{
	const __u32 *value = explanation->options.value;
	const struct tw_timing *timing = &explanation->timing;

	return json_pack("{s:s?, s:s?, s:o, s:b, s:o, s:{s:b, s:I, s:I, s:I}, s:I, s:{s:o, s:o, "
			 "s:o, s:o}, s:o}",
			 "policy", policy_name(explanation), "mode", mode(explanation), "pod",
			 pod_json(&explanation->pod), "pending", explanation->answer.pending,
			 "considered", considered_json(explanation), "keepalive", "on",
			 value[TW_KEEPALIVE] != 0, "idle", (json_int_t)value[TW_IDLE], "interval",
			 (json_int_t)value[TW_INTERVAL], "probes", (json_int_t)value[TW_PROBES],
			 "user_timeout_ms", (json_int_t)value[TW_USER_TIMEOUT], "dead_peer_seconds",
			 "idle", range_json(&timing->idle), "busy", range_json(&timing->busy),
			 "zero_window", range_json(&timing->zero_window), "connect",
			 range_json(&timing->connect), "warnings",
			 warnings_json(&explanation->warnings));
}

/* --- for people --------------------------------------------------------------------- */

#define RANGE_LEN (2 * TW_DURATION_LEN + 8)

/* Tenths below a minute, whole seconds above: the range is kept, outwards. */
static const char *range_text(const struct tw_time_range *range, char buf[static RANGE_LEN])
{
	char from[TW_DURATION_LEN], to[TW_DURATION_LEN];

	if (range->never)
		return "never";
	if (range->max_ms < 60000)
		snprintf(buf, RANGE_LEN, "%llu.%llus to %llu.%llus",
			 (unsigned long long)range->min_ms / 1000,
			 (unsigned long long)range->min_ms / 100 % 10,
			 (unsigned long long)(range->max_ms + 99) / 1000,
			 (unsigned long long)(range->max_ms + 99) / 100 % 10);
	else
		snprintf(buf, RANGE_LEN, "%s to %s",
			 tw_duration_format(range->min_ms / 1000 * 1000, from),
			 tw_duration_format((range->max_ms + 999) / 1000 * 1000, to));
	return buf;
}

static void print_options(const struct tw_options *options)
{
	char idle[TW_DURATION_LEN], interval[TW_DURATION_LEN], timeout[TW_DURATION_LEN];

	if (options->value[TW_KEEPALIVE])
		printf("options      keepalive %s:%s:%u",
		       tw_duration_format(options->value[TW_IDLE] * 1000ULL, idle),
		       tw_duration_format(options->value[TW_INTERVAL] * 1000ULL, interval),
		       options->value[TW_PROBES]);
	else
		printf("options      keepalive off");
	printf(", user_timeout %s\n",
	       options->value[TW_USER_TIMEOUT]
		       ? tw_duration_format(options->value[TW_USER_TIMEOUT], timeout)
		       : "off");
}

static void print_policies(const struct tw_explanation *explanation)
{
	const struct tw_answer *answer = &explanation->answer;
	const char *name = policy_name(explanation);

	if (name)
		printf("policy       %s%s%s\n", tw_output_colour(32), name, tw_output_colour(0));
	else if (answer->pending)
		printf("policy       %spending%s: the pod is not known; until it is, the "
		       "connection "
		       "is left alone\n",
		       tw_output_colour(33), tw_output_colour(0));
	else
		printf("policy       %snone%s: the connection is left alone\n",
		       tw_output_colour(33), tw_output_colour(0));
	for (size_t i = 0; i < answer->count; i++)
		printf("%s%s: %s%s\n", i ? "             " : "considered   ",
		       explanation->model->policies[answer->considered[i].policy].name,
		       answer->considered[i].matched ? "" : "no, ", answer->considered[i].why);
}

static int idle_words(const struct tw_explanation *explanation, struct tw_buf *buf)
{
	return tw_timing_idle_words(&explanation->options, &explanation->timing, buf);
}

static int busy_words(const struct tw_explanation *explanation, struct tw_buf *buf)
{
	return tw_timing_busy_words(&explanation->options, &explanation->system, buf);
}

static int zero_window_words(const struct tw_explanation *explanation, struct tw_buf *buf)
{
	return tw_timing_zero_window_words(&explanation->options, &explanation->system, buf);
}

static int connect_words(const struct tw_explanation *explanation, struct tw_buf *buf)
{
	return tw_timing_connect_words(&explanation->options, &explanation->system, buf);
}

static int print_time(const struct tw_explanation *explanation, const char *name,
		      const struct tw_time_range *range,
		      int (*words)(const struct tw_explanation *, struct tw_buf *))
{
	_cleanup_buf_ struct tw_buf text = TW_BUF_INIT;
	char buf[RANGE_LEN];
	int r = words(explanation, &text);

	if (r < 0)
		return r;
	printf("  %-11s%s\n             %s\n", name, range_text(range, buf), tw_buf_string(&text));
	return 0;
}

int tw_explanation_print(const struct tw_explanation *explanation, const char *head)
{
	const struct tw_timing *timing = &explanation->timing;
	int r;

	printf("%s\n", head);
	print_policies(explanation);
	print_options(&explanation->options);
	printf("a dead peer is noticed after\n");
	r = print_time(explanation, "idle", &timing->idle, idle_words);
	if (r == 0)
		r = print_time(explanation, "busy", &timing->busy, busy_words);
	if (r == 0)
		r = print_time(explanation, "window 0", &timing->zero_window, zero_window_words);
	if (r == 0)
		r = print_time(explanation, "connecting", &timing->connect, connect_words);
	for (size_t i = 0; i < explanation->warnings.count; i++)
		printf("%swarning%s: %s\n", tw_output_colour(33), tw_output_colour(0),
		       explanation->warnings.list[i].message);
	return r;
}
