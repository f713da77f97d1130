// SPDX-License-Identifier: GPL-2.0-only
/*
 * Connections at birth. Two of the dozen events of a connection do work:
 * TCP_CONNECT (before the SYN, so the user timeout covers the handshake) and
 * PASSIVE_ESTABLISHED (before accept() can return the socket). In both the
 * kernel holds the socket's lock. Listeners are never written: a child's
 * inherited values are then the application's own.
 *
 * A good neighbour: returns 1 always, never touches `reply`, sets no flags.
 */
#include "apply.bpf.h"

char LICENSE[] SEC("license") = "GPL";

/*
 * What becomes of a socket under a policy is decided in global functions: the
 * verifier follows each once, not once for each path through the matcher.
 */

/* Make the socket what policy `number` of the generation in `slot` asks. */
__attribute__((noinline)) int tw_enforce(struct bpf_sock_ops *ctx, __u32 slot, __u32 number,
					 __u32 direction)
{
	struct tw_generation *generation;
	struct tw_policy *policy;
	struct tw_hook hook;
	struct bpf_sock *sk;
	struct tcp_sock *tp;

	sk = ctx->sk;
	if (!sk)
		return 0;
	tp = bpf_skc_to_tcp_sock(sk);
	generation = tw_generation_at(slot);
	if (!tp || !generation)
		return 0;
	policy = &generation->policy[number % TW_MAX_POLICIES];
	hook = (struct tw_hook){
		.ctx = ctx, .sk = sk, .birth = true, .watched = generation->watches
	};
	tw_count_socket(policy->counter, direction, tw_settle(&hook, tp, direction, policy));
	return 0;
}

/* Policy `number` may be the one to ask, which the loader will know: leave the socket to the sweep. */
__attribute__((noinline)) int tw_leave(__u32 slot, __u32 number, __u32 direction)
{
	struct tw_generation *generation = tw_generation_at(slot);

	if (generation)
		tw_count_socket(generation->policy[number % TW_MAX_POLICIES].counter, direction,
				TW_PENDING);
	return 0;
}

/* Count what policy `number` would make of it. */
__attribute__((noinline)) int tw_observe(struct bpf_sock_ops *ctx, __u32 slot, __u32 number,
					 __u32 direction)
{
	struct tw_generation *generation;
	struct tw_options sysctl, now;
	struct tw_policy *policy;
	struct tcp_sock *tp;
	struct bpf_sock *sk;
	struct tw_plan plan;

	sk = ctx->sk;
	if (!sk)
		return 0;
	tp = bpf_skc_to_tcp_sock(sk);
	generation = tw_generation_at(slot);
	if (!tp || !generation)
		return 0;
	policy = &generation->policy[number % TW_MAX_POLICIES];
	tw_read_sysctl(&tp->inet_conn.icsk_inet.sk, &sysctl);
	tw_read_options(tp, &sysctl, &now);
	tw_plan(policy, &now, &now, tw_app_fields(&now, &sysctl), &plan);
	tw_count_socket(policy->counter, direction, tw_plan_outcome(&plan, 1));
	return 0;
}

/* The observers in word number `index` of a set. */
__attribute__((noinline)) int tw_observe_word(struct bpf_sock_ops *ctx, __u32 slot, __u32 index,
					      __u64 word, __u32 direction)
{
	for (__u32 n = 0; n < 64 && word; n++) {
		tw_observe(ctx, slot, index * 64 + tw_lowest_bit(word), direction);
		word &= word - 1;
	}
	return 0;
}

/*
 * In a simultaneous open the connecting socket passes PASSIVE_ESTABLISHED too.
 * It has a struct socket (a child gets one in accept()) and never listened; an
 * MPTCP join has one already, but its listener's backlog as well.
 */
static __always_inline bool tw_is_child(struct tcp_sock *tp)
{
	struct sock *sk = &tp->inet_conn.icsk_inet.sk;

	return !sk->sk_socket || sk->sk_max_ack_backlog;
}

/* A frame of its own: a chain of calls has 512 bytes of stack, and this one's is free again. */
static __attribute__((noinline)) int tw_find(struct sock *sk, enum tw_direction direction,
					     __u32 slot, const struct tw_generation *generation,
					     struct tw_verdict *ret_verdict)
{
	return tw_match(sk, direction, slot, generation, ret_verdict);
}

/* Likewise. */
static __attribute__((noinline)) void tw_note(void *sk, const struct tw_generation *generation,
					      const struct tw_set *observers)
{
	tw_watch(sk, generation, observers);
}

/* Apart from tw_sockops(), which is run a dozen times a connection and mostly has nothing to do. */
__attribute__((noinline)) int tw_birth(struct bpf_sock_ops *ctx, __u32 number)
{
	enum tw_direction direction = number % TW_DIRECTIONS;
	struct tw_generation *generation;
	struct tw_verdict verdict;
	struct bpf_sock *sk;
	struct tcp_sock *tp;
	__u32 slot;
	int error;

	sk = ctx->sk;
	if (!sk)
		return 0;
	tp = bpf_skc_to_tcp_sock(sk);
	if (!tp) {
		tw_count_error(TW_SITE_SOCKET, -ENOENT);
		return 0;
	}
	if (direction == TW_IN && !tw_is_child(tp))
		return 0;
	slot = tw_current_slot();
	generation = tw_generation_at(slot);
	if (!generation) {
		tw_count_error(TW_SITE_GENERATION, -ENOENT);
		return 0;
	}
	error = tw_find(&tp->inet_conn.icsk_inet.sk, direction, slot, generation, &verdict);
	if (error) {
		if (error == -ENOENT)
			tw_count_error(TW_SITE_CGROUP, error);
		return 0;
	}
	if (verdict.pending) {
		/* The observers count it when it is settled. */
		tw_leave(slot, verdict.winner, direction);
		return 0;
	}
	for (__u32 i = 0; i < TW_SET_WORDS; i++)
		if (verdict.observers.word[i])
			tw_observe_word(ctx, slot, i, verdict.observers.word[i], direction);
	tw_note(sk, generation, &verdict.observers);
	if (verdict.winner < TW_MAX_POLICIES)
		tw_enforce(ctx, slot, verdict.winner, direction);
	return 0;
}

SEC("sockops")
int tw_sockops(struct bpf_sock_ops *ctx)
{
	switch (ctx->op) {
	case BPF_SOCK_OPS_TCP_CONNECT_CB:
		tw_birth(ctx, TW_OUT);
		break;
	case BPF_SOCK_OPS_PASSIVE_ESTABLISHED_CB:
		tw_birth(ctx, TW_IN);
		break;
	}
	return 1;
}
