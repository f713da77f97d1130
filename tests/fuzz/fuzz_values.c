// SPDX-License-Identifier: GPL-2.0-only
/*
 * A socket's life, made of the input: policies come and go, the application sets
 * options in between. Each time what match.h plans is what the oracle expects; an
 * observer writes nothing; and in the end restoring gives back what the
 * application asked for.
 */
#include <tcpwarden/match.h>

#include "fuzz.h"
#include "oracle.h"
#include "policy/verdict.h"

#define STEPS 16

/* The socket as the kernel and the record have it, beside the oracle's. */
struct life {
	bool follows;		 /* the kernel lets later calls write: Linux 5.15 and newer */
	struct tw_policy policy; /* that it is under */
	struct tw_options now;
	struct tw_options sysctl;
	struct tw_record record;
	struct oracle_socket oracle;
	/* What the application asked for last: what it has without us. */
	struct tw_options own;
	bool ambiguous[TW_FIELDS]; /* it set our very value, or the system's: nobody can tell */
};

/* Few values, so that they meet; now and then any that the kernel takes. */
static __u32 make_value(struct fuzz_bytes *in, enum tw_field field)
{
	static const __u32 most[TW_FIELDS] = {
		[TW_INTERVAL] = TW_MAX_SECONDS, [TW_PROBES] = TW_MAX_PROBES,
		[TW_USER_TIMEOUT] = INT32_MAX,	[TW_KEEPALIVE] = 1,
		[TW_IDLE] = TW_MAX_SECONDS,
	};
	unsigned kind = fuzz_byte(in);

	if (field == TW_KEEPALIVE)
		return kind & 1;
	if (kind < 64)
		return (field == TW_USER_TIMEOUT ? 0 : 1) + fuzz_number(in) % most[field];
	return 1 + kind % 8;
}

/* The kernel takes more for a sysctl than for a socket. */
static __u32 make_sysctl(struct fuzz_bytes *in, enum tw_field field)
{
	__u32 value = make_value(in, field);

	return fuzz_below(in, 8) ? value : value + 40000;
}

/* What a policy file can ask for. */
static struct tw_policy make_policy(struct fuzz_bytes *in)
{
	unsigned flags = fuzz_byte(in);
	struct tw_policy policy = {
		.fields = fuzz_byte(in) & ((1 << TW_FIELDS) - 1),
		.precedence = (__u8)(flags % (TW_PRECEDENCE_POLICY + 1)),
	};

	for (int f = 0; f < TW_FIELDS; f++)
		policy.want.value[f] = make_value(in, (enum tw_field)f);
	if (policy.fields & TW_TIMERS)
		policy.fields |= TW_BIT(TW_KEEPALIVE);
	if (!policy.fields)
		policy.precedence = TW_PRECEDENCE_APP;
	if (policy.precedence != TW_PRECEDENCE_POLICY || policy.fields & TW_TIMERS)
		policy.want.value[TW_KEEPALIVE] = 1;
	if (policy.precedence != TW_PRECEDENCE_POLICY)
		policy.want.value[TW_USER_TIMEOUT] += !policy.want.value[TW_USER_TIMEOUT];
	if (flags & 0x80 && (policy.fields & TW_TIMERS) == TW_TIMERS) {
		policy.fields |= TW_BIT(TW_USER_TIMEOUT);
		policy.flags = TW_POLICY_AUTO;
	}
	return policy;
}

static void check_values(const struct tw_options *got, const struct tw_options *expected)
{
	for (int f = 0; f < TW_FIELDS; f++)
		fuzz_check(got->value[f] == expected->value[f]);
}

/* What tw_plan() and tw_plan_outcome() say, against the oracle. */
static void check_plan(const struct life *life, const struct tw_policy *policy,
		       struct tw_plan *ret_plan, struct tw_record *ret_record)
{
	static const struct tw_policy nobody;
	struct oracle_result expected = oracle_plan(&life->oracle, policy);
	struct tw_options base;
	struct tw_plan plan;
	__u32 app = tw_base(&life->now, &life->sysctl, &life->record, &base);

	tw_plan(policy ? policy : &nobody, &life->now, &base, app, &plan);
	check_values(&plan.want, &expected.want);
	fuzz_check(plan.write == tw_differing(&plan.want, &life->now));
	fuzz_check(plan.impose == tw_differing(&plan.want, &base));
	fuzz_check(tw_plan_outcome(&plan, 0) == expected.outcome);
	fuzz_check(tw_plan_outcome(&plan, 1) ==
		   (expected.outcome == TW_SET ? TW_WOULD_SET : expected.outcome));
	*ret_plan = plan;
	*ret_record = (struct tw_record){ .original = base };
	tw_record_fill(ret_record, policy ? policy : &nobody, &plan, app, &life->sysctl);
}

