// SPDX-License-Identifier: GPL-2.0-only
#include "unit.h"
#include "values.h"

static struct tw_set set_of(unsigned a, unsigned b)
{
	struct tw_set set = { 0 };

	set.word[a / 64] |= 1ULL << a % 64;
	set.word[b / 64] |= 1ULL << b % 64;
	return set;
}

/* By four sets, where nothing is in doubt. */
static void select_by(const struct tw_set *cgroup, const struct tw_set *direction,
		      const struct tw_set *remote, const struct tw_set *port,
		      const struct tw_set *observe, struct tw_verdict *ret_verdict)
{
	struct tw_cgroup_sets sets = { .must = *cgroup };

	tw_select(&sets, ~0ULL, direction, remote, port, observe, ret_verdict);
	assert_int_equal(ret_verdict->pending, 0);
}

static void match__finds_the_lowest_bit(void **state)
{
	(void)state;
	for (unsigned n = 0; n < 64; n++) {
		assert_int_equal(tw_lowest_bit(1ULL << n), n);
		assert_int_equal(tw_lowest_bit(~0ULL << n), n);
		assert_int_equal(tw_lowest_bit(1ULL << n | 1ULL << 63), n);
	}
}

static void match__finds_the_first_of_a_set(void **state)
{
	struct tw_set set = { 0 };

	(void)state;
	assert_int_equal(tw_set_first(&set), TW_MAX_POLICIES);
	for (unsigned n = 0; n < TW_MAX_POLICIES; n++) {
		set = set_of(n, TW_MAX_POLICIES - 1);
		assert_int_equal(tw_set_first(&set), n);
	}
}

static void match__selects_the_lowest_in_all_four(void **state)
{
	struct tw_set cgroup = set_of(3, 200), all = { { ~0ULL, ~0ULL, ~0ULL, ~0ULL } };
	struct tw_set other = set_of(4, 200), none = { 0 };
	struct tw_verdict verdict;

	(void)state;
	select_by(&cgroup, &all, &all, &all, &none, &verdict);
	assert_int_equal(verdict.winner, 3);
	select_by(&cgroup, &other, &all, &all, &none, &verdict);
	assert_int_equal(verdict.winner, 200);
	select_by(&all, &other, &cgroup, &all, &none, &verdict);
	assert_int_equal(verdict.winner, 200);
	select_by(&all, &all, &other, &cgroup, &none, &verdict);
	assert_int_equal(verdict.winner, 200);
	select_by(&cgroup, &all, &all, &none, &none, &verdict);
	assert_int_equal(verdict.winner, TW_MAX_POLICIES);
	assert_int_equal(tw_set_first(&verdict.observers), TW_MAX_POLICIES);
}

static void match__notes_observers_before_the_winner(void **state)
{
	struct tw_set all = { { ~0ULL, ~0ULL, ~0ULL, ~0ULL } };
	struct tw_set matching = { { 1ULL << 0 | 1ULL << 5 | 1ULL << 9, 1ULL << 1 | 1ULL << 2, 0,
				     1ULL << 63 } };
	struct tw_set observe = { { 1ULL << 0 | 1ULL << 4 | 1ULL << 9, 1ULL << 1, 0, 1ULL << 63 } };
	struct tw_verdict verdict;

	(void)state;
	/* 5 enforces: of the observers only 0 was asked before it; 4 does not match. */
	select_by(&matching, &all, &all, &all, &observe, &verdict);
	assert_int_equal(verdict.winner, 5);
	assert_int_equal(verdict.observers.word[0], 1ULL << 0);
	assert_int_equal(verdict.observers.word[1], 0);
	assert_int_equal(verdict.observers.word[3], 0);

	/* 5 observes too: the winner is 66, in the next word. */
	observe.word[0] |= 1ULL << 5;
	select_by(&matching, &all, &all, &all, &observe, &verdict);
	assert_int_equal(verdict.winner, 66);
	assert_int_equal(verdict.observers.word[0], 1ULL << 0 | 1ULL << 5 | 1ULL << 9);
	assert_int_equal(verdict.observers.word[1], 1ULL << 1);
	assert_int_equal(verdict.observers.word[3], 0);

	/* All observe: nothing wins, all are noted. */
	select_by(&matching, &all, &all, &all, &all, &verdict);
	assert_int_equal(verdict.winner, TW_MAX_POLICIES);
	assert_memory_equal(&verdict.observers, &matching, sizeof(matching));
}

