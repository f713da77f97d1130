// SPDX-License-Identifier: GPL-2.0-only
/* What an application sets later, under precedence strictest and policy. */
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bpf.h"
#include "guard.h"
#include "lib/cleanup.h"
#include "samples.h"

#define ADDRESS "127.0.0.1:7000"
#define ASKED	TW_HELD_ASKED

/* Swept: before 5.15 a sweep under way would do what the hook cannot. */
static struct tw_pair held(const char *policy, const char *address)
{
	tw_enforce_swept(policy);
	return tw_pair(tw_node, tw_node, address);
}

/* --- both ends, every family --- */

static const char *const addresses[] = { "127.0.0.1:7000", "[::1]:7001",
					 "[::ffff:127.0.0.1]:7002" };

TW_TEST(guard__policy_replaces_what_is_set_later)
{
	tw_enforce(TW_HELD("policy"));
	for (size_t i = 0; i < ARRAY_SIZE(addresses); i++) {
		struct tw_pair pair = tw_pair(tw_node, tw_node, addresses[i]);

		/* As Go's runtime does on each connection. */
		tw_set_all(pair.client, (struct tw_values){ 1, 15, 15, 9, 0 });
		CHECK_OPTIONS(pair.client, ASKED);
		tw_set_all(pair.server, (struct tw_values){ 0, 7200, 75, 9, 300000 });
		CHECK_OPTIONS(pair.server, ASKED);
	}
	CHECK_INT(tw_settings("all", "replaced"), 3 * (4 + 5));
	CHECK_INT(tw_settings("all", "allowed"), 3);
}

TW_TEST(guard__strictest_takes_the_smaller)
{
	tw_enforce_swept(TW_HELD("strictest"));
	for (size_t i = 0; i < ARRAY_SIZE(addresses); i++) {
		struct tw_pair pair = tw_pair(tw_node, tw_node, addresses[i]);

		/* L = 15 + 4 x 10 = 55 s, and an eighth; its user timeout comes last. */
		tw_set_all(pair.client, (struct tw_values){ 1, 15, 15, 9, 300000 });
		CHECK_OPTIONS(pair.client, 1, 15, 10, 5, 61875);
		tw_set_all(pair.server, (struct tw_values){ 0, 7200, 75, 9, 0 });
		CHECK_OPTIONS(pair.server, ASKED);
		tw_set(pair.server, IPPROTO_TCP, TCP_USER_TIMEOUT, 3000);
		CHECK_OPTIONS(pair.server, 1, 100, 10, 5, 3000);
	}
	CHECK_INT(tw_settings("all", "limited"), 3 * (3 + 5));
	CHECK_INT(tw_settings("all", "allowed"), 3 * (2 + 1));
	CHECK_INT(tw_settings("all", "replaced"), 0);
}

/* A timer goes down, and up again: never above the policy's. */
TW_TEST(guard__strictest_follows_the_application_down_and_up)
{
	int fd = held(TW_HELD("strictest"), ADDRESS).client;

	tw_set(fd, IPPROTO_TCP, TCP_KEEPIDLE, 20);
	/* L = 20 + 40 = 60 s, and an eighth. */
	CHECK_OPTIONS(fd, 1, 20, 10, 5, tw_auto_now(67500, 157500));
	tw_set(fd, IPPROTO_TCP, TCP_KEEPIDLE, 60);
	CHECK_OPTIONS(fd, 1, 60, 10, 5, tw_auto_now(112500, 157500));
	tw_set(fd, IPPROTO_TCP, TCP_KEEPIDLE, 500);
	CHECK_OPTIONS(fd, ASKED);
	tw_set(fd, SOL_SOCKET, SO_KEEPALIVE, 0);
	CHECK_OPTIONS(fd, ASKED);
}

/* `auto` may fall below the application's own, and rise above it again. */
TW_TEST(guard__auto_and_the_applications_own_user_timeout)
{
	int fd = held(TW_HELD("strictest"), ADDRESS).client;

	tw_set(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, 90000);
	CHECK_OPTIONS(fd, 1, 100, 10, 5, 90000);
	tw_set(fd, IPPROTO_TCP, TCP_KEEPIDLE, 20);
	CHECK_OPTIONS(fd, 1, 20, 10, 5, tw_auto_now(67500, 90000));
	tw_set(fd, IPPROTO_TCP, TCP_KEEPIDLE, 100);
	CHECK_OPTIONS(fd, 1, 100, 10, 5, 90000);
}

