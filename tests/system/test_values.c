// SPDX-License-Identifier: GPL-2.0-only
/* What a policy writes, and what it leaves to the application and to the system. */
#include <netinet/tcp.h>
#include <unistd.h>

#include "harness.h"
#include "lib/cleanup.h"
#include "net.h"
#include "samples.h"

#define ADDRESS "127.0.0.1:7000"

/*
 * `auto` for 100 s, 10 s, 5: L = 100 + 4 x 10 = 140 s; a half interval is 5 s,
 * L / 8 is 17.5 s.
 */
#define POLICY "- {name: all, keepalive: 100s:10s:5, user_timeout: auto}\n"
#define ASKED  1, 100, 10, 5, 157500

/* A socket of the attach point that the application prepared, then connected. */
static int prepared(int level, int option, int value)
{
	int fd = SYS(tw_socket(tw_node, AF_INET, 0));

	tw_set(fd, level, option, value);
	tw_connect_on(fd, ADDRESS);
	return fd;
}

/* Swept, so that what follows is counted at its birth alone. */
static int enforce_and_listen(const char *policy)
{
	tw_enforce_swept(policy);
	return tw_listen(NULL, ADDRESS);
}

/* --- the forms of a policy --- */

static void check_form(const char *form, struct tw_values expected)
{
	struct tw_pair pair;

	tw_enforce("- {name: all, %s}\n", form);
	pair = tw_pair(tw_node, tw_node, ADDRESS);
	CHECK_OPTIONS(pair.client, expected.keepalive, expected.idle, expected.interval,
		      expected.probes, expected.user_timeout);
	CHECK_OPTIONS(pair.server, expected.keepalive, expected.idle, expected.interval,
		      expected.probes, expected.user_timeout);
	CHECK_INT(tw_count("all", "set"), 2);
}

#define FORM(...) check_form(__VA_ARGS__)

TW_TEST(values__user_timeout_auto)
{
	FORM("keepalive: 100s:10s:5, user_timeout: auto", (struct tw_values){ ASKED });
}

/* With few seconds and a long interval half of it is the larger: 20 + 15 = 35 s. */
TW_TEST(values__user_timeout_auto_by_the_interval)
{
	FORM("keepalive: 20s:30s:1, user_timeout: auto", (struct tw_values){ 1, 20, 30, 1, 35000 });
}

TW_TEST(values__keepalive_map)
{
	FORM("keepalive: {idle: 2m, interval: 20s, probes: 5}",
	     (struct tw_values){ 1, 120, 20, 5, 0 });
}

TW_TEST(values__keepalive_with_an_empty_part)
{
	FORM("keepalive: \"30m::10\"", (struct tw_values){ 1, 1800, 75, 10, 0 });
}

TW_TEST(values__keepalive_on)
{
	FORM("keepalive: on", (struct tw_values){ 1, 7200, 75, 9, 0 });
}

TW_TEST(values__user_timeout_alone)
{
	FORM("user_timeout: 1500ms", (struct tw_values){ 0, 7200, 75, 9, 1500 });
}

TW_TEST(values__largest)
{
	FORM("keepalive: 32767s:32767s:127, user_timeout: 2147483647ms",
	     (struct tw_values){ 1, 32767, 32767, 127, 2147483647 });
}

TW_TEST(values__smallest)
{
	FORM("keepalive: 1s:1s:1, user_timeout: 1ms", (struct tw_values){ 1, 1, 1, 1, 1 });
}

TW_TEST(values__out_of_range_are_refused)
{
	static const char *const bad[] = {
		"keepalive: 32768s:1s:1", "keepalive: 1s:32768s:1",
		"keepalive: 1s:1s:128",	  "user_timeout: 2147483648ms",
		"keepalive: 0s:1s:1",	  "keepalive: 1s:0s:1",
		"keepalive: 1s:1s:0",	  "user_timeout: 0ms",
		"keepalive: 1500ms:1s:1", "keepalive: 32767s:32767s:127, user_timeout: auto",
	};

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		const char *path = tw_policy("- {name: all, %s}\n", bad[i]);
		struct tw_result result = TW_RUN("check", "-c", path);

		if (result.status != 2)
			FAIL("%s: exit status %d", bad[i], result.status);
		CHECK_HAS(result.err, "policy.yaml:3:");
	}
}

/* --- what the application set before it connected --- */

TW_TEST(values__application_set_keepalive)
{
	enforce_and_listen(POLICY);
	CHECK_OPTIONS(prepared(SOL_SOCKET, SO_KEEPALIVE, 1), ASKED);
	CHECK_INT(tw_count("all", "set"), 1);
}

/* L = 50 + 40 = 90 s, and an eighth. */
TW_TEST(values__application_set_idle)
{
	enforce_and_listen(POLICY);
	CHECK_OPTIONS(prepared(IPPROTO_TCP, TCP_KEEPIDLE, 50), 1, 50, 10, 5, 101250);
	CHECK_INT(tw_count("all", "set"), 1);
}

/* L = 100 + 4 x 60 = 340 s, and an eighth. */
TW_TEST(values__application_set_interval)
{
	enforce_and_listen(POLICY);
	CHECK_OPTIONS(prepared(IPPROTO_TCP, TCP_KEEPINTVL, 60), 1, 100, 60, 5, 382500);
}