static void match__lets_a_new_observer_change_nothing(void **state)
{
	uint64_t seed = 99;

	(void)state;
	for (unsigned i = 0; i < 10000; i++) {
		struct tw_set all = { { ~0ULL, ~0ULL, ~0ULL, ~0ULL } }, some, observe;
		struct tw_verdict before, after;
		unsigned added;

		for (unsigned w = 0; w < TW_SET_WORDS; w++) {
			observe.word[w] = unit_random(&seed);
			some.word[w] = unit_random(&seed);
			some.word[w] &= unit_random(&seed);
			some.word[w] &= unit_random(&seed);
		}
		added = unit_below(&seed, TW_MAX_POLICIES);
		some.word[added / 64] &= ~(1ULL << added % 64);
		select_by(&some, &all, &all, &all, &observe, &before);
		some.word[added / 64] |= 1ULL << added % 64;
		observe.word[added / 64] |= 1ULL << added % 64;
		select_by(&some, &all, &all, &all, &observe, &after);
		assert_int_equal(before.winner, after.winner);
	}
}

/* As it is said in abi.h, policy by policy. */
static struct tw_verdict oracle(const struct tw_cgroup_sets *cgroup, bool may,
				const struct tw_set others[3], const struct tw_set *observe)
{
	struct tw_verdict verdict = { .winner = TW_MAX_POLICIES };

	for (unsigned n = 0; n < TW_MAX_POLICIES; n++) {
		__u64 bit = 1ULL << n % 64;
		unsigned w = n / 64;

		if (!(others[0].word[w] & others[1].word[w] & others[2].word[w] & bit))
			continue;
		if (cgroup->must.word[w] & observe->word[w] & bit)
			verdict.observers.word[w] |= bit;
		if (observe->word[w] & bit)
			continue;
		if (cgroup->must.word[w] & bit || (may && cgroup->may.word[w] & bit)) {
			verdict.winner = n;
			verdict.pending = !(cgroup->must.word[w] & bit);
			break;
		}
	}
	return verdict;
}

static void random_set(uint64_t *seed, unsigned density, struct tw_set *ret_set)
{
	for (unsigned w = 0; w < TW_SET_WORDS; w++) {
		ret_set->word[w] = unit_random(seed);
		for (unsigned i = 0; i < density; i++)
			ret_set->word[w] &= unit_random(seed);
	}
}

static void match__waits_for_what_may_select(void **state)
{
	struct tw_set all = { { ~0ULL, ~0ULL, ~0ULL, ~0ULL } }, none = { 0 };
	struct tw_cgroup_sets cgroup = { .must = set_of(5, 200), .may = set_of(3, 70) };
	struct tw_set observe = set_of(3, 3);
	struct tw_verdict verdict;

	(void)state;
	tw_select(&cgroup, ~0ULL, &all, &all, &all, &none, &verdict);
	assert_int_equal(verdict.winner, 3);
	assert_int_equal(verdict.pending, 1);
	/* Its own sockets are no pod's. */
	tw_select(&cgroup, 0, &all, &all, &all, &none, &verdict);
	assert_int_equal(verdict.winner, 5);
	assert_int_equal(verdict.pending, 0);
	/* One that only observes may select what it likes: it is neither counted nor waited for. */
	tw_select(&cgroup, ~0ULL, &all, &all, &all, &observe, &verdict);
	assert_int_equal(verdict.winner, 5);
	assert_int_equal(verdict.pending, 0);
	assert_int_equal(tw_set_first(&verdict.observers), TW_MAX_POLICIES);
	/* In a later word; what may select after the winner is not asked. */
	cgroup.must = set_of(200, 200);
	tw_select(&cgroup, ~0ULL, &all, &all, &all, &observe, &verdict);
	assert_int_equal(verdict.winner, 70);
	assert_int_equal(verdict.pending, 1);
	cgroup.must = none;
	tw_select(&cgroup, 0, &all, &all, &all, &observe, &verdict);
	assert_int_equal(verdict.winner, TW_MAX_POLICIES);
	assert_int_equal(verdict.pending, 0);
}

