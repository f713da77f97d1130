// SPDX-License-Identifier: GPL-2.0-only
/*
 * One spelling: keys in the order below, absent and default values left out,
 * lists in flow form and in the model's order, durations as
 * tw_duration_format() has them, prefixes with their lengths, all text that
 * could be read otherwise in double quotes.
 */
#include "policy/canon.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <xxhash.h>

#include "lib/duration.h"
#include "lib/utf8.h"
#include "policy/cohort.h"

/* In double quotes, all but printable ASCII escaped; invalid UTF-8 cannot be in a model. */
static int write_quoted(struct tw_buf *buf, const char *text)
{
	size_t len = strlen(text);
	int r = tw_buf_addf(buf, "\"");

	while (len && r == 0) {
		uint32_t c = 0;
		int n = tw_utf8_decode(text, len, &c);

		if (n < 0)
			return n;
		if (c == '"' || c == '\\')
			r = tw_buf_addf(buf, "\\%c", (char)c);
		else if (c >= 0x20 && c < 0x7f)
			r = tw_buf_add(buf, text, 1);
		else
			r = tw_buf_addf(buf, "\\U%08" PRIX32, c);
		text += n;
		len -= (size_t)n;
	}
	return r < 0 ? r : tw_buf_addf(buf, "\"");
}

static int write_cgroup(struct tw_buf *buf, const struct tw_model_policy *policy, size_t i)
{
	return write_quoted(buf, policy->cgroups[i]);
}

static int write_namespace(struct tw_buf *buf, const struct tw_model_policy *policy, size_t i)
{
	return write_quoted(buf, policy->namespaces[i]);
}

static int write_pod(struct tw_buf *buf, const struct tw_model_policy *policy, size_t i)
{
	return write_quoted(buf, policy->pods[i]);
}

static int write_remote(struct tw_buf *buf, const struct tw_model_policy *policy, size_t i)
{
	char text[TW_CIDR_LEN];

	return write_quoted(buf, tw_cidr_format(&policy->remotes[i], text));
}

static int write_port(struct tw_buf *buf, const struct tw_model_policy *policy, size_t i)
{
	const struct tw_port_range *range = &policy->ports[i];

	if (range->first == range->last)
		return tw_buf_addf(buf, "%u", range->first);
	return tw_buf_addf(buf, "%u-%u", range->first, range->last);
}

static int write_node(struct tw_buf *buf, const struct tw_model_policy *policy, size_t i)
{
	return write_quoted(buf, policy->nodes[i]);
}

/* `      key: [a, b]`, or nothing where there is none. */
static int write_list(struct tw_buf *buf, const struct tw_model_policy *policy, const char *key,
		      size_t count,
		      int (*write)(struct tw_buf *, const struct tw_model_policy *, size_t))
{
	int r = 0;

	for (size_t i = 0; i < count && r == 0; i++) {
		if (i)
			r = tw_buf_addf(buf, ", ");
		else
			r = tw_buf_addf(buf, "      %s: [", key);
		if (r == 0)
			r = write(buf, policy, i);
	}
	return r < 0 || !count ? r : tw_buf_addf(buf, "]\n");
}

static int write_match(struct tw_buf *buf, const struct tw_model_policy *policy)
{
	bool any = policy->directions == TW_ANY_DIRECTION;
	int r;

	if (!policy->cgroup_count && !tw_model_by_pod(policy) && !policy->remote_count &&
	    !policy->port_count && !policy->node_count && any)
		return 0;
	r = tw_buf_addf(buf, "    match:\n");
	if (r == 0)
		r = write_list(buf, policy, "cgroup", policy->cgroup_count, write_cgroup);
	if (r == 0)
		r = write_list(buf, policy, "namespace", policy->namespace_count, write_namespace);
	if (r == 0)
		r = write_list(buf, policy, "pod", policy->pod_count, write_pod);
	if (r == 0 && !any)
		r = tw_buf_addf(buf, "      direction: %s\n",
				policy->directions == 1u << TW_OUT ? "out" : "in");
	if (r == 0)
		r = write_list(buf, policy, "remote", policy->remote_count, write_remote);
	if (r == 0)
		r = write_list(buf, policy, "port", policy->port_count, write_port);
	if (r == 0)
		r = write_list(buf, policy, "node", policy->node_count, write_node);
	return r;
}

