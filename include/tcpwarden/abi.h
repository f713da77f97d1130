/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The contract between the BPF programs and user space: limits, map keys and
 * values, the socket record. Every field has a fixed width, padding is
 * explicit, every size is asserted. A change of a layout here is a new
 * TW_ABI_VERSION (it is in the path of the pins); a change of struct tw_record
 * is a new TW_RECORD_VERSION, so an upgrade does not forget the originals.
 *
 * How the maps hang together:
 *
 *   current[0] = 7                   the generation in force; its slot is 7 % 2
 *   current[1] = 12                  changes so far, which outdate what bpf/answers.bpf.h notes
 *   generations[1] -> tw_generation  the policies, and sets of them
 *   cgroups[1]     -> cgroup id  -> tw_cgroup_sets: the policies that select it
 *   prefixes[1]    -> tw_prefix  -> tw_set, longest prefix wins
 *   port_sets[1]   -> port class -> tw_set
 *
 * and for people, which no program reads:
 *
 *   loaded[1]                    tw_loaded: when, which digest, the names
 *   texts[1 * 1024 + chunk]      the canonical policy text in pieces
 *
 * A connection's candidates are the intersection of four sets, one each for
 * its cgroup, direction, remote address and service port; the lowest policy
 * number that enforces wins. Publishing generation 8 fills slot 0, then stores
 * 8 into current[0]: the one store that switches.
 *
 * Policies that select by pod are matched in three values: they select a
 * cgroup, they do not, or they may, because the pod is not known yet. Where the
 * first candidate that enforces is one that only may, the socket is pending: it
 * is left alone until the loader knows more. A cgroup's element serves its own
 * sockets and those of descendants that the loader has not met, of which any
 * may be a pod. With policies 0 (match.pod: db-*) and 1 (all):
 *
 *   cgroup                               must    may   own_may
 *   /system.slice                        {1}     {0}      0    no pod, but what is new below it?
 *   .../kubepods-podX.slice, unknown     {1}     {0}     ~0    its own sockets too
 *   .../kubepods-podX.slice, shop/db-0   {0,1}   {}       0    as all that is below it
 *   .../kubepods-podX.slice, shop/web-0  {1}     {}       0
 */
#ifndef TCPWARDEN_ABI_H
#define TCPWARDEN_ABI_H

#include <linux/bpf.h>
#include <linux/types.h>

#define TW_CGRP_STORAGE 32 /* BPF_MAP_TYPE_CGRP_STORAGE (6.2), which older headers lack */

#define TW_ABI_VERSION	  1
#define TW_RECORD_VERSION 1

/* Limits. Each gives a located error or a counted fallback just past it. */
#define TW_MAX_POLICIES	    256	  /* policies on a node */
#define TW_MAX_PREFIXES	    64	  /* match.remote prefixes of a policy */
#define TW_MAX_PORT_RANGES  64	  /* match.port ports and ranges of a policy */
#define TW_MAX_CGROUP_DEPTH 16	  /* components of a cgroup path that policies can select */
#define TW_MAX_CGROUPS	    65536 /* cgroups with an element of their own; others use an ancestor's */
#define TW_MAX_COUNTERS	    512	  /* counter slots: two generations of policies at once */
#define TW_MAX_ERRORS	    512	  /* distinct (site, errno) pairs that are counted */
#define TW_SEATS	    65536 /* records outside socket storage; part of TW_RECORD_VERSION */
#define TW_NAME_LEN	    64	  /* a policy's name and its NUL */
#define TW_SLOTS	    2	  /* generations that exist at once */
#define TW_TEXT_CHUNK	    4096  /* bytes of policy text in an element of a texts map */
#define TW_MAX_TEXT_CHUNKS  4096  /* so canonical text is at most 16 MiB */
#define TW_PORTS	    65536
#define TW_PATH_LEN	    4096 /* a cgroup path and its NUL */
#define TW_EVENT_PATH_LEN   1024 /* as much of a path as the kernel's tracepoint gives */
#define TW_REFUSAL_LEN	    1024
#define TW_NODE_LEN	    254	    /* a node's name and its NUL */
#define TW_WHOLE_SHARE	    1000    /* `rollout` in per mille: all nodes */
#define TW_MAX_DEATH_RATE   1000000 /* guard: max_deaths_per_minute */

/* What the kernel accepts, tcp(7) and net/ipv4/tcp.c: MAX_TCP_KEEPIDLE and so on. */
#define TW_MIN_SECONDS	    1
#define TW_MAX_SECONDS	    32767
#define TW_MIN_PROBES	    1
#define TW_MAX_PROBES	    127
#define TW_MAX_USER_TIMEOUT 2147483647u /* milliseconds: INT_MAX */

