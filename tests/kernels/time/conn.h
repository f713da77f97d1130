/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef TW_TESTS_TIME_CONN_H
#define TW_TESTS_TIME_CONN_H

#include <stddef.h>

#include "net.h"

/*
 * Both ends of one connection, held by one process. The client's socket belongs to the cgroup
 * under test, the server's never does: a policy is seen to act on one end alone.
 */
struct conn {
	int client;
	int server;
	int port;	      /* the client's */
	double since;	      /* when the client last heard from the server */
	double died;	      /* when the client's socket failed; 0 while it has not */
	int error;	      /* ... and with what errno */
	int segments;	      /* that the client sent after `since`, as the router saw it */
	double first_segment; /* when the first of them came */
};

/* Makes the cgroup below /sys/fs/cgroup, for conn_open(). */
void conn_cgroup_make(const char *cgroup);

/*
 * A connection over `net` to `address`; the client's socket is made in the cgroup, which is a
 * path below the cgroup2 root that starts with '/'; "/" is the root itself.
 */
struct conn conn_open(const struct net *net, const char *address, const char *cgroup);

/* One byte there and one back; the end that speaks first is given. 0 or -errno. */
int conn_talk(struct conn *conn, int first);

/* Writes one byte, and waits for nothing. */
void conn_write(int fd);

/* Waits. 0 when `seconds` went by and neither end had anything to say, or -errno. */
int conn_rest(const struct conn *conn, double seconds);

/* Waits until each client has failed, or `seconds` went by; fills in what the tap sees. */
void conn_watch(const struct net *net, struct conn *conns, size_t n, double seconds);

/* Whether the kernel still calls it established. */
int conn_is_established(int fd);

#endif
