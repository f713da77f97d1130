// SPDX-License-Identifier: GPL-2.0-only
/* `explain` is the truth: about policies, about live connections, and about when a peer is dead. */
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "harness.h"
#include "lib/cleanup.h"
#include "net.h"

#define POLICIES                                                                                \
	"- {name: watched, mode: observe, keepalive: 9s:9s:9}\n"                                \
	"- {name: web, match: {direction: in, port: 8080}, keepalive: 55s:5s:5}\n"              \
	"- {name: databases, match: {remote: 127.0.0.0/8, port: 7000}, keepalive: 100s:10s:5, " \
	"user_timeout: auto}\n"                                                                 \
	"- {name: rest, user_timeout: 33s}\n"

static const char *explain(const char *const *args)
{
	struct tw_result result = tw_run(&(struct tw_command){ .args = args });

	if (result.status || !tw_json_valid(result.out))
		FAIL("explain: exit status %d, %s%s", result.status, result.out, result.err);
	return result.out;
}

#define EXPLAIN(...) explain(ARGS("explain", "--json", __VA_ARGS__))

static char *address_of(int fd, bool peer)
{
	struct sockaddr_in address;
	socklen_t len = sizeof(address);

	SYS((peer ? getpeername : getsockname)(fd, (struct sockaddr *)&address, &len));
	return tw_format("127.0.0.1:%d", ntohs(address.sin_port));
}

/* --- policies ------------------------------------------------------------------------------- */

TW_TEST(explain__from_a_file_as_nobody)
{
	const char *path = tw_policy(POLICIES);
	struct tw_result result = { 0 };
	const char *json =
		EXPLAIN("-c", path, "--cgroup", "/no/such/cgroup", "--remote", "127.0.0.1:7000");

	CHECK_EQUAL(tw_json_string(json, "policy"), "databases");
	CHECK_EQUAL(tw_json_string(json, "mode"), "enforce");
	CHECK_HAS(json, "observes: counted, and the search goes on");
	CHECK_INT(tw_json_int(json, "user_timeout_ms"), 157500);
	CHECK_INT(tw_json_int(json, "keepalive.idle"), 100);
	CHECK(tw_json_bool(json, "keepalive.on"));
	json = EXPLAIN("-c", path, "--direction", "in", "--local", "192.0.2.1:8080");
	CHECK_EQUAL(tw_json_string(json, "policy"), "web");
	json = EXPLAIN("-c", path);
	CHECK_EQUAL(tw_json_string(json, "policy"), "rest");
	CHECK(tw_json_null(json, "dead_peer_seconds.idle"));
	result = TW_RUN("explain", "-c", path, "--remote", "[::1]:7000");
	CHECK_INT(result.status, 0);
	CHECK_HAS(result.out, "remote ::1 is not in 127.0.0.0/8");
	CHECK_HAS(result.out, "33s");
}

/* The same connection, asked of the file and of the kernel that has it. */
static void compare(const char *path, const char *direction, const char *local, const char *remote)
{
	const char *end = !strcmp(direction, "in") ? "--local" : "--remote";
	const char *service = !strcmp(direction, "in") ? local : remote;

	CHECK_EQUAL(
		EXPLAIN("--cgroup", tw_node, "--direction", direction, end, service),
		EXPLAIN("-c", path, "--cgroup", tw_node, "--direction", direction, end, service));
}

TW_TEST(explain__of_the_kernel_is_that_of_the_file)
{
	const char *path = tw_policy(POLICIES);
	struct tw_result result = TW_RUN("explain");

	CHECK_INT(result.status, 1);
	CHECK_HAS(result.err, "not attached");
	tw_enforce_file(path);
	compare(path, "out", NULL, "127.0.0.1:7000");
	compare(path, "out", NULL, "[fd00::1]:7000");
	compare(path, "in", "127.0.0.1:8080", NULL);
	/* Outside the attach point nothing matches; a file has none. */
	result = TW_RUN("explain", "--json", "--cgroup", tw_outside, "--remote", "127.0.0.1:7000");
	CHECK_INT(result.status, 0);
	CHECK(tw_json_null(result.out, "policy"));
	CHECK_HAS(result.out, "where tcpwarden is attached");
}