/*
 * The five options, in the order in which they are written: the interval first
 * (where kTLS on old kernels refuses it, nothing is written at all), the idle
 * time last (only it re-arms a running timer).
 */
enum tw_field {
	TW_INTERVAL,	 /* TCP_KEEPINTVL, seconds */
	TW_PROBES,	 /* TCP_KEEPCNT */
	TW_USER_TIMEOUT, /* TCP_USER_TIMEOUT, milliseconds; 0 is off */
	TW_KEEPALIVE,	 /* SO_KEEPALIVE, 0 or 1 */
	TW_IDLE,	 /* TCP_KEEPIDLE, seconds */
	TW_FIELDS,
};

#define TW_BIT(field) (1u << (field))
#define TW_TIMERS     (TW_BIT(TW_INTERVAL) | TW_BIT(TW_PROBES) | TW_BIT(TW_IDLE))

/* The values of the five options, indexed by enum tw_field. */
struct tw_options {
	__u32 value[TW_FIELDS];
};

enum tw_direction {
	TW_OUT, /* we connected */
	TW_IN,	/* we accepted */
	TW_DIRECTIONS,
};

/* A set of policy numbers; number n is bit n % 64 of word n / 64. */
#define TW_SET_WORDS (TW_MAX_POLICIES / 64)

struct tw_set {
	__u64 word[TW_SET_WORDS];
};

/*
 * Which policies select a cgroup: an element of the cgroups map. A policy is in
 * one of the two sets at most.
 */
struct tw_cgroup_sets {
	struct tw_set must; /* that select it */
	struct tw_set may;  /* that may select a descendant which has no element yet */
	__u64 own_may;	    /* mask: ~0 where `may` holds for its own sockets too, else 0 */
};

enum tw_policy_flags {
	TW_POLICY_AUTO = 1,    /* user_timeout: auto; `want` has the sum of its own timers */
	TW_POLICY_OBSERVE = 2, /* count, change nothing, search on */
};

/* Who wins where the application set a value itself. */
enum tw_precedence {
	TW_PRECEDENCE_APP,	 /* only what the application left unset is filled */
	TW_PRECEDENCE_STRICTEST, /* field by field the smaller; off and 0 are infinity */
	TW_PRECEDENCE_POLICY,	 /* the policy's value */
};

/* What one policy asks. */
struct tw_policy {
	struct tw_options want;
	__u8 fields;	 /* TW_BIT()s of the options that it asks for; 0: an exemption */
	__u8 flags;	 /* enum tw_policy_flags */
	__u8 precedence; /* enum tw_precedence */
	__u8 reserved;
	__u16 counter; /* its element pair in the counters map, kept over reloads by name */
	__u16 reserved2;
};

/* Keys of the current map. */
enum tw_current {
	TW_CURRENT_NUMBER, /* of the generation in force; 0: none yet */
	/* How often that or its map of cgroups was changed, counted before and after: odd, one is under way. */
	TW_CURRENT_CHANGES,
	TW_CURRENTS,
};

/* A generation as the programs read it, but for what is looked up by hash or prefix. */
struct tw_generation {
	__u64 number;	     /* its own, as in tw_current */
	__u64 attach_cgroup; /* id of the cgroup that the link is attached to */
	__u32 prefixes;	     /* elements of the prefixes map; 0: skip the look-up */
	__u32 watches;	     /* members of `watch` */
	struct tw_set direction[TW_DIRECTIONS]; /* policies that match this direction */
	struct tw_set observe;			/* policies that only observe */
	struct tw_set watch;			/* of them, those whose precedence is not app */
	struct tw_cgroup_sets deep;		/* of cgroups deeper than policies can select */
	struct tw_set any_remote;		/* policies without match.remote */
	struct tw_set any_port;			/* policies without match.port: port class 0 */
	struct tw_policy policy[TW_MAX_POLICIES];
	__u16 port_class[TW_PORTS]; /* 0: any_port; else a key of the port_sets map */
};

/* Key of the prefixes map; an IPv4 prefix is v4-mapped, its length 96 more. */
struct tw_prefix {
	__u32 len;
	__u8 addr[16];
};

/* What became of one socket under one policy. */
enum tw_outcome {
	TW_SET,	      /* we wrote at least one option */
	TW_ALREADY,   /* it carries what the policy asks */
	TW_KEPT_APP,  /* it differs where the application's value stays */
	TW_WOULD_SET, /* as TW_SET, but the policy only observes */
	TW_FAILED,    /* the kernel refused; nothing was written */
	TW_PENDING,   /* left alone until its pod is known */
	TW_OUTCOMES,
};

