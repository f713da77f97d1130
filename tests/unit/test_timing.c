// SPDX-License-Identifier: GPL-2.0-only
/* The ranges, against what was measured on Linux 6.18 (FACTS.md section 5) and by arithmetic. */
#include "unit.h"

#include "policy/timing.h"

#include <tcpwarden/match.h>

struct values {
	unsigned keepalive, idle, interval, probes;
	uint32_t user_timeout;
};

static struct tw_options options(struct values values)
{
	return (struct tw_options){
		.value = { [TW_KEEPALIVE] = values.keepalive,
			   [TW_IDLE] = values.idle,
			   [TW_INTERVAL] = values.interval,
			   [TW_PROBES] = values.probes,
			   [TW_USER_TIMEOUT] = values.user_timeout },
	};
}

static struct tw_timing predict(struct values values, const struct tw_timing_system *system)
{
	struct tw_options o = options(values);
	struct tw_timing timing;

	tw_timing_predict(&o, system, &timing);
	return timing;
}

/* Measured where the RTO was 200 to 210 ms. */
static struct tw_timing_system measured(void)
{
	struct tw_timing_system system = TW_TIMING_SYSTEM_DEFAULT;

	system.rto_most_ms = 210;
	return system;
}

#define assert_range(range, min, max)                         \
	do {                                                  \
		assert_false((range).never);                  \
		assert_int_equal((range).min_ms, min);        \
		assert_int_equal((range).max_ms, (max) + 20); \
	} while (0)

/* A measured time lies in the range, and the range is no wider than `width`. */
static void assert_holds(struct tw_time_range range, uint64_t ms, uint64_t width)
{
	assert_false(range.never);
	assert_in_range(ms, range.min_ms, range.max_ms);
	assert_in_range(range.max_ms - range.min_ms, 0, width);
}

static void timing__idle_as_measured(void **state)
{
	static const struct {
		struct values values;
		uint64_t ms;
	} cases[] = {
		{ { 1, 1, 1, 3, 0 }, 4100 },	  { { 1, 1, 1, 9, 3000 }, 3050 },
		{ { 1, 1, 1, 2, 10000 }, 10200 }, { { 1, 5, 1, 9, 2000 }, 6250 },
		{ { 1, 1, 2, 9, 3500 }, 5040 },
	};
	struct tw_timing_system system = measured();

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		assert_holds(predict(cases[i].values, &system).idle, cases[i].ms,
			     cases[i].ms / 7 + 1200);
}

static void timing__idle_without_user_timeout(void **state)
{
	struct tw_timing_system system = TW_TIMING_SYSTEM_DEFAULT;
	struct tw_timing timing = predict((struct values){ 1, 60, 10, 3, 0 }, &system);

	(void)state;
	assert_range(timing.idle, 90000, 101250);
	assert_int_equal(timing.probes_min, 3);
	assert_int_equal(timing.probes_max, 3);
	timing = predict((struct values){ 1, 7200, 75, 9, 0 }, &system);
	assert_range(timing.idle, 7875000, 8859375);
	timing = predict((struct values){ 1, 32767, 32767, 127, 0 }, &system);
	assert_int_equal(timing.idle.min_ms, 128ULL * 32767000);
}

