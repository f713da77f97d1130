// SPDX-License-Identifier: GPL-2.0-only
/* Connections that the kernel gave up on: counted by policy and reason, told, and nothing else. */
#include <fcntl.h>
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <netinet/tcp.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "bpf.h"
#include "follow.h"
#include "harness.h"
#include "lib/cleanup.h"
#include "net.h"

#define BY_PORT                                                     \
	"- {name: idle, match: {port: 7001}, keepalive: 1s:1s:2}\n" \
	"- {name: busy, match: {port: 7002}, user_timeout: 1s}\n"   \
	"- {name: full, match: {port: 7003}, user_timeout: 1s}\n"   \
	"- {name: syn, match: {port: 7004}, user_timeout: 1s}\n"    \
	"- {name: in, match: {port: 7005, direction: in}, keepalive: 1s:1s:2}\n"

#define IDLE  "127.0.0.1:7001"
#define BUSY  "127.0.0.1:7002"
#define FULL  "127.0.0.1:7003"
#define SYN   "127.0.0.1:7004"
#define INTO  "127.0.0.1:7005"
#define OTHER "127.0.0.1:7006"

static long long deaths(const char *policy, const char *reason)
{
	return tw_status_int(tw_format("policies[%s].deaths.%s", policy, reason));
}

static void check_deaths(const char *policy, int keepalive, int unacked, int zero_window,
			 int connect)
{
	CHECK_INT(deaths(policy, "keepalive"), keepalive);
	CHECK_INT(deaths(policy, "unacked"), unacked);
	CHECK_INT(deaths(policy, "zero_window"), zero_window);
	CHECK_INT(deaths(policy, "connect"), connect);
}

/* --- ways to die --- */

/* A connection of the attach point whose peer hears nothing any more. */
static int to_silent_peer(const char *address)
{
	struct tw_pair pair = tw_pair(tw_node, NULL, address);

	tw_blackhole(pair.server);
	return pair.client;
}

static int busy(const char *address)
{
	int fd = to_silent_peer(address);

	SYS(send(fd, "x", 1, 0));
	return fd;
}

/* To a peer that lives, and reads nothing. */
static int full(const char *address)
{
	struct tw_pair pair = tw_pair(tw_node, NULL, address);
	static const char block[65536];

	while (send(pair.client, block, sizeof(block), MSG_DONTWAIT) > 0)
		;
	CHECK(errno == EAGAIN);
	return pair.client;
}

static int connecting(const char *address)
{
	struct tw_address to = tw_address(address);
	int fd = SYS(tw_socket(tw_node, AF_INET, 0));

	tw_blackhole(tw_listen(NULL, address));
	CHECK(connect(fd, TW_SOCKADDR(to), to.len) < 0 && errno == ETIMEDOUT);
	return fd;
}

static ino_t own_netns(void)
{
	struct stat st;

	SYS(stat("/proc/self/ns/net", &st));
	return st.st_ino;
}

static void check_line(const char *line, const char *policy, const char *direction,
		       const char *remote, int local_port)
{
	CHECK_EQUAL(tw_json_string(line, "policy"), policy);
	CHECK_EQUAL(tw_json_string(line, "direction"), direction);
	CHECK_EQUAL(tw_json_string(line, "cgroup"), tw_node);
	CHECK_EQUAL(tw_json_string(line, "remote"), remote);
	CHECK_INT(tw_json_int(line, "netns"), (long long)own_netns());
	CHECK_EQUAL(tw_json_string(line, "local"), tw_format("127.0.0.1:%d", local_port));
}