/* Long enough for several elements of the map that holds the text. */
TW_TEST(explain__of_the_kernel_reads_long_policies)
{
	char *list = tw_format("%s", "");
	const char *json;

	for (int i = 0; i < 250; i++)
		list = tw_format("%s- {name: p%d, match: {cgroup: /a-rather-long-name-%d, port: "
				 "%d}, keepalive: 60s:10s:3}\n",
				 list, i, i, 10000 + i);
	tw_enforce("%s- {name: last, keepalive: 77s:7s:7}\n", list);
	json = EXPLAIN("--cgroup", tw_node);
	CHECK_EQUAL(tw_json_string(json, "policy"), "last");
	CHECK_INT(tw_json_int(json, "keepalive.idle"), 77);
}

TW_TEST(explain__bad_input)
{
	static const char *const bad[][2] = {
		{ "--pid", "4194304" },
		{ "--pid", "0" },
		{ "--pid", "x" },
		{ "--cgroup", "relative" },
		{ "--cgroup", "/../a" },
		{ "--remote", "127.0.0.1" },
		{ "--remote", "::1:80" },
		{ "--local", "host:80" },
		{ "--local", "127.0.0.1:0" },
		{ "--direction", "sideways" },
	};
	const char *path = tw_policy(POLICIES);
	struct tw_result result;

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		result = TW_RUN("explain", "-c", path, bad[i][0], bad[i][1]);
		if (result.status != 2)
			FAIL("%s %s: exit status %d", bad[i][0], bad[i][1], result.status);
		CHECK_HAS(result.err, bad[i][1]);
	}
	CHECK_INT(TW_RUN("explain", "-c", path, "--pid", "1", "--cgroup", "/").status, 2);
	CHECK_INT(TW_RUN("explain", "-c", "/no/such/file").status, 2);
	result = TW_RUN("explain", "--cgroup", "/no/such/cgroup");
	CHECK_INT(result.status, 2);
	CHECK_HAS(result.err, "/no/such/cgroup");
}

/* --- live connections --------------------------------------------------------------------------- */

TW_TEST(explain__live_connection)
{
	struct tw_pair pair;
	const char *json;
	struct tw_result result;

	tw_enforce(POLICIES);
	pair = tw_pair(tw_node, NULL, "127.0.0.1:7000");
	json = EXPLAIN("--local", address_of(pair.client, false), "--remote", "127.0.0.1:7000");
	CHECK_EQUAL(tw_json_string(json, "policy"), "databases");
	CHECK_INT(tw_json_int(json, "user_timeout_ms"), 157500);
	CHECK(!strstr(json, "a guess"));
	CHECK(!strstr(json, "not the options"));

	/* Its own values, not those that the policy would give. */
	tw_set(pair.client, SOL_SOCKET, SO_KEEPALIVE, 0);
	json = EXPLAIN("--local", address_of(pair.client, false), "--remote", "127.0.0.1:7000");
	CHECK(!tw_json_bool(json, "keepalive.on"));
	CHECK(tw_json_null(json, "dead_peer_seconds.idle"));
	CHECK_HAS(json, "not the options of a fresh connection");

	/* The other end is outside the attach point, and untouched. */
	json = EXPLAIN("--local", "127.0.0.1:7000", "--remote", address_of(pair.client, false));
	CHECK(tw_json_null(json, "policy"));
	CHECK_INT(tw_json_int(json, "user_timeout_ms"), 0);

	result = TW_RUN("explain", "--local", "127.0.0.1:1", "--remote", "127.0.0.1:7000");
	CHECK_INT(result.status, 1);
	CHECK_HAS(result.err, "no connection from 127.0.0.1:1 to 127.0.0.1:7000");
}

