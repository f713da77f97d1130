/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * One socket: who it is, which policy it meets, what values it has, and how
 * they are written. Shared by all programs that see a struct sock.
 */
#ifndef TW_APPLY_BPF_H
#define TW_APPLY_BPF_H

#include "maps.bpf.h"

#include <bpf/bpf_core_read.h>
#include <bpf/bpf_endian.h>

#include <tcpwarden/match.h>

#include "count.bpf.h"
#include "generation.bpf.h"
#include "options.bpf.h"
#include "record.bpf.h"

#define ENOENT 2
#define ELOOP  40
#define EINVAL 22

/*
 * tcp_sock holds its timers in jiffies. 2^40 / HZ, rounded up, from user space:
 * a multiplication is a tenth of a division, and exact for jiffies below
 * 2^40 / HZ. (__kconfig needs a configuration file that containers lack.)
 */
const volatile __u64 tw_seconds_per_jiffy = 0;

/*
 * Whether connections at birth may keep their record in tw_seats: it takes kernel
 * memory that may be read.
 */
const volatile bool tw_have_seats = false;

static __always_inline __u32 tw_seconds(__u32 jiffies)
{
	return (jiffies * tw_seconds_per_jiffy) >> 40;
}

/* --- which policies a socket meets ------------------------------------------ */

/*
 * Before 5.15 a cgroup's pointer is not typed for the verifier, and everything
 * behind it takes bpf_probe_read_kernel(). The direct form is faster and works
 * under lockdown. May go with the last kernel that has sock_cgroup_data___old.
 */
static __always_inline bool tw_cgroup_direct(void)
{
	return bpf_core_field_exists(struct sock_cgroup_data, cgroup);
}

/* A socket's cgroup; NULL is the root: the old layout has flags there instead of a pointer. */
static __always_inline struct cgroup *tw_cgroup_of(struct sock *sk)
{
	struct sock_cgroup_data___old *data;
	__u64 val;

	if (tw_cgroup_direct())
		return sk->sk_cgrp_data.cgroup;
	data = (void *)&sk->sk_cgrp_data;
	val = BPF_CORE_READ(data, val);
	return val & 3 ? NULL : (struct cgroup *)(unsigned long)val;
}

static __always_inline int tw_cgroup_level(struct cgroup *cgroup)
{
	return tw_cgroup_direct() ? cgroup->level : BPF_CORE_READ(cgroup, level);
}

static __always_inline __u64 tw_cgroup_id(struct cgroup *cgroup)
{
	return tw_cgroup_direct() ? cgroup->kn->id : BPF_CORE_READ(cgroup, kn, id);
}

/* NULL above the root. */
static __always_inline struct cgroup *tw_cgroup_parent(struct cgroup *cgroup)
{
	struct cgroup_subsys_state *parent;

	if (tw_cgroup_direct()) {
		parent = cgroup->self.parent;
		return parent ? parent->cgroup : NULL;
	}
	parent = BPF_CORE_READ(cgroup, self.parent);
	return parent ? BPF_CORE_READ(parent, cgroup) : NULL;
}

/*
 * The policies that select the socket's cgroup: the element of the nearest
 * ancestor that has one, and which of those that may select it are candidates,
 * see tw_select(): all, unless it is the cgroup's own element, which knows. NULL: none
 * has, so it is not below the attach point.
 */
static __always_inline const struct tw_cgroup_sets *
tw_cgroup_sets(struct sock *sk, __u32 slot, const struct tw_generation *generation, __u64 *ret_may)
{
	void *map = bpf_map_lookup_elem(&tw_cgroups, &slot);
	struct cgroup *cgroup = tw_cgroup_of(sk);
	struct tw_cgroup_sets *sets;
	__u64 id;

	*ret_may = ~0ULL;

	if (!map)
		return NULL;
	if (!cgroup) {
		id = generation->attach_cgroup;
		return bpf_map_lookup_elem(map, &id);
	}
	if (tw_cgroup_level(cgroup) > TW_MAX_CGROUP_DEPTH) {
		tw_count_error(TW_SITE_CGROUP, -ELOOP);
		return &generation->deep;
	}
	for (int i = 0; i <= TW_MAX_CGROUP_DEPTH; i++) {
		id = tw_cgroup_id(cgroup);
		sets = bpf_map_lookup_elem(map, &id);
		if (sets) {
			if (!i)
				*ret_may = sets->own_may;
			return sets;
		}
		cgroup = tw_cgroup_parent(cgroup);
		if (!cgroup)
			break;
	}
	return NULL;
}

