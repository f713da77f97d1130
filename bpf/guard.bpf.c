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

#include <bpf/bpf_core_read.h>
#include <bpf/bpf_endian.h>

#include <tcpwarden/match.h>

#include "count.bpf.h"
#include "events.bpf.h"
#include "generation.bpf.h"
#include "options.bpf.h"

#define IPPROTO_MPTCP 262
#define TCP_CLOSE     7
#define TCP_LISTEN    10

#define RESWEEP_NS (TW_RESWEEP_MS * NS_PER_SECOND / 1000)

char LICENSE[] SEC("license") = "GPL";

const volatile __u32 tw_page_size = 4096;

/*
 * Whether bpf_setsockopt() may be called here: from 5.15 on (2c531639deb5). May
 * go with the last 5.10.
 */
const volatile bool tw_have_setsockopt = true;

/* Whether kernel memory may be read; not under lockdown=confidentiality. */
const volatile bool tw_have_read = true;

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

/*
 * What came of a call, in one number, as a function of its own gives no more
 * back. 0: no policy judged it.
 */
#define TW_ANSWERED (1ULL << 63)

static __always_inline __u64 tw_answer(__u32 given, __u32 counter, __u32 action)
{
	return TW_ANSWERED | (__u64)action << 48 | (__u64)counter << 32 | given;
}

/* --- telling --------------------------------------------------------------------- */

static __always_inline __u32 tw_wants(void)
{
	__u32 zero = 0, *wants = bpf_map_lookup_elem(&tw_wanted, &zero);

	return wants ? *wants : 0;
}

/*
 * The socket behind `sk` as a number, so that tw_have_read may read all of it:
 * typed, this program type has no more of it than struct bpf_sock.
 */
static __always_inline struct sock *tw_sock_of(struct bpf_sock *sk)
{
	struct sock *address = NULL;

	return bpf_probe_read_kernel(&address, sizeof(address), &sk) ? NULL : address;
}

/* The id of its cgroup, or failing that, of the process's. 0: the root. */
static __always_inline __u64 tw_cgroup_id_of(struct sock *sk)
{
	struct sock_cgroup_data___old *old = (void *)&sk->sk_cgrp_data;
	struct cgroup *cgroup;
	__u64 val;

	if (!tw_have_read)
		return bpf_get_current_cgroup_id();
	if (bpf_core_field_exists(struct sock_cgroup_data, cgroup))
		return BPF_CORE_READ(sk, sk_cgrp_data.cgroup, kn, id);
	val = BPF_CORE_READ(old, val);
	cgroup = val & 3 ? NULL : (struct cgroup *)(unsigned long)val;
	return cgroup ? BPF_CORE_READ(cgroup, kn, id) : 0;
}

/* The upper half of the ring is for deaths, which nobody can ask for again. */
static __always_inline struct tw_event *tw_event_begin(void)
{
	struct tw_event *event = NULL;

	if (bpf_ringbuf_query(&tw_events, BPF_RB_AVAIL_DATA) < TW_EVENTS_RING / 2)
		event = bpf_ringbuf_reserve(&tw_events, sizeof(*event), 0);
	if (event)
		__builtin_memset(event, 0, sizeof(*event));
	else
		tw_lose(TW_LOST_RING);
	return event;
}

static __always_inline void tw_tell_addresses(struct tw_event *event, struct bpf_sock *sk)
{
	__u32 *local = (__u32 *)event->local, *remote = (__u32 *)event->remote;

	event->family = sk->family;
	event->local_port = sk->src_port;
	event->remote_port = bpf_ntohs(sk->dst_port);
	if (event->family == AF_INET) {
		local[2] = remote[2] = bpf_htonl(0xffff);
		local[3] = sk->src_ip4;
		remote[3] = sk->dst_ip4;
		/* Else the compiler reckons with addresses in `sk`, which the verifier forbids. */
		barrier();
		return;
	}
	local[0] = sk->src_ip6[0];
	local[1] = sk->src_ip6[1];
	local[2] = sk->src_ip6[2];
	local[3] = sk->src_ip6[3];
	remote[0] = sk->dst_ip6[0];
	remote[1] = sk->dst_ip6[1];
	remote[2] = sk->dst_ip6[2];
	remote[3] = sk->dst_ip6[3];
}

