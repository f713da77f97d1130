// SPDX-License-Identifier: GPL-2.0-only
#include "policy/warn.h"

#include <string.h>

#include "lib/duration.h"
#include "policy/cohort.h"
#include "policy/cover.h"

#include <tcpwarden/match.h>

#define SHORT_TIMEOUT 10000  /* ms: a live peer that stops reading for so long is no rarity */
#define LONG_TIMEOUT  924000 /* ms: tcp_retries2 = 15 gives up after 924.6 s (ip-sysctl) */

#define warn(diags, mark, ...) tw_diags_add((diags), TW_WARNING, (mark), __VA_ARGS__)

static bool has(const struct tw_model_policy *policy, unsigned fields)
{
	return (policy->fields & fields) == fields;
}

/* The policy's own timers give it, or it is a number; only then is it known here. */
static __u32 user_timeout(const struct tw_model_policy *policy)
{
	const __u32 *want = policy->want.value;

	if (policy->auto_timeout)
		return tw_auto_user_timeout(want[TW_IDLE], want[TW_INTERVAL], want[TW_PROBES]);
	return want[TW_USER_TIMEOUT];
}

/*
 * With a user timeout the kernel ignores the probe count: it gives up at the
 * first expiry that finds the timeout passed and a probe unanswered
 * (tcp_keepalive_timer()). Where one probe is all that is asked, that is no less.
 */
static void warn_probes(const struct tw_model_policy *policy, struct tw_diags *diags)
{
	const __u32 *want = policy->want.value;
	__u64 second = (__u64)(want[TW_IDLE] + want[TW_INTERVAL]) * 1000;
	__u64 last = (want[TW_IDLE] + (want[TW_PROBES] - 1ULL) * want[TW_INTERVAL]) * 1000;
	char ms[TW_DURATION_LEN], limit[TW_DURATION_LEN];

	if (!has(policy, TW_BIT(TW_IDLE) | TW_BIT(TW_INTERVAL)) || policy->auto_timeout)
		return;
	if (has(policy, TW_BIT(TW_PROBES)) && want[TW_PROBES] == 1)
		return;
	tw_duration_format(user_timeout(policy), ms);
	if (user_timeout(policy) <= second)
		warn(diags, policy->user_timeout_mark,
		     "user_timeout %s <= idle + interval (%s): a single lost probe kills the "
		     "connection, fewer probes than asked",
		     ms, tw_duration_format(second, limit));
	else if (has(policy, TW_BIT(TW_PROBES)) && user_timeout(policy) <= last)
		warn(diags, policy->user_timeout_mark,
		     "user_timeout %s <= idle + (probes - 1) x interval (%s): fewer probes than "
		     "asked are sent",
		     ms, tw_duration_format(last, limit));
}

static void warn_user_timeout(const struct tw_model_policy *policy, struct tw_diags *diags)
{
	char ms[TW_DURATION_LEN];

	tw_duration_format(user_timeout(policy), ms);
	if (user_timeout(policy) < SHORT_TIMEOUT)
		warn(diags, policy->user_timeout_mark,
		     "user_timeout %s is under 10s: it kills a live peer that stops reading for so "
		     "long",
		     ms);
	if (user_timeout(policy) > LONG_TIMEOUT)
		warn(diags, policy->user_timeout_mark,
		     "user_timeout %s is over 924s, what tcp_retries2 gives by default: a busy "
		     "connection hangs longer than without it",
		     ms);
	warn_probes(policy, diags);
}

/*
 * The first probe is to come before the middlebox forgets, and may be an eighth
 * late. Where the idle time is left to the system it is not known here, but by
 * default, 7200 s, it beats none of those that people ask for.
 */
static void warn_must_beat(const struct tw_model_policy *policy, const struct tw_must_beat *beat,
			   struct tw_diags *diags)
{
	__u64 idle = policy->want.value[TW_IDLE] * 1000ULL;
	const char *of = beat->box ? " of " : "", *name = beat->box ? beat->box->name : "";
	char timeout[TW_DURATION_LEN], text[TW_DURATION_LEN], probe[TW_DURATION_LEN];