static void timing__idle_with_user_timeout(void **state)
{
	struct tw_timing_system system = TW_TIMING_SYSTEM_DEFAULT;
	struct tw_timing timing;

	(void)state;
	/* 225 s pass between the fifth expiry, at 220 s, and the sixth. */
	timing = predict((struct values){ 1, 120, 20, 5, 225000 }, &system);
	assert_range(timing.idle, 225000, 247500);
	assert_int_equal(timing.probes_min, 5);
	assert_int_equal(timing.probes_max, 6);
	/* Below the idle time: one probe is sent all the same. */
	timing = predict((struct values){ 1, 60, 10, 9, 1 }, &system);
	assert_range(timing.idle, 70000, 78750);
	assert_int_equal(timing.probes_max, 1);
	/* Half an interval below the end by count: late expiries die early (FACTS section 16). */
	timing = predict((struct values){ 1, 20, 1, 3, 22500 }, &system);
	assert_int_equal(timing.probes_min, 1);
	assert_int_equal(timing.probes_max, 3);
	assert_range(timing.idle, 22500, 23625);
	/* Exactly at an expiry. */
	timing = predict((struct values){ 1, 10, 10, 9, 30000 }, &system);
	assert_int_equal(timing.probes_max, 2);
	assert_int_equal(timing.idle.min_ms, 30000);
	timing = predict((struct values){ 1, 1, 1, 1, TW_MAX_USER_TIMEOUT }, &system);
	assert_in_range(timing.idle.min_ms, TW_MAX_USER_TIMEOUT, TW_MAX_USER_TIMEOUT + 1000ULL);
}

static void timing__idle_without_keepalive_is_never(void **state)
{
	struct tw_timing_system system = TW_TIMING_SYSTEM_DEFAULT;

	(void)state;
	assert_true(predict((struct values){ 0, 1, 1, 1, 0 }, &system).idle.never);
	assert_true(predict((struct values){ 0, 1, 1, 1, 2000 }, &system).idle.never);
}

/* What the kernel does at each expiry, each late by a random part of an eighth, or nearly all. */
static uint64_t walk(const struct values *v, uint64_t *seed, unsigned *ret_probes)
{
	uint64_t now = 0, step = v->idle * 1000ULL;

	*ret_probes = 0;
	for (;;) {
		now += step + (seed ? unit_below(seed, (unsigned)(step / 8)) : step / 8 - 1);
		if (v->user_timeout ? now >= v->user_timeout && *ret_probes > 0
				    : *ret_probes >= v->probes)
			return now;
		(*ret_probes)++;
		step = v->interval * 1000ULL;
	}
}

static void assert_walk(const struct values *v, uint64_t *seed)
{
	struct tw_timing_system system = TW_TIMING_SYSTEM_DEFAULT;
	struct tw_timing timing = predict(*v, &system);
	unsigned probes;
	uint64_t end = walk(v, seed, &probes);

	if (end < timing.idle.min_ms || end > timing.idle.max_ms)
		print_error("%u:%u:%u %u\n", v->idle, v->interval, v->probes, v->user_timeout);
	assert_in_range(end, timing.idle.min_ms, timing.idle.max_ms);
	assert_in_range(probes, timing.probes_min, timing.probes_max);
}

/* Whatever the lateness of each stage, the end is in the range, and the probes are too. */
static void timing__idle_holds_however_late(void **state)
{
	uint64_t seed = 4711;

	(void)state;
	for (unsigned i = 0; i < 20000; i++) {
		struct values v = { 1, 1 + unit_below(&seed, 300), 1 + unit_below(&seed, 90),
				    1 + unit_below(&seed, 12), 0 };

		if (unit_below(&seed, 3))
			v.user_timeout = 1 + unit_below(&seed, 1000000);
		assert_walk(&v, &seed);
		assert_walk(&v, NULL);
	}
}

/* `auto` never dies after fewer probes than asked (DESIGN.md section 2). */
static void timing__auto_sends_what_is_asked(void **state)
{
	struct tw_timing_system system = TW_TIMING_SYSTEM_DEFAULT;
	uint64_t seed = 815;

	(void)state;
	for (unsigned i = 0; i < 50000; i++) {
		struct values v = { 1, 1 + unit_below(&seed, TW_MAX_SECONDS),
				    1 + unit_below(&seed, i % 2 ? 120 : TW_MAX_SECONDS),
				    1 + unit_below(&seed, TW_MAX_PROBES), 0 };
		struct tw_timing timing;

		v.user_timeout = tw_auto_user_timeout(v.idle, v.interval, v.probes);
		if (v.user_timeout == TW_MAX_USER_TIMEOUT)
			continue;
		timing = predict(v, &system);
		if (timing.probes_min < v.probes)
			print_error("%u:%u:%u\n", v.idle, v.interval, v.probes);
		assert_in_range(timing.probes_min, v.probes, timing.probes_max);
	}
}