/* Element counter * TW_DIRECTIONS + direction of the per-CPU counters map. */
struct tw_counts {
	__u64 sockets[TW_OUTCOMES];
};

/* Why the kernel gave a connection up. */
enum tw_reason {
	TW_DEAD_KEEPALIVE,   /* idle: probes went unanswered */
	TW_DEAD_UNACKED,     /* data in flight went unacknowledged */
	TW_DEAD_ZERO_WINDOW, /* the peer took no more data */
	TW_DEAD_CONNECT,     /* no answer to the SYN */
	TW_REASONS,
};

/* What became of an application's own setsockopt() under precedence strictest or policy. */
enum tw_app_action {
	TW_APP_ALLOWED,	      /* its value stands */
	TW_APP_LIMITED,	      /* strictest: the policy's was smaller, and stands */
	TW_APP_REPLACED,      /* policy: the policy's stands */
	TW_APP_WOULD_LIMIT,   /* as TW_APP_LIMITED, but the policy only observes */
	TW_APP_WOULD_REPLACE, /* as TW_APP_REPLACED, likewise */
	TW_APP_ACTIONS,
};

/* Element `counter` of the per-CPU tallies map: what happened later to a policy's sockets. */
struct tw_tally {
	__u64 dead[TW_REASONS];
	__u64 app[TW_APP_ACTIONS];
};

#define TW_NO_COUNTER TW_MAX_COUNTERS /* the tally of sockets under no policy */

/* Deaths of a policy that are told of, and likewise settings; more are only counted. */
#define TW_EVENTS_PER_SECOND 100
#define TW_EVENTS_RING	     262144 /* bytes of the ring: some 3200 events that nobody read yet */
#define TW_CGROUP_RING	     262144 /* bytes: some 250 cgroups that came or went meanwhile */
#define TW_RESWEEP_MS	     500    /* between two TW_EVENT_RESWEEP of one cgroup */

/* What the tw_events ring carries. */
enum tw_event_kind {
	TW_EVENT_DEAD,
	TW_EVENT_SETTING, /* an application's setsockopt() that a policy judged */
	/*
	 * An application set one of the five past the hook, on an MPTCP socket: the
	 * subflows below this cgroup need a sweep. Of the fields only at_ns and
	 * cgroup_id are filled.
	 */
	TW_EVENT_RESWEEP,
};

struct tw_event {
	__u64 at_ns;	 /* CLOCK_BOOTTIME */
	__u64 cgroup_id; /* 0: the root or unknown */
	__u32 netns;	 /* inode of its network namespace; 0: unknown */
	union {
		__u32 silent_ms; /* since the peer was heard; connect: since the first SYN */
		__u32 asked;	 /* setting: as the option has it; SO_KEEPALIVE as 0 or 1 */
	};
	__u8 kind; /* enum tw_event_kind */
	union {
		__u8 reason; /* enum tw_reason */
		__u8 action; /* setting: enum tw_app_action */
	};
	__u8 direction; /* enum tw_direction */
	__u8 family;	/* AF_INET, AF_INET6 */
	__u16 counter;	/* of its policy, or TW_NO_COUNTER */
	__u16 local_port;
	__u16 remote_port;
	__u8 field; /* setting: enum tw_field */
	__u8 reserved;
	__u32 given;	/* setting: what the socket gets; of an observer: would get */
	__u8 local[16]; /* IPv4 as v4-mapped */
	__u8 remote[16];
};

/*
 * What the ring's reader asks for beside deaths: tw_wanted[0], written by who
 * holds the ring alone (kernel/event_ring.h). 0: nobody asks, nothing is told.
 */
enum tw_want {
	TW_WANT_SETTINGS = 1,
	TW_WANT_RESWEEPS = 2,
};

/* Keys of the per-CPU tw_events_lost map: what was not told of; deaths were counted all the same. */
enum tw_event_loss {
	TW_LOST_RATE, /* over TW_EVENTS_PER_SECOND */
	TW_LOST_RING, /* the ring was full */
	TW_LOSSES,
};

/* A cgroup of the version 2 tree came or went; what the tw_cgroup_events ring carries. */
enum tw_cgroup_event_kind {
	TW_CGROUP_CREATED,
	TW_CGROUP_REMOVED,
};