/*
 * Whether it has a cgroup deeper than policies can select that is not below the
 * attach point: tw_match() cannot tell, and a program that sees the sockets of
 * the whole machine has to ask.
 */
static __always_inline bool tw_deep_out_of_scope(struct sock *sk,
						 const struct tw_generation *generation)
{
	struct cgroup *cgroup = tw_cgroup_of(sk);

	if (!cgroup || tw_cgroup_level(cgroup) <= TW_MAX_CGROUP_DEPTH)
		return false;
	for (int i = 0; i < 64 && cgroup; i++) {
		if (tw_cgroup_id(cgroup) == generation->attach_cgroup)
			return false;
		cgroup = tw_cgroup_parent(cgroup);
	}
	return true;
}

/* The policies that select the peer's address, IPv4 as v4-mapped. */
static __always_inline const struct tw_set *tw_remote_set(struct sock *sk, __u32 slot,
							  const struct tw_generation *generation)
{
	struct tw_prefix key = { .len = 128 };
	const struct tw_set *set;
	void *map;

	if (!generation->prefixes)
		return &generation->any_remote;
	map = bpf_map_lookup_elem(&tw_prefixes, &slot);
	if (!map)
		return NULL;
	if (sk->__sk_common.skc_family == AF_INET) {
		key.addr[10] = key.addr[11] = 0xff;
		*(__be32 *)&key.addr[12] = sk->__sk_common.skc_daddr;
	} else {
		BPF_CORE_READ_INTO(&key.addr, sk, __sk_common.skc_v6_daddr);
	}
	set = bpf_map_lookup_elem(map, &key);
	return set ?: &generation->any_remote;
}

/*
 * The local port. Not skc_num: tcp_set_state() gives the port back, and clears
 * that, before it tells of an end.
 */
static __always_inline __u16 tw_local_port(struct sock *sk)
{
	return bpf_ntohs(((struct inet_sock *)sk)->inet_sport);
}

/* The policies that select the service port: the remote one for out, the local one for in. */
static __always_inline const struct tw_set *tw_port_set(struct sock *sk,
							enum tw_direction direction, __u32 slot,
							const struct tw_generation *generation)
{
	__u16 port = direction == TW_OUT ? bpf_ntohs(sk->__sk_common.skc_dport) : tw_local_port(sk);
	__u32 class = generation->port_class[port];
	void *map;

	if (!class)
		return &generation->any_port;
	map = bpf_map_lookup_elem(&tw_port_sets, &slot);
	return map ? bpf_map_lookup_elem(map, &class) : NULL;
}

/*
 * Which policy wins, and who only observes. 0, or what is missing as a negative
 * errno. `frugal`: address and port are looked up only where a candidate selects
 * by them, which is faster and more for the verifier to follow.
 */
static __always_inline int tw_match(struct sock *sk, enum tw_direction direction, __u32 slot,
				    const struct tw_generation *generation, bool frugal,
				    struct tw_verdict *ret_verdict)
{
	const struct tw_set *const set = &generation->direction[direction];
	const struct tw_set *remote = &generation->any_remote, *port = &generation->any_port;
	const struct tw_cgroup_sets *cgroup;
	__u64 may;

	cgroup = tw_cgroup_sets(sk, slot, generation, &may);
	if (!cgroup)
		return -ENOENT;
	if (!frugal || tw_selective(cgroup, may, set, set, port))
		port = tw_port_set(sk, direction, slot, generation);
	if (!frugal || (port && tw_selective(cgroup, may, set, port, remote)))
		remote = tw_remote_set(sk, slot, generation);
	if (!remote || !port) {
		tw_count_error(TW_SITE_GENERATION, -ENOENT);
		return -EINVAL;
	}
	tw_select(cgroup, may, set, remote, port, &generation->observe, ret_verdict);
	return 0;
}

/* A socket's addresses, IPv4 as v4-mapped. */
static __always_inline void tw_read_addresses(struct sock *sk, __u8 *ret_local, __u8 *ret_remote)
{
	struct sock_common *common = &sk->__sk_common;

	__builtin_memset(ret_local, 0, 16);
	__builtin_memset(ret_remote, 0, 16);
	if (common->skc_family == AF_INET) {
		ret_local[10] = ret_local[11] = 0xff;
		ret_remote[10] = ret_remote[11] = 0xff;
		*(__be32 *)&ret_local[12] = common->skc_rcv_saddr;
		*(__be32 *)&ret_remote[12] = common->skc_daddr;
	} else {
		bpf_core_read(ret_local, 16, &common->skc_v6_rcv_saddr);
		bpf_core_read(ret_remote, 16, &common->skc_v6_daddr);
	}
}

