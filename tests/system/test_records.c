// SPDX-License-Identifier: GPL-2.0-only
/* Where records are makes no difference: bpf/record.bpf.h. */
#include <netinet/tcp.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include <tcpwarden/abi.h>

#include "bpf.h"
#include "harness.h"
#include "lib/cleanup.h"
#include "net.h"

#define ADDRESS "127.0.0.1:7000"
#define OLD	"- {name: all, keepalive: 111s:11s:4, user_timeout: 44s}\n"
#define NEW	"- {name: all, keepalive: 222s:22s:5, user_timeout: 55s}\n"

/* Cookies go out in batches, one a CPU, so a seat comes round in less than so many sockets. */
#define SOCKETS (TW_SEATS * 4)

static uint64_t cookie(int fd)
{
	socklen_t len = sizeof(uint64_t);
	uint64_t value = 0;

	SYS(getsockopt(fd, SOL_SOCKET, SO_COOKIE, &value, &len));
	return value;
}

/* A socket that is not connected yet, whose record would have the same seat as that of `other`. */
static int rival_of(int other)
{
	tw_cgroup_enter(tw_node);
	for (unsigned i = 0; i < SOCKETS; i++) {
		int fd = SYS(tw_socket(NULL, AF_INET, 0));

		if (cookie(fd) % TW_SEATS == cookie(other) % TW_SEATS) {
			tw_cgroup_enter(tw_outside);
			return fd;
		}
		close(fd);
	}
	FAIL("no socket of %u has a cookie for the same seat", SOCKETS);
}

static bool has_idle(int fd, int idle)
{
	return tw_get(fd, IPPROTO_TCP, TCP_KEEPIDLE) == idle;
}

static void reload(const struct tw_process *daemon, const char *policy)
{
	tw_policy("%s", policy);
	tw_signal(daemon, SIGHUP);
}

static void check_two_that_want_the_same_seat(void)
{
	int listener = tw_listen(NULL, ADDRESS), first = tw_socket(tw_node, AF_INET, 0), second;
	struct tw_process daemon = tw_enforce(OLD);

	tw_set(first, IPPROTO_TCP, TCP_KEEPCNT, 7);
	tw_connect_on(first, ADDRESS);
	tw_accept(listener);
	second = rival_of(first);
	tw_set(second, IPPROTO_TCP, TCP_KEEPINTVL, 33);
	tw_connect_on(second, ADDRESS);
	tw_accept(listener);
	CHECK_OPTIONS(first, 1, 111, 11, 7, 44000);
	CHECK_OPTIONS(second, 1, 111, 33, 4, 44000);

	reload(&daemon, NEW);
	WAIT_FOR(has_idle(first, 222) && has_idle(second, 222));
	CHECK_OPTIONS(first, 1, 222, 22, 7, 55000);
	CHECK_OPTIONS(second, 1, 222, 33, 5, 55000);

	CHECK_INT(TW_RUN("detach", "--restore").status, 0);
	CHECK_OPTIONS(first, 0, 7200, 75, 7, 0);
	CHECK_OPTIONS(second, 0, 7200, 33, 9, 0);
}

TW_TEST(records__of_sockets_that_want_the_same_seat)
{
	check_two_that_want_the_same_seat();
}

/* By the program that takes seats by a lock. */
TW_TEST(records__of_sockets_that_want_the_same_seat_before_6_2)
{
	SYS(setenv("TCPWARDEN_SOCKOPS", "old", 1));
	check_two_that_want_the_same_seat();
}

/* What is left in a seat of a socket that ended is not its successor's. */
TW_TEST(records__of_the_dead_are_nobody_s)
{
	int listener = tw_listen(NULL, ADDRESS), first = tw_connect(tw_node, ADDRESS), second;
	struct tw_process daemon = tw_enforce(OLD);
	struct tw_values own = { 1, 111, 11, 4, 44000 };

	tw_close_reset(first);
	first = tw_connect(tw_node, ADDRESS);
	tw_accept(listener);
	CHECK_OPTIONS(first, 1, 111, 11, 4, 44000);
	second = rival_of(first);
	tw_close_reset(first);
	tw_set(second, SOL_SOCKET, SO_KEEPALIVE, own.keepalive);
	tw_set(second, IPPROTO_TCP, TCP_KEEPIDLE, own.idle);
	tw_set(second, IPPROTO_TCP, TCP_KEEPINTVL, own.interval);
	tw_set(second, IPPROTO_TCP, TCP_KEEPCNT, own.probes);
	tw_set(second, IPPROTO_TCP, TCP_USER_TIMEOUT, own.user_timeout);
	tw_connect_on(second, ADDRESS);

	/* All is the application's, so neither a policy nor the restore moves it. */
	first = tw_connect(tw_node, ADDRESS);
	reload(&daemon, NEW);
	WAIT_FOR(has_idle(first, 222));
	CHECK_OPTIONS(second, 1, 111, 11, 4, 44000);
	CHECK_INT(TW_RUN("detach", "--restore").status, 0);
	CHECK_OPTIONS(second, 1, 111, 11, 4, 44000);
	CHECK_UNTOUCHED(first);
}

/* A record that the setsockopt hook needs leaves its seat in the sweep. */
TW_TEST(records__leave_their_seat_for_the_hook)
{
	int listener = tw_listen(NULL, ADDRESS);
	struct tw_process daemon = tw_enforce(OLD);
	int client = tw_connect(tw_node, ADDRESS);

	tw_accept(listener);
	CHECK_OPTIONS(client, 1, 111, 11, 4, 44000);
	reload(&daemon, "- {name: all, keepalive: 222s:22s:5, precedence: policy}\n");
	WAIT_FOR(has_idle(client, 222));
	/* Its record is written after its values, and it is counted last. */
	WAIT_FOR(tw_count("all", "set") == 2);
	tw_set(client, IPPROTO_TCP, TCP_KEEPIDLE, 900);
	CHECK_OPTIONS(client, 1, 222, 22, 5, 0);
	CHECK_INT(TW_RUN("detach", "--restore").status, 0);
	CHECK_OPTIONS(client, 0, 900, 75, 9, 0);
}