static void accept_and_stay(void *arg)
{
	int ready = *(int *)arg, listener = tw_listen(NULL, "127.0.0.1:8080"), fd;

	SYS(prctl(PR_SET_PDEATHSIG, SIGKILL));
	SYS(write(ready, "l", 1));
	fd = tw_accept(listener);
	SYS(write(ready, "a", 1));
	for (;;)
		pause();
	close(fd);
}

static void wait_for_letter(int fd, char letter)
{
	char got;

	CHECK_INT(SYS(read(fd, &got, 1)), 1);
	CHECK_INT(got, letter);
}

TW_TEST(explain__process)
{
	int ready[2], client;
	const char *json, *sockets;
	struct tw_result result;
	pid_t pid;

	tw_enforce(POLICIES);
	SYS(pipe(ready));
	pid = tw_fork(tw_node, accept_and_stay, &ready[1]);
	wait_for_letter(ready[0], 'l');
	client = tw_connect(NULL, "127.0.0.1:8080");
	wait_for_letter(ready[0], 'a');

	json = EXPLAIN("--pid", tw_format("%d", pid));
	CHECK_EQUAL(tw_json_string(json, "policy"), "rest");
	sockets = strstr(json, "\"sockets\"");
	CHECK(sockets);
	CHECK_HAS(sockets, "\"LISTEN\"");
	CHECK_HAS(sockets, "\"policy\": \"web\"");
	CHECK_HAS(sockets, "\"idle\": 55");
	CHECK_HAS(sockets, "\"direction\": \"in\"");
	CHECK_HAS(sockets, tw_node);
	CHECK_HAS(sockets, address_of(client, false));
	result = TW_RUN("explain", "--pid", tw_format("%d", pid));
	CHECK_INT(result.status, 0);
	CHECK_HAS(result.out, "127.0.0.1:8080");
	CHECK_HAS(result.out, "55s:5s:5");
	SYS(kill(pid, SIGKILL));
}

/* --- the times ------------------------------------------------------------------------------------ */

enum kind {
	IDLE,
	BUSY,
	ZERO_WINDOW,
	CONNECT,
};

static const char *const kinds[] = { "idle", "busy", "zero_window", "connect" };

/* One way to lose a peer: a port of its own, and a policy for it. */
static const struct death {
	enum kind kind;
	const char *policy;
} deaths[] = {
	{ IDLE, "keepalive: 1s:1s:2" },
	{ IDLE, "keepalive: 1s:1s:9, user_timeout: 2500ms" },
	{ IDLE, "keepalive: 2s:1s:9, user_timeout: 1s" },
	{ IDLE, "keepalive: 1s:1s:2, user_timeout: auto" },
	{ BUSY, "keepalive: 1s:1s:1, user_timeout: 3s" },
	{ ZERO_WINDOW, "user_timeout: 2s" },
	{ CONNECT, "user_timeout: 2500ms" },
	{ CONNECT, "user_timeout: 200ms" },
};

#define DEATHS	   ARRAY_SIZE(deaths)
#define WAKE_UP_MS 300 /* what a busy machine takes to let the test see it */
#define JIFFY_MS   10  /* the clock that the kernel counts from is that coarse */

struct mourner {
	int fd;
	int64_t since;
	int64_t died; /* 0: not yet */
};

/* Write until the window is shut; the peer lives, and does not read. */
static void fill(int fd)
{
	static const char junk[65536];
	struct pollfd pollfd = { .fd = fd, .events = POLLOUT };

	SYS(fcntl(fd, F_SETFL, O_NONBLOCK));
	do
		while (write(fd, junk, sizeof(junk)) > 0)
			;
	while (SYS(poll(&pollfd, 1, 100)) > 0);
	CHECK_INT(errno, EAGAIN);
}

