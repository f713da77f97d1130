// SPDX-License-Identifier: GPL-2.0-only
/*
 * What applications ask of their sockets later: cgroup/setsockopt, attached only
 * while a policy has precedence strictest or policy. It runs before the kernel's
 * own handler, in the caller's process, on each setsockopt(2) of the cgroup's
 * sockets, so what is not ours leaves in the first lines. The socket's record
 * says all that is to be known; no policy is looked up, so a socket stays under
 * one policy until a sweep brings it under another.
 *
 * A good neighbour: returns 1 always, touches no value but the five, and those
 * only on sockets that carry a record.
 */
#include "maps.bpf.h"

#include <tcpwarden/match.h>

#include "count.bpf.h"

#define SOL_SOCKET	 1
#define SO_KEEPALIVE	 9
#define SOL_TCP		 6
#define TCP_KEEPIDLE	 4
#define TCP_KEEPINTVL	 5
#define TCP_KEEPCNT	 6
#define TCP_USER_TIMEOUT 18

char LICENSE[] SEC("license") = "GPL";

const volatile __u32 tw_page_size = 4096;

/*
 * Whether bpf_setsockopt() may be called here: from 5.15 on (2c531639deb5). May
 * go with the last 5.10.
 */
const volatile bool tw_have_setsockopt = true;

/* The field that a call sets, as its bit; 0: none of the five. */
static __always_inline __u32 tw_field_bit(__s32 level, __s32 option)
{
	if (level == SOL_SOCKET)
		return option == SO_KEEPALIVE ? TW_BIT(TW_KEEPALIVE) : 0;
	if (level != SOL_TCP)
		return 0;
	switch (option) {
	case TCP_KEEPIDLE:
		return TW_BIT(TW_IDLE);
	case TCP_KEEPINTVL:
		return TW_BIT(TW_INTERVAL);
	case TCP_KEEPCNT:
		return TW_BIT(TW_PROBES);
	case TCP_USER_TIMEOUT:
		return TW_BIT(TW_USER_TIMEOUT);
	}
	return 0;
}

/* What the kernel takes; all else it is to refuse, as if we were not here. */
static __always_inline bool tw_in_range(__u32 bit, __s32 value)
{
	if (bit & TW_BIT(TW_KEEPALIVE))
		return true;
	if (bit & TW_BIT(TW_USER_TIMEOUT))
		return value >= 0;
	return value >= 1 && value <= (bit & TW_BIT(TW_PROBES) ? TW_MAX_PROBES : TW_MAX_SECONDS);
}

/* Atomically: this runs in processes, which give way to each other. */
static __always_inline void tw_count_action(__u32 counter, __u32 action)
{
	struct tw_tally *tally = bpf_map_lookup_elem(&tw_tallies, &counter);

	if (tally && action < TW_APP_ACTIONS)
		__sync_fetch_and_add(&tally->app[action], 1);
}

/* --- observers ------------------------------------------------------------------ */

static __always_inline struct tw_generation *tw_generation_now(void)
{
	__u32 zero = 0, slot;
	__u64 *number = bpf_map_lookup_elem(&tw_current, &zero);
	void *map;

	slot = number ? *(volatile __u64 *)number % TW_SLOTS : 0;
	map = bpf_map_lookup_elem(&tw_generations, &slot);
	return map ? bpf_map_lookup_elem(map, &zero) : NULL;
}

/* Count what observing policy `number` would make of it. */
__attribute__((noinline)) int tw_would(struct bpf_sockopt *ctx, __u64 generation_number,
				       __u32 number, __u32 bit, __u32 value)
{
	struct tw_generation *generation = tw_generation_now();
	struct tw_record copy = { 0 }, *record;
	struct bpf_sock *sk = ctx->sk;
	struct tw_policy *policy;
	struct tw_plan plan;

	if (!sk || !generation || generation->number != generation_number)
		return 0;
	record = bpf_sk_storage_get(&tw_records, sk, 0, 0);
	if (record)
		copy = *record;
	tw_record_ask(&copy, bit, value);
	policy = &generation->policy[number % TW_MAX_POLICIES];
	tw_plan_asked(policy, &copy, &plan);
	tw_count_action(policy->counter, tw_app_action_of(value, tw_value_of(&plan.want, bit),
							  policy->precedence, 1));
	return 0;
}