struct tw_cgroup_event {
	__u64 id;
	__u64 at_ns; /* CLOCK_MONOTONIC */
	__u32 kind;  /* enum tw_cgroup_event_kind */
	__u32 len;   /* bytes of path with its NUL; 0: too long, look into the tree */
	char path[TW_EVENT_PATH_LEN];
};

/* Where in the BPF programs a helper failed or a socket was passed over. */
enum tw_site {
	TW_SITE_GENERATION, /* the current generation's maps are not there */
	TW_SITE_SOCKET,	    /* no tcp_sock behind the event */
	TW_SITE_CGROUP,	    /* ENOENT: no ancestor is known; ELOOP: deeper than the limit */
	TW_SITE_RECORD,	    /* the socket record could not be made */
	TW_SITE_KEEPALIVE,  /* bpf_setsockopt(SO_KEEPALIVE) */
	TW_SITE_IDLE,
	TW_SITE_INTERVAL,
	TW_SITE_PROBES,
	TW_SITE_USER_TIMEOUT,
	TW_SITE_UNDO,  /* a value could not be put back after a failed write */
	TW_SITE_WATCH, /* what observers are to count could not be noted */
	TW_SITES,
};

struct tw_error {
	__u32 site;  /* enum tw_site */
	__u32 error; /* errno, positive */
};

/* What an unset timer means where a socket lives; more than a socket can have is 65535, 255. */
struct tw_unset {
	__u16 idle;
	__u16 interval;
	__u8 probes;
	__u8 reserved[3];
};

/*
 * Carried by each connection that we change, and by each whose policy has
 * precedence strictest or policy. A field that we wrote and that still has that
 * value is ours; any other set field is the application's.
 *
 * All that a later setsockopt() of the application needs is here, so that the
 * socket stays whole under one policy until a sweep brings it under another.
 * The application asks for 7200 s of idle time where the policy's 120 s stand:
 *
 *	app |= TW_BIT(TW_IDLE), original.value[TW_IDLE] = 7200,
 *	written & TW_BIT(TW_IDLE), ours.value[TW_IDLE] = 120
 */
struct tw_record {
	__u8 direction;	 /* enum tw_direction */
	__u8 app;	 /* TW_BIT()s that the application has set */
	__u8 written;	 /* TW_BIT()s that we wrote */
	__u8 fields;	 /* as in the policy, and so are the next three */
	__u8 precedence; /* TW_PRECEDENCE_APP: later calls are not ours to judge */
	__u8 flags;
	__u16 counter;
	struct tw_options original; /* what the application asked for, else what it found */
	struct tw_options ours; /* what the policy asks; where `written` says so, what is there */
	struct tw_unset unset;
};

/* In place of a cookie: these are counted up from 1, and down from ~0 (gen_cookie_next()). */
#define TW_SEAT_TAKING (1ULL << 63)

/*
 * Where a record is that needs no socket storage: an element of the seats map,
 * whose key is the socket's cookie (SO_COOKIE) % TW_SEATS. How a seat changes
 * hands (bpf/record.bpf.h) is part of TW_RECORD_VERSION.
 */
struct tw_seat {
	__u64 cookie; /* whose it is; 0: nobody's; TW_SEAT_TAKING: somebody takes it now */
	__u64 sk;     /* that socket's address, to ask whether it lives */
	struct tw_record record;
	struct bpf_spin_lock lock; /* while it changes hands without atomics */
	__u32 reserved;
};

/*
 * Carried by each connection that policies with precedence strictest or policy
 * observe: whose counters an application's setsockopt() goes to. Void under any
 * other generation.
 */
struct tw_watch {
	__u64 generation;
	struct tw_set observers;
};

/* What a policy is on this node. */
enum tw_here {
	TW_HERE_SELECTED = 1, /* match.node, where there is one, selects this node */
	TW_HERE_IN_SHARE = 2, /* ... and this node is in the share of `rollout` */
	TW_HERE_TRIPPED = 4,  /* its guard tripped: it observes here */
};

/* A policy of a generation, as people know it. */
struct tw_loaded_policy {
	char name[TW_NAME_LEN];
	__u16 counter;
	__u8 flags;    /* enum tw_policy_flags: what it does here */
	__u8 here;     /* enum tw_here */
	__u16 rollout; /* per mille of the nodes that are to enforce it */
	__u8 guarded;  /* it has a guard, of `max_deaths` a minute */
	__u8 reserved;
	__u32 max_deaths;
	__u32 reserved2;
	__u64 digest[2];     /* of its own canonical text, high half first */
	__u64 tripped_at_ns; /* CLOCK_REALTIME; 0: its guard has not tripped */
};