TW_TEST_OF_DEATHS(deaths__each_reason_is_counted_and_told)
{
	int idle_fd, busy_fd, full_fd;
	struct tw_process reader;
	struct tw_pair in;
	char *line;

	tw_enforce(BY_PORT);
	reader = tw_follow();
	idle_fd = to_silent_peer(IDLE);
	busy_fd = busy(BUSY);
	full_fd = full(FULL);
	in = tw_pair(NULL, tw_node, INTO);
	tw_blackhole(in.client);
	CHECK(tw_tcp_info(idle_fd).state == TW_TCP_ESTABLISHED);
	close(connecting(SYN));
	CHECK_INT(tw_wait_error(idle_fd), ETIMEDOUT);
	CHECK_INT(tw_wait_error(busy_fd), ETIMEDOUT);
	CHECK_INT(tw_wait_error(full_fd), ETIMEDOUT);
	CHECK_INT(tw_wait_error(in.server), ETIMEDOUT);
	WAIT_FOR(TOLD(reader, "\"dead\"") == 5);
	check_deaths("idle", 1, 0, 0, 0);
	check_deaths("busy", 0, 1, 0, 0);
	check_deaths("full", 0, 0, 1, 0);
	check_deaths("syn", 0, 0, 0, 1);
	check_deaths("in", 1, 0, 0, 0);
	line = TOLD_LINE(reader, "\"keepalive\"", "\"idle\"");
	check_line(line, "idle", "out", IDLE, tw_port(idle_fd));
	CHECK(tw_json_int(line, "silent_ms") >= 2900);
	check_line(TOLD_LINE(reader, "\"unacked\""), "busy", "out", BUSY, tw_port(busy_fd));
	check_line(TOLD_LINE(reader, "\"zero_window\""), "full", "out", FULL, tw_port(full_fd));
	check_line(TOLD_LINE(reader, "\"in\"", "\"direction\":\"in\""), "in", "in",
		   tw_format("127.0.0.1:%d", tw_port(in.client)), 7005);
	line = TOLD_LINE(reader, "\"connect\"");
	CHECK_EQUAL(tw_json_string(line, "policy"), "syn");
	CHECK(tw_json_int(line, "silent_ms") >= 900);
}

/* --- whose it was --- */

/* No option of it is ours, so it carries no record: it is matched when it dies. */
TW_TEST_OF_DEATHS(deaths__without_a_record_are_matched)
{
	struct tw_pair in, out;
	int listener, fd;

	tw_enforce("- {name: out, match: {port: 7001, direction: out}, keepalive: 1s:1s:2}\n"
		   "- {name: in, match: {port: 7005, direction: in}, keepalive: 1s:1s:2}\n");
	tw_wait_watching();
	listener = SYS(tw_socket(tw_node, AF_INET, 0));
	fd = SYS(tw_socket(tw_node, AF_INET, 0));
	for (int *each = (int[]){ listener, fd, -1 }; *each >= 0; each++) {
		tw_set(*each, SOL_SOCKET, SO_KEEPALIVE, 1);
		tw_set(*each, SOL_TCP, TCP_KEEPIDLE, 1);
		tw_set(*each, SOL_TCP, TCP_KEEPINTVL, 1);
		tw_set(*each, SOL_TCP, TCP_KEEPCNT, 2);
	}
	tw_listen_on(listener, INTO);
	in.client = tw_connect(NULL, INTO);
	in.server = tw_accept(listener);
	listener = tw_listen(NULL, IDLE);
	tw_connect_on(fd, IDLE);
	out.server = tw_accept(listener);
	CHECK_INT(tw_count("in", "already"), 1);
	CHECK_INT(tw_count("out", "already"), 1);
	tw_blackhole(in.client);
	tw_blackhole(out.server);
	CHECK_INT(tw_wait_error(fd), ETIMEDOUT);
	CHECK_INT(tw_wait_error(in.server), ETIMEDOUT);
	check_deaths("in", 1, 0, 0, 0);
	check_deaths("out", 1, 0, 0, 0);
}

/* A socket of that cgroup that probes by its own wish, with a silent peer. */
static int self_made(const char *cgroup, const char *address)
{
	int listener = tw_listen(NULL, address);
	int fd = SYS(tw_socket(cgroup, AF_INET, 0));

	tw_set(fd, SOL_SOCKET, SO_KEEPALIVE, 1);
	tw_set(fd, SOL_TCP, TCP_KEEPIDLE, 1);
	tw_set(fd, SOL_TCP, TCP_KEEPINTVL, 1);
	tw_set(fd, SOL_TCP, TCP_KEEPCNT, 1);
	tw_connect_on(fd, address);
	tw_blackhole(tw_accept(listener));
	return fd;
}