static void timing__busy_as_measured(void **state)
{
	struct tw_timing_system system = measured();

	(void)state;
	assert_holds(predict((struct values){ 1, 1, 1, 3, 3000 }, &system).busy, 3410, 800);
	system.retries2 = 4;
	assert_holds(predict((struct values){ 1, 1, 1, 2, 30000 }, &system).busy, 30500, 4500);
	assert_holds(predict((struct values){ 1, 1, 1, 2, 0 }, &system).busy, 6680, 7800);
	system.retries2 = 15;
	/* 924.6 s, and the RTO before the clock starts. */
	assert_holds(predict((struct values){ 0, 7200, 75, 9, 0 }, &system).busy, 924800, 136000);
	assert_holds(predict((struct values){ 0, 7200, 75, 9, 0 }, &system).busy, 940000, 136000);
}

static void timing__busy_follows_the_rto(void **state)
{
	struct tw_timing_system system = TW_TIMING_SYSTEM_DEFAULT;

	(void)state;
	assert_range(predict((struct values){ 1, 1, 1, 1, 10000 }, &system).busy, 10200, 13500);
	system.rto_least_ms = system.rto_most_ms = 400;
	assert_range(predict((struct values){ 1, 1, 1, 1, 10000 }, &system).busy, 10400, 12150);
}

static void timing__models_tcp_retries2(void **state)
{
	(void)state;
	assert_int_equal(tw_timing_retries2_ms(0, 120000), 200);
	assert_int_equal(tw_timing_retries2_ms(4, 120000), 6200);
	assert_int_equal(tw_timing_retries2_ms(9, 120000), 204600);
	assert_int_equal(tw_timing_retries2_ms(10, 120000), 324600);
	assert_int_equal(tw_timing_retries2_ms(15, 120000), 924600);
	/* net.ipv4.tcp_rto_max_ms = 1000: 200 + 400 + 800, then seconds. */
	assert_int_equal(tw_timing_retries2_ms(5, 1000), 4400);
}

static void timing__zero_window_as_measured(void **state)
{
	struct tw_timing_system system = measured();

	(void)state;
	assert_holds(predict((struct values){ 1, 1, 1, 3, 3000 }, &system).zero_window, 3260, 600);
	system.retries2 = 4;
	system.rto_most_ms = 1000;
	assert_holds(predict((struct values){ 1, 1, 1, 3, 0 }, &system).zero_window, 10400, 90000);
}

/* A peer that answered for long is probed every 120 s, and 15 probes and a wait are to come. */
static void timing__zero_window_without_user_timeout(void **state)
{
	struct tw_timing_system system = TW_TIMING_SYSTEM_DEFAULT;

	(void)state;
	assert_range(predict((struct values){ 1, 1, 1, 3, 0 }, &system).zero_window, 924600,
		     2160000);
}

static void timing__connect_as_measured(void **state)
{
	struct tw_timing_system system = TW_TIMING_SYSTEM_DEFAULT;

	(void)state;
	assert_holds(predict((struct values){ 0, 1, 1, 1, 2500 }, &system).connect, 2510, 400);
	assert_holds(predict((struct values){ 0, 1, 1, 1, 500 }, &system).connect, 1020, 200);
	system.syn_retries = 2;
	assert_holds(predict((struct values){ 1, 1, 1, 1, 0 }, &system).connect, 7100, 900);
	system.syn_retries = 1;
	assert_holds(predict((struct values){ 1, 1, 1, 1, 10000 }, &system).connect, 7100, 900);
}

