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

/*
 * Values are compared and chosen without branches: five fields would be dozens
 * of paths, and the verifier follows each. The compiler would turn the
 * arithmetic back into branches if it saw through it.
 */
TW_INLINE __u64 tw_opaque(__u64 x)
{
	__asm__ volatile("" : "+r"(x));
	return x;
}

/* 1 where x is not 0, else 0. */
TW_INLINE __u32 tw_nonzero(__u64 x)
{
	return (__u32)(tw_opaque(x | -x) >> 63);
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
	__u32 pending;		 /* 1: whether the winner selects the socket's pod is not known */
};

/*
 * Select among policies by the four sets of a connection and the set of
 * policies that only observe. `may` is ~0 where cgroup->may holds for this
 * socket, else 0. An observer is noted and the search goes on, so adding one
 * never changes which policy wins; one that only may select is passed over.
 */
TW_INLINE void tw_select(const struct tw_cgroup_sets *cgroup, __u64 may,
			 const struct tw_set *direction, const struct tw_set *remote,
			 const struct tw_set *port, const struct tw_set *observe,
			 struct tw_verdict *ret_verdict)
{
	__u32 winner = TW_MAX_POLICIES;
	__u64 doubt = 0;

	for (__u32 i = 0; i < TW_SET_WORDS; i++) {
		__u64 others = direction->word[i] & remote->word[i] & port->word[i];
		__u64 met = cgroup->must.word[i] & others;
		__u64 maybe = cgroup->may.word[i] & may & others;
		__u64 enforcing = (met | maybe) & ~observe->word[i];
		__u64 before = ~0ULL;

		if (winner != TW_MAX_POLICIES) {
			before = 0;
		} else if (enforcing) {
			winner = i * 64 + tw_lowest_bit(enforcing);
			doubt = maybe & enforcing & -enforcing;
			before = (enforcing & -enforcing) - 1;
		}
		ret_verdict->observers.word[i] = met & observe->word[i] & before;
	}
	ret_verdict->winner = winner;
	ret_verdict->pending = tw_nonzero(doubt);
}

/*
 * Whether a cgroup has candidates in both `direction` and `other` that are not
 * in `any`: then what they select is to be looked up, else `any` does.
 */
TW_INLINE int tw_selective(const struct tw_cgroup_sets *cgroup, __u64 may,
			   const struct tw_set *direction, const struct tw_set *other,
			   const struct tw_set *any)
{
	__u64 selective = 0;

	for (__u32 i = 0; i < TW_SET_WORDS; i++)
		selective |= (cgroup->must.word[i] | (cgroup->may.word[i] & may)) &
			     direction->word[i] & other->word[i] & ~any->word[i];
	return selective != 0;
}

/* Of tw_sole_winner(): address, port or an observer have a say, so tw_select() is to be asked. */
#define TW_ASK (TW_MAX_POLICIES + 1)

/*
 * Which policy wins in a cgroup whatever the address and the port, and with no
 * observer asked before it; TW_MAX_POLICIES: none. `may` as in tw_select().
 */