TW_TEST_OF_DEATHS(deaths__under_no_policy_and_outside)
{
	struct tw_process reader;
	int inside, outside;

	tw_enforce("- {name: elsewhere, match: {port: 9}, keepalive: 1s:1s:2}\n");
	reader = tw_follow();
	outside = self_made(NULL, IDLE);
	CHECK_INT(tw_wait_error(outside), ETIMEDOUT);
	inside = self_made(tw_node, BUSY);
	CHECK_INT(tw_wait_error(inside), ETIMEDOUT);
	WAIT_FOR(TOLD(reader, "\"dead\"") == 1);
	CHECK(tw_json_null(TOLD_LINE(reader, "\"dead\""), "policy"));
	CHECK_EQUAL(tw_json_string(TOLD_LINE(reader, "\"dead\""), "remote"), BUSY);
	check_deaths("elsewhere", 0, 0, 0, 0);
}

/* --- what is no death --- */

/* As `ss -K`. False: this kernel cannot (CONFIG_INET_DIAG_DESTROY). */
static bool abort_socket(int fd)
{
	struct sockaddr_in local, remote;
	socklen_t len = sizeof(local);
	struct {
		struct nlmsghdr header;
		struct inet_diag_req_v2 body;
	} request = {
		.header = { .nlmsg_len = sizeof(request),
			    .nlmsg_type = SOCK_DESTROY,
			    .nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK },
		.body = { .sdiag_family = AF_INET, .sdiag_protocol = IPPROTO_TCP },
	};
	_cleanup_close_ int nl =
		SYS(socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_SOCK_DIAG));
	struct {
		struct nlmsghdr header;
		struct nlmsgerr error;
	} answer;

	SYS(getsockname(fd, (struct sockaddr *)&local, &len));
	SYS(getpeername(fd, (struct sockaddr *)&remote, &len));
	request.body.id.idiag_sport = local.sin_port;
	request.body.id.idiag_dport = remote.sin_port;
	request.body.id.idiag_src[0] = local.sin_addr.s_addr;
	request.body.id.idiag_dst[0] = remote.sin_addr.s_addr;
	memset(request.body.id.idiag_cookie, 0xff, sizeof(request.body.id.idiag_cookie));
	SYS(send(nl, &request, sizeof(request), 0));
	SYS(recv(nl, &answer, sizeof(answer), 0));
	return answer.error.error == 0;
}

TW_TEST_OF_DEATHS(deaths__resets_closes_and_aborts_are_none)
{
	struct tw_address nobody = tw_address("127.0.0.1:1");
	struct tw_pair reset, closed, aborted;
	int refused, probed;

	tw_enforce("- {name: all, keepalive: 1s:1s:1}\n");
	tw_wait_watching();
	reset = tw_pair(tw_node, tw_node, IDLE);
	tw_close_reset(reset.server);
	CHECK_INT(tw_wait_error(reset.client), ECONNRESET);
	closed = tw_pair(tw_node, tw_node, BUSY);
	close(closed.client);
	close(closed.server);
	refused = SYS(tw_socket(tw_node, AF_INET, 0));
	CHECK(connect(refused, TW_SOCKADDR(nobody), nobody.len) < 0 && errno == ECONNREFUSED);
	aborted = tw_pair(tw_node, tw_node, FULL);
	if (abort_socket(aborted.client))
		CHECK_INT(tw_wait_error(aborted.client), ECONNABORTED);
	/* And one that is, so that all before it was seen. */
	probed = to_silent_peer(SYN);
	CHECK_INT(tw_wait_error(probed), ETIMEDOUT);
	check_deaths("all", 1, 0, 0, 0);
}

/* --- a next hop that is gone --- */

/* A second namespace, and a link to it: 10.91.0.1 here, 10.91.0.2 there. False: no veth. */
static bool link_to(int here, int *ret_there)
{
	tw_new_netns();
	*ret_there = SYS(open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC));
	SYS(setns(here, CLONE_NEWNET));
	if (system("ip link add tw0 type veth peer name tw1 2>/dev/null"))
		return false;
	CHECK(system(tw_format("ip link set tw1 netns /proc/%d/fd/%d", getpid(), *ret_there)) == 0);
	CHECK(system("ip addr add 10.91.0.1/24 dev tw0 && ip link set tw0 up") == 0);
	SYS(setns(*ret_there, CLONE_NEWNET));
	CHECK(system("ip addr add 10.91.0.2/24 dev tw1 && ip link set tw1 up") == 0);
	SYS(setns(here, CLONE_NEWNET));
	return true;
}