/* What the kernel does not let the hook write, the next sweep does. */
TW_TEST(guard__auto_is_right_after_the_next_sweep)
{
	struct tw_process daemon = tw_enforce_swept(TW_HELD("strictest"));
	int fd = tw_pair(tw_node, tw_node, ADDRESS).client;

	tw_set(fd, IPPROTO_TCP, TCP_KEEPIDLE, 20);
	tw_change_swept(&daemon, "version: 1\npolicies:\n" TW_HELD("strictest") "- {name: more}\n");
	CHECK_OPTIONS(fd, 1, 20, 10, 5, 67500);
	tw_signal(&daemon, SIGTERM);
	tw_join(&daemon);
	CHECK_INT(TW_RUN("detach", "--restore").status, 0);
	CHECK_OPTIONS(fd, 0, 20, 75, 9, 0);
}

TW_TEST(guard__off_is_held_too)
{
	int fd = held("- {name: all, keepalive: off, user_timeout: off, precedence: policy}\n",
		      ADDRESS)
			 .client;

	tw_set_all(fd, (struct tw_values){ 1, 15, 16, 8, 9000 });
	CHECK_OPTIONS(fd, 0, 15, 16, 8, 0);
	CHECK_INT(tw_settings("all", "replaced"), 2);
	CHECK_INT(tw_settings("all", "allowed"), 3);
}

/* The policy holds what it asks for, and nothing else. */
TW_TEST(guard__fields_that_are_not_asked_for)
{
	int fd = held("- {name: all, user_timeout: 60s, precedence: policy}\n", ADDRESS).client;

	tw_set_all(fd, (struct tw_values){ 1, 15, 16, 8, 9000 });
	CHECK_OPTIONS(fd, 1, 15, 16, 8, 60000);
}

/* --- what an application may send --- */

TW_TEST(guard__out_of_range_is_refused_as_ever)
{
	static const struct {
		int option, value;
	} bad[] = {
		{ TCP_KEEPIDLE, 0 },  { TCP_KEEPIDLE, 32768 },	{ TCP_KEEPIDLE, -1 },
		{ TCP_KEEPINTVL, 0 }, { TCP_KEEPINTVL, 32768 }, { TCP_KEEPCNT, 0 },
		{ TCP_KEEPCNT, 128 }, { TCP_KEEPCNT, -7 },	{ TCP_USER_TIMEOUT, -1 },
	};
	static const char *const policies[] = { TW_HELD("policy"), TW_HELD("strictest") };

	for (size_t p = 0; p < ARRAY_SIZE(policies); p++) {
		char *log = tw_sweep_once(policies[p]);
		int fd = tw_pair(tw_node, tw_node, ADDRESS).client;

		(void)log;
		for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
			CHECK_INT(tw_try_set(fd, IPPROTO_TCP, bad[i].option, &bad[i].value,
					     sizeof(bad[i].value)),
				  EINVAL);
		CHECK_OPTIONS(fd, ASKED);
	}
	CHECK_INT(tw_settings("all", "allowed"), 0);
	CHECK_INT(tw_settings("all", "replaced"), 0);
	CHECK_INT(tw_settings("all", "limited"), 0);
}

/* The kernel reads the number at its start, however long it is; length is no way past. */
TW_TEST(guard__of_any_length)
{
	static const socklen_t lengths[] = { 4, 5, 8, 100, 4095, 4096, 4097, 8192, 70000 };
	int fd = held(TW_HELD("policy"), ADDRESS).client;
	char *value = calloc(1, 70000);

	CHECK(value);
	*(int *)value = 30;
	for (size_t i = 0; i < ARRAY_SIZE(lengths); i++) {
		CHECK_INT(tw_try_set(fd, IPPROTO_TCP, TCP_KEEPIDLE, value, lengths[i]), 0);
		CHECK_OPTIONS(fd, ASKED);
	}
	CHECK_INT(tw_try_set(fd, IPPROTO_TCP, TCP_KEEPIDLE, value, 3), EINVAL);
	CHECK_INT(tw_try_set(fd, SOL_SOCKET, SO_KEEPALIVE, value, 0), EINVAL);
	CHECK_OPTIONS(fd, ASKED);
	CHECK_INT(tw_settings("all", "replaced"), ARRAY_SIZE(lengths));
}

/* Any number but 0 is on. */
TW_TEST(guard__keepalive_of_any_number)
{
	int fd = held(TW_HELD("policy"), ADDRESS).client;

	tw_set(fd, SOL_SOCKET, SO_KEEPALIVE, 5);
	tw_set(fd, SOL_SOCKET, SO_KEEPALIVE, -1);
	CHECK_INT(tw_settings("all", "allowed"), 2);
	CHECK_OPTIONS(fd, ASKED);
}

