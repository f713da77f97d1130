// SPDX-License-Identifier: GPL-2.0-only
/* Who wins where the application set a value itself, now and later. */
#include "unit.h"
#include "values.h"

static struct tw_policy with_precedence(enum tw_precedence precedence)
{
	struct tw_policy policy = default_policy();

	policy.precedence = (__u8)precedence;
	return policy;
}

static struct tw_plan plan_for(const struct tw_policy *policy, const struct tw_options *own)
{
	struct tw_plan plan;

	tw_plan(policy, own, own, tw_app_fields(own, &fresh), &plan);
	return plan;
}

static void precedence__takes_the_smaller_field_by_field(void **state)
{
	static const struct {
		__u32 own[5], want[5]; /* on, idle, interval, probes, user timeout */
	} cases[] = {
		/* Off, 0 and unset are infinity. */
		{ { 0, 7200, 75, 9, 0 }, { 1, 120, 20, 5, 225000 } },
		{ { 1, 30, 75, 9, 0 }, { 1, 30, 20, 5, 123750 } },
		{ { 1, 600, 10, 9, 0 }, { 1, 120, 10, 5, 180000 } },
		{ { 0, 7200, 75, 2, 0 }, { 1, 120, 20, 2, 157500 } },
		{ { 0, 7200, 75, 9, 5000 }, { 1, 120, 20, 5, 5000 } },
		{ { 0, 7200, 75, 9, 300000 }, { 1, 120, 20, 5, 225000 } },
		/* Go: 15 s : 15 s : 9. L = 15 + 4 x 15 = 75 s, and an eighth. */
		{ { 1, 15, 15, 9, 0 }, { 1, 15, 15, 5, 84375 } },
		/* `auto` falls with the timers, below the application's own. */
		{ { 1, 15, 15, 9, 90000 }, { 1, 15, 15, 5, 84375 } },
	};
	struct tw_policy policy = with_precedence(TW_PRECEDENCE_STRICTEST);

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		const __u32 *o = cases[i].own, *w = cases[i].want;
		struct tw_options own = options(o[0], o[1], o[2], o[3], o[4]);
		struct tw_options want = options(w[0], w[1], w[2], w[3], w[4]);
		struct tw_plan plan = plan_for(&policy, &own);

		assert_values(&plan.want, &want);
		assert_int_equal(plan.kept, 0);
	}
}

/* Longer than the system's: unset is no value, one that was set is. */
static void precedence__strictest_tells_unset_from_the_systems(void **state)
{
	struct tw_policy policy = {
		.want = options(1, 9000, 0, 0, 0),
		.fields = TW_BIT(TW_KEEPALIVE) | TW_BIT(TW_IDLE),
		.precedence = TW_PRECEDENCE_STRICTEST,
	};
	struct tw_options own = options(1, 7300, 75, 9, 0);

	(void)state;
	assert_int_equal(plan_for(&policy, &fresh).want.value[TW_IDLE], 9000);
	assert_int_equal(plan_for(&policy, &own).want.value[TW_IDLE], 7300);
}

static void precedence__lets_the_policy_win(void **state)
{
	struct tw_options own = options(1, 15, 15, 9, 5000);
	struct tw_options want = options(1, 120, 20, 5, 225000);
	struct tw_policy policy = with_precedence(TW_PRECEDENCE_POLICY);
	struct tw_plan plan = plan_for(&policy, &own);

	(void)state;
	assert_values(&plan.want, &want);
	assert_int_equal(plan.kept, 0);
	assert_int_equal(plan.impose, ALL & ~TW_BIT(TW_KEEPALIVE));

	/* Off, too; what it does not ask for stays. */
	policy = (struct tw_policy){ .fields = TW_BIT(TW_KEEPALIVE) | TW_BIT(TW_USER_TIMEOUT),
				     .precedence = TW_PRECEDENCE_POLICY };
	want = options(0, 15, 15, 9, 0);
	plan = plan_for(&policy, &own);
	assert_values(&plan.want, &want);
}

static void precedence__names_actions(void **state)
{
	(void)state;
	assert_int_equal(tw_app_action_of(5, 5, TW_PRECEDENCE_POLICY, 0), TW_APP_ALLOWED);
	assert_int_equal(tw_app_action_of(5, 5, TW_PRECEDENCE_STRICTEST, 1), TW_APP_ALLOWED);
	assert_int_equal(tw_app_action_of(5, 4, TW_PRECEDENCE_STRICTEST, 0), TW_APP_LIMITED);
	assert_int_equal(tw_app_action_of(5, 4, TW_PRECEDENCE_POLICY, 0), TW_APP_REPLACED);
	assert_int_equal(tw_app_action_of(5, 4, TW_PRECEDENCE_STRICTEST, 1), TW_APP_WOULD_LIMIT);
	assert_int_equal(tw_app_action_of(5, 4, TW_PRECEDENCE_POLICY, 1), TW_APP_WOULD_REPLACE);
}