TW_INLINE __u32 tw_sole_winner(const struct tw_cgroup_sets *cgroup, __u64 may,
			       const struct tw_set *direction, const struct tw_set *any_remote,
			       const struct tw_set *any_port, const struct tw_set *observe)
{
	struct tw_set met, free;
	__u32 winner;

	for (__u32 i = 0; i < TW_SET_WORDS; i++) {
		met.word[i] = (cgroup->must.word[i] | (cgroup->may.word[i] & may)) &
			      direction->word[i];
		free.word[i] = cgroup->must.word[i] & direction->word[i] & any_remote->word[i] &
			       any_port->word[i] & ~observe->word[i];
	}
	winner = tw_set_first(&met);
	return winner == tw_set_first(&free) ? winner : TW_ASK;
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

/* `yes` where bit `f` of `bits` is set, else `no`. */
TW_INLINE __u32 tw_pick(__u32 bits, __u32 f, __u32 yes, __u32 no)
{
	__u64 all = tw_opaque(-(__u64)(bits >> f & 1));

	return (__u32)((yes & all) | (no & ~all));
}

/* TW_BIT()s of the fields in which two sets of values differ. */
TW_INLINE __u32 tw_differing(const struct tw_options *a, const struct tw_options *b)
{
	__u32 differing = 0;

	for (__u32 f = 0; f < TW_FIELDS; f++)
		differing |= tw_nonzero(a->value[f] ^ b->value[f]) << f;
	return differing;
}

/*
 * TW_BIT()s of the options that the application has set, where none is ours: a
 * timer that differs from its namespace's sysctl, a user timeout, keepalive on.
 * Both arguments hold effective values: `now` has the sysctl's value in an
 * unset timer.
 */
TW_INLINE __u32 tw_app_fields(const struct tw_options *now, const struct tw_options *sysctl)
{
	return tw_differing(now, sysctl);
}

/*
 * What a socket would have if we had never come: `now`, but where a field is
 * ours (we wrote it and it still has that value) the application's original or,
 * where the application had set none, the sysctl's value. Returns the TW_BIT()s
 * of the fields that are the application's. A socket without a record has one
 * of zeros. *ret_base may be the record's own `original`.
 */
TW_INLINE __u32 tw_base(const struct tw_options *now, const struct tw_options *sysctl,
			const struct tw_record *record, struct tw_options *ret_base)
{
	__u32 ours = record->written & ~tw_differing(&record->ours, now);

	for (__u32 f = 0; f < TW_FIELDS; f++) {
		__u32 original =
			tw_pick(record->app, f, record->original.value[f], sysctl->value[f]);

		ret_base->value[f] = tw_pick(ours, f, original, now->value[f]);
	}
	return (tw_app_fields(now, sysctl) & ~ours) | (record->app & ours);
}

/* What a policy makes of one socket. */
struct tw_plan {
	struct tw_options want; /* all five, as they will be */
	__u32 impose;		/* TW_BIT()s in which `want` differs from the base: ours */
	__u32 write;		/* TW_BIT()s in which it differs from what is: to write */
	__u32 kept; /* TW_BIT()s that differ from what is asked, and stay the application's */
	__u32 user_timeout; /* what is asked: of `auto` the sum */
};

/* All bits where `bits` has bit `n`, else none. */
TW_INLINE __u32 tw_all(__u32 bits, __u32 n)
{
	return -(bits >> n & 1u);
}

/* All bits where `a` is less than `b`, else none. */
TW_INLINE __u32 tw_less(__u32 a, __u32 b)
{
	return -(__u32)(tw_opaque((__u64)a - b) >> 63);
}

/*
 * Plan `policy` for a socket with the values `now`, given its tw_base() and the
 * fields `app` of it that are the application's. What the application left is
 * filled. What it set stays under precedence `app`, gives way to the policy's
 * under `policy`, and to a smaller one under `strictest`: a set keepalive is
 * on, a set user timeout not 0, so off and 0 are never compared. `auto` follows
 * the timers that result. An exemption, whose `fields` are 0, lets go of what
 * is ours.
 */
TW_INLINE void tw_plan(const struct tw_policy *policy, const struct tw_options *now,
		       const struct tw_options *base, __u32 app, struct tw_plan *ret_plan)
{
	__u32 strictest = tw_all(policy->precedence, 0), always = tw_all(policy->precedence, 1);
	__u32 timeout = policy->want.value[TW_USER_TIMEOUT], differs = 0, take;
	struct tw_options *want = &ret_plan->want;

	for (__u32 f = 0; f < TW_FIELDS; f++) {
		take = ~app | always | (strictest & tw_less(policy->want.value[f], base->value[f]));
		want->value[f] =
			tw_pick(take & policy->fields, f, policy->want.value[f], base->value[f]);
		differs |= tw_nonzero(want->value[f] ^ policy->want.value[f]) << f;
	}
	if (policy->flags & TW_POLICY_AUTO) {
		timeout = tw_auto_user_timeout(want->value[TW_IDLE], want->value[TW_INTERVAL],
					       want->value[TW_PROBES]);
		take = ~app | always | (strictest & tw_less(timeout, base->value[TW_USER_TIMEOUT]));
		want->value[TW_USER_TIMEOUT] = tw_pick(take & policy->fields, TW_USER_TIMEOUT,
						       timeout, base->value[TW_USER_TIMEOUT]);
		differs = (differs & ~TW_BIT(TW_USER_TIMEOUT)) |
			  tw_nonzero(want->value[TW_USER_TIMEOUT] ^ timeout) << TW_USER_TIMEOUT;
	}
	ret_plan->impose = tw_differing(want, base);
	ret_plan->write = tw_differing(want, now);
	ret_plan->kept = policy->fields & app & ~(always | strictest) & differs;
	ret_plan->user_timeout = timeout;
}

/* The same, where the application has set nothing and nothing is ours. */
TW_INLINE void tw_plan_fresh(const struct tw_policy *policy, const struct tw_options *sysctl,
			     struct tw_plan *ret_plan)
{
	struct tw_options *want = &ret_plan->want;

	for (__u32 f = 0; f < TW_FIELDS; f++)
		want->value[f] =
			tw_pick(policy->fields, f, policy->want.value[f], sysctl->value[f]);
	ret_plan->user_timeout = policy->want.value[TW_USER_TIMEOUT];
	if (policy->flags & TW_POLICY_AUTO) {
		ret_plan->user_timeout = tw_auto_user_timeout(
			want->value[TW_IDLE], want->value[TW_INTERVAL], want->value[TW_PROBES]);
		want->value[TW_USER_TIMEOUT] = tw_pick(policy->fields, TW_USER_TIMEOUT,
						       ret_plan->user_timeout,
						       sysctl->value[TW_USER_TIMEOUT]);
	}
	ret_plan->impose = tw_differing(want, sysctl);
	ret_plan->write = ret_plan->impose;
	ret_plan->kept = 0;
}

/*
 * Whether tw_plan() would come to TW_ALREADY with nothing to remember, for a
 * socket without a record: it carries all that a policy of precedence app asks.
 * Of `auto` that is the sum of the policy's own timers, in its `want`.
 */
TW_INLINE int tw_plan_is_empty(const struct tw_policy *policy, const struct tw_options *now)
{
	__u32 differs = policy->precedence;

	for (__u32 f = 0; f < TW_FIELDS; f++)
		differs |= (policy->want.value[f] ^ now->value[f]) & tw_all(policy->fields, f);
	return !differs;
}

/* How a socket is counted once its plan was carried out, or only looked at. */
TW_INLINE enum tw_outcome tw_plan_outcome(const struct tw_plan *plan, int observed)
{
	if (plan->write)
		return observed ? TW_WOULD_SET : TW_SET;
	return plan->kept ? TW_KEPT_APP : TW_ALREADY;
}

/* --- what a socket carries ------------------------------------------------------ */

/* `seconds` where a socket can have them, else a number that it cannot have. */
TW_INLINE __u16 tw_unset_seconds(__u32 seconds)
{
	return (__u16)(seconds | -tw_nonzero(seconds >> 15));
}

/*
 * What a carried-out plan leaves behind, but for the direction and the original
 * values: the plan's base.
 */
TW_INLINE void tw_record_fill(struct tw_record *record, const struct tw_policy *policy,
			      const struct tw_plan *plan, __u32 app,
			      const struct tw_options *sysctl)
{
	record->app = (__u8)app;
	record->written = (__u8)plan->impose;
	record->fields = policy->fields;
	record->precedence = policy->precedence;
	record->flags = policy->flags;
	record->counter = policy->counter;
	record->ours = policy->want;
	record->ours.value[TW_USER_TIMEOUT] = plan->user_timeout;
	record->unset.idle = tw_unset_seconds(sysctl->value[TW_IDLE]);
	record->unset.interval = tw_unset_seconds(sysctl->value[TW_INTERVAL]);
	record->unset.probes =
		(__u8)(sysctl->value[TW_PROBES] | -tw_nonzero(sysctl->value[TW_PROBES] >> 7));
}

/* Whether a socket has to carry it: something is ours, or later calls are to be judged. */
TW_INLINE int tw_record_needed(const struct tw_record *record)
{
	return record->written | record->precedence;
}

/* The policy that a socket is under, whatever the generation. */
TW_INLINE struct tw_policy tw_record_policy(const struct tw_record *record)
{
	return (struct tw_policy){
		.want = record->ours,
		.fields = record->fields,
		.flags = record->flags,
		.precedence = record->precedence,
		.counter = record->counter,
	};
}

/* --- what an application asks later ---------------------------------------------- */

/* The field `bit` of the values. */
TW_INLINE __u32 tw_value_of(const struct tw_options *options, __u32 bit)
{
	__u32 value = 0;

	for (__u32 f = 0; f < TW_FIELDS; f++)
		value |= tw_pick(bit, f, options->value[f], 0);
	return value;
}

/*
 * Note in the record that the application asks for `value` of the field `bit`:
 * from now on that is its own. Off, 0 and what an unset timer means are unset
 * here as everywhere.
 */
TW_INLINE void tw_record_ask(struct tw_record *record, __u32 bit, __u32 value)
{
	struct tw_options unset = { .value = {
					    [TW_INTERVAL] = record->unset.interval,
					    [TW_PROBES] = record->unset.probes,
					    [TW_IDLE] = record->unset.idle,
				    } };
	__u32 set = -tw_nonzero(value ^ tw_value_of(&unset, bit));

	for (__u32 f = 0; f < TW_FIELDS; f++)
		record->original.value[f] = tw_pick(bit, f, value, record->original.value[f]);
	record->app = (__u8)((record->app & ~bit) | (set & bit));
}

/*
 * What `policy` makes of a socket whose application just asked, as noted in
 * `record`; tw_value_of() `ret_plan->want` is what it gets.
 */
TW_INLINE void tw_plan_asked(const struct tw_policy *policy, const struct tw_record *record,
			     struct tw_plan *ret_plan)
{
	struct tw_options now;

	for (__u32 f = 0; f < TW_FIELDS; f++)
		now.value[f] = tw_pick(record->written, f, record->ours.value[f],
				       record->original.value[f]);
	tw_plan(policy, &now, &record->original, record->app, ret_plan);
}

/*
 * Note what came of it, where the fields `undone` of the plan could not be
 * written: the record says what is there.
 */
TW_INLINE void tw_record_answer(struct tw_record *record, const struct tw_plan *plan, __u32 undone)
{
	record->written = (__u8)((plan->impose & ~undone) | (record->written & undone));
	record->ours.value[TW_USER_TIMEOUT] = tw_pick(
		undone, TW_USER_TIMEOUT, record->ours.value[TW_USER_TIMEOUT], plan->user_timeout);
}

/* How an application's call is counted that asked for one value and gets another. */
TW_INLINE enum tw_app_action tw_app_action_of(__u32 asked, __u32 given, __u32 precedence,
					      __u32 observed)
{
	__u32 differs = tw_nonzero(asked ^ given);

	/* Allowed; limited, replaced; would limit, would replace: as enum tw_app_action has them. */
	return (enum tw_app_action)(differs * (precedence + 2 * observed));
}

#endif