/* --- a socket's values ------------------------------------------------------ */

/* What an unset timer means in the socket's network namespace. */
static __always_inline void tw_read_sysctl(struct sock *sk, struct tw_options *ret_sysctl)
{
	struct net *net = sk->__sk_common.skc_net.net;

	ret_sysctl->value[TW_KEEPALIVE] = 0;
	ret_sysctl->value[TW_USER_TIMEOUT] = 0;
	ret_sysctl->value[TW_IDLE] = tw_seconds(net->ipv4.sysctl_tcp_keepalive_time);
	ret_sysctl->value[TW_INTERVAL] = tw_seconds(net->ipv4.sysctl_tcp_keepalive_intvl);
	ret_sysctl->value[TW_PROBES] =
		BPF_CORE_READ_BITFIELD(net, ipv4.sysctl_tcp_keepalive_probes);
}

/* The values as the socket has them: 0 in an unset timer. */
static __always_inline void tw_read_set(struct tcp_sock *tp, struct tw_options *ret_set)
{
	struct sock *sk = &tp->inet_conn.icsk_inet.sk;
	__u32 keepopen = bpf_core_enum_value(enum sock_flags, SOCK_KEEPOPEN);

	ret_set->value[TW_KEEPALIVE] = sk->__sk_common.skc_flags >> keepopen & 1;
	ret_set->value[TW_USER_TIMEOUT] = tp->inet_conn.icsk_user_timeout;
	ret_set->value[TW_IDLE] = tw_seconds(tp->keepalive_time);
	ret_set->value[TW_INTERVAL] = tw_seconds(tp->keepalive_intvl);
	ret_set->value[TW_PROBES] = tp->keepalive_probes;
}

/* Whether nobody has set any. */
static __always_inline bool tw_is_unset(const struct tw_options *set)
{
	__u32 any = 0;

	for (__u32 f = 0; f < TW_FIELDS; f++)
		any |= set->value[f];
	return !any;
}

/* What they mean: `sysctl` where a timer is unset. */
static __always_inline void tw_fill_unset(struct tw_options *now, const struct tw_options *sysctl)
{
	for (__u32 f = 0; f < TW_FIELDS; f++)
		if (!now->value[f])
			now->value[f] = sysctl->value[f];
}

static __always_inline void tw_read_options(struct tcp_sock *tp, const struct tw_options *sysctl,
					    struct tw_options *ret_now)
{
	tw_read_set(tp, ret_now);
	tw_fill_unset(ret_now, sysctl);
}

static __always_inline int tw_write_field(void *ctx, enum tw_field field, __u32 value)
{
	int level = SOL_TCP, option;

	switch (field) {
	case TW_INTERVAL:
		option = TCP_KEEPINTVL;
		break;
	case TW_PROBES:
		option = TCP_KEEPCNT;
		break;
	case TW_USER_TIMEOUT:
		option = TCP_USER_TIMEOUT;
		break;
	case TW_KEEPALIVE:
		level = SOL_SOCKET;
		option = SO_KEEPALIVE;
		break;
	default:
		option = TCP_KEEPIDLE;
	}
	return bpf_setsockopt(ctx, level, option, &value, sizeof(value));
}

static __always_inline enum tw_site tw_field_site(enum tw_field field)
{
	switch (field) {
	case TW_INTERVAL:
		return TW_SITE_INTERVAL;
	case TW_PROBES:
		return TW_SITE_PROBES;
	case TW_USER_TIMEOUT:
		return TW_SITE_USER_TIMEOUT;
	case TW_KEEPALIVE:
		return TW_SITE_KEEPALIVE;
	default:
		return TW_SITE_IDLE;
	}
}

/*
 * The field that is written in turn `n`. At birth nothing is gained by writing
 * the idle time last: with keepalive still off it starts no timer, so the timer
 * is started once.
 */
static __always_inline enum tw_field tw_turn(const struct tw_hook *hook, __u32 n)
{
	if (hook->birth && n >= TW_KEEPALIVE)
		return n == TW_KEEPALIVE ? TW_IDLE : TW_KEEPALIVE;
	return n;
}

/*
 * Write the fields in `write`, all or nothing: where one is refused, those
 * written before it are put back to `now`. Returns 0 or the helper's error.
 */
