// SPDX-License-Identifier: GPL-2.0-only
/*
 * Connections that are open already: iter/tcp walks those of one network
 * namespace, that of the task which made the iterator. tw_sweep brings each
 * under its policy; tw_list only tells what it finds. From 5.15 on the kernel
 * holds the socket's lock meanwhile, and the iterator may set options; before,
 * tw_sweep is not loaded, and user space writes what tw_list found.
 */
#include "apply.bpf.h"

#define TCP_SYN_RECV 3
#define TCP_CLOSE    7
#define TCP_LISTEN   10

char LICENSE[] SEC("license") = "GPL";

/* Let go of everything that is ours, whatever the policies say. */
const volatile bool tw_restore = false;

/* Count outcomes, and what observers would do: in the first pass of a sweep. */
bool tw_first_pass = false;
struct tw_sweep_counts tw_sweep_counts = {};

/* An exemption: what a socket gets that no policy matches. */
static const volatile struct tw_policy tw_nobody = {};

/* Local ports of listeners with a backlog of 0; their children look as if they had connected. */
struct tw_listener {
	__u32 netns;
	__u32 port;
};

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 4096);
	__type(key, struct tw_listener);
	__type(value, __u8);
} tw_listeners SEC(".maps");

/* The socket in hand: too large for the stack. One walk runs at a time. */
struct tw_hand {
	struct tw_socket socket;
	struct tw_options base;
	__u32 app;
	__u32 watched; /* see struct tw_hook */
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct tw_hand);
} tw_hands SEC(".maps");

static __always_inline struct tw_hand *tw_hand_get(void)
{
	__u32 zero = 0;

	return bpf_map_lookup_elem(&tw_hands, &zero);
}

/*
 * A child keeps its listener's backlog; a socket that connected has none. The
 * walk meets listeners first, so those with a backlog of 0 are known by now.
 */
static __always_inline enum tw_direction tw_direction_of(struct sock *sk, __u32 netns)
{
	struct tw_listener key = { .netns = netns, .port = sk->__sk_common.skc_num };

	if (sk->sk_max_ack_backlog || bpf_map_lookup_elem(&tw_listeners, &key))
		return TW_IN;
	return TW_OUT;
}

static __always_inline void tw_note_listener(struct sock *sk, __u32 netns)
{
	struct tw_listener key = { .netns = netns, .port = sk->__sk_common.skc_num };
	__u8 value = 0;

	if (!sk->sk_max_ack_backlog)
		bpf_map_update_elem(&tw_listeners, &key, &value, BPF_ANY);
}

/*
 * A chain of calls has 512 bytes of stack, and 6.1 rounds each frame up to a
 * multiple of 32: what is not needed at the same time has a frame of its own.
 */

/* Find who wins; a socket outside the attach point meets nobody. False: it cannot be told now. */
static __attribute__((noinline)) bool tw_find(struct sock *sk, struct tw_socket *socket,
					      struct tw_generation *generation, __u32 slot)
{
	struct tw_verdict verdict;
	int error;

	if (tw_deep_out_of_scope(sk, generation))
		return true;
	error = tw_match(sk, socket->direction, slot, generation, true, &verdict);
	if (error)
		return error == -ENOENT;
	socket->flags |= TW_SOCKET_MATCHED;
	if (verdict.pending)
		socket->flags |= TW_SOCKET_PENDING;
	socket->winner = verdict.winner;
	socket->observers = verdict.observers;
	return true;
}

/* --- sweep ----------------------------------------------------------------------- */

/* What observing policy `number` would do to the socket in hand. */
__attribute__((noinline)) int tw_observe(__u32 slot, __u32 number)
{
	struct tw_generation *generation = tw_generation_at(slot);
	struct tw_hand *hand = tw_hand_get();
	struct tw_policy *policy;
	struct tw_plan plan;

	if (!generation || !hand)
		return 0;
	policy = &generation->policy[number % TW_MAX_POLICIES];
	tw_plan(policy, &hand->socket.now, &hand->base, hand->app, &plan);
	tw_count_socket(policy->counter, hand->socket.direction, tw_plan_outcome(&plan, 1));
	return 0;
}

__attribute__((noinline)) int tw_observe_word(__u32 slot, __u32 index, __u64 word)
{
	for (__u32 n = 0; n < 64 && word; n++) {
		tw_observe(slot, index * 64 + tw_lowest_bit(word));
		word &= word - 1;
	}
	return 0;
}