static int write_keepalive(struct tw_buf *buf, const struct tw_model_policy *policy)
{
	static const struct {
		const char *name;
		enum tw_field field;
	} timers[] = { { "idle", TW_IDLE }, { "interval", TW_INTERVAL }, { "probes", TW_PROBES } };
	const char *before = "{";
	int r;

	if (!(policy->fields & TW_BIT(TW_KEEPALIVE)))
		return 0;
	if (!(policy->fields & TW_TIMERS))
		return tw_buf_addf(buf, "    keepalive: %s\n",
				   tw_model_policy_off(policy, TW_KEEPALIVE) ? "off" : "on");
	r = tw_buf_addf(buf, "    keepalive: ");
	for (size_t i = 0; i < ARRAY_SIZE(timers) && r == 0; i++) {
		__u32 value = policy->want.value[timers[i].field];
		char text[TW_DURATION_LEN];

		if (!(policy->fields & TW_BIT(timers[i].field)))
			continue;
		if (timers[i].field == TW_PROBES)
			snprintf(text, sizeof(text), "%u", value);
		else
			tw_duration_format(value * 1000ULL, text);
		r = tw_buf_addf(buf, "%s%s: %s", before, timers[i].name, text);
		before = ", ";
	}
	return r < 0 ? r : tw_buf_addf(buf, "}\n");
}

static int write_user_timeout(struct tw_buf *buf, const struct tw_model_policy *policy)
{
	char text[TW_DURATION_LEN];

	if (!(policy->fields & TW_BIT(TW_USER_TIMEOUT)))
		return 0;
	if (policy->auto_timeout)
		return tw_buf_addf(buf, "    user_timeout: auto\n");
	if (tw_model_policy_off(policy, TW_USER_TIMEOUT))
		return tw_buf_addf(buf, "    user_timeout: off\n");
	tw_duration_format(policy->want.value[TW_USER_TIMEOUT], text);
	return tw_buf_addf(buf, "    user_timeout: %s\n", text);
}

static int write_rollout(struct tw_buf *buf, const struct tw_model_policy *policy)
{
	char share[TW_SHARE_LEN];
	int r = 0;

	if (policy->rollout != TW_WHOLE_SHARE)
		r = tw_buf_addf(buf, "    rollout: %s\n", tw_share_format(policy->rollout, share));
	if (r == 0 && strcmp(policy->cohort, TW_DEFAULT_COHORT) != 0)
		r = tw_buf_addf(buf, "    cohort: %s\n", policy->cohort);
	if (r == 0 && policy->guarded)
		r = tw_buf_addf(buf, "    guard: {max_deaths_per_minute: %u}\n",
				policy->max_deaths);
	return r;
}

static int write_must_beat(struct tw_buf *buf, const struct tw_model_policy *policy)
{
	int r = 0;

	for (size_t i = 0; i < policy->must_beat_count && r == 0; i++) {
		const struct tw_must_beat *beat = &policy->must_beat[i];
		char text[TW_DURATION_LEN];

		r = tw_buf_addf(buf, "%s%s", i ? ", " : "    must_beat: [",
				beat->box ? beat->box->name : tw_duration_format(beat->ms, text));
	}
	return r < 0 || !policy->must_beat_count ? r : tw_buf_addf(buf, "]\n");
}

static int write_policy(struct tw_buf *buf, const struct tw_model_policy *policy, bool all_observe)
{
	/* Names such as 1 or on are text here, so no quotes are needed. */
	int r = tw_buf_addf(buf, "  - name: %s\n", policy->name);

	if (r == 0)
		r = write_match(buf, policy);
	if (r == 0)
		r = write_keepalive(buf, policy);
	if (r == 0)
		r = write_user_timeout(buf, policy);
	if (r == 0 && policy->precedence != TW_PRECEDENCE_APP)
		r = tw_buf_addf(buf, "    precedence: %s\n",
				tw_precedence_names[policy->precedence]);
	if (r == 0 && policy->observe && !all_observe)
		r = tw_buf_addf(buf, "    mode: observe\n");
	if (r == 0)
		r = write_rollout(buf, policy);
	if (r == 0)
		r = write_must_beat(buf, policy);
	return r;
}

int tw_canon_write(const struct tw_model *model, struct tw_buf *buf)
{
	int r = tw_buf_addf(buf, "version: 1\n%spolicies:%s\n",
			    model->observe ? "mode: observe\n" : "", model->count ? "" : " []");

	for (size_t i = 0; i < model->count && r == 0; i++)
		r = write_policy(buf, &model->policies[i], model->observe);
	return r;
}

int tw_canon_policy_digest(const struct tw_model_policy *policy, bool all_observe,
			   __u64 ret_digest[static 2])
{
	_cleanup_buf_ struct tw_buf text = TW_BUF_INIT;
	int r = write_policy(&text, policy, all_observe);

	if (r == 0)
		tw_canon_digest(tw_buf_string(&text), text.len, ret_digest);
	return r;
}

void tw_canon_digest(const char *text, size_t len, __u64 ret_digest[static 2])
{
	XXH128_hash_t hash = XXH3_128bits(text, len);

	ret_digest[0] = hash.high64;
	ret_digest[1] = hash.low64;
}

const char *tw_digest_format(const __u64 digest[static 2], char buf[static TW_DIGEST_LEN])
{
	snprintf(buf, TW_DIGEST_LEN, "%016llx%016llx", digest[0], digest[1]);
	return buf;
}