static void check_big(int family, int type, int level, int option)
{
	int fd = SYS(socket(family, type | SOCK_CLOEXEC, 0));
	char *value = calloc(1, 8192);

	CHECK(value);
	*(int *)value = 16;
	CHECK_INT(tw_try_set(fd, level, option, value, 8192), 0);
	CHECK_INT(tw_get(fd, level, option), 16);
	close(fd);
	free(value);
}

/* Before 5.15 such calls fail wherever a hook is that does not step aside. */
static void set_big_options(void *arg)
{
	(void)arg;
	check_big(AF_INET, SOCK_STREAM, IPPROTO_IP, IP_TOS);
	check_big(AF_INET6, SOCK_STREAM, IPPROTO_IPV6, IPV6_TCLASS);
	check_big(AF_INET, SOCK_DGRAM, IPPROTO_IP, IP_TOS);
	check_big(AF_UNIX, SOCK_STREAM, SOL_SOCKET, SO_MARK);
}

TW_TEST(guard__options_larger_than_a_page)
{
	int fd = held(TW_HELD("policy"), ADDRESS).client;
	char name[8192] = "reno";

	tw_join_child(tw_fork(tw_node, set_big_options, NULL));
	CHECK_INT(tw_try_set(fd, IPPROTO_TCP, TCP_CONGESTION, name, sizeof(name)), 0);
}

/* --- when --- */

TW_TEST(guard__before_connect_nothing_is_held)
{
	int fd;

	tw_enforce(TW_HELD("policy"));
	tw_listen(NULL, ADDRESS);
	fd = SYS(tw_socket(tw_node, AF_INET, 0));
	tw_set_all(fd, (struct tw_values){ 1, 15, 15, 9, 3000 });
	CHECK_OPTIONS(fd, 1, 15, 15, 9, 3000);
	tw_connect_on(fd, ADDRESS);
	CHECK_OPTIONS(fd, ASKED);
	CHECK_INT(tw_settings("all", "allowed"), 0);
}

TW_TEST(guard__between_connect_and_established)
{
	struct tw_address to = tw_address(ADDRESS);
	int listener, fd;

	tw_enforce(TW_HELD("policy"));
	listener = tw_listen(NULL, ADDRESS);
	tw_blackhole(listener);
	fd = SYS(tw_socket(tw_node, AF_INET, 0));
	SYS(fcntl(fd, F_SETFL, O_NONBLOCK));
	CHECK_INT(connect(fd, TW_SOCKADDR(to), to.len), -1);
	CHECK_INT(errno, EINPROGRESS);
	CHECK(tw_tcp_info(fd).state != TW_TCP_ESTABLISHED);
	CHECK_OPTIONS(fd, ASKED);
	tw_set_all(fd, (struct tw_values){ 1, 15, 15, 9, 3000 });
	CHECK_OPTIONS(fd, ASKED);
	CHECK_INT(tw_settings("all", "replaced"), 4);
}

/* Listeners are never written: what they are given is for their children to start from. */
TW_TEST(guard__listeners_are_let_be)
{
	int listener;

	tw_enforce(TW_HELD("strictest"));
	listener = tw_listen(tw_node, ADDRESS);
	tw_set_all(listener, (struct tw_values){ 1, 15, 15, 9, 300000 });
	CHECK_OPTIONS(listener, 1, 15, 15, 9, 300000);
	tw_connect(NULL, ADDRESS);
	CHECK_OPTIONS(tw_accept(listener), 1, 15, 10, 5, 61875);
	CHECK_INT(tw_settings("all", "allowed"), 0);
}

/* --- who --- */

/* While one policy needs the hook, sockets of the others are as they were. */
TW_TEST(guard__other_policies_are_let_be)
{
	struct tw_pair app, exempt, outside;

	tw_enforce("- {name: held, match: {port: 7001}, keepalive: on, precedence: policy}\n"
		   "- {name: app, match: {port: 7000}, keepalive: 100s:10s:5}\n");
	app = tw_pair(tw_node, tw_node, ADDRESS);
	exempt = tw_pair(tw_node, tw_node, "127.0.0.1:7003");
	outside = tw_pair(NULL, NULL, "127.0.0.1:7001");
	tw_set_all(app.client, (struct tw_values){ 0, 15, 16, 8, 9000 });
	tw_set_all(exempt.client, (struct tw_values){ 0, 15, 16, 8, 9000 });
	tw_set_all(outside.client, (struct tw_values){ 0, 15, 16, 8, 9000 });
	CHECK_OPTIONS(app.client, 0, 15, 16, 8, 9000);
	CHECK_OPTIONS(exempt.client, 0, 15, 16, 8, 9000);
	CHECK_OPTIONS(outside.client, 0, 15, 16, 8, 9000);
	CHECK_INT(tw_settings("held", "allowed"), 0);
	CHECK_INT(tw_settings("app", "allowed"), 0);
}