/* Where only observers met it there is no record: a child keeps its listener's backlog. */
static __always_inline __u8 tw_direction_of(struct bpf_sock *sk, struct sock *sock)
{
	struct tw_record *record = bpf_sk_storage_get(&tw_records, sk, 0, 0);

	if (record)
		return record->direction;
	return tw_have_read && BPF_CORE_READ(sock, sk_max_ack_backlog) ? TW_IN : TW_OUT;
}

/* Not below tw_judge() or tw_would(), whose stacks are deep. */
__attribute__((noinline)) int tw_tell(struct bpf_sockopt *ctx, __u64 answer, __u32 bit, __u32 asked)
{
	__u32 counter = answer >> 32 & 0xffff;
	__u64 now = bpf_ktime_get_boot_ns();
	struct bpf_sock *sk = ctx->sk;
	struct sock *sock = NULL;
	struct tw_event *event;

	if (!sk || !(answer & TW_ANSWERED))
		return 0;
	if (!tw_may_tell(counter, now)) {
		tw_lose(TW_LOST_RATE);
		return 0;
	}
	if (tw_have_read)
		sock = tw_sock_of(sk);
	event = tw_event_begin();
	if (!event)
		return 0;
	event->at_ns = now;
	event->cgroup_id = tw_cgroup_id_of(sock);
	event->netns = tw_have_read ? BPF_CORE_READ(sock, __sk_common.skc_net.net, ns.inum) : 0;
	event->kind = TW_EVENT_SETTING;
	event->action = answer >> 48 & 0xff;
	event->direction = tw_direction_of(sk, sock);
	event->counter = counter;
	event->field = tw_lowest_bit(bit);
	event->asked = asked;
	event->given = answer;
	tw_tell_addresses(event, sk);
	bpf_ringbuf_submit(event, 0);
	return 0;
}

/* --- MPTCP ------------------------------------------------------------------------ */

/* When a sweep was last asked for, by cgroup. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 1024);
	__type(key, __u64);
	__type(value, __u64);
} tw_resweeps SEC(".maps");

/*
 * The kernel is about to hand the value to subflows, which carry records; we
 * see the MPTCP socket, which has none. A sweep a second later or more puts
 * right what is set until then, so asking twice a second misses nothing.
 */
__attribute__((noinline)) int tw_ask_for_sweep(struct bpf_sockopt *ctx)
{
	__u64 now = bpf_ktime_get_boot_ns(), id, *asked;
	struct bpf_sock *sk = ctx->sk;
	struct tw_event *event;

	/* Before that nothing is held, and a listener never is. */
	if (!sk || sk->state == TCP_CLOSE || sk->state == TCP_LISTEN)
		return 0;
	id = tw_cgroup_id_of(tw_have_read ? tw_sock_of(sk) : NULL);
	asked = bpf_map_lookup_elem(&tw_resweeps, &id);
	if (asked && now - *asked < RESWEEP_NS)
		return 0;
	event = tw_event_begin();
	if (!event)
		return 0;
	event->at_ns = now;
	event->cgroup_id = id;
	event->kind = TW_EVENT_RESWEEP;
	event->counter = TW_NO_COUNTER;
	bpf_ringbuf_submit(event, 0);
	bpf_map_update_elem(&tw_resweeps, &id, &now, BPF_ANY);
	return 0;
}

/* --- observers ------------------------------------------------------------------ */

