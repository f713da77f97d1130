/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The kernel types that the programs read, and of those only the fields that
 * they use. preserve_access_index makes each access a CO-RE relocation, so
 * offsets come from the running kernel and no kernel is needed to build.
 */
#ifndef TW_VMLINUX_H
#define TW_VMLINUX_H

#include <stdbool.h>

#include <linux/types.h>

#include <linux/bpf.h>

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

struct in6_addr {
	union {
		__u8 u6_addr8[16];
		__be32 u6_addr32[4];
	} in6_u;
};

struct netns_ipv4 {
	int sysctl_tcp_keepalive_time;	 /* jiffies */
	int sysctl_tcp_keepalive_intvl;	 /* jiffies */
	int sysctl_tcp_keepalive_probes; /* an int in 5.10, a byte in 6.1 */
};

struct ns_common {
	unsigned int inum;
};

struct net {
	struct ns_common ns;
	struct netns_ipv4 ipv4;
};

typedef struct {
	struct net *net;
} possible_net_t;

typedef struct {
	int counter;
} atomic_t;

typedef struct {
	__s64 counter;
} atomic64_t;

typedef struct {
	atomic_t refs;
} refcount_t;

struct sock_common {
	__be32 skc_daddr;
	__be32 skc_rcv_saddr;
	struct in6_addr skc_v6_daddr;
	struct in6_addr skc_v6_rcv_saddr;
	__be16 skc_dport;
	__u16 skc_num;
	unsigned short skc_family;
	volatile unsigned char skc_state;
	atomic64_t skc_cookie; /* 0: nobody asked for it yet */
	unsigned long skc_flags;
	refcount_t skc_refcnt;
	possible_net_t skc_net;
};

struct kernfs_node {
	__u64 id;
};

struct cgroup;

struct cgroup_subsys_state {
	struct cgroup *cgroup;
	struct cgroup_subsys_state *parent;
};

struct cgroup_root {
	int hierarchy_id; /* 0: the version 2 tree */
};

struct cgroup {
	struct cgroup_subsys_state self;
	int level; /* the root's is 0 */
	struct kernfs_node *kn;
	struct cgroup_root *root;
};

struct sock_cgroup_data {
	struct cgroup *cgroup;
};

/*
 * Before 5.15 (8520e224f547 "bpf, cgroups: Fix cgroup v2 fallback on v1/v2
 * mixed mode"; also in later 5.10.y): a pointer whose low bits are flags.
 */
struct sock_cgroup_data___old {
	__u64 val;
};

struct socket {
	short type;
};

struct bpf_local_storage;

struct inode {
	unsigned long i_ino;
};

struct socket_alloc {
	struct socket socket;
	struct inode vfs_inode;
};

struct sock {
	struct sock_common __sk_common;
	struct sock_cgroup_data sk_cgrp_data;
	struct socket *sk_socket;
	__u32 sk_max_ack_backlog;
	__u16 sk_protocol;
	int sk_err;
	int sk_err_soft; /* what ICMP said last, of a connection that goes on */
	struct bpf_local_storage *sk_bpf_storage;
};

struct inet_sock {
	struct sock sk;
	__be16 inet_sport;
};

struct inet_connection_sock {
	struct inet_sock icsk_inet;
	__u32 icsk_user_timeout; /* milliseconds */
	__u8 icsk_retransmits;	 /* in a row, unanswered */
	__u8 icsk_probes_out;	 /* likewise */
	struct {
		__u32 lrcvtime; /* jiffies, data */
	} icsk_ack;
};

struct tcp_sock {
	struct inet_connection_sock inet_conn;
	unsigned int keepalive_time;  /* jiffies; 0: the sysctl */
	unsigned int keepalive_intvl; /* jiffies; 0: the sysctl */
	__u8 keepalive_probes;	      /* 0: the sysctl */
	__u32 rcv_tstamp;	      /* jiffies, of the last acknowledgement */
	__u32 write_seq;
	__u32 snd_una;
	__u32 retrans_stamp;  /* of the first SYN, monotonic milliseconds */
	__u8 tcp_usec_ts : 1; /* or microseconds (6.7, 614e8316aa4c) */
};

enum sock_flags {
	SOCK_DEAD,
	SOCK_DONE,
	SOCK_URGINLINE,
	SOCK_KEEPOPEN,
};

struct seq_file;

struct bpf_iter_meta {
	struct seq_file *seq;
};

struct bpf_iter__tcp {
	struct bpf_iter_meta *meta;
	struct sock_common *sk_common;
};

struct bpf_iter__bpf_sk_storage_map {
	struct bpf_iter_meta *meta;
	struct sock *sk;
	void *value;
};

struct bpf_iter__bpf_map_elem {
	void *value;
};

#pragma clang attribute pop

#endif
