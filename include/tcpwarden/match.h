/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Which policy wins, and what it makes of a socket's values. Pure: no map, no
 * helper, no libc. One copy, compiled into the BPF programs, the loader and
 * the tests.
 */
#ifndef TCPWARDEN_MATCH_H
#define TCPWARDEN_MATCH_H

#include <tcpwarden/abi.h>

#define TW_INLINE static inline __attribute__((always_inline))

/*
 * The number of the lowest set bit of `word`, which is not 0. BPF has no
 * instruction for it: a de Bruijn sequence gives each power of two a different
 * top six bits, and no branch for the verifier to follow.
 */
TW_INLINE __u32 tw_lowest_bit(__u64 word)
{
	static const __u8 position[64] = {
		0,  1,	2,  53, 3,  7,	54, 27, 4,  38, 41, 8,	34, 55, 48, 28,
		62, 5,	39, 46, 44, 42, 22, 9,	24, 35, 59, 56, 49, 18, 29, 11,
		63, 52, 6,  26, 37, 40, 33, 47, 61, 45, 43, 21, 23, 58, 17, 10,
		51, 25, 36, 32, 60, 20, 57, 16, 50, 31, 19, 15, 30, 14, 13, 12,
	};

	return position[((word & -word) * 0x022fdd63cc95386dULL) >> 58];
}

/* The lowest member of `set`, or TW_MAX_POLICIES where it is empty. */
TW_INLINE __u32 tw_set_first(const struct tw_set *set)
{
	for (__u32 i = 0; i < TW_SET_WORDS; i++)
		if (set->word[i])
			return i * 64 + tw_lowest_bit(set->word[i]);
	return TW_MAX_POLICIES;
}

/* What a connection meets: the winner, and the observers that were asked first. */
struct tw_verdict {
	struct tw_set observers; /* matching policies before the winner that only observe */
	__u32 winner;		 /* a policy number, or TW_MAX_POLICIES: none */
};

/*
 * Select among policies by the four sets of a connection and the set of
 * policies that only observe. An observer is noted and the search goes on, so
 * adding one never changes which policy wins.
 */
TW_INLINE void tw_select(const struct tw_set *cgroup, const struct tw_set *direction,
			 const struct tw_set *remote, const struct tw_set *port,
			 const struct tw_set *observe, struct tw_verdict *ret_verdict)
{
	__u32 winner = TW_MAX_POLICIES;

	for (__u32 i = 0; i < TW_SET_WORDS; i++) {
		__u64 met = cgroup->word[i] & direction->word[i] & remote->word[i] & port->word[i];
		__u64 enforcing = met & ~observe->word[i];
		__u64 before = ~0ULL;

		if (winner != TW_MAX_POLICIES) {
			before = 0;
		} else if (enforcing) {
			winner = i * 64 + tw_lowest_bit(enforcing);
			before = (enforcing & -enforcing) - 1;
		}
		ret_verdict->observers.word[i] = met & observe->word[i] & before;
	}
	ret_verdict->winner = winner;
}

/*
 * Milliseconds for `user_timeout: auto`, from effective timers in seconds:
 * L + max(interval / 2, L / 8) with L = idle + (probes - 1) * interval. With a
 * user timeout set the kernel ignores the probe count and gives up at the first
 * expiry that finds it passed (tcp_keepalive_timer()); L / 8 is what the timer
 * wheel may be late (FACTS: never early, 12.5 %), so no fewer probes are sent
 * than asked. Clamped to what the kernel takes.
 */
TW_INLINE __u32 tw_auto_user_timeout(__u32 idle, __u32 interval, __u32 probes)
{
	__u64 last = ((__u64)idle + (probes ? probes - 1ULL : 0) * interval) * 1000;
	__u64 half = (__u64)interval * 500;
	__u64 late = last / 8;
	__u64 sum = last + (half > late ? half : late);

	return sum > TW_MAX_USER_TIMEOUT ? TW_MAX_USER_TIMEOUT : (__u32)sum;
}

/*
 * TW_BIT()s of the options that the application has set, where none is ours: a
 * timer that differs from its namespace's sysctl, a user timeout, keepalive on.
 * Both arguments hold effective values: `now` has the sysctl's value in an
 * unset timer.
 */
TW_INLINE __u32 tw_app_fields(const struct tw_options *now, const struct tw_options *sysctl)
{
	__u32 app = 0;

	for (__u32 f = 0; f < TW_FIELDS; f++)
		if (now->value[f] != sysctl->value[f])
			app |= TW_BIT(f);
	return app;
}

/* What a policy makes of one socket. */
struct tw_plan {
	struct tw_options want; /* valid for the fields in `write` */
	__u32 write;		/* TW_BIT()s to write */
	__u32 kept;		/* TW_BIT()s that differ and stay the application's */
};

/*
 * Plan `policy` for a socket whose effective values are `now`, of which the
 * fields `app` are the application's. Precedence `app`: only what is left is
 * filled; `auto` follows the timers that result.
 */
TW_INLINE void tw_plan(const struct tw_policy *policy, const struct tw_options *now, __u32 app,
		       struct tw_plan *ret_plan)
{
	struct tw_options want = *now;
	__u32 fields = policy->fields;
	__u32 write = 0, kept = 0;

	for (__u32 f = 0; f < TW_FIELDS; f++)
		if (fields & ~app & TW_BIT(f))
			want.value[f] = policy->want.value[f];

	__u32 timeout = policy->want.value[TW_USER_TIMEOUT];
	if (policy->flags & TW_POLICY_AUTO) {
		timeout = tw_auto_user_timeout(want.value[TW_IDLE], want.value[TW_INTERVAL],
					       want.value[TW_PROBES]);
		if (!(app & TW_BIT(TW_USER_TIMEOUT)))
			want.value[TW_USER_TIMEOUT] = timeout;
	}

	for (__u32 f = 0; f < TW_FIELDS; f++) {
		__u32 asked = f == TW_USER_TIMEOUT ? timeout : policy->want.value[f];

		if (!(fields & TW_BIT(f)))
			continue;
		if (want.value[f] != now->value[f])
			write |= TW_BIT(f);
		else if (now->value[f] != asked)
			kept |= TW_BIT(f);
	}
	ret_plan->want = want;
	ret_plan->write = write;
	ret_plan->kept = kept;
}

/* How a socket is counted once its plan was carried out, or only looked at. */
TW_INLINE enum tw_outcome tw_plan_outcome(const struct tw_plan *plan, int observed)
{
	if (plan->write)
		return observed ? TW_WOULD_SET : TW_SET;
	return plan->kept ? TW_KEPT_APP : TW_ALREADY;
}

#endif