/* Count what observing policy `number` would make of it, and answer with that. */
__attribute__((noinline)) __u64 tw_would(struct bpf_sockopt *ctx, __u64 generation_number,
					 __u32 number, __u32 bit, __u32 value)
{
	struct tw_generation *generation = tw_generation_at(tw_current_slot());
	struct tw_record copy = { 0 }, *record;
	struct bpf_sock *sk = ctx->sk;
	struct tw_policy *policy;
	struct tw_plan plan;
	__u32 given, action;

	if (!sk || !generation || generation->number != generation_number)
		return 0;
	record = bpf_sk_storage_get(&tw_records, sk, 0, 0);
	if (record)
		copy = *record;
	tw_record_ask(&copy, bit, value);
	policy = &generation->policy[number % TW_MAX_POLICIES];
	tw_plan_asked(policy, &copy, &plan);
	given = tw_value_of(&plan.want, bit);
	action = tw_app_action_of(value, given, policy->precedence, 1);
	tw_count_action(policy->counter, action);
	return tw_answer(given, policy->counter, action);
}

/* Ask all observers that the socket met, and where `tell`, tell of each. */
__attribute__((noinline)) int tw_count_observers(struct bpf_sockopt *ctx, __u32 bit, __u32 value,
						 __u32 tell)
{
	struct bpf_sock *sk = ctx->sk;
	struct tw_watch *watch = sk ? bpf_sk_storage_get(&tw_watches, sk, 0, 0) : NULL;

	if (!watch)
		return 0;
	for (__u32 i = 0; i < TW_SET_WORDS; i++) {
		__u64 word = watch->observers.word[i];

		for (__u32 n = 0; n < 64 && word; n++) {
			__u64 answer = tw_would(ctx, watch->generation,
						i * 64 + tw_lowest_bit(word), bit, value);

			if (tell)
				tw_tell(ctx, answer, bit, value);
			word &= word - 1;
		}
	}
	return 0;
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

/* Answer an application that asks for `value`. */
__attribute__((noinline)) __u64 tw_judge(struct bpf_sockopt *ctx, __u32 bit, __u32 value)
{
	struct bpf_sock *sk = ctx->sk;
	struct tw_record copy, *record;
	struct tw_policy policy;
	struct tw_plan plan;
	__u32 given, action;

	record = sk ? bpf_sk_storage_get(&tw_records, sk, 0, 0) : NULL;
	if (!record || !record->precedence)
		return 0;
	copy = *record;
	policy = tw_record_policy(&copy);
	tw_record_ask(&copy, bit, value);
	tw_plan_asked(&policy, &copy, &plan);
	given = tw_value_of(&plan.want, bit);
	tw_record_answer(&copy, &plan, tw_follow_timers(sk, &plan, bit));
	*record = copy;
	action = tw_app_action_of(value, given, copy.precedence, 0);
	tw_count_action(copy.counter, action);
	return tw_answer(given, copy.counter, action);
}

static __always_inline void tw_setsockopt(struct bpf_sockopt *ctx, struct bpf_sock *sk, __u32 bit)
{
	__s32 *value = ctx->optval;
	__u32 asked, wants = tw_wants();
	__u64 answer;

	if (ctx->optlen < (__s32)sizeof(*value) || (void *)(value + 1) > ctx->optval_end)
		return;
	asked = *value;
	if (!tw_in_range(bit, asked))
		return;
	if (bit & TW_BIT(TW_KEEPALIVE))
		asked = tw_nonzero(asked);
	if (sk->protocol == IPPROTO_MPTCP) {
		if (wants & TW_WANT_RESWEEPS)
			tw_ask_for_sweep(ctx);
		return;
	}
	tw_count_observers(ctx, bit, asked, wants & TW_WANT_SETTINGS);
	answer = tw_judge(ctx, bit, asked);
	if (answer & TW_ANSWERED && (__u32)answer != asked)
		*value = answer;
	if (wants & TW_WANT_SETTINGS)
		tw_tell(ctx, answer, bit, asked);
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