static struct mourner lose_peer(const struct death *death, const char *address)
{
	int listener = SYS(tw_socket(NULL, AF_INET, 0)), server;
	struct mourner mourner = { .since = tw_now_ms() };
	struct tw_address to = tw_address(address);

	if (death->kind == ZERO_WINDOW)
		tw_set(listener, SOL_SOCKET, SO_RCVBUF, 4096);
	tw_listen_on(listener, address);
	if (death->kind == CONNECT) {
		tw_blackhole(listener);
		mourner.fd = SYS(tw_socket(tw_node, AF_INET, 0));
		SYS(fcntl(mourner.fd, F_SETFL, O_NONBLOCK));
		mourner.since = tw_now_ms();
		CHECK(connect(mourner.fd, TW_SOCKADDR(to), to.len) < 0 && errno == EINPROGRESS);
		return mourner;
	}
	mourner.since = tw_now_ms();
	mourner.fd = tw_connect(tw_node, address);
	server = tw_accept(listener);
	if (death->kind != ZERO_WINDOW)
		tw_blackhole(server);
	if (death->kind == BUSY) {
		mourner.since = tw_now_ms();
		SYS(write(mourner.fd, "x", 1));
	}
	return mourner;
}

static void watch(struct mourner *mourners)
{
	int64_t end = tw_now_ms() + tw_deadline_seconds() * 500LL;
	size_t alive = DEATHS;

	while (alive) {
		struct pollfd pollfds[DEATHS] = { 0 };

		for (size_t i = 0; i < DEATHS; i++)
			pollfds[i].fd = mourners[i].died ? -1 : mourners[i].fd;
		if (SYS(poll(pollfds, DEATHS, (int)(end - tw_now_ms()))) == 0)
			FAIL("%zu sockets live on", alive);
		for (size_t i = 0; i < DEATHS; i++) {
			if (!(pollfds[i].revents & (POLLERR | POLLHUP)))
				continue;
			mourners[i].died = tw_now_ms();
			CHECK_INT(tw_get(mourners[i].fd, SOL_SOCKET, SO_ERROR), ETIMEDOUT);
			alive--;
		}
	}
}

static void check_death(const struct death *death, const struct mourner *mourner,
			const char *address)
{
	const char *json = EXPLAIN("--cgroup", tw_node, "--remote", address);
	const char *kind = kinds[death->kind];
	double least = tw_json_real(json, tw_format("dead_peer_seconds.%s.min", kind));
	double most = tw_json_real(json, tw_format("dead_peer_seconds.%s.max", kind));
	long long took = mourner->died - mourner->since;

	if (took < (long long)(least * 1000) - JIFFY_MS ||
	    took > (long long)(most * 1000) + WAKE_UP_MS)
		FAIL("%s, %s: dead after %lld ms, predicted were %.3f to %.3f s", kind,
		     death->policy, took, least, most);
}

TW_TEST(explain__is_the_truth)
{
	struct mourner mourners[DEATHS];
	char *list = tw_format("%s", "");

	for (size_t i = 0; i < DEATHS; i++)
		list = tw_format("%s- {name: p%zu, match: {port: %zu}, %s}\n", list, i, 7000 + i,
				 deaths[i].policy);
	tw_enforce("%s", list);
	for (size_t i = 0; i < DEATHS; i++)
		mourners[i] = lose_peer(&deaths[i], tw_format("127.0.0.1:%zu", 7000 + i));
	/* Last, and for itself: until the window is shut takes a moment. */
	for (size_t i = 0; i < DEATHS; i++) {
		if (deaths[i].kind != ZERO_WINDOW)
			continue;
		fill(mourners[i].fd);
		mourners[i].since = tw_now_ms();
	}
	watch(mourners);
	for (size_t i = 0; i < DEATHS; i++)
		check_death(&deaths[i], &mourners[i], tw_format("127.0.0.1:%zu", 7000 + i));
}