static __always_inline int tw_write(const struct tw_hook *hook, const struct tw_options *want,
				    const struct tw_options *now, __u32 write)
{
	__u32 written = 0;
	int error = 0;

#pragma unroll
	for (__u32 n = 0; n < TW_FIELDS; n++) {
		enum tw_field f = tw_turn(hook, n);

		if (!(write & TW_BIT(f)) || error)
			continue;
		error = tw_write_field(hook->ctx, f, want->value[f]);
		if (error)
			tw_count_error(tw_field_site(f), error);
		else
			written |= TW_BIT(f);
	}
	if (!error)
		return 0;
#pragma unroll
	for (__u32 f = 0; f < TW_FIELDS; f++) {
		int undo = written & TW_BIT(f) ? tw_write_field(hook->ctx, f, now->value[f]) : 0;

		if (undo)
			tw_count_error(TW_SITE_UNDO, undo);
	}
	return error;
}

/*
 * Keep `next` as the socket's record, where one is needed. Where it cannot be
 * kept the socket is written all the same; it can only not be restored.
 */
static __always_inline void tw_remember(const struct tw_hook *hook, const struct tw_home *home,
					const struct tw_offer *offer, const struct tw_record *next)
{
	if (home->seat || home->stored)
		tw_remember_again(hook, home, next);
	else if (!tw_seat_take(hook, offer, next) && tw_record_needed(next))
		tw_store(hook, next);
}

/*
 * Note on the socket which of the observers that it meets are to count what its
 * application asks for later.
 */
static __always_inline void tw_watch(void *sk, const struct tw_generation *generation,
				     const struct tw_set *observers)
{
	struct tw_watch *watch;
	__u64 any = 0;

	if (!generation->watches)
		return;
	for (__u32 i = 0; i < TW_SET_WORDS; i++)
		any |= observers->word[i] & generation->watch.word[i];
	watch = bpf_sk_storage_get(&tw_watches, sk, 0, any ? BPF_SK_STORAGE_GET_F_CREATE : 0);
	if (!watch) {
		if (any)
			tw_count_error(TW_SITE_WATCH, -ENOMEM);
		return;
	}
	for (__u32 i = 0; i < TW_SET_WORDS; i++)
		watch->observers.word[i] = observers->word[i] & generation->watch.word[i];
	watch->generation = generation->number;
}

/*
 * Plan, write and remember for a socket of which anything may be somebody's; `fresh`:
 * nothing is.
 */
static __always_inline enum tw_outcome
tw_settle_any(const struct tw_hook *hook, enum tw_direction direction,
	      const struct tw_policy *policy, const struct tw_options *now, bool fresh,
	      const struct tw_options *sysctl, const struct tw_home *home)
{
	const struct tw_record *record = tw_home_record(home);
	struct tw_offer offer = { .seat = NULL };
	struct tw_record copy = { 0 };
	struct tw_plan plan;
	__u32 app = 0;

	if (record) {
		copy = *record;
		app = tw_base(now, sysctl, &copy, &copy.original);
	} else {
		/* The same, where nothing is ours. */
		copy.original = *now;
		if (!fresh)
			app = tw_app_fields(now, sysctl);
	}
	if (fresh)
		tw_plan_fresh(policy, sysctl, &plan);
	else
		tw_plan(policy, now, &copy.original, app, &plan);
	copy.direction = direction;
	tw_record_fill(&copy, policy, &plan, app, sysctl);
	if (hook->birth && tw_have_seats && !record && tw_record_needed(&copy) &&
	    tw_fits_seat(hook, &copy))
		tw_seat_offer(hook, &offer);
	if (plan.write && tw_write(hook, &plan.want, now, plan.write))
		return TW_FAILED;
	tw_remember(hook, home, &offer, &copy);
	return tw_plan_outcome(&plan, 0);
}

/*
 * Make a socket what `policy` asks; an exemption makes it what it was without
 * us. The caller's program holds the socket's lock.
 */
static __always_inline enum tw_outcome tw_settle(const struct tw_hook *hook, struct tcp_sock *tp,
						 const struct tw_home *home,
						 enum tw_direction direction,
						 const struct tw_policy *policy)
{
	bool recorded = tw_home_record(home) != NULL, fresh;
	struct tw_options sysctl, now;

	/* An unset timer is none that a policy asks for, even where the sysctl makes it so. */
	tw_read_set(tp, &now);
	if (!recorded && tw_plan_is_empty(policy, &now))
		return TW_ALREADY;
	fresh = hook->birth && !recorded && tw_is_unset(&now);
	tw_read_sysctl(&tp->inet_conn.icsk_inet.sk, &sysctl);
	tw_fill_unset(&now, &sysctl);
	return tw_settle_any(hook, direction, policy, &now, fresh, &sysctl, home);
}

#endif