/* After a policy was carried out, nothing is left to do, and the verdict says so. */
static void check_verdict(const struct life *life, const struct tw_policy *policy)
{
	struct tw_socket socket = { .now = life->now,
				    .sysctl = life->sysctl,
				    .record = life->record };
	_cleanup_free_ struct tw_generation *generation = calloc(1, sizeof(*generation));
	enum tw_socket_verdict verdict;

	fuzz_check(generation);
	generation->policy[0] = *policy;
	verdict = tw_verdict_of(&socket, generation);
	fuzz_check(verdict != TW_VERDICT_DIFFERS && verdict != TW_VERDICT_NONE);
	fuzz_check((verdict == TW_VERDICT_EXEMPT) == !policy->fields);
}

static void apply(struct life *life, const struct tw_policy *policy)
{
	struct tw_record record;
	struct tw_plan plan;

	check_plan(life, policy, &plan, &record);
	life->now = plan.want;
	life->record = tw_record_needed(&record) ? record : (struct tw_record){ 0 };
	life->policy = policy ? *policy : (struct tw_policy){ 0 };
	oracle_apply(&life->oracle, policy);
	check_values(&life->now, &life->oracle.now);
	if (policy)
		check_verdict(life, policy);
}

/* Nobody is asked, and what it was is guessed later by what is there. */
static void set_unasked(struct life *life, enum tw_field field, __u32 value)
{
	const struct tw_record *record = &life->record;

	life->ambiguous[field] = record->written & TW_BIT(field) &&
				 record->ours.value[field] == value;
	life->now.value[field] = value;
	oracle_set(&life->oracle, field, value);
}

/* As tw_judge() in bpf/guard.bpf.c. */
static void set_asked(struct life *life, enum tw_field field, __u32 value)
{
	struct tw_policy policy = tw_record_policy(&life->record);
	struct tw_record before = life->record, *record = &life->record;
	struct tw_plan plan;

	tw_record_ask(record, TW_BIT(field), value);
	tw_plan_asked(&policy, record, &plan);
	record->written = (__u8)plan.impose;
	record->ours.value[TW_USER_TIMEOUT] = plan.user_timeout;
	if (plan.write & ~TW_BIT(field) & TW_BIT(TW_USER_TIMEOUT)) {
		if (life->follows) {
			life->now.value[TW_USER_TIMEOUT] = plan.want.value[TW_USER_TIMEOUT];
		} else {
			record->ours.value[TW_USER_TIMEOUT] = before.ours.value[TW_USER_TIMEOUT];
			record->written = (__u8)((record->written & ~TW_BIT(TW_USER_TIMEOUT)) |
						 (before.written & TW_BIT(TW_USER_TIMEOUT)));
		}
	}
	life->now.value[field] = tw_value_of(&plan.want, TW_BIT(field));
	life->ambiguous[field] = false;
	oracle_ask(&life->oracle, &life->policy, field, value, life->follows);
	check_values(&life->now, &life->oracle.now);
}

static void set_option(struct life *life, struct fuzz_bytes *in)
{
	enum tw_field field = (enum tw_field)fuzz_below(in, TW_FIELDS);
	__u32 value = make_value(in, field);

	life->own.value[field] = value;
	if (life->record.precedence)
		set_asked(life, field, value);
	else
		set_unasked(life, field, value);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_bytes in = { data, size };
	struct life life = { 0 };
	unsigned steps = fuzz_below(&in, STEPS);

	life.follows = steps & 1;
	for (int f = 0; f < TW_FIELDS; f++)
		if (TW_TIMERS & TW_BIT(f))
			life.sysctl.value[f] = make_sysctl(&in, (enum tw_field)f);
	life.now = life.own = life.oracle.now = life.oracle.sysctl = life.sysctl;
	while (steps--) {
		unsigned what = fuzz_below(&in, 4);
		struct tw_policy policy;
		struct tw_record record;
		struct tw_plan plan;

		if (what == 0) {
			set_option(&life, &in);
			continue;
		}
		policy = make_policy(&in);
		if (what == 1) /* it observes: nothing but its count comes of it */
			check_plan(&life, &policy, &plan, &record);
		else
			apply(&life, &policy);
	}
	apply(&life, NULL);
	for (int f = 0; f < TW_FIELDS; f++)
		fuzz_check(life.ambiguous[f] || life.now.value[f] == life.own.value[f]);
	return 0;
}