/* What people ask of a generation; of value only where `number` is the current one. */
struct tw_loaded {
	__u64 number;
	__u64 at_ns;	 /* CLOCK_REALTIME */
	__u64 digest[2]; /* XXH3-128 of the canonical text, high half first */
	__u32 text_len;	 /* bytes of canonical text */
	__u32 policies;	 /* how many */
	struct tw_loaded_policy policy[TW_MAX_POLICIES];
};

/* What is true of this node's enforcement, whatever the generation. */
struct tw_state {
	__u64 attach_cgroup;
	__u64 refused_at_ns; /* CLOCK_REALTIME of the last refused policy; 0: none */
	char version[32];    /* of the loader that last took over */
	char refusal[TW_REFUSAL_LEN];
	char attached_to[TW_PATH_LEN];
	char node[TW_NODE_LEN]; /* its name, as policies are compiled for it */
	__u8 reserved[2];
};

/* Who holds the lock; outside the ABI version's folder, so never to change. */
struct tw_owner {
	__u32 pid;
	__u32 reserved;
	__u64 start_time; /* field 22 of /proc/PID/stat: a pid may be used again */
};

/* A socket as the iterator finds it: what `sockets` prints is made of this. */
enum tw_socket_flags {
	TW_SOCKET_RECORD = 1,  /* `record` is there */
	TW_SOCKET_ORPHAN = 2,  /* no process has it; never written */
	TW_SOCKET_MATCHED = 4, /* at or below the attach point, so policies were asked */
	TW_SOCKET_PENDING = 8, /* `winner` selects by pod, and the pod is not known yet */
};

struct tw_socket {
	__u64 cgroup_id; /* 0: the root or unknown */
	__u64 inode;	 /* of its descriptor, as in socket:[123]; 0: none yet */
	__u32 netns;	 /* inode of its network namespace */
	__u8 family;	 /* AF_INET, AF_INET6 */
	__u8 state;	 /* include/net/tcp_states.h */
	__u8 direction;	 /* enum tw_direction; TW_DIRECTIONS: it listens */
	__u8 flags;	 /* enum tw_socket_flags */
	__u16 local_port;
	__u16 remote_port;
	__u32 winner;	/* number of the policy that wins, or TW_MAX_POLICIES */
	__u8 local[16]; /* IPv4 as v4-mapped */
	__u8 remote[16];
	struct tw_options now; /* effective values, as getsockopt returns them */
	struct tw_options sysctl;
	struct tw_set observers;
	struct tw_record record;
};

/* What a pass of the sweep did, summed over its sockets. */
struct tw_sweep_counts {
	__u64 seen;    /* connections looked at */
	__u64 written; /* of them, changed: set, moved or let go */
	__u64 failed;  /* of them, refused by the kernel; nothing was written */
	__u64 orphans; /* of them, passed over: no process has them */
};

#define TW_ASSERT_SIZE(type, size) _Static_assert(sizeof(type) == (size), #type " changed size")
TW_ASSERT_SIZE(struct tw_options, 20);
TW_ASSERT_SIZE(struct tw_set, 32);
TW_ASSERT_SIZE(struct tw_policy, 28);
TW_ASSERT_SIZE(struct tw_cgroup_sets, 72);
TW_ASSERT_SIZE(struct tw_generation, 24 + 6 * 32 + 72 + 256 * 28 + 65536 * 2);
TW_ASSERT_SIZE(struct tw_prefix, 20);
TW_ASSERT_SIZE(struct tw_counts, 48);
TW_ASSERT_SIZE(struct tw_tally, 72);
TW_ASSERT_SIZE(struct tw_event, 72);
TW_ASSERT_SIZE(struct tw_cgroup_event, 24 + 1024);
TW_ASSERT_SIZE(struct tw_error, 8);
TW_ASSERT_SIZE(struct tw_unset, 8);
TW_ASSERT_SIZE(struct tw_record, 56);
TW_ASSERT_SIZE(struct tw_seat, 80);
TW_ASSERT_SIZE(struct tw_watch, 40);
TW_ASSERT_SIZE(struct tw_loaded_policy, 104);
TW_ASSERT_SIZE(struct tw_loaded, 40 + 256 * 104);
TW_ASSERT_SIZE(struct tw_socket, 192);
TW_ASSERT_SIZE(struct tw_sweep_counts, 32);
TW_ASSERT_SIZE(struct tw_state, 48 + 1024 + 4096 + 256);
TW_ASSERT_SIZE(struct tw_owner, 16);

#endif