static __attribute__((noinline)) void tw_observe_all(struct tw_hand *hand, struct tcp_sock *tp,
						     const struct tw_record *record, __u32 slot)
{
	struct tw_record none = {};

	tw_read_sysctl(&tp->inet_conn.icsk_inet.sk, &hand->socket.sysctl);
	tw_read_options(tp, &hand->socket.sysctl, &hand->socket.now);
	if (record)
		none = *record;
	hand->app = tw_base(&hand->socket.now, &hand->socket.sysctl, &none, &hand->base);
	for (__u32 i = 0; i < TW_SET_WORDS; i++)
		if (hand->socket.observers.word[i])
			tw_observe_word(slot, i, hand->socket.observers.word[i]);
}

static __always_inline bool tw_is_dead(struct sock *sk)
{
	return sk->__sk_common.skc_flags >> bpf_core_enum_value(enum sock_flags, SOCK_DEAD) & 1;
}

/* A connection that may be written; listeners are noted, orphans counted. */
static __always_inline bool tw_is_for_sweep(struct sock *sk, __u32 netns)
{
	if (sk->__sk_common.skc_state == TCP_LISTEN) {
		tw_note_listener(sk, netns);
		return false;
	}
	if (sk->__sk_common.skc_state == TCP_CLOSE)
		return false;
	tw_sweep_counts.seen += tw_first_pass;
	/* An orphan's FIN timer is its keepalive timer: SO_KEEPALIVE=0 would make it immortal. */
	if (tw_is_dead(sk)) {
		tw_sweep_counts.orphans += tw_first_pass;
		return false;
	}
	return true;
}

/* The policy that the socket in hand is to have; NULL: it is to be left alone. */
static __always_inline const struct tw_policy *tw_policy_for(struct tw_hand *hand, struct sock *sk,
							     struct tcp_sock *tp,
							     const struct tw_record *record)
{
	struct tw_socket *socket = &hand->socket;
	__u32 slot = tw_current_slot();
	struct tw_generation *generation = tw_generation_at(slot);

	if (!generation)
		return NULL;
	hand->watched = generation->watches;
	socket->flags = 0;
	socket->winner = TW_MAX_POLICIES;
	socket->direction = record ? record->direction : tw_direction_of(sk, socket->netns);
	if (!tw_restore && !tw_find(sk, socket, generation, slot))
		return NULL;
	if (socket->flags & TW_SOCKET_PENDING) {
		if (tw_first_pass)
			tw_count_socket(
				generation->policy[socket->winner % TW_MAX_POLICIES].counter,
				socket->direction, TW_PENDING);
		return NULL;
	}
	if (socket->flags & TW_SOCKET_MATCHED) {
		if (tw_first_pass)
			tw_observe_all(hand, tp, record, slot);
		tw_watch(tp, generation, &socket->observers);
	}
	if (socket->winner < TW_MAX_POLICIES)
		return &generation->policy[socket->winner % TW_MAX_POLICIES];
	return record ? (const struct tw_policy *)&tw_nobody : NULL;
}

static __attribute__((noinline)) enum tw_outcome tw_enforce(struct tcp_sock *tp,
							    const struct tw_hand *hand,
							    const struct tw_home *home,
							    const struct tw_policy *policy)
{
	const struct tw_hook hook = { .ctx = tp, .sk = tp, .watched = hand->watched };

	return tw_settle(&hook, tp, home, hand->socket.direction, policy);
}

SEC("iter/tcp")
int tw_sweep(struct bpf_iter__tcp *ctx)
{
	struct sock_common *common = ctx->sk_common;
	struct tw_hand *hand = tw_hand_get();
	const struct tw_policy *policy;
	enum tw_outcome outcome;
	struct tw_home home;
	struct tcp_sock *tp;
	struct sock *sk;
	__u8 written = 1;

	if (!common || !hand)
		return 0;
	tp = bpf_skc_to_tcp_sock(common);
	if (!tp)
		return 0; /* a request, or in TIME_WAIT */
	sk = &tp->inet_conn.icsk_inet.sk;
	hand->socket.netns = sk->__sk_common.skc_net.net->ns.inum;
	if (!tw_is_for_sweep(sk, hand->socket.netns))
		return 0;
	home = tw_home_of(tp, sk);
	policy = tw_policy_for(hand, sk, tp, tw_home_record(&home));
	if (!policy)
		return 0;
	outcome = tw_enforce(tp, hand, &home, policy);
	if (outcome == TW_SET) {
		tw_sweep_counts.written++;
		bpf_seq_write(ctx->meta->seq, &written, sizeof(written));
	} else if (outcome == TW_FAILED) {
		tw_sweep_counts.failed += tw_first_pass;
	}
	if (hand->socket.winner < TW_MAX_POLICIES && (tw_first_pass || outcome == TW_SET))
		tw_count_socket(policy->counter, hand->socket.direction, outcome);
	return 0;
}

