/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Sockets for the tests. Addresses are text: 127.0.0.1:7000, [::1]:7000,
 * [::ffff:127.0.0.1]:7000 (an IPv6 socket). A NULL cgroup is tw_outside. What
 * fails, fails the test.
 */
#ifndef TW_SYSTEM_NET_H
#define TW_SYSTEM_NET_H

#include <netinet/in.h>
#include <stdbool.h>
#include <sys/socket.h>

/* Missing in old headers of the C library, <linux/tcp.h>, <linux/in.h>. */
#define TW_TCP_FASTOPEN_CONNECT 30
#define TW_IPPROTO_MPTCP	262
#define TW_TCPI_OPT_SYN_DATA	32
#define TW_TCP_ESTABLISHED	1

struct tw_values {
	int keepalive;
	int idle;     /* seconds */
	int interval; /* seconds */
	int probes;
	int user_timeout; /* milliseconds */
};

struct tw_address {
	struct sockaddr_storage storage;
	socklen_t len;
};

struct tw_pair {
	int client;
	int server; /* accepted */
};

struct tw_address tw_address(const char *text);
#define TW_SOCKADDR(address) ((const struct sockaddr *)&(address).storage)

/* A socket of that cgroup, made by this process, which then returns to where it was. */
int tw_socket(const char *cgroup, int family, int protocol);
void tw_bind(int fd, const char *address);
void tw_listen_on(int fd, const char *address); /* bind and listen */
int tw_listen(const char *cgroup, const char *address);
void tw_connect_on(int fd, const char *address);
int tw_connect(const char *cgroup, const char *address);
int tw_connect_from(const char *cgroup, const char *source, const char *address);
int tw_accept(int listener);
struct tw_pair tw_pair(const char *client_cgroup, const char *server_cgroup, const char *address);
void tw_close_reset(int fd); /* close without TIME_WAIT */

void tw_set(int fd, int level, int option, int value);
int tw_get(int fd, int level, int option);
struct tw_values tw_values(int fd);
bool tw_values_equal(const struct tw_values *a, const struct tw_values *b);
int tw_port(int fd); /* local */
struct tw_tcp_info {
	int state;
	int options; /* TW_TCPI_OPT_* */
};
struct tw_tcp_info tw_tcp_info(int fd);

/* From now on this socket drops whatever reaches it, and answers nothing. */
void tw_blackhole(int fd);
/* Wait until the socket has an error, and return it (positive). */
int tw_wait_error(int fd);

void tw_loopback_up(void);
void tw_add_ipv6(const char *address); /* to lo */
void tw_new_netns(void);	       /* this process moves to a new one, lo up */

/* The kernel's own list of TCP sockets (sock_diag). */
struct tw_diag_socket {
	int timer;	/* 0 none, 1 retransmit, 2 keepalive */
	int expires_ms; /* of that timer */
};
/* The established socket with these ports. False: none. Skips the test without tcp_diag. */
bool tw_diag_find(int local_port, int remote_port, struct tw_diag_socket *ret_socket);

/*
 * A copy of the accepted socket, in whatever process of the test holds it,
 * that talks to `client`. Waits until it is there.
 */
int tw_peer_of(int client);

void tw_check_options(const char *file, int line, const char *what, int fd,
		      struct tw_values expected);
#define CHECK_OPTIONS(fd, ...) \
	tw_check_options(__FILE__, __LINE__, #fd, fd, (struct tw_values){ __VA_ARGS__ })
/* What a new socket of a new network namespace has. */
#define CHECK_UNTOUCHED(fd) CHECK_OPTIONS(fd, 0, 7200, 75, 9, 0)

#endif
