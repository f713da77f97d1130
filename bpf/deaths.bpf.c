// SPDX-License-Identifier: GPL-2.0-only
/*
 * Connections that the kernel gave up on. The tracepoint tells of every change
 * of state on the machine; what is not an end by an error goes at once. By then
 * the write queue is purged, but sk_err is set and the counts of unanswered
 * segments stand (tcp_write_err() before tcp_done(), 5.10 to 7.x alike).
 *
 * A reset, a refused connect, an abort by another and a close are no deaths.
 */
#include "apply.bpf.h"

#include <bpf/bpf_tracing.h>

#include "events.bpf.h"

#define TCP_SYN_SENT 2
#define TCP_CLOSE    7
#define IPPROTO_TCP  6
#define ETIMEDOUT    110
#define EHOSTUNREACH 113

#define NS_PER_MS 1000000ULL
#define NS_PER_US 1000ULL

char LICENSE[] SEC("license") = "GPL";

const volatile __u32 tw_hz = 0;

_Static_assert(TW_OUT == 0 && TW_IN == 1, "a direction is whether there was a listener");

struct tw_death {
	__u32 reason;
	__u32 counter;
	__u32 direction;
};

/* --- what it died of ------------------------------------------------------------- */

/*
 * An error of the kernel's own: ETIMEDOUT, or what ICMP had said meanwhile (a
 * next hop that does not answer ARP gives EHOSTUNREACH). To a SYN, ICMP is an
 * end at once.
 */
static __always_inline bool tw_gave_up(struct sock *sk, int oldstate)
{
	int error = sk->sk_err;

	if (!error)
		return false;
	return error == ETIMEDOUT || error == sk->sk_err_soft ||
	       (error == EHOSTUNREACH && oldstate == TCP_SYN_SENT);
}

/*
 * False: with nothing sent and nothing probed no timer of TCP ran out. To an
 * ICMP that comes after a retransmission nobody had answered.
 */
static __always_inline bool tw_reason_of(struct tcp_sock *tp, int oldstate, __u32 *ret_reason)
{
	if (oldstate == TCP_SYN_SENT) {
		*ret_reason = TW_DEAD_CONNECT;
		return tp->inet_conn.icsk_retransmits;
	}
	if (tp->inet_conn.icsk_retransmits)
		*ret_reason = TW_DEAD_UNACKED;
	else if (tp->write_seq != tp->snd_una)
		*ret_reason = TW_DEAD_ZERO_WINDOW;
	else if (tp->inet_conn.icsk_probes_out)
		*ret_reason = TW_DEAD_KEEPALIVE;
	else
		return false;
	return true;
}

/* Since the first SYN, which the kernel keeps by its own clock. */
static __always_inline __u32 tw_connecting_ms(struct tcp_sock *tp)
{
	__u64 now = bpf_ktime_get_ns();

	if (bpf_core_field_exists(tp->tcp_usec_ts) && BPF_CORE_READ_BITFIELD(tp, tcp_usec_ts))
		return (__u32)(now / NS_PER_US - tp->retrans_stamp) / 1000;
	return now / NS_PER_MS - tp->retrans_stamp;
}

/* Since the last data or acknowledgement, as tcp_keepalive_timer() reckons. */
static __always_inline __u32 tw_silent_ms(struct tcp_sock *tp)
{
	__u32 now = bpf_jiffies64();
	__u32 data = now - tp->inet_conn.icsk_ack.lrcvtime;
	__u32 acknowledgement = now - tp->rcv_tstamp;

	return (data < acknowledgement ? data : acknowledgement) * 1000ULL / tw_hz;
}

/* --- whose it was ---------------------------------------------------------------- */

/* False: outside the attach point. Where its pod is not known, it was left alone: no policy's. */
static __always_inline bool tw_attribute(struct sock *sk, struct tw_death *death)
{
	struct tw_generation *generation;
	struct tw_verdict verdict;
	__u32 slot;

	slot = tw_current_slot();
	generation = tw_generation_at(slot);
	if (!generation || tw_deep_out_of_scope(sk, generation) ||
	    tw_match(sk, death->direction, slot, generation, false, &verdict))
		return false;
	if (verdict.winner < TW_MAX_POLICIES && !verdict.pending)
		death->counter = generation->policy[verdict.winner % TW_MAX_POLICIES].counter;
	return true;
}

/* --- telling --------------------------------------------------------------------- */

static __always_inline void tw_tell(struct tcp_sock *tp, const struct tw_death *death)
{
	struct sock *sk = &tp->inet_conn.icsk_inet.sk;
	struct cgroup *cgroup = tw_cgroup_of(sk);
	__u64 now = bpf_ktime_get_boot_ns();
	struct tw_event *event;

	if (!tw_may_tell(death->counter, now)) {
		tw_lose(TW_LOST_RATE);
		return;
	}
	event = bpf_ringbuf_reserve(&tw_events, sizeof(*event), 0);
	if (!event) {
		tw_lose(TW_LOST_RING);
		return;
	}
	__builtin_memset(event, 0, sizeof(*event));
	event->at_ns = now;
	event->cgroup_id = cgroup ? tw_cgroup_id(cgroup) : 0;
	event->netns = sk->__sk_common.skc_net.net->ns.inum;
	event->silent_ms = death->reason == TW_DEAD_CONNECT ? tw_connecting_ms(tp)
							    : tw_silent_ms(tp);
	event->kind = TW_EVENT_DEAD;
	event->reason = death->reason;
	event->direction = death->direction;
	event->family = sk->__sk_common.skc_family;
	event->counter = death->counter;
	event->local_port = tw_local_port(sk);
	event->remote_port = bpf_ntohs(sk->__sk_common.skc_dport);
	tw_read_addresses(sk, event->local, event->remote);
	bpf_ringbuf_submit(event, 0);
}

static __always_inline void tw_count(const struct tw_death *death)
{
	__u32 key = death->counter;
	struct tw_tally *tally = bpf_map_lookup_elem(&tw_tallies, &key);

	if (tally)
		tally->dead[death->reason % TW_REASONS]++;
}

static __attribute__((noinline)) void tw_end(struct sock *sk, int oldstate)
{
	struct tw_death death = { .counter = TW_NO_COUNTER };
	const struct tw_record *record;
	struct tw_home home;
	struct tcp_sock *tp;

	tp = bpf_skc_to_tcp_sock(sk);
	if (!tp)
		return;
	/* By way of `tp`: a pointer read from what is trusted is looked up in the kernel's whole BTF. */
	home = tw_home_of(sk, &tp->inet_conn.icsk_inet.sk);
	record = tw_home_record(&home);
	if (record) {
		death.direction = record->direction;
		death.counter = record->counter;
	} else {
		death.direction = tw_nonzero(sk->sk_max_ack_backlog); /* a listener's: TW_IN */
		if (!tw_attribute(&tp->inet_conn.icsk_inet.sk, &death))
			return;
	}
	/* Last: the verifier would follow all the above once for each reason. */
	if (!tw_reason_of(tp, oldstate, &death.reason))
		return;
	tw_count(&death);
	tw_tell(tp, &death);
}

/* All but a few changes end here, so what needs registers and a stack is apart. */
SEC("tp_btf/inet_sock_set_state")
int BPF_PROG(tw_deaths, struct sock *sk, int oldstate, int newstate)
{
	if (newstate == TCP_CLOSE && tw_gave_up(sk, oldstate) && sk->sk_protocol == IPPROTO_TCP)
		tw_end(sk, oldstate);
	return 0;
}
