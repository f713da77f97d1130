// SPDX-License-Identifier: GPL-2.0-only
/* TCP Fast Open, both sides of it, and MPTCP. */
#include <netinet/tcp.h>
#include <poll.h>
#include <unistd.h>

#include "harness.h"
#include "net.h"

#define POLICY	"- {name: all, keepalive: 1000s:11s:4, user_timeout: 44s}\n"
#define ASKED	1, 1000, 11, 4, 44000
#define ADDRESS "127.0.0.1:7000"

/* net.ipv4.tcp_fastopen, kernel Documentation/networking/ip-sysctl.rst. */
#define WITH_COOKIE    "3"     /* client and server */
#define WITHOUT_COOKIE "0x207" /* and data in the SYN without one, sent and taken */

static int listen_fastopen(const char *cgroup, const char *sysctl)
{
	int fd;

	tw_sysctl("net/ipv4/tcp_fastopen", sysctl);
	fd = SYS(tw_socket(cgroup, AF_INET, 0));
	tw_set(fd, IPPROTO_TCP, TCP_FASTOPEN, 16);
	tw_listen_on(fd, ADDRESS);
	return fd;
}

static int send_in_syn(const char *cgroup)
{
	struct tw_address to = tw_address(ADDRESS);
	int fd = SYS(tw_socket(cgroup, AF_INET, 0));

	CHECK_INT(SYS(sendto(fd, "hello", 5, MSG_FASTOPEN, TW_SOCKADDR(to), to.len)), 5);
	return fd;
}

/* connect() returns at once, the SYN leaves with the first data. */
static int connect_deferred(const char *cgroup)
{
	int fd = SYS(tw_socket(cgroup, AF_INET, 0));

	tw_set(fd, IPPROTO_TCP, TW_TCP_FASTOPEN_CONNECT, 1);
	tw_connect_on(fd, ADDRESS);
	CHECK_INT(SYS(send(fd, "hello", 5, 0)), 5);
	return fd;
}

static int accept_data(int listener)
{
	char buf[8];
	int fd = tw_accept(listener);

	CHECK_INT(SYS(recv(fd, buf, sizeof(buf), 0)), 5);
	return fd;
}

/* Whether data really went with the SYN: else this file would test nothing. */
static bool was_fast(int fd)
{
	return tw_tcp_info(fd).options & TW_TCPI_OPT_SYN_DATA;
}

static void check_active(int (*open)(const char *cgroup), const char *sysctl)
{
	int listener, fd;

	tw_enforce(POLICY);
	listener = listen_fastopen(NULL, sysctl);
	if (!strcmp(sysctl, WITH_COOKIE)) {
		/* The first connection is an ordinary one that brings the cookie. */
		fd = open(tw_node);
		CHECK_UNTOUCHED(accept_data(listener));
		CHECK_OPTIONS(fd, ASKED);
		CHECK(!was_fast(fd));
	}
	fd = open(tw_node);
	CHECK_UNTOUCHED(accept_data(listener));
	WAIT_FOR(was_fast(fd));
	CHECK_OPTIONS(fd, ASKED);
}

TW_TEST(fastopen__active_sendto_with_cookie)
{
	check_active(send_in_syn, WITH_COOKIE);
}

TW_TEST(fastopen__active_sendto_without_cookie)
{
	check_active(send_in_syn, WITHOUT_COOKIE);
}

TW_TEST(fastopen__active_connect_with_cookie)
{
	check_active(connect_deferred, WITH_COOKIE);
}

TW_TEST(fastopen__active_connect_without_cookie)
{
	check_active(connect_deferred, WITHOUT_COOKIE);
}

static void check_passive(const char *sysctl)
{
	int listener, client, server;

	tw_enforce(POLICY);
	listener = listen_fastopen(tw_node, sysctl);
	if (!strcmp(sysctl, WITH_COOKIE)) {
		send_in_syn(NULL);
		CHECK_OPTIONS(accept_data(listener), ASKED);
	}
	client = send_in_syn(NULL);
	server = accept_data(listener);
	CHECK(was_fast(server));
	CHECK_OPTIONS(server, ASKED);
	CHECK_UNTOUCHED(client);
}

TW_TEST(fastopen__passive_with_cookie)
{
	check_passive(WITH_COOKIE);
}

TW_TEST(fastopen__passive_without_cookie)
{
	check_passive(WITHOUT_COOKIE);
}

/* --- MPTCP --- */

static int mptcp_socket(const char *cgroup)
{
	int fd = tw_socket(cgroup, AF_INET, TW_IPPROTO_MPTCP);

	if (fd < 0 && (errno == EPROTONOSUPPORT || errno == EINVAL || errno == ENOPROTOOPT))
		tw_skip("no MPTCP in this kernel: %s", strerror(errno));
	return SYS(fd);
}

TW_TEST(mptcp__listener_with_a_plain_client)
{
	int listener, client;

	tw_enforce(POLICY);
	listener = mptcp_socket(tw_node);
	tw_listen_on(listener, ADDRESS);
	client = tw_connect(NULL, ADDRESS);
	CHECK_OPTIONS(tw_accept(listener), ASKED);
	CHECK_UNTOUCHED(client);
}

static bool has_keepalive_timer(int local_port, int remote_port)
{
	struct tw_diag_socket socket;

	return tw_diag_find(local_port, remote_port, &socket) && socket.timer == 2 &&
	       socket.expires_ms > 900 * 1000 && socket.expires_ms <= 1000 * 1000;
}

/*
 * The MPTCP socket does not show what its subflows carry, but the kernel's list
 * shows the subflow's timer: idle is 1000 s.
 */
TW_TEST(mptcp__subflows_of_a_pair)
{
	int listener, client, port;

	tw_enforce(POLICY);
	listener = mptcp_socket(tw_node);
	tw_listen_on(listener, ADDRESS);
	client = mptcp_socket(tw_node);
	tw_connect_on(client, ADDRESS);
	port = tw_port(client);
	CHECK_INT(SYS(send(client, "hello", 5, 0)), 5);
	accept_data(listener);
	WAIT_FOR(has_keepalive_timer(port, 7000));
	WAIT_FOR(has_keepalive_timer(7000, port));
	CHECK_INT(tw_count("all", "set"), 2);
}