	tw_duration_format(beat->ms, timeout);
	if (beat->box && !beat->box->refreshed)
		warn(diags, beat->mark,
		     "keepalive does not help against %s: it closes a connection that carries no "
		     "data for %s; raise its timeout, or let the application ping",
		     name, beat->ms ? timeout : "its configured timeout");
	else if (tw_model_policy_off(policy, TW_KEEPALIVE))
		warn(diags, beat->mark, "must_beat %s%s%s, and the policy turns keepalive off",
		     timeout, of, name);
	else if (!has(policy, TW_BIT(TW_KEEPALIVE) | TW_BIT(TW_IDLE)))
		warn(diags, beat->mark,
		     "must_beat %s%s%s, and the policy gives no idle time: the system's is 7200 s "
		     "by default",
		     timeout, of, name);
	else if (idle * 9 >= beat->ms * 8)
		warn(diags, beat->mark,
		     "idle %s x 9/8 (%s) >= %s%s%s: the first probe may come after the connection "
		     "is forgotten",
		     tw_duration_format(idle, text), tw_duration_format(idle / 8 * 9, probe),
		     timeout, of, name);
}

void tw_warn_policy(const struct tw_model_policy *policy, struct tw_diags *diags)
{
	if (tw_model_policy_off(policy, TW_USER_TIMEOUT))
		; /* as asked */
	else if (has(policy, TW_BIT(TW_USER_TIMEOUT)))
		warn_user_timeout(policy, diags);
	else if (policy->fields)
		warn(diags, policy->keepalive_mark,
		     "no user_timeout: a connection with data in flight hangs for about 15 "
		     "minutes%s",
		     has(policy, TW_TIMERS) ? "; write user_timeout: auto" : "");
	for (size_t i = 0; i < policy->must_beat_count; i++)
		warn_must_beat(policy, &policy->must_beat[i], diags);
}

/* What a bracket expression may match is not looked at: it is let pass. */
static bool can_match(const char *pattern)
{
	for (const char *c = pattern; *c && *c != '['; c++)
		if (!tw_node_name_has(*c))
			return false;
	return true;
}

static void warn_nodes(const struct tw_model_policy *policy, struct tw_diags *diags)
{
	size_t dead = 0;

	for (size_t i = 0; i < policy->node_count; i++) {
		if (can_match(policy->nodes[i]))
			continue;
		dead++;
		warn(diags, policy->match_mark,
		     "match.node \"%s\" can never match: a node's name is " TW_NODE_NAME_RULE,
		     policy->nodes[i]);
	}
	if (dead && dead == policy->node_count)
		warn(diags, policy->mark, "policy \"%s\" can never match: none of its nodes can be",
		     policy->name);
}

static void warn_rollout(const struct tw_model_policy *policy, struct tw_diags *diags)
{
	if (policy->rollout_mark.line && !policy->rollout)
		warn(diags, policy->rollout_mark, "rollout: 0%%: it only observes, on every node");
	if (policy->cohort_mark.line && policy->rollout == TW_WHOLE_SHARE)
		warn(diags, policy->cohort_mark,
		     "cohort without a rollout below 100%% changes nothing");
	if (policy->guarded && !policy->fields)
		warn(diags, policy->guard_mark,
		     "a guard of an exemption never trips: it changes no connection, so none dies "
		     "under it");
}

/* Whether it takes connections on each node that it selects, now and later. */
static bool always_enforces(const struct tw_model_policy *policy)
{
	return !policy->observe && policy->rollout == TW_WHOLE_SHARE && !policy->guarded;
}

static void warn_covered(const struct tw_model *model, size_t index, struct tw_diags *diags)
{
	const struct tw_model_policy *policy = &model->policies[index];

	for (size_t i = 0; i < index; i++) {
		const struct tw_model_policy *earlier = &model->policies[i];

		if (!always_enforces(earlier) || !tw_policy_covers(earlier, policy))
			continue;
		warn(diags, policy->mark,
		     "policy \"%s\" can never match: \"%s\" (%s:%u:%u) takes all that it selects",
		     policy->name, earlier->name, earlier->mark.file, earlier->mark.line,
		     earlier->mark.column);
		return;
	}
}

void tw_warn(const struct tw_model *model, struct tw_diags *diags)
{
	for (size_t i = 0; i < model->count; i++) {
		warn_covered(model, i, diags);
		warn_nodes(&model->policies[i], diags);
		warn_rollout(&model->policies[i], diags);
		tw_warn_policy(&model->policies[i], diags);
	}
}