/* The hook sees the MPTCP socket, which has no record; the next sweep corrects its subflows. */
TW_TEST(guard__mptcp_is_corrected_by_the_sweep)
{
	int listener = tw_socket(tw_node, AF_INET, TW_IPPROTO_MPTCP), client;
	struct tw_listing listing;
	const char *line;

	if (listener < 0)
		tw_skip("no MPTCP in this kernel: %s", strerror(errno));
	tw_sweep_once(TW_HELD("policy"));
	tw_listen_on(listener, ADDRESS);
	client = SYS(tw_socket(tw_node, AF_INET, TW_IPPROTO_MPTCP));
	tw_connect_on(client, ADDRESS);
	tw_accept(listener);
	tw_set(client, IPPROTO_TCP, TCP_KEEPIDLE, 15);
	listing = TW_SOCKETS();
	line = tw_listing_of(&listing, client);
	CHECK_VALUES("subflow", tw_line_values(line), ((struct tw_values){ 1, 15, 10, 5, 157500 }));
	CHECK_EQUAL(tw_json_string(line, "verdict"), "differs");
	tw_sweep_once(TW_HELD("policy"));
	listing = TW_SOCKETS();
	line = tw_listing_of(&listing, client);
	CHECK_VALUES("subflow", tw_line_values(line), ((struct tw_values){ ASKED }));
	CHECK_EQUAL(tw_json_string(line, "verdict"), "ok");
}

#ifdef __x86_64__
/* setsockopt(2) as a 32-bit program calls it: 0 or the errno. */
static int set_by_compat(int fd, int level, int option, int value)
{
	int *low = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT,
			-1, 0);
	long result = 366; /* arch/x86/entry/syscalls/syscall_32.tbl */

	CHECK(low != MAP_FAILED);
	*low = value;
	__asm__ volatile("int $0x80"
			 : "+a"(result)
			 : "b"(fd), "c"(level), "d"(option), "S"(low), "D"(sizeof(*low))
			 : "r8", "r9", "r10", "r11", "memory");
	munmap(low, 4096);
	return (int)-(int)result;
}

/* In a child: without 32-bit support the instruction is a fault. */
static bool has_compat(void)
{
	pid_t pid = SYS(fork());
	int status;

	if (!pid)
		_exit(set_by_compat(-1, IPPROTO_TCP, TCP_KEEPIDLE, 1) == EBADF ? 0 : 1);
	SYS(waitpid(pid, &status, 0));
	return WIFEXITED(status) && !WEXITSTATUS(status);
}

/* The kernel runs no setsockopt hook for 32-bit system calls. */
TW_TEST(guard__calls_of_32_bit_programs_are_corrected_by_the_sweep)
{
	int fd;

	if (!has_compat())
		tw_skip("no 32-bit system calls in this kernel");
	tw_sweep_once(TW_HELD("policy"));
	fd = tw_pair(tw_node, tw_node, ADDRESS).client;
	CHECK_INT(set_by_compat(fd, IPPROTO_TCP, TCP_KEEPIDLE, 15), 0);
	CHECK_OPTIONS(fd, 1, 15, 10, 5, 157500);
	tw_sweep_once(TW_HELD("policy"));
	CHECK_OPTIONS(fd, ASKED);
}
#endif

/* --- how often --- */

/* Fewer on a machine that is emulated, where tests have more time. */
static int many(void)
{
	return tw_deadline_seconds() > 60 ? 30000 : 1000000;
}

static void hammer(void *arg)
{
	int fd = *(int *)arg, value = 15;

	for (int i = 0; i < many(); i++)
		setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &value, sizeof(value));
}

/* Each call is counted, others get their values meanwhile, and no log grows. */
TW_TEST(guard__a_hammering_application_is_counted_and_no_more)
{
	struct tw_process daemon = tw_enforce_swept(TW_HELD("policy"));
	int fd = tw_pair(tw_node, tw_node, ADDRESS).client;
	char *log = tw_log_of(&daemon);
	pid_t pid = tw_fork(tw_node, hammer, &fd);

	for (int i = 0; i < 20; i++) {
		struct tw_pair pair =
			tw_pair(tw_node, tw_node, tw_format("127.0.0.1:%d", 7001 + i));

		CHECK_OPTIONS(pair.client, ASKED);
		CHECK_OPTIONS(pair.server, ASKED);
	}
	tw_join_child(pid);
	CHECK_OPTIONS(fd, ASKED);
	CHECK_INT(tw_settings("all", "replaced"), many());
	CHECK_EQUAL(tw_log_of(&daemon), log);
}
