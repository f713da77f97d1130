// SPDX-License-Identifier: GPL-2.0-only
/* Every connection gets its values at birth, before the application sees it connected. */
#include <fcntl.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <unistd.h>

#include <tcpwarden/abi.h>

#include "bpf.h"
#include "harness.h"
#include "lib/cleanup.h"
#include "net.h"

#define POLICY "- {name: all, keepalive: 111s:11s:4, user_timeout: 44s}\n"
#define ASKED  1, 111, 11, 4, 44000

static void check_connecting(const char *address)
{
	struct tw_pair pair;

	tw_enforce(POLICY);
	pair = tw_pair(tw_node, NULL, address);
	CHECK_OPTIONS(pair.client, ASKED);
	CHECK_UNTOUCHED(pair.server);
	CHECK_INT(tw_count("all", "set"), 1);
}

static void check_accepted(const char *server_address, const char *client_address)
{
	int listener, client;

	tw_enforce(POLICY);
	listener = tw_listen(tw_node, server_address);
	client = tw_connect(NULL, client_address);
	CHECK_OPTIONS(tw_accept(listener), ASKED);
	CHECK_UNTOUCHED(client);
	CHECK_INT(tw_count("all", "set"), 1);
}

TW_TEST(birth__connecting_ipv4)
{
	check_connecting("127.0.0.1:7000");
}

TW_TEST(birth__connecting_ipv6)
{
	check_connecting("[::1]:7000");
}

TW_TEST(birth__connecting_v4_mapped)
{
	check_connecting("[::ffff:127.0.0.1]:7000");
}

TW_TEST(birth__accepted_ipv4)
{
	check_accepted("127.0.0.1:7000", "127.0.0.1:7000");
}

TW_TEST(birth__accepted_ipv6)
{
	check_accepted("[::1]:7000", "[::1]:7000");
}

TW_TEST(birth__accepted_v4_mapped)
{
	check_accepted("[::]:7000", "127.0.0.1:7000");
}

TW_TEST(birth__both_ends)
{
	struct tw_pair pair;

	tw_enforce(POLICY);
	pair = tw_pair(tw_node, tw_node, "127.0.0.1:7000");
	CHECK_OPTIONS(pair.client, ASKED);
	CHECK_OPTIONS(pair.server, ASKED);
	CHECK_INT(tw_count("all", "set"), 2);
}

/* A connect() that gets no answer: its SYN already left under the policy. */
TW_TEST(birth__while_connecting)
{
	struct tw_address to = tw_address("127.0.0.1:7000");
	int fd;

	tw_enforce(POLICY);
	tw_blackhole(tw_listen(NULL, "127.0.0.1:7000"));
	fd = SYS(tw_socket(tw_node, AF_INET, 0));
	SYS(fcntl(fd, F_SETFL, O_NONBLOCK));
	CHECK(connect(fd, TW_SOCKADDR(to), to.len) < 0 && errno == EINPROGRESS);
	CHECK_OPTIONS(fd, ASKED);
}

static void connect_and_check(void *arg)
{
	(void)arg;
	CHECK_OPTIONS(tw_connect(NULL, "127.0.0.1:7000"), ASKED);
}

/* This suite is statically linked: what preloads a library would miss it. */
TW_TEST(birth__process_of_the_cgroup)
{
	tw_enforce(POLICY);
	tw_listen(NULL, "127.0.0.1:7000");
	tw_join_child(tw_fork(tw_node, connect_and_check, NULL));
}

TW_TEST(birth__listener_is_never_written)
{
	int listener;

	tw_enforce(POLICY);
	listener = tw_listen(tw_node, "127.0.0.1:7000");
	CHECK_UNTOUCHED(listener);
	tw_connect(NULL, "127.0.0.1:7000");
	CHECK_OPTIONS(tw_accept(listener), ASKED);
	CHECK_UNTOUCHED(listener);
	CHECK_INT(tw_count("all", "set"), 1);
}

TW_TEST(birth__listener_older_than_the_attachment)
{
	int listener = tw_listen(tw_node, "127.0.0.1:7000");

	tw_enforce(POLICY);
	tw_connect(NULL, "127.0.0.1:7000");
	CHECK_OPTIONS(tw_accept(listener), ASKED);
}

/* The listener's cgroup counts, not that of the process that accepts. */
TW_TEST(birth__accepted_by_a_process_elsewhere)
{
	int inside, outside;

	tw_enforce(POLICY);
	inside = tw_listen(tw_node, "127.0.0.1:7000");
	outside = tw_listen(NULL, "127.0.0.1:7001");
	tw_connect(NULL, "127.0.0.1:7000");
	tw_connect(NULL, "127.0.0.1:7001");
	CHECK_OPTIONS(tw_accept(inside), ASKED);
	tw_cgroup_enter(tw_node);
	CHECK_UNTOUCHED(tw_accept(outside));
}