static void timing__connect_by_default(void **state)
{
	struct tw_timing_system system = TW_TIMING_SYSTEM_DEFAULT;

	(void)state;
	/* Five firings a second apart, then 7, 11, 19, 35, 67 and 131 s. */
	assert_range(predict((struct values){ 0, 7200, 75, 9, 0 }, &system).connect, 131000,
		     147375);
	system.syn_linear = 0;
	assert_range(predict((struct values){ 0, 7200, 75, 9, 0 }, &system).connect, 127000,
		     142875);
	/* A user timeout does not lengthen it. */
	assert_range(predict((struct values){ 0, 7200, 75, 9, 900000 }, &system).connect, 127000,
		     142875);
}

static void assert_words(int (*words)(const struct tw_options *, const struct tw_timing_system *,
				      struct tw_buf *),
			 struct values values, const char *expected)
{
	struct tw_timing_system system = TW_TIMING_SYSTEM_DEFAULT;
	_cleanup_buf_ struct tw_buf buf = TW_BUF_INIT;
	struct tw_options o = options(values);

	assert_int_equal(words(&o, &system, &buf), 0);
	assert_string_equal(tw_buf_string(&buf), expected);
}

static int idle_words(const struct tw_options *o, const struct tw_timing_system *system,
		      struct tw_buf *buf)
{
	struct tw_timing timing;

	tw_timing_predict(o, system, &timing);
	return tw_timing_idle_words(o, &timing, buf);
}

static void timing__in_words(void **state)
{
	(void)state;
	assert_words(idle_words, (struct values){ 1, 120, 20, 5, 225000 },
		     "first probe after 2m, then every 20s; with user_timeout set the probe count "
		     "is ignored; dead when a probe is due and 3m45s have passed: after 5 to 6 "
		     "unanswered probes");
	assert_words(idle_words, (struct values){ 1, 60, 10, 1, 0 },
		     "first probe after 1m, then every 10s; dead an interval after the last of 1 "
		     "unanswered probe");
	assert_words(idle_words, (struct values){ 0, 60, 10, 1, 1000 },
		     "keepalive is off: nothing is sent, so nothing is noticed; user_timeout does "
		     "not act on an idle connection");
	assert_words(tw_timing_busy_words, (struct values){ 1, 1, 1, 1, 30000 },
		     "first retransmission after one RTO (200ms to 1s), twice that behind a tail "
		     "loss probe; dead user_timeout (30s) after it, whatever tcp_retries2 says; "
		     "keepalive rests");
	assert_words(
		tw_timing_zero_window_words, (struct values){ 1, 1, 1, 1, 0 },
		"first window probe after one RTO (200ms to 1s), then ever further apart; dead "
		"after tcp_retries2 = 15 of them are unanswered; a peer that answers and does "
		"not read is never given up");
	assert_words(tw_timing_connect_words, (struct values){ 1, 1, 1, 1, 500 },
		     "user_timeout (500ms), but not before the first SYN timed out, after 1s; "
		     "keepalive rests");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(timing__idle_as_measured),
		cmocka_unit_test(timing__idle_without_user_timeout),
		cmocka_unit_test(timing__idle_with_user_timeout),
		cmocka_unit_test(timing__idle_without_keepalive_is_never),
		cmocka_unit_test(timing__idle_holds_however_late),
		cmocka_unit_test(timing__auto_sends_what_is_asked),
		cmocka_unit_test(timing__busy_as_measured),
		cmocka_unit_test(timing__busy_follows_the_rto),
		cmocka_unit_test(timing__models_tcp_retries2),
		cmocka_unit_test(timing__zero_window_as_measured),
		cmocka_unit_test(timing__zero_window_without_user_timeout),
		cmocka_unit_test(timing__connect_as_measured),
		cmocka_unit_test(timing__connect_by_default),
		cmocka_unit_test(timing__in_words),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