static void match__agrees_with_its_description(void **state)
{
	unsigned pending = 0, winners = 0;
	uint64_t seed = 2026;

	(void)state;
	for (unsigned i = 0; i < 20000; i++) {
		struct tw_set others[3], observe;
		struct tw_verdict verdict, expected;
		struct tw_cgroup_sets cgroup;
		bool may = i % 4;

		random_set(&seed, i % 7, &cgroup.must);
		random_set(&seed, i % 5, &cgroup.may);
		random_set(&seed, 0, &observe);
		for (unsigned w = 0; w < TW_SET_WORDS; w++)
			cgroup.may.word[w] &= ~cgroup.must.word[w];
		for (unsigned o = 0; o < ARRAY_SIZE(others); o++)
			random_set(&seed, i % 3, &others[o]);
		tw_select(&cgroup, may ? ~0ULL : 0, &others[0], &others[1], &others[2], &observe,
			  &verdict);
		expected = oracle(&cgroup, may, others, &observe);
		assert_int_equal(verdict.winner, expected.winner);
		assert_int_equal(verdict.pending, expected.pending);
		assert_memory_equal(&verdict.observers, &expected.observers,
				    sizeof(verdict.observers));
		pending += verdict.pending;
		winners += verdict.winner < TW_MAX_POLICIES;
	}
	/* Both kinds of end were met. */
	assert_in_range(pending, 1000, winners - 1000);
}

static struct tw_set joined(struct tw_set a, const struct tw_set *b)
{
	for (unsigned w = 0; w < TW_SET_WORDS; w++)
		a.word[w] |= b->word[w];
	return a;
}

static void assert_same_verdict(const struct tw_verdict *a, const struct tw_verdict *b)
{
	assert_int_equal(a->winner, b->winner);
	assert_int_equal(a->pending, b->pending);
	assert_memory_equal(&a->observers, &b->observers, sizeof(a->observers));
}

/* What is not looked up, or known beforehand, is as if it were looked up. */
static void match__asks_no_more_than_it_has_to(void **state)
{
	unsigned sole = 0, nobody = 0, ask = 0, skipped = 0;
	uint64_t seed = 23;

	(void)state;
	for (unsigned i = 0; i < 20000; i++) {
		struct tw_set direction, any_remote, any_port, remote, port, observe;
		struct tw_verdict full, lazy;
		struct tw_cgroup_sets cgroup;
		__u64 may = i % 4 ? ~0ULL : 0;
		__u32 winner;

		random_set(&seed, 4 + i % 5, &cgroup.must);
		random_set(&seed, 7, &cgroup.may);
		for (unsigned w = 0; w < TW_SET_WORDS; w++)
			cgroup.may.word[w] &= ~cgroup.must.word[w];
		random_set(&seed, i % 3, &direction);
		random_set(&seed, i % 2, &any_remote);
		random_set(&seed, 0, &any_port);
		random_set(&seed, 6, &observe);
		random_set(&seed, 2, &remote);
		random_set(&seed, 2, &port);
		any_remote = joined(any_remote, i % 3 ? &cgroup.must : &observe);
		any_port = joined(any_port, i % 3 ? &cgroup.must : &observe);
		remote = joined(any_remote, &remote);
		port = joined(any_port, &port);
		tw_select(&cgroup, may, &direction, &remote, &port, &observe, &full);

		winner = tw_sole_winner(&cgroup, may, &direction, &any_remote, &any_port, &observe);
		if (winner != TW_ASK) {
			struct tw_verdict known = { .winner = winner };

			assert_same_verdict(&known, &full);
		}
		ask += winner == TW_ASK;
		sole += winner < TW_MAX_POLICIES;
		nobody += winner == TW_MAX_POLICIES;

		if (!tw_selective(&cgroup, may, &direction, &direction, &any_port))
			port = any_port;
		if (!tw_selective(&cgroup, may, &direction, &port, &any_remote)) {
			remote = any_remote;
			skipped++;
		}
		tw_select(&cgroup, may, &direction, &remote, &port, &observe, &lazy);
		assert_same_verdict(&lazy, &full);
	}
	/* All kinds were met. */
	printf("%u sole winners, %u nobody, %u to ask, %u skipped\n", sole, nobody, ask, skipped);
	assert_true(sole > 500 && nobody > 500 && ask > 500 && skipped > 500 && skipped < 19500);
}