/*
 * The peer is a neighbour that does not answer ARP: ICMP says EHOSTUNREACH, which
 * an open connection keeps for its end, and which ends one that connects.
 */
TW_TEST_OF_DEATHS(deaths__of_an_unreachable_neighbour)
{
	_cleanup_close_ int here = SYS(open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC));
	struct tw_address never = tw_address("10.91.0.3:7001");
	_cleanup_close_ int there = -1;
	int listener, fd, connecting_fd;

	if (!link_to(here, &there))
		tw_skip("no veth in this kernel");
	tw_enforce("- {name: all, user_timeout: 6s}\n");
	tw_wait_watching();
	SYS(setns(there, CLONE_NEWNET));
	listener = tw_listen(NULL, "10.91.0.2:7001");
	SYS(setns(here, CLONE_NEWNET));
	fd = tw_connect(tw_node, "10.91.0.2:7001");
	tw_accept(listener);
	SYS(setns(there, CLONE_NEWNET));
	CHECK(system("ip addr del 10.91.0.2/24 dev tw1") == 0);
	SYS(setns(here, CLONE_NEWNET));
	CHECK(system("ip neigh flush dev tw0") == 0);
	SYS(send(fd, "x", 1, 0));
	connecting_fd = SYS(tw_socket(tw_node, AF_INET, 0));
	CHECK(connect(connecting_fd, TW_SOCKADDR(never), never.len) < 0 && errno == EHOSTUNREACH);
	check_deaths("all", 0, 0, 0, 1);
	CHECK_INT(tw_wait_error(fd), EHOSTUNREACH);
	check_deaths("all", 0, 1, 0, 1);
}

/* --- with and without a daemon --- */

TW_TEST_OF_DEATHS(deaths__are_counted_without_a_daemon_and_over_takeovers)
{
	struct tw_process daemon = tw_enforce("- {name: all, keepalive: 1s:1s:1}\n");
	struct tw_process reader;
	int first, second;

	tw_wait_watching();
	first = to_silent_peer(IDLE);
	tw_signal(&daemon, SIGKILL);
	tw_join(&daemon);
	CHECK_INT(tw_wait_error(first), ETIMEDOUT);
	check_deaths("all", 1, 0, 0, 0);
	second = to_silent_peer(BUSY);
	daemon = tw_enforce("- {name: all, keepalive: 1s:1s:1}\n");
	CHECK_INT(tw_wait_error(second), ETIMEDOUT);
	check_deaths("all", 2, 0, 0, 0);
	tw_signal(&daemon, SIGKILL);
	tw_join(&daemon);
	CHECK_INT(tw_wait_error(to_silent_peer(FULL)), ETIMEDOUT);
	/* The ring kept it, and what the second daemon had no time to read. */
	reader = TW_START("events", "--json");
	WAIT_FOR(TOLD(reader, "\"dead\"", "\"" FULL "\"") == 1);
	tw_signal(&reader, SIGINT);
	CHECK_INT(tw_join(&reader).status, 0);
}

TW_TEST(deaths__the_program_goes_with_a_detach)
{
	tw_enforce("- {name: all, keepalive: 1s:1s:1}\n");
	tw_wait_watching();
	CHECK_INT(TW_RUN("detach").status, 0);
	CHECK(tw_bpffs_is_empty());
}

/* More at once than a policy may tell of: all are counted, the rest is known to be lost. */
TW_TEST_OF_DEATHS(deaths__many_at_once_are_counted_and_not_all_told)
{
	enum {
		MANY = 300,
		RATE = 100
	};
	struct tw_process reader;
	int told, lost, fd = -1;

	tw_enforce("- {name: all, keepalive: 2s:1s:1}\n");
	reader = tw_follow();
	for (int i = 0; i < MANY; i++)
		fd = to_silent_peer(tw_format("127.0.0.1:%d", 8000 + i));
	CHECK_INT(tw_wait_error(fd), ETIMEDOUT);
	WAIT_FOR(deaths("all", "keepalive") == MANY);
	lost = (int)tw_status_int("events_lost");
	WAIT_FOR((told = TOLD(reader, "\"dead\"")) + lost == MANY);
	/* They die within some seconds; no second has more than the rate, but for races. */
	CHECK(told >= RATE);
}
