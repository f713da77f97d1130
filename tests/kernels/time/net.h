/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef TW_TESTS_TIME_NET_H
#define TW_TESTS_TIME_NET_H

/*
 * A small world: client, router and server, each a network namespace that lives as long as the
 * process. client 10.0.1.2 - 10.0.1.1 router 10.0.2.1 - 10.0.2.2 server.
 */

enum net_router {
	NET_PLAIN, /* forwards */
	NET_IPVS,  /* balances NET_VIP to the server; forgets an idle flow after 900 s */
	NET_NAT,   /* masquerades; forgets an idle flow after 350 s, then answers with a reset */
};

#define NET_SERVER "10.0.2.2"
#define NET_VIP	   "10.9.9.9"
#define NET_PORT   80

struct net {
	int client;
	int router;
	int server;
	int tap; /* sees the packets that arrive at the router from the client; not blocking */
};

/*
 * The descriptors in `ret` are the caller's; a test process leaves them to its exit. Any
 * failure ends the process with a message: there is nothing to measure then.
 */
void net_make(enum net_router router, struct net *ret);

/* Moves the calling process to one of the namespaces. */
void net_enter(int ns);

/* From now on the router drops in silence what it should forward. */
void net_blackhole(const struct net *net);

/*
 * The next TCP segment that the tap saw: its source port, in host order, and -1 when there is
 * none. What is not the client's is passed over, and so is the reset that takes leave of a peer
 * given up for dead.
 */
int net_tap_next(const struct net *net);

/* Clock of the guest, in seconds. */
double net_now(void);

__attribute__((noreturn, format(printf, 1, 2))) void net_die(const char *format, ...);

#endif