/* A system's value that a socket cannot have stays one in the narrow field. */
static void precedence__narrows_what_unset_means(void **state)
{
	struct tw_options sysctl = options(0, 65536 + 120, 32768, 256 + 5, 0);
	struct tw_policy policy = default_policy();
	struct tw_record record = { 0 };
	struct tw_plan plan;

	(void)state;
	tw_plan(&policy, &sysctl, &sysctl, 0, &plan);
	tw_record_fill(&record, &policy, &plan, 0, &sysctl);
	assert_int_equal(record.unset.idle, 65535);
	assert_int_equal(record.unset.interval, 65535);
	assert_int_equal(record.unset.probes, 255);
	tw_record_fill(&record, &policy, &plan, 0, &fresh);
	assert_int_equal(record.unset.idle, 7200);
	assert_int_equal(record.unset.interval, 75);
	assert_int_equal(record.unset.probes, 9);
}

/* A socket as the kernel has it, its record, and what it would be without us. */
struct held {
	struct tw_policy policy;
	struct tw_options own, now;
	struct tw_record record;
};

static void held_settle(struct held *held)
{
	struct tw_plan plan;
	__u32 app;

	app = tw_base(&held->now, &fresh, &held->record, &held->record.original);
	tw_plan(&held->policy, &held->now, &held->record.original, app, &plan);
	tw_record_fill(&held->record, &held->policy, &plan, app, &fresh);
	held->now = plan.want;
}

/* As bpf/guard.bpf.c does it; `follows`: the kernel lets it write the user timeout. */
static void held_ask(struct held *held, enum tw_field field, __u32 value, bool follows)
{
	struct tw_policy policy = tw_record_policy(&held->record);
	__u32 beside, bit = TW_BIT(field);
	struct tw_plan plan;

	tw_record_ask(&held->record, bit, value);
	tw_plan_asked(&policy, &held->record, &plan);
	beside = plan.write & ~bit;
	assert_int_equal(beside & ~TW_BIT(TW_USER_TIMEOUT), 0);
	tw_record_answer(&held->record, &plan, follows ? 0 : beside);
	held->own.value[field] = value;
	held->now.value[field] = tw_value_of(&plan.want, bit);
	if (beside && follows)
		held->now.value[TW_USER_TIMEOUT] = plan.want.value[TW_USER_TIMEOUT];
}

static __u32 random_value(uint64_t *seed, enum tw_field field)
{
	if (field == TW_KEEPALIVE)
		return unit_below(seed, 2);
	if (unit_below(seed, 4) == 0)
		return fresh.value[field]; /* also 0, for the user timeout */
	return 1 + unit_below(seed, field == TW_USER_TIMEOUT ? 400000 : 100);
}

/*
 * Whatever the application asks, in whatever order: the socket has what the
 * policy makes of that, and its record gives exactly that back.
 */
static void hold_randomly(bool follows)
{
	uint64_t seed = 77;

	for (unsigned i = 0; i < 20000; i++) {
		struct held held = {
			.policy = with_precedence(1 + (enum tw_precedence)unit_below(&seed, 2)),
			.own = fresh,
		};
		struct tw_options base;

		for (__u32 f = 0; f < TW_FIELDS; f++)
			if (unit_below(&seed, 3) == 0)
				held.own.value[f] = random_value(&seed, f);
		held.now = held.own;
		held_settle(&held);
		for (unsigned n = unit_below(&seed, 8); n; n--) {
			enum tw_field field = (enum tw_field)unit_below(&seed, TW_FIELDS);

			held_ask(&held, field, random_value(&seed, field), follows);
		}
		assert_int_equal(tw_base(&held.now, &fresh, &held.record, &base),
				 tw_app_fields(&held.own, &fresh));
		assert_values(&base, &held.own);
		if (!follows)
			held_settle(&held); /* the next sweep */
		base = plan_for(&held.policy, &held.own).want;
		assert_values(&held.now, &base);
	}
}

static void precedence__holds_whatever_the_application_asks(void **state)
{
	(void)state;
	hold_randomly(true);
}

static void precedence__holds_where_auto_waits_for_the_sweep(void **state)
{
	(void)state;
	hold_randomly(false);
}

static void precedence__needs_a_record_to_judge_by(void **state)
{
	struct tw_record record = { 0 };

	(void)state;
	assert_false(tw_record_needed(&record));
	record.written = TW_BIT(TW_IDLE);
	assert_true(tw_record_needed(&record));
	record = (struct tw_record){ .precedence = TW_PRECEDENCE_STRICTEST };
	assert_true(tw_record_needed(&record));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(precedence__takes_the_smaller_field_by_field),
		cmocka_unit_test(precedence__strictest_tells_unset_from_the_systems),
		cmocka_unit_test(precedence__lets_the_policy_win),
		cmocka_unit_test(precedence__names_actions),
		cmocka_unit_test(precedence__narrows_what_unset_means),
		cmocka_unit_test(precedence__holds_whatever_the_application_asks),
		cmocka_unit_test(precedence__holds_where_auto_waits_for_the_sweep),
		cmocka_unit_test(precedence__needs_a_record_to_judge_by),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
