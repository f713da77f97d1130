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
#include "answers.bpf.h"
#include "apply.bpf.h"

char LICENSE[] SEC("license") = "GPL";

/*
 * What becomes of a socket under a policy is decided in global functions: the
 * verifier follows each once, not once for each path through the matcher.
 */

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

/*
 * Who wins in generation `number`: a policy's number, or TW_MAX_POLICIES for
 * nobody. The observers, and who is waited for, are dealt with. `answer` is what
 * is noted on the cgroup. Apart from tw_birth(): a chain of calls has 512 bytes of stack.
 */
__attribute__((noinline)) int tw_look(struct bpf_sock_ops *ctx, __u64 number, __u32 direction,
				      __u32 answer)
{
	struct tw_generation *generation;
	struct tw_verdict verdict;
	struct bpf_sock *sk;
	struct tcp_sock *tp;
	__u32 slot = number % TW_SLOTS;
	int error;

	sk = ctx->sk;
	if (!sk)
		return TW_MAX_POLICIES;
	tp = bpf_skc_to_tcp_sock(sk);
	if (!tp)
		return TW_MAX_POLICIES;
	generation = tw_generation_at(slot);
	if (!generation) {
		tw_count_error(TW_SITE_GENERATION, -ENOENT);
		return TW_MAX_POLICIES;
	}
	direction %= TW_DIRECTIONS;
	if (tw_have_answers && answer == TW_UNKNOWN)
		tw_learn(&tp->inet_conn.icsk_inet.sk, direction, number, generation);
	error = tw_match(&tp->inet_conn.icsk_inet.sk, direction, slot, generation, true, &verdict);
	if (error) {
		if (error == -ENOENT)
			tw_count_error(TW_SITE_CGROUP, error);
		return TW_MAX_POLICIES;
	}
	if (verdict.pending) {
		/* The observers count it when it is settled. */
		tw_leave(slot, verdict.winner, direction);
		return TW_MAX_POLICIES;
	}
	for (__u32 i = 0; i < TW_SET_WORDS; i++)
		if (verdict.observers.word[i])
			tw_observe_word(ctx, slot, i, verdict.observers.word[i], direction);
	tw_watch(sk, generation, &verdict.observers);
	return verdict.winner;
}

/*
 * A connection at birth, where policy `winner` is known to win, or TW_UNKNOWN.
 * Returns TW_ASK or TW_UNKNOWN where that is to be looked for.
 */
static __always_inline int tw_born(struct bpf_sock_ops *ctx, __u64 number, __u32 direction,
				   __u32 winner, bool atomics)
{
	struct tw_generation *generation;
	struct tw_policy *policy;
	struct tw_hook hook;
	struct tw_home home;
	struct bpf_sock *sk;
	struct tcp_sock *tp;

	direction %= TW_DIRECTIONS;
	sk = ctx->sk;
	if (!sk)
		return TW_MAX_POLICIES;
	tp = bpf_skc_to_tcp_sock(sk);
	if (!tp) {
		tw_count_error(TW_SITE_SOCKET, -ENOENT);
		return TW_MAX_POLICIES;
	}
	if (direction == TW_IN && !tw_is_child(tp))
		return TW_MAX_POLICIES;
	if (winner == TW_UNKNOWN && tw_have_answers)
		winner = tw_recall(&tp->inet_conn.icsk_inet.sk, direction, number);
	if (winner >= TW_MAX_POLICIES)
		return winner;
	generation = tw_generation_at(number % TW_SLOTS);
	if (!generation) {
		tw_count_error(TW_SITE_GENERATION, -ENOENT);
		return TW_MAX_POLICIES;
	}
	/* It is in range: without tw_opaque() the compiler leaves out what the verifier asks for. */
	policy = &generation->policy[tw_opaque(winner) % TW_MAX_POLICIES];
	hook = (struct tw_hook){
		.ctx = ctx,
		.sk = sk,
		.birth = true,
		.watched = generation->watches,
		.atomics = atomics,
	};
	home = tw_home_of(sk, &tp->inet_conn.icsk_inet.sk);
	tw_count_socket(policy->counter, direction, tw_settle(&hook, tp, &home, direction, policy));
	return TW_MAX_POLICIES;
}

/* Apart from the program itself, which is run a dozen times a connection and mostly has nothing to do. */
__attribute__((noinline)) int tw_birth(struct bpf_sock_ops *ctx, __u64 number, __u32 direction,
				       __u32 winner)
{
	return tw_born(ctx, number, direction, winner, true);
}

__attribute__((noinline)) int tw_birth_old(struct bpf_sock_ops *ctx, __u64 number, __u32 direction,
					   __u32 winner)
{
	return tw_born(ctx, number, direction, winner, false);
}

static __always_inline void tw_connection(struct bpf_sock_ops *ctx, enum tw_direction direction,
					  int (*birth)(struct bpf_sock_ops *, __u64, __u32, __u32))
{
	__u64 number = tw_current_number();
	__u32 winner = birth(ctx, number, direction, TW_UNKNOWN);

	if (winner > TW_MAX_POLICIES) {
		winner = tw_look(ctx, number, direction, winner);
		if (winner < TW_MAX_POLICIES)
			birth(ctx, number, direction, winner);
	}
}

static __always_inline int tw_event(struct bpf_sock_ops *ctx,
				    int (*birth)(struct bpf_sock_ops *, __u64, __u32, __u32))
{
	switch (ctx->op) {
	case BPF_SOCK_OPS_TCP_CONNECT_CB:
		tw_connection(ctx, TW_OUT, birth);
		break;
	case BPF_SOCK_OPS_PASSIVE_ESTABLISHED_CB:
		tw_connection(ctx, TW_IN, birth);
		break;
	}
	return 1;
}

SEC("sockops")
int tw_sockops(struct bpf_sock_ops *ctx)
{
	return tw_event(ctx, tw_birth);
}

/*
 * The same without atomics: kernels before 5.12 (5ffa25502b5a) refuse a program that
 * has one, reached or not, and the JIT of arm64 before 5.18. Which is loaded is
 * decided by what 6.2 brought, see struct extras in loader/kernel/program.c; it may
 * go with the last kernel before that.
 */
SEC("sockops")
int tw_sockops_old(struct bpf_sock_ops *ctx)
{
	return tw_event(ctx, tw_birth_old);
}
