/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Where a socket's record is. Socket storage takes any, but to make one costs
 * more than all else that is done at a birth: two allocations, which go by way of
 * a grace period when the socket ends. So a connection at birth takes a seat in
 * the table tw_seats, where one is free; all that came later (kernel/records.h
 * too) finds it there, or else in its storage.
 *
 * A seat is never given back when its socket ends. Whoever wants it looks
 * whether the socket that has it still lives, and takes it over if not.
 */
#ifndef TW_RECORD_BPF_H
#define TW_RECORD_BPF_H

#include "maps.bpf.h"

#include <bpf/bpf_core_read.h>

#include <tcpwarden/match.h>

#include "count.bpf.h"

#define ENOMEM 12

/*
 * Whether the program may use socket storage: of tracing ones, what is attached
 * to a tracepoint from Linux 5.11 on, an iterator from 5.15 on.
 */
const volatile bool tw_have_storage = true;

/* What bpf_setsockopt() and bpf_sk_storage_get() of a program type take, and when it comes. */
struct tw_hook {
	void *ctx;
	void *sk;
	bool birth;   /* no timer runs yet that is older than this moment */
	bool watched; /* see tw_fits_seat() */
	bool atomics; /* BPF's that return what was there may be used */
};

/* Where one record is: in a seat, in storage, or both NULL. */
struct tw_home {
	struct tw_seat *seat;
	struct tw_record *stored;
};

static __always_inline struct tw_seat *tw_seat_at(__u64 cookie)
{
	__u32 key = cookie % TW_SEATS;

	return bpf_map_lookup_elem(&tw_seats, &key);
}

/*
 * The seat that the socket has, or NULL. Cookies are never used again, sock_gen_cookie(). What
 * user space took out leaves an empty record.
 */
static __always_inline struct tw_seat *tw_seat_of(struct sock *sk)
{
	__u64 cookie = sk->__sk_common.skc_cookie.counter;
	struct tw_seat *seat = cookie ? tw_seat_at(cookie) : NULL;

	return seat && seat->cookie == cookie && tw_record_needed(&seat->record) ? seat : NULL;
}

/* `storage` is the socket as bpf_sk_storage_get() of the program's type takes it. */
static __always_inline struct tw_home tw_home_of(void *storage, struct sock *sk)
{
	struct tw_home home = { .seat = tw_seat_of(sk) };

	if (!home.seat && tw_have_storage && sk->sk_bpf_storage)
		home.stored = bpf_sk_storage_get(&tw_records, storage, 0, 0);
	return home;
}

static __always_inline struct tw_record *tw_home_record(const struct tw_home *home)
{
	return home->seat ? &home->seat->record : home->stored;
}

/*
 * Whether the socket that has a seat still lives, of which only the address is
 * known. Memory of TCP sockets stays theirs (SLAB_TYPESAFE_BY_RCU) or is no
 * longer a socket's, and then it does not hold the cookie. That is asked first:
 * where a seat is wanted again, another socket mostly has the memory by then.
 */
static __always_inline bool tw_lives(struct sock *sk, __u64 cookie)
{
	return (__u64)BPF_CORE_READ(sk, __sk_common.skc_cookie.counter) == cookie &&
	       BPF_CORE_READ(sk, __sk_common.skc_refcnt.refs.counter);
}

/* A seat that a socket may take. */
struct tw_offer {
	__u64 cookie; /* of that socket */
	struct tw_seat *seat;
	__u64 had; /* the cookie that was in the seat */
};

/*
 * The seat for the socket of this sockops event. To look at it long before it is
 * taken is what fetches it: seldom has anybody used that memory lately.
 */
static __always_inline void tw_seat_offer(const struct tw_hook *hook, struct tw_offer *ret_offer)
{
	ret_offer->cookie = bpf_get_socket_cookie(hook->ctx);
	ret_offer->seat = tw_seat_at(ret_offer->cookie);
	if (ret_offer->seat)
		ret_offer->had = *(volatile __u64 *)&ret_offer->seat->cookie;
}

/* 0, but made of `x` as the processor sees it: what is read from there on is read after `x`. */
static __always_inline __u64 tw_after(__u64 x)
{
	__asm__ volatile("%0 &= 0" : "+r"(x));
	return x;
}

/*
 * Put `next` into the seat; false: another socket's is there. The address that is read
 * here is of the socket whose cookie was read, or of one that came later: then the
 * seat has another cookie by now, for none comes twice. Without atomics a cookie may be
 * seen before its address, which is compared for that. The cookie comes last: who finds it
 * finds the record.
 */
static __always_inline bool tw_seat_take(const struct tw_hook *hook, const struct tw_offer *offer,
					 const struct tw_record *next)
{
	struct tw_seat *seat = offer->seat;
	__u64 had = offer->had, sk;
	bool taken;

	if (!seat || had == TW_SEAT_TAKING)
		return false;
	sk = *(volatile __u64 *)((char *)&seat->sk + tw_after(had));
	if (had && tw_lives((struct sock *)(unsigned long)sk, had))
		return false;
	if (hook->atomics) {
		if (__sync_val_compare_and_swap(&seat->cookie, had, TW_SEAT_TAKING) != had)
			return false;
		seat->sk = (__u64)(unsigned long)hook->sk;
		seat->record = *next;
		__sync_lock_test_and_set(&seat->cookie, offer->cookie);
		return true;
	}
	bpf_spin_lock(&seat->lock);
	taken = seat->cookie == had && seat->sk == sk;
	if (taken) {
		seat->sk = (__u64)(unsigned long)hook->sk;
		seat->record = *next;
		seat->cookie = offer->cookie;
	}
	bpf_spin_unlock(&seat->lock);
	return taken;
}

/*
 * The setsockopt hook finds records by storage alone: what it is to judge, or
 * to answer observers about, has no seat in the table.
 */
static __always_inline bool tw_fits_seat(const struct tw_hook *hook, const struct tw_record *next)
{
	return !next->precedence && !hook->watched;
}

/* False: there is no memory. */
static __always_inline bool tw_store(const struct tw_hook *hook, const struct tw_record *next)
{
	if (bpf_sk_storage_get(&tw_records, hook->sk, (void *)next, BPF_SK_STORAGE_GET_F_CREATE))
		return true;
	tw_count_error(TW_SITE_RECORD, -ENOMEM);
	return false;
}

/* Keep `next` where the record is already; forget it where none is needed. */
static __always_inline void tw_remember_again(const struct tw_hook *hook,
					      const struct tw_home *home,
					      const struct tw_record *next)
{
	bool needed = tw_record_needed(next);

	if (!home->seat) {
		if (needed)
			*home->stored = *next;
		else
			bpf_sk_storage_delete(&tw_records, hook->sk);
		return;
	}
	if (needed && (tw_fits_seat(hook, next) || !tw_store(hook, next)))
		home->seat->record = *next;
	else
		home->seat->cookie = 0;
}

#endif