static void match__computes_auto(void **state)
{
	static const struct {
		__u32 idle, interval, probes, ms;
	} cases[] = {
		/* L = 22 s; L/8 = 2.75 s */
		{ 20, 1, 3, 24750 },
		/* L = 200 s; L/8 = 25 s */
		{ 120, 20, 5, 225000 },
		/* L = 720 s; L/8 = 90 s */
		{ 600, 30, 5, 810000 },
		/* L = 7800 s; L/8 = 975 s */
		{ 7200, 75, 9, 8775000 },
		/* L = 3 s; half an interval is more than L/8 */
		{ 1, 1, 3, 3500 },
		{ 10, 60, 2, 100000 },
		{ 60, 10, 1, 67500 },
		{ 1, 32767, 1, 16384500 },
		/* L = 1908874 s, x 9/8 = 2147483.25 s, under INT_MAX ms; one second more is over */
		{ 23284, 14965, 127, 2147483250 },
		{ 23285, 14965, 127, TW_MAX_USER_TIMEOUT },
		{ 32767, 32767, 127, TW_MAX_USER_TIMEOUT },
		{ 4294967295u, 4294967295u, 4294967295u, TW_MAX_USER_TIMEOUT },
		{ 0, 0, 0, 0 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		assert_int_equal(
			tw_auto_user_timeout(cases[i].idle, cases[i].interval, cases[i].probes),
			cases[i].ms);
}

static void match__tells_what_the_application_set(void **state)
{
	struct tw_options now = fresh;

	(void)state;
	assert_int_equal(tw_app_fields(&now, &fresh), 0);
	for (unsigned f = 0; f < TW_FIELDS; f++) {
		now = fresh;
		now.value[f]++;
		assert_int_equal(tw_app_fields(&now, &fresh), TW_BIT(f));
	}
	now = options(1, 1, 1, 1, 1);
	assert_int_equal(tw_app_fields(&now, &fresh), ALL);
}

static void match__fills_a_fresh_socket(void **state)
{
	struct tw_options expected = options(1, 120, 20, 5, 225000);
	struct tw_policy policy = default_policy();
	struct tw_plan plan;

	(void)state;
	tw_plan(&policy, &fresh, &fresh, 0, &plan);
	assert_values(&plan.want, &expected);
	assert_int_equal(plan.write, ALL);
	assert_int_equal(plan.kept, 0);
	assert_int_equal(tw_plan_outcome(&plan, 0), TW_SET);
	assert_int_equal(tw_plan_outcome(&plan, 1), TW_WOULD_SET);
}

static void match__writes_nothing_twice(void **state)
{
	struct tw_policy policy = default_policy();
	struct tw_plan first, second;

	(void)state;
	tw_plan(&policy, &fresh, &fresh, 0, &first);
	/* The fields are ours now, so not the application's. */
	tw_plan(&policy, &first.want, &first.want, 0, &second);
	assert_int_equal(second.write, 0);
	assert_int_equal(second.kept, 0);
	assert_values(&second.want, &first.want);
	assert_int_equal(tw_plan_outcome(&second, 0), TW_ALREADY);
	/* Nor would an application's same values be anything to write or to keep. */
	tw_plan(&policy, &first.want, &first.want, ALL, &second);
	assert_int_equal(second.write, 0);
	assert_int_equal(second.kept, 0);
}

static void match__keeps_what_the_application_set(void **state)
{
	struct tw_options now = options(1, 30, 75, 9, 5000);
	struct tw_options expected = options(1, 30, 20, 5, 5000);
	struct tw_policy policy = default_policy();
	struct tw_plan plan;

	(void)state;
	tw_plan(&policy, &now, &now, tw_app_fields(&now, &fresh), &plan);
	assert_values(&plan.want, &expected);
	assert_int_equal(plan.write, TW_BIT(TW_INTERVAL) | TW_BIT(TW_PROBES));
	assert_int_equal(plan.kept, TW_BIT(TW_IDLE) | TW_BIT(TW_USER_TIMEOUT));
	assert_int_equal(tw_plan_outcome(&plan, 0), TW_SET);

	now = options(1, 30, 5, 2, 5000);
	tw_plan(&policy, &now, &now, tw_app_fields(&now, &fresh), &plan);
	assert_values(&plan.want, &now);
	assert_int_equal(plan.write, 0);
	assert_int_equal(plan.kept, TW_TIMERS | TW_BIT(TW_USER_TIMEOUT));
	assert_int_equal(tw_plan_outcome(&plan, 0), TW_KEPT_APP);
	assert_int_equal(tw_plan_outcome(&plan, 1), TW_KEPT_APP);
}

/* `auto` follows the timers that result: here the application's idle of 10 minutes. */
static void match__lets_auto_follow_the_application(void **state)
{
	struct tw_options now = options(0, 600, 75, 9, 0);
	/* L = 600 + 4 x 20 = 680 s; L/8 = 85 s */
	struct tw_options expected = options(1, 600, 20, 5, 765000);
	struct tw_policy policy = default_policy();
	struct tw_plan plan;

	(void)state;
	tw_plan(&policy, &now, &now, TW_BIT(TW_IDLE), &plan);
	assert_values(&plan.want, &expected);
	assert_int_equal(plan.write, ALL & ~TW_BIT(TW_IDLE));
	assert_int_equal(plan.kept, TW_BIT(TW_IDLE));
}

static void match__leaves_fields_alone_that_are_not_asked_for(void **state)
{
	struct tw_policy on = { .want = options(1, 0, 0, 0, 0), .fields = TW_BIT(TW_KEEPALIVE) };
	struct tw_policy timeout = {
		.want = options(0, 0, 0, 0, 90000),
		.fields = TW_BIT(TW_USER_TIMEOUT),
	};
	struct tw_options switched_on = options(1, 7200, 75, 9, 0);
	struct tw_options with_timeout = options(0, 7200, 75, 9, 90000);
	struct tw_plan plan;

	(void)state;
	tw_plan(&on, &fresh, &fresh, 0, &plan);
	assert_values(&plan.want, &switched_on);
	assert_int_equal(plan.write, TW_BIT(TW_KEEPALIVE));
	assert_int_equal(plan.kept, 0);

	tw_plan(&timeout, &fresh, &fresh, 0, &plan);
	assert_values(&plan.want, &with_timeout);
	assert_int_equal(plan.write, TW_BIT(TW_USER_TIMEOUT));
}

static void match__exempts(void **state)
{
	struct tw_options now = options(1, 30, 5, 2, 5000);
	struct tw_policy exemption = { 0 };
	struct tw_plan plan;

	(void)state;
	tw_plan(&exemption, &fresh, &fresh, 0, &plan);
	assert_int_equal(plan.write | plan.kept, 0);
	assert_values(&plan.want, &fresh);
	tw_plan(&exemption, &now, &now, ALL, &plan);
	assert_int_equal(plan.write | plan.kept, 0);
	assert_values(&plan.want, &now);
	assert_int_equal(tw_plan_outcome(&plan, 0), TW_ALREADY);
}

/* A child carries what its listener was given; that is the application's, filled where unset. */
static void match__fills_around_what_a_listener_passed_on(void **state)
{
	struct tw_options child = options(1, 7200, 75, 9, 30000);
	struct tw_options expected = options(1, 120, 20, 5, 30000);
	struct tw_policy policy = default_policy();
	struct tw_plan plan;

	(void)state;
	tw_plan(&policy, &child, &child, tw_app_fields(&child, &fresh), &plan);
	assert_values(&plan.want, &expected);
	assert_int_equal(plan.write, TW_TIMERS);
	assert_int_equal(plan.kept, TW_BIT(TW_USER_TIMEOUT));
}

/* Where a namespace's sysctls are what the policy asks, only the rest is written. */
static void match__counts_sysctl_values_as_there(void **state)
{
	struct tw_options now = options(0, 120, 20, 5, 0);
	struct tw_policy policy = default_policy();
	struct tw_plan plan;

	(void)state;
	tw_plan(&policy, &now, &now, tw_app_fields(&now, &now), &plan);
	assert_int_equal(plan.write, TW_BIT(TW_KEEPALIVE) | TW_BIT(TW_USER_TIMEOUT));
	assert_int_equal(plan.want.value[TW_USER_TIMEOUT], 225000);
}

/* --- whose value is it ----------------------------------------------------- */

/* What a sweep leaves behind: the policy's values written over `before`. */
static struct tw_record record_of(const struct tw_options *before, struct tw_options *ret_now)
{
	struct tw_policy policy = default_policy();
	__u32 app = tw_app_fields(before, &fresh);
	struct tw_plan plan;

	tw_plan(&policy, before, before, app, &plan);
	*ret_now = plan.want;
	return (struct tw_record){
		.app = (__u8)app,
		.written = (__u8)plan.impose,
		.original = *before,
		.ours = plan.want,
	};
}

static void match__keeps_all_where_there_is_no_record(void **state)
{
	struct tw_options now = options(1, 50, 75, 9, 3000), base;
	struct tw_record none = { 0 };

	(void)state;
	assert_int_equal(tw_base(&now, &fresh, &none, &base),
			 TW_BIT(TW_KEEPALIVE) | TW_BIT(TW_IDLE) | TW_BIT(TW_USER_TIMEOUT));
	assert_values(&base, &now);
	assert_int_equal(tw_base(&fresh, &fresh, &none, &base), 0);
	assert_values(&base, &fresh);
}

static void match__lets_go_of_what_is_still_ours(void **state)
{
	struct tw_options now, base;
	struct tw_record record = record_of(&fresh, &now);

	(void)state;
	assert_int_equal(record.written, ALL);
	assert_int_equal(tw_base(&now, &fresh, &record, &base), 0);
	assert_values(&base, &fresh);
}

/* The system's values may have changed meanwhile: those of now are what unset means. */
static void match__lets_go_to_the_sysctls_of_now(void **state)
{
	struct tw_options now, base, sysctl = options(0, 600, 33, 6, 0);
	struct tw_record record = record_of(&fresh, &now);

	(void)state;
	assert_int_equal(tw_base(&now, &sysctl, &record, &base), 0);
	assert_values(&base, &sysctl);
}

static void match__keeps_what_the_application_set_before_us(void **state)
{
	struct tw_options own = options(1, 50, 75, 9, 0), now, base;
	struct tw_record record = record_of(&own, &now);

	(void)state;
	assert_int_equal(record.written & (TW_BIT(TW_KEEPALIVE) | TW_BIT(TW_IDLE)), 0);
	assert_int_equal(tw_base(&now, &fresh, &record, &base),
			 TW_BIT(TW_KEEPALIVE) | TW_BIT(TW_IDLE));
	assert_values(&base, &own);
}

static void match__keeps_what_the_application_set_after_us(void **state)
{
	struct tw_options expected = options(0, 50, 75, 9, 3000), now, base;
	struct tw_record record = record_of(&fresh, &now);

	(void)state;
	now.value[TW_IDLE] = 50;
	now.value[TW_USER_TIMEOUT] = 3000;
	assert_int_equal(tw_base(&now, &fresh, &record, &base),
			 TW_BIT(TW_IDLE) | TW_BIT(TW_USER_TIMEOUT));
	assert_values(&base, &expected);
	/* Off again, after us: neither ours nor set. */
	now.value[TW_KEEPALIVE] = 0;
	now.value[TW_USER_TIMEOUT] = 0;
	expected = options(0, 50, 75, 9, 0);
	assert_int_equal(tw_base(&now, &fresh, &record, &base), TW_BIT(TW_IDLE));
	assert_values(&base, &expected);
}

/* Ours over a value of the application's: that is what comes back, and it is its again. */
static void match__gives_the_application_its_original_back(void **state)
{
	struct tw_options now = options(1, 120, 20, 5, 225000), base;
	struct tw_options original = options(1, 50, 60, 9, 3000);
	struct tw_record record = {
		.app = TW_BIT(TW_KEEPALIVE) | TW_BIT(TW_IDLE) | TW_BIT(TW_INTERVAL) |
		       TW_BIT(TW_USER_TIMEOUT),
		.written = TW_TIMERS | TW_BIT(TW_USER_TIMEOUT),
		.original = original,
		.ours = now,
	};

	(void)state;
	assert_int_equal(tw_base(&now, &fresh, &record, &base), record.app);
	assert_values(&base, &original);
}

/* Whatever happens between, what we let go of is what the application asked for last. */
static void match__restores_random_applications(void **state)
{
	static const struct tw_policy exemption = { 0 };
	uint64_t seed = 4242;

	(void)state;
	for (unsigned i = 0; i < 20000; i++) {
		struct tw_options own = fresh, now, base;
		struct tw_record record;
		struct tw_plan plan;
		__u32 app;

		for (__u32 f = 0; f < TW_FIELDS; f++)
			if (unit_below(&seed, 3) == 0)
				own.value[f] = 1000 + unit_below(&seed, 1000);
		record = record_of(&own, &now);
		for (__u32 f = 0; f < TW_FIELDS; f++)
			if (unit_below(&seed, 3) == 0)
				own.value[f] = now.value[f] = 3000 + unit_below(&seed, 1000);
		app = tw_base(&now, &fresh, &record, &base);
		assert_values(&base, &own);
		assert_int_equal(app, tw_app_fields(&own, &fresh));
		tw_plan(&exemption, &now, &base, app, &plan);
		assert_values(&plan.want, &own);
		assert_int_equal(plan.impose, 0);
	}
}

/* A policy of few values, met by sockets of few values, so that both often agree. */
static void match__sees_at_a_glance_that_nothing_is_to_do(void **state)
{
	unsigned empty = 0;
	uint64_t seed = 4;

	(void)state;
	for (unsigned i = 0; i < 100000; i++) {
		const struct tw_record none = { 0 };
		struct tw_options now = options(unit_below(&seed, 2), 120, 20, 5, 225000), base;
		struct tw_policy policy = default_policy();
		struct tw_record record = { 0 };
		struct tw_plan plan;
		__u32 app;

		policy.want.value[TW_USER_TIMEOUT] = 225000;
		policy.fields = (__u8)unit_below(&seed, 32);
		if (!(policy.fields & TW_BIT(TW_USER_TIMEOUT)) ||
		    (policy.fields & TW_TIMERS) != TW_TIMERS)
			policy.flags = 0;
		policy.precedence = (__u8)unit_below(&seed, 3);
		for (unsigned f = 0; f < TW_FIELDS; f++)
			if (!unit_below(&seed, 4))
				now.value[f] = fresh.value[f];
		app = tw_base(&now, &fresh, &none, &base);
		tw_plan(&policy, &now, &base, app, &plan);
		tw_record_fill(&record, &policy, &plan, app, &fresh);
		assert_int_equal(tw_plan_is_empty(&policy, &now),
				 tw_plan_outcome(&plan, 0) == TW_ALREADY &&
					 !tw_record_needed(&record));
		empty += (unsigned)tw_plan_is_empty(&policy, &now);
	}
	assert_in_range(empty, 1000, 99000);
}

/* By the short way as by the long one, whatever the policy and the sysctls. */
static void match__plans_for_a_fresh_socket_alike(void **state)
{
	uint64_t seed = 11;

	(void)state;
	for (unsigned i = 0; i < 20000; i++) {
		struct tw_options sysctl = options(0, 7200, 75, 9, 0);
		struct tw_policy policy = default_policy();
		struct tw_plan plan, quick;
		__u32 app;

		for (unsigned f = 0; f < TW_FIELDS; f++) {
			if (!unit_below(&seed, 3))
				policy.want.value[f] = sysctl.value[f];
			else if (!unit_below(&seed, 3))
				policy.want.value[f] = 1 + unit_below(&seed, 32767);
			if ((TW_BIT(f) & TW_TIMERS) && !unit_below(&seed, 3))
				sysctl.value[f] = unit_below(&seed, 40001);
		}
		policy.fields = (__u8)unit_below(&seed, 32);
		policy.precedence = (__u8)unit_below(&seed, 3);
		if (unit_below(&seed, 2))
			policy.flags &= (__u8)~TW_POLICY_AUTO;
		app = tw_app_fields(&sysctl, &sysctl);
		tw_plan(&policy, &sysctl, &sysctl, app, &plan);
		tw_plan_fresh(&policy, &sysctl, &quick);
		assert_values(&quick.want, &plan.want);
		assert_int_equal(quick.impose, plan.impose);
		assert_int_equal(quick.write, plan.write);
		assert_int_equal(quick.kept, plan.kept);
		assert_int_equal(quick.user_timeout, plan.user_timeout);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(match__finds_the_lowest_bit),
		cmocka_unit_test(match__finds_the_first_of_a_set),
		cmocka_unit_test(match__selects_the_lowest_in_all_four),
		cmocka_unit_test(match__notes_observers_before_the_winner),
		cmocka_unit_test(match__lets_a_new_observer_change_nothing),
		cmocka_unit_test(match__waits_for_what_may_select),
		cmocka_unit_test(match__agrees_with_its_description),
		cmocka_unit_test(match__asks_no_more_than_it_has_to),
		cmocka_unit_test(match__computes_auto),
		cmocka_unit_test(match__tells_what_the_application_set),
		cmocka_unit_test(match__sees_at_a_glance_that_nothing_is_to_do),
		cmocka_unit_test(match__plans_for_a_fresh_socket_alike),
		cmocka_unit_test(match__fills_a_fresh_socket),
		cmocka_unit_test(match__writes_nothing_twice),
		cmocka_unit_test(match__keeps_what_the_application_set),
		cmocka_unit_test(match__lets_auto_follow_the_application),
		cmocka_unit_test(match__leaves_fields_alone_that_are_not_asked_for),
		cmocka_unit_test(match__exempts),
		cmocka_unit_test(match__fills_around_what_a_listener_passed_on),
		cmocka_unit_test(match__counts_sysctl_values_as_there),
		cmocka_unit_test(match__keeps_all_where_there_is_no_record),
		cmocka_unit_test(match__lets_go_of_what_is_still_ours),
		cmocka_unit_test(match__lets_go_to_the_sysctls_of_now),
		cmocka_unit_test(match__keeps_what_the_application_set_before_us),
		cmocka_unit_test(match__keeps_what_the_application_set_after_us),
		cmocka_unit_test(match__gives_the_application_its_original_back),
		cmocka_unit_test(match__restores_random_applications),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