/* --- what is left ----------------------------------------------------------------- */

__u64 tw_records_left = 0;

/* Of all namespaces at once: sockets with a value of ours. An orphan's dies with it. */
SEC("iter/bpf_sk_storage_map")
int tw_remaining(struct bpf_iter__bpf_sk_storage_map *ctx)
{
	struct tw_record *record = ctx->value;
	struct sock *sk = ctx->sk;

	if (sk && record && record->written && !tw_is_dead(sk))
		tw_records_left++;
	return 0;
}

/* The same of those in seats, of which some have ended. */
SEC("iter/bpf_map_elem")
int tw_remaining_seats(struct bpf_iter__bpf_map_elem *ctx)
{
	struct tw_seat *seat = ctx->value;
	struct sock *sk;

	if (!seat || !seat->cookie || !seat->record.written)
		return 0;
	sk = (struct sock *)(unsigned long)seat->sk;
	if (tw_lives(sk, seat->cookie) &&
	    !(BPF_CORE_READ(sk, __sk_common.skc_flags) >>
		      bpf_core_enum_value(enum sock_flags, SOCK_DEAD) &
	      1))
		tw_records_left++;
	return 0;
}

/* --- list ------------------------------------------------------------------------- */

/* The inode that /proc/PID/fd shows: it follows the struct socket. */
static __always_inline __u64 tw_inode(struct sock *sk)
{
	struct socket *socket = sk->sk_socket;
	struct socket_alloc *alloc;

	if (!socket)
		return 0;
	alloc = (void *)socket - bpf_core_field_offset(struct socket_alloc, socket);
	return BPF_CORE_READ(alloc, vfs_inode.i_ino);
}

SEC("iter/tcp")
int tw_list(struct bpf_iter__tcp *ctx)
{
	struct sock_common *common = ctx->sk_common;
	struct tw_hand *hand = tw_hand_get();
	struct tw_generation *generation;
	const struct tw_record *record;
	struct tw_socket *socket;
	struct tw_home home;
	struct cgroup *cgroup;
	struct tcp_sock *tp;
	struct sock *sk;
	__u32 slot;

	if (!common || !hand)
		return 0;
	tp = bpf_skc_to_tcp_sock(common);
	if (!tp)
		return 0;
	sk = &tp->inet_conn.icsk_inet.sk;
	socket = &hand->socket;
	socket->state = sk->__sk_common.skc_state;
	if (socket->state == TCP_CLOSE)
		return 0;
	cgroup = tw_cgroup_of(sk);
	socket->cgroup_id = cgroup ? tw_cgroup_id(cgroup) : 0;
	socket->inode = tw_inode(sk);
	socket->netns = sk->__sk_common.skc_net.net->ns.inum;
	socket->family = sk->__sk_common.skc_family;
	socket->flags = tw_is_dead(sk) ? TW_SOCKET_ORPHAN : 0;
	socket->winner = TW_MAX_POLICIES;
	__builtin_memset(&socket->observers, 0, sizeof(socket->observers));
	__builtin_memset(&socket->record, 0, sizeof(socket->record));
	socket->local_port = sk->__sk_common.skc_num;
	socket->remote_port = bpf_ntohs(sk->__sk_common.skc_dport);
	tw_read_addresses(sk, socket->local, socket->remote);
	tw_read_sysctl(sk, &socket->sysctl);
	tw_read_options(tp, &socket->sysctl, &socket->now);
	home = tw_home_of(tp, sk);
	record = tw_home_record(&home);
	if (record) {
		socket->flags |= TW_SOCKET_RECORD;
		socket->record = *record;
	}
	if (socket->state == TCP_LISTEN) {
		socket->direction = TW_DIRECTIONS;
		tw_note_listener(sk, socket->netns);
	} else {
		socket->direction = record ? record->direction : tw_direction_of(sk, socket->netns);
		slot = tw_current_slot();
		generation = tw_generation_at(slot);
		if (generation)
			tw_find(sk, socket, generation, slot);
	}
	bpf_seq_write(ctx->meta->seq, socket, sizeof(*socket));
	return 0;
}