/* L = 100 + 10 = 110 s, and an eighth. */
TW_TEST(values__application_set_probes)
{
	enforce_and_listen(POLICY);
	CHECK_OPTIONS(prepared(IPPROTO_TCP, TCP_KEEPCNT, 2), 1, 100, 10, 2, 123750);
}

TW_TEST(values__application_set_user_timeout)
{
	enforce_and_listen(POLICY);
	CHECK_OPTIONS(prepared(IPPROTO_TCP, TCP_USER_TIMEOUT, 3000), 1, 100, 10, 5, 3000);
}

static void set_all(int fd, struct tw_values values)
{
	tw_set(fd, SOL_SOCKET, SO_KEEPALIVE, values.keepalive);
	tw_set(fd, IPPROTO_TCP, TCP_KEEPIDLE, values.idle);
	tw_set(fd, IPPROTO_TCP, TCP_KEEPINTVL, values.interval);
	tw_set(fd, IPPROTO_TCP, TCP_KEEPCNT, values.probes);
	tw_set(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, values.user_timeout);
}

TW_TEST(values__application_set_everything)
{
	int fd;

	enforce_and_listen(POLICY);
	fd = SYS(tw_socket(tw_node, AF_INET, 0));
	set_all(fd, (struct tw_values){ 1, 21, 22, 23, 24000 });
	tw_connect_on(fd, ADDRESS);
	CHECK_OPTIONS(fd, 1, 21, 22, 23, 24000);
	CHECK_INT(tw_count("all", "kept_app"), 1);
	CHECK_INT(tw_count("all", "set"), 0);
}

TW_TEST(values__application_set_what_the_policy_asks)
{
	int fd;

	enforce_and_listen(POLICY);
	fd = SYS(tw_socket(tw_node, AF_INET, 0));
	set_all(fd, (struct tw_values){ ASKED });
	tw_connect_on(fd, ADDRESS);
	CHECK_OPTIONS(fd, ASKED);
	CHECK_INT(tw_count("all", "already"), 1);
	CHECK_INT(tw_count("all", "set"), 0);
}

/* A timer that has the sysctl's value cannot be told from one that was never set. */
TW_TEST(values__timer_at_the_sysctls_value_is_unset)
{
	int fd;

	enforce_and_listen(POLICY);
	fd = SYS(tw_socket(tw_node, AF_INET, 0));
	set_all(fd, (struct tw_values){ 0, 7200, 75, 9, 0 });
	tw_connect_on(fd, ADDRESS);
	CHECK_OPTIONS(fd, ASKED);
}

TW_TEST(values__changed_sysctls_are_unset)
{
	struct tw_pair pair;

	tw_sysctl("net/ipv4/tcp_keepalive_time", "600");
	tw_sysctl("net/ipv4/tcp_keepalive_intvl", "33");
	tw_sysctl("net/ipv4/tcp_keepalive_probes", "6");
	tw_enforce(POLICY);
	pair = tw_pair(tw_node, NULL, ADDRESS);
	CHECK_OPTIONS(pair.client, ASKED);
	CHECK_OPTIONS(pair.server, 0, 600, 33, 6, 0);
	tw_listen(NULL, ADDRESS);
	CHECK_OPTIONS(prepared(IPPROTO_TCP, TCP_KEEPIDLE, 600), ASKED);
	/* Here 7200 is a value that the application chose: L = 7200 + 40 s, and an eighth. */
	CHECK_OPTIONS(prepared(IPPROTO_TCP, TCP_KEEPIDLE, 7200), 1, 7200, 10, 5, 8145000);
}

/* The sysctls are those of the socket's namespace, not of tcpwarden's. */
TW_TEST(values__sysctls_of_another_namespace)
{
	tw_enforce(POLICY);
	tw_new_netns();
	tw_sysctl("net/ipv4/tcp_keepalive_time", "600");
	tw_listen(NULL, ADDRESS);
	CHECK_OPTIONS(tw_connect(tw_node, ADDRESS), ASKED);
	CHECK_OPTIONS(prepared(IPPROTO_TCP, TCP_KEEPIDLE, 600), ASKED);
	CHECK_OPTIONS(prepared(IPPROTO_TCP, TCP_KEEPIDLE, 7200), 1, 7200, 10, 5, 8145000);
}

/* `on` leaves the timers to the system, so `auto`-less values follow its sysctls. */
TW_TEST(values__keepalive_on_follows_the_sysctls)
{
	tw_sysctl("net/ipv4/tcp_keepalive_time", "600");
	tw_enforce("- {name: all, keepalive: on}\n");
	CHECK_OPTIONS(tw_pair(tw_node, NULL, ADDRESS).client, 1, 600, 75, 9, 0);
}

/* --- what a connection inherits from its listener --- */

TW_TEST(values__inherited_are_the_applications)
{
	int listener;

	tw_enforce(POLICY);
	listener = SYS(tw_socket(tw_node, AF_INET, 0));
	set_all(listener, (struct tw_values){ 1, 50, 75, 9, 0 });
	tw_listen_on(listener, ADDRESS);
	tw_connect(NULL, ADDRESS);
	CHECK_OPTIONS(tw_accept(listener), 1, 50, 10, 5, 101250);
	CHECK_OPTIONS(listener, 1, 50, 75, 9, 0);

	/* What it sets on the listener later counts for the next child. */
	tw_set(listener, IPPROTO_TCP, TCP_USER_TIMEOUT, 3000);
	tw_connect(NULL, ADDRESS);
	CHECK_OPTIONS(tw_accept(listener), 1, 50, 10, 5, 3000);
}