static __always_inline void tw_count_observers(struct bpf_sockopt *ctx, struct tw_watch *watch,
					       __u32 bit, __u32 value)
{
	for (__u32 i = 0; i < TW_SET_WORDS; i++) {
		__u64 word = watch->observers.word[i];

		for (__u32 n = 0; n < 64 && word; n++) {
			tw_would(ctx, watch->generation, i * 64 + tw_lowest_bit(word), bit, value);
			word &= word - 1;
		}
	}
}

/* --- the policy of the socket ------------------------------------------------------ */

/*
 * `auto` follows the timers: where they move it and this kernel allows it, it is
 * written now, else by the next sweep. Returns the fields that were to be
 * written beside `bit`, and were not.
 */
static __always_inline __u32 tw_follow_timers(struct bpf_sock *sk, const struct tw_plan *plan,
					      __u32 bit)
{
	__u32 value = plan->want.value[TW_USER_TIMEOUT];
	int error;

	if (!(plan->write & ~bit & TW_BIT(TW_USER_TIMEOUT)))
		return 0;
	if (!tw_have_setsockopt)
		return TW_BIT(TW_USER_TIMEOUT);
	error = bpf_setsockopt(sk, SOL_TCP, TCP_USER_TIMEOUT, &value, sizeof(value));
	if (!error)
		return 0;
	tw_count_error(TW_SITE_USER_TIMEOUT, error);
	return TW_BIT(TW_USER_TIMEOUT);
}

/* The value that the socket gets where its application asks for `value`. */
__attribute__((noinline)) __u32 tw_judge(struct bpf_sockopt *ctx, __u32 bit, __u32 value)
{
	struct bpf_sock *sk = ctx->sk;
	struct tw_record copy, *record;
	struct tw_policy policy;
	struct tw_plan plan;
	__u32 given;

	record = sk ? bpf_sk_storage_get(&tw_records, sk, 0, 0) : NULL;
	if (!record || !record->precedence)
		return value;
	copy = *record;
	policy = tw_record_policy(&copy);
	tw_record_ask(&copy, bit, value);
	tw_plan_asked(&policy, &copy, &plan);
	given = tw_value_of(&plan.want, bit);
	tw_record_answer(&copy, &plan, tw_follow_timers(sk, &plan, bit));
	*record = copy;
	tw_count_action(copy.counter, tw_app_action_of(value, given, copy.precedence, 0));
	return given;
}

static __always_inline void tw_setsockopt(struct bpf_sockopt *ctx, struct bpf_sock *sk, __u32 bit)
{
	__s32 *value = ctx->optval;
	struct tw_watch *watch;
	__u32 asked, given;

	if (ctx->optlen < (__s32)sizeof(*value) || (void *)(value + 1) > ctx->optval_end)
		return;
	asked = *value;
	if (!tw_in_range(bit, asked))
		return;
	if (bit & TW_BIT(TW_KEEPALIVE))
		asked = tw_nonzero(asked);
	watch = bpf_sk_storage_get(&tw_watches, sk, 0, 0);
	if (watch)
		tw_count_observers(ctx, watch, bit, asked);
	given = tw_judge(ctx, bit, asked);
	if (given != asked)
		*value = given;
}

SEC("cgroup/setsockopt")
int tw_guard(struct bpf_sockopt *ctx)
{
	struct bpf_sock *sk;
	__u32 bit;

	bit = tw_field_bit(ctx->level, ctx->optname);
	/*
	 * Before anything else, since 5.10 would fail such a call (EFAULT) whatever
	 * it sets: 0 is what the application passed. Of one of ours the kernel reads
	 * the number at its start, and so must we: length is no way past us.
	 */
	if (ctx->optlen > (__s32)tw_page_size)
		ctx->optlen = bit ? sizeof(__s32) : 0;
	if (!bit)
		return 1;
	sk = ctx->sk;
	if (sk)
		tw_setsockopt(ctx, sk, bit);
	return 1;
}
