// SPDX-License-Identifier: GPL-2.0-only
#include "policy/timing.h"

#include "lib/duration.h"

#define RTO_MIN	   200	/* ms: TCP_RTO_MIN, the base of tcp_model_timeout() */
#define SYN_RTO	   1000 /* ms: TCP_TIMEOUT_INIT */
#define TICKS	   20	/* ms: two ticks at HZ=100, what rounding to jiffies may add */
#define MAX_FIRING 512	/* of the SYN timer: both sysctls together, 127 + 255 and some */

static uint64_t least(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

static uint64_t most(uint64_t a, uint64_t b)
{
	return a > b ? a : b;
}

/* A stage, or a sum of stages, that is as late as the timer wheel lets it be. */
static uint64_t late(uint64_t ms)
{
	return ms + (ms + 7) / 8;
}

static struct tw_time_range range(uint64_t min_ms, uint64_t max_ms)
{
	return (struct tw_time_range){ .min_ms = min_ms, .max_ms = max_ms + TICKS };
}

/* --- idle ------------------------------------------------------------------------ */

/* Without a user timeout: so many probes, and an interval after the last. */
static void idle_by_probes(uint64_t idle, uint64_t interval, unsigned probes,
			   struct tw_timing *timing)
{
	uint64_t end = idle + probes * interval;

	timing->probes_min = timing->probes_max = probes;
	timing->idle = range(end, late(end));
}

/*
 * With one: the first expiry that finds it passed and a probe unanswered.
 * Expiry k is at idle + k x interval, or late. So the least count is that of the
 * first expiry that can be late enough, the most that of the first which is late
 * enough in any case; and since the expiry before the last found the timeout
 * not passed, the end is at most an interval behind it.
 */
static void idle_by_user_timeout(uint64_t idle, uint64_t interval, uint64_t timeout,
				 struct tw_timing *timing)
{
	uint64_t in_time = timeout > idle ? (timeout - idle + interval - 1) / interval : 0;
	uint64_t early = 8 * timeout / 9 > idle ? (8 * timeout / 9 - idle) / interval + 1 : 1;
	uint64_t n = most(1, in_time), k = least(most(1, early), n);
	uint64_t end = least(late(idle + n * interval),
			     most(late(idle + interval), timeout + late(interval)));

	timing->probes_min = (unsigned)k;
	timing->probes_max = (unsigned)n;
	timing->idle = range(most(timeout, idle + k * interval), end);
}

static void predict_idle(const struct tw_options *options, struct tw_timing *timing)
{
	uint64_t idle = options->value[TW_IDLE] * 1000ULL;
	uint64_t interval = options->value[TW_INTERVAL] * 1000ULL;
	uint32_t timeout = options->value[TW_USER_TIMEOUT];

	if (!options->value[TW_KEEPALIVE] || !interval)
		timing->idle = (struct tw_time_range){ .never = true };
	else if (timeout)
		idle_by_user_timeout(idle, interval, timeout, timing);
	else
		idle_by_probes(idle, interval, options->value[TW_PROBES], timing);
}

/* --- busy ------------------------------------------------------------------------ */

/* tcp_model_timeout(): `count` doublings of `base`, then steps of the cap. */
static uint64_t model_timeout(unsigned count, uint64_t base, uint64_t cap)
{
	uint64_t sum = base, step = base;

	/* Linux 5.10 takes any count: without the loop where the steps are equal. */
	for (; count && step < cap; count--) {
		step = least(step * 2, cap);
		sum += step;
	}
	return sum + count * cap;
}

uint64_t tw_timing_retries2_ms(unsigned retries2, uint32_t rto_cap_ms)
{
	return model_timeout(retries2, RTO_MIN, rto_cap_ms);
}

/*
 * The clock starts at the first retransmission: an RTO after the segment, or
 * that and the wait for a tail loss probe, which is no longer than an RTO
 * (tcp_schedule_loss_probe()). The timer is clamped to a user timeout, while the
 * model of tcp_retries2 is only looked at when an RTO that doubles runs out: the
 * one before ran out too early, so this one took no longer than all before it
 * and the first one twice.
 */
static void predict_busy(uint32_t timeout, const struct tw_timing_system *system,
			 struct tw_timing *timing)
{
	uint64_t model = tw_timing_retries2_ms(system->retries2, system->rto_cap_ms);
	uint64_t first = late(2ULL * system->rto_most_ms);
	uint64_t last = least(system->rto_cap_ms, model + 2ULL * system->rto_most_ms);

	if (timeout)
		timing->busy =
			range(system->rto_least_ms + (uint64_t)timeout, first + late(timeout));
	else
		timing->busy = range(system->rto_least_ms + model, first + model + late(last));
}

/* --- zero window ------------------------------------------------------------------ */

/*
 * The clock of the user timeout starts when the first window probe is due, an
 * RTO after the window closed, and runs on whether the peer answers or not.
 * Without one, tcp_retries2 unanswered probes are sent. How far apart depends on
 * how often they were answered before, so the range goes from a peer that died
 * with its window closing to one that had answered until the backing off ended.
 */
static void predict_zero_window(uint32_t timeout, const struct tw_timing_system *system,
				struct tw_timing *timing)
{
	uint64_t step = system->rto_most_ms;

	if (timeout) {
		timing->zero_window = range(system->rto_least_ms + (uint64_t)timeout,
					    late(system->rto_most_ms + (uint64_t)timeout));
		return;
	}
	for (unsigned i = 0; i < system->retries2 && step < system->rto_cap_ms; i++)
		step *= 2;
	step = least(step, system->rto_cap_ms);
	timing->zero_window =
		range(model_timeout(system->retries2, system->rto_least_ms, system->rto_cap_ms),
		      late((system->retries2 + 1ULL) * step));
}

/* --- connect ---------------------------------------------------------------------- */

/*
 * When the SYN timer fires for the `count`th time: each second for the linear
 * ones and the first behind them, from there on it doubles.
 */
static uint64_t syn_firing(unsigned count, const struct tw_timing_system *system)
{
	uint64_t at = 0, rto = SYN_RTO;

	for (unsigned i = 1; i <= count; i++) {
		at += rto;
		if (i > system->syn_linear)
			rto = least(rto * 2, system->rto_cap_ms);
	}
	return at;
}

/*
 * At a firing the kernel gives up where all retransmissions were sent, or where
 * the model of tcp_syn_retries has passed. The first that is late enough can do,
 * the first that is late enough in any case will.
 */
static struct tw_time_range syn_model(unsigned last, const struct tw_timing_system *system)
{
	uint64_t model = model_timeout(system->syn_retries, SYN_RTO, system->rto_cap_ms);
	unsigned can = 2, will = 2;

	while (can < last && late(syn_firing(can, system)) < model)
		can++;
	while (will < last && syn_firing(will, system) < model)
		will++;
	if (can < last)
		return range(most(model, syn_firing(can, system)), late(syn_firing(will, system)));
	return range(syn_firing(last, system), late(syn_firing(will, system)));
}

/*
 * The firing that finds all retransmissions sent, or earlier the user timeout,
 * to which the timer is clamped but for its first stage.
 */
static void predict_connect(uint32_t timeout, const struct tw_timing_system *system,
			    struct tw_timing *timing)
{
	unsigned last = system->syn_retries + system->syn_linear + 1;
	uint64_t end;

	if (last > MAX_FIRING)
		last = MAX_FIRING;
	if (!timeout) {
		timing->connect = syn_model(last, system);
		return;
	}
	end = least(syn_firing(last, system), most(SYN_RTO, timeout));
	timing->connect = range(end, late(end));
}

void tw_timing_predict(const struct tw_options *options, const struct tw_timing_system *system,
		       struct tw_timing *ret_timing)
{
	struct tw_timing timing = { 0 };
	uint32_t timeout = options->value[TW_USER_TIMEOUT];

	predict_idle(options, &timing);
	predict_busy(timeout, system, &timing);
	predict_zero_window(timeout, system, &timing);
	predict_connect(timeout, system, &timing);
	*ret_timing = timing;
}

/* --- in words ----------------------------------------------------------------------- */

static int add_probes(const struct tw_timing *timing, struct tw_buf *buf)
{
	if (timing->probes_min == timing->probes_max)
		return tw_buf_addf(buf, "%u", timing->probes_max);
	return tw_buf_addf(buf, "%u to %u", timing->probes_min, timing->probes_max);
}

int tw_timing_idle_words(const struct tw_options *options, const struct tw_timing *timing,
			 struct tw_buf *buf)
{
	char idle[TW_DURATION_LEN], interval[TW_DURATION_LEN], timeout[TW_DURATION_LEN];
	int r;

	if (!options->value[TW_KEEPALIVE])
		return tw_buf_addf(buf,
				   "keepalive is off: nothing is sent, so nothing is noticed%s",
				   options->value[TW_USER_TIMEOUT]
					   ? "; user_timeout does not act on an idle connection"
					   : "");
	r = tw_buf_addf(buf, "first probe after %s, then every %s; ",
			tw_duration_format(options->value[TW_IDLE] * 1000ULL, idle),
			tw_duration_format(options->value[TW_INTERVAL] * 1000ULL, interval));
	if (r == 0 && options->value[TW_USER_TIMEOUT])
		r = tw_buf_addf(buf,
				"with user_timeout set the probe count is ignored; dead when a "
				"probe is due "
				"and %s have passed: after ",
				tw_duration_format(options->value[TW_USER_TIMEOUT], timeout));
	else if (r == 0)
		r = tw_buf_addf(buf, "dead an interval after the last of ");
	if (r == 0)
		r = add_probes(timing, buf);
	return r < 0 ? r
		     : tw_buf_addf(buf, " unanswered probe%s", timing->probes_max == 1 ? "" : "s");
}

/* "one RTO (200ms to 1s)", or of a connection whose RTO is known "one RTO (204ms)". */
static int add_rto(const struct tw_timing_system *system, struct tw_buf *buf)
{
	char from[TW_DURATION_LEN], to[TW_DURATION_LEN];

	tw_duration_format(system->rto_least_ms, from);
	tw_duration_format(system->rto_most_ms, to);
	if (system->rto_least_ms == system->rto_most_ms)
		return tw_buf_addf(buf, "one RTO (%s)", to);
	return tw_buf_addf(buf, "one RTO (%s to %s)", from, to);
}

int tw_timing_busy_words(const struct tw_options *options, const struct tw_timing_system *system,
			 struct tw_buf *buf)
{
	char text[TW_DURATION_LEN];
	int r = tw_buf_addf(buf, "first retransmission after ");

	if (r == 0)
		r = add_rto(system, buf);
	if (r == 0)
		r = tw_buf_addf(buf, ", twice that behind a tail loss probe; ");
	if (r < 0)
		return r;
	if (options->value[TW_USER_TIMEOUT])
		return tw_buf_addf(buf,
				   "dead user_timeout (%s) after it, whatever tcp_retries2 says; "
				   "keepalive rests",
				   tw_duration_format(options->value[TW_USER_TIMEOUT], text));
	return tw_buf_addf(
		buf,
		"dead when a retransmission is due and tcp_retries2 = %u, which comes to "
		"%s, has passed; keepalive rests",
		system->retries2,
		tw_duration_format(tw_timing_retries2_ms(system->retries2, system->rto_cap_ms),
				   text));
}

int tw_timing_zero_window_words(const struct tw_options *options,
				const struct tw_timing_system *system, struct tw_buf *buf)
{
	char text[TW_DURATION_LEN];
	int r = tw_buf_addf(buf, "first window probe after ");

	if (r == 0)
		r = add_rto(system, buf);
	if (r < 0)
		return r;
	if (options->value[TW_USER_TIMEOUT])
		return tw_buf_addf(
			buf,
			"; dead user_timeout (%s) after it, even where the peer lives and "
			"answers but does not read",
			tw_duration_format(options->value[TW_USER_TIMEOUT], text));
	return tw_buf_addf(buf,
			   ", then ever further apart; dead after tcp_retries2 = %u of them are "
			   "unanswered; a peer that answers and does not read is never given up",
			   system->retries2);
}

int tw_timing_connect_words(const struct tw_options *options, const struct tw_timing_system *system,
			    struct tw_buf *buf)
{
	uint32_t timeout = options->value[TW_USER_TIMEOUT];
	char text[TW_DURATION_LEN];

	if (timeout && timeout < SYN_RTO)
		return tw_buf_addf(
			buf,
			"user_timeout (%s), but not before the first SYN timed out, after "
			"1s; keepalive rests",
			tw_duration_format(timeout, text));
	if (timeout)
		return tw_buf_addf(buf,
				   "user_timeout (%s), or earlier the last of %u SYN "
				   "retransmissions (tcp_syn_retries = %u, "
				   "tcp_syn_linear_timeouts = %u) timed out; keepalive rests",
				   tw_duration_format(timeout, text),
				   system->syn_retries + system->syn_linear, system->syn_retries,
				   system->syn_linear);
	return tw_buf_addf(
		buf,
		"at most %u SYN retransmissions (tcp_syn_retries = %u, "
		"tcp_syn_linear_timeouts = %u) and the wait after the last; keepalive rests",
		system->syn_retries + system->syn_linear, system->syn_retries, system->syn_linear);
}