/* Without, each test would pass all the same. */
TW_TEST(birth__what_cgroups_meet_is_noted_where_they_have_storage)
{
	_cleanup_free_ char *symbols = tw_read_file("/proc/kallsyms");
	bool able;

	if (!symbols)
		tw_skip("there is no /proc/kallsyms");
	able = strstr(symbols, " bpf_cgrp_storage_free\n");
	tw_enforce("- {name: all, keepalive: 111s:11s:4}\n");
	CHECK_INT(tw_program_has_map(tw_pinned_link().program_id, TW_CGRP_STORAGE), able);
}

TW_TEST(birth__outside_the_attach_point)
{
	struct tw_pair pair;

	tw_enforce(POLICY);
	pair = tw_pair(NULL, NULL, "127.0.0.1:7000");
	CHECK_UNTOUCHED(pair.client);
	CHECK_UNTOUCHED(pair.server);
	CHECK_INT(tw_count("all", "set"), 0);
}

/* A socket that connects to itself is seen in both directions; it counts once, as `out`. */
TW_TEST(birth__simultaneous_open)
{
	int fd;

	tw_enforce("- {name: in, match: {direction: in}, keepalive: 222s:22s:5}\n"
		   "- {name: out, match: {direction: out}, keepalive: 111s:11s:4}\n");
	fd = SYS(tw_socket(tw_node, AF_INET, 0));
	tw_bind(fd, "127.0.0.1:7000");
	tw_connect_on(fd, "127.0.0.1:7000");
	CHECK_OPTIONS(fd, 1, 111, 11, 4, 0);
	CHECK_INT(tw_count("out", "set"), 1);
	CHECK_INT(tw_count("out", "already"), 0);
	CHECK_INT(tw_count("in", "set"), 0);
}

TW_TEST(birth__second_network_namespace)
{
	struct tw_pair pair;

	tw_enforce(POLICY);
	tw_new_netns();
	pair = tw_pair(tw_node, NULL, "127.0.0.1:7000");
	CHECK_OPTIONS(pair.client, ASKED);
	CHECK_UNTOUCHED(pair.server);
}

TW_TEST(birth__what_the_application_sets_later_stays)
{
	int fd;

	tw_enforce(POLICY);
	tw_listen(NULL, "127.0.0.1:7000");
	fd = tw_connect(tw_node, "127.0.0.1:7000");
	tw_set(fd, IPPROTO_TCP, TCP_KEEPIDLE, 50);
	CHECK_OPTIONS(fd, 1, 50, 11, 4, 44000);
}

/* --- the values work --- */

TW_TEST(birth__idle_peer_is_given_up)
{
	struct tw_pair inside, outside;
	int64_t start;

	tw_enforce("- {name: all, keepalive: 1s:1s:2}\n");
	inside = tw_pair(tw_node, NULL, "127.0.0.1:7000");
	outside = tw_pair(NULL, NULL, "127.0.0.1:7001");
	start = tw_now_ms();
	tw_blackhole(inside.server);
	tw_blackhole(outside.server);
	CHECK_INT(tw_wait_error(inside.client), ETIMEDOUT);
	/* idle + probes x interval; never early, but for the tick in which it was armed. */
	CHECK(tw_now_ms() - start >= 2900);
	CHECK_INT(tw_tcp_info(outside.client).state, TW_TCP_ESTABLISHED);
}

TW_TEST(birth__user_timeout_covers_connecting)
{
	struct tw_address to = tw_address("127.0.0.1:7000");
	int64_t start;
	int fd, outside;

	tw_enforce("- {name: all, user_timeout: 2500ms}\n");
	tw_blackhole(tw_listen(NULL, "127.0.0.1:7000"));
	outside = SYS(socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0));
	CHECK(connect(outside, TW_SOCKADDR(to), to.len) < 0 && errno == EINPROGRESS);
	fd = SYS(tw_socket(tw_node, AF_INET, 0));
	start = tw_now_ms();
	CHECK(connect(fd, TW_SOCKADDR(to), to.len) < 0 && errno == ETIMEDOUT);
	CHECK(tw_now_ms() - start >= 2400);
	CHECK_INT(poll(&(struct pollfd){ .fd = outside, .events = POLLOUT }, 1, 0), 0);
}
