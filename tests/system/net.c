// SPDX-License-Identifier: GPL-2.0-only
/* Sockets and their five options. */
#include "net.h"

#include <arpa/inet.h>
#include <linux/filter.h>
#include <net/if.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "harness.h"
#include "lib/cleanup.h"

static const struct {
	int level;
	int option;
} fields[] = {
	{ SOL_SOCKET, SO_KEEPALIVE },	   { IPPROTO_TCP, TCP_KEEPIDLE },
	{ IPPROTO_TCP, TCP_KEEPINTVL },	   { IPPROTO_TCP, TCP_KEEPCNT },
	{ IPPROTO_TCP, TCP_USER_TIMEOUT },
};

struct tw_address tw_address(const char *text)
{
	struct tw_address address = { 0 };
	struct sockaddr_in *in = (void *)&address.storage;
	struct sockaddr_in6 *in6 = (void *)&address.storage;
	const char *colon = strrchr(text, ':');
	char host[INET6_ADDRSTRLEN] = "";
	bool is6 = *text == '[';

	if (!colon || sscanf(text, is6 ? "[%45[^]]" : "%45[^:]", host) != 1)
		FAIL("not an address: %s", text);
	in->sin_family = is6 ? AF_INET6 : AF_INET;
	in->sin_port = htons((uint16_t)atoi(colon + 1));
	address.len = is6 ? sizeof(*in6) : sizeof(*in);
	if (inet_pton(in->sin_family, host, is6 ? (void *)&in6->sin6_addr : &in->sin_addr) != 1)
		FAIL("not an address: %s", text);
	return address;
}

int tw_socket(const char *cgroup, int family, int protocol)
{
	int fd;

	if (cgroup)
		tw_cgroup_enter(cgroup);
	fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC, protocol);
	if (cgroup)
		tw_cgroup_enter(tw_outside);
	return fd;
}

static int tcp_socket(const char *cgroup, const char *address)
{
	return SYS(tw_socket(cgroup, tw_address(address).storage.ss_family, IPPROTO_TCP));
}

void tw_bind(int fd, const char *address)
{
	struct tw_address to = tw_address(address);

	tw_set(fd, SOL_SOCKET, SO_REUSEADDR, 1);
	SYS(bind(fd, TW_SOCKADDR(to), to.len));
}

void tw_listen_on(int fd, const char *address)
{
	tw_bind(fd, address);
	SYS(listen(fd, 64));
}

int tw_listen(const char *cgroup, const char *address)
{
	int fd = tcp_socket(cgroup, address);

	tw_listen_on(fd, address);
	return fd;
}

void tw_connect_on(int fd, const char *address)
{
	struct tw_address to = tw_address(address);

	if (connect(fd, TW_SOCKADDR(to), to.len) < 0)
		FAIL("connect to %s: %s", address, strerror(errno));
}

int tw_connect(const char *cgroup, const char *address)
{
	int fd = tcp_socket(cgroup, address);

	tw_connect_on(fd, address);
	return fd;
}

int tw_connect_from(const char *cgroup, const char *source, const char *address)
{
	int fd = tcp_socket(cgroup, address);

	tw_bind(fd, source);
	tw_connect_on(fd, address);
	return fd;
}

int tw_accept(int listener)
{
	return SYS(accept4(listener, NULL, NULL, SOCK_CLOEXEC));
}

struct tw_pair tw_pair(const char *client_cgroup, const char *server_cgroup, const char *address)
{
	int listener = tw_listen(server_cgroup, address);
	struct tw_pair pair;

	pair.client = tw_connect(client_cgroup, address);
	pair.server = tw_accept(listener);
	close(listener);
	return pair;
}

void tw_close_reset(int fd)
{
	struct linger linger = { .l_onoff = 1 };

	SYS(setsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, sizeof(linger)));
	close(fd);
}

void tw_set(int fd, int level, int option, int value)
{
	SYS(setsockopt(fd, level, option, &value, sizeof(value)));
}

int tw_get(int fd, int level, int option)
{
	socklen_t len = sizeof(int);
	int value = -1;

	SYS(getsockopt(fd, level, option, &value, &len));
	return value;
}

static struct tw_values ask_five(int fd)
{
	int value[ARRAY_SIZE(fields)];

	for (size_t i = 0; i < ARRAY_SIZE(fields); i++)
		value[i] = tw_get(fd, fields[i].level, fields[i].option);
	return (struct tw_values){ value[0], value[1], value[2], value[3], value[4] };
}

/* A sweep may come between the five questions: what was so at one moment is so twice. */
struct tw_values tw_values(int fd)
{
	struct tw_values now = ask_five(fd), again = ask_five(fd);

	while (!tw_values_equal(&now, &again)) {
		now = again;
		again = ask_five(fd);
	}
	return now;
}

bool tw_values_equal(const struct tw_values *a, const struct tw_values *b)
{
	return !memcmp(a, b, sizeof(*a));
}

int tw_port(int fd)
{
	struct sockaddr_in6 address;
	socklen_t len = sizeof(address);

	SYS(getsockname(fd, (struct sockaddr *)&address, &len));
	return ntohs(address.sin6_port);
}

struct tw_tcp_info tw_tcp_info(int fd)
{
	struct tcp_info info = { 0 };
	socklen_t len = sizeof(info);

	SYS(getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &len));
	return (struct tw_tcp_info){ .state = info.tcpi_state, .options = info.tcpi_options };
}

void tw_blackhole(int fd)
{
	struct sock_filter drop = BPF_STMT(BPF_RET | BPF_K, 0);
	struct sock_fprog program = { .len = 1, .filter = &drop };

	SYS(setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof(program)));
}

int tw_wait_error(int fd)
{
	struct pollfd pollfd = { .fd = fd };

	if (SYS(poll(&pollfd, 1, tw_deadline_seconds() * 1000 / 2)) == 0)
		FAIL("the socket lives on");
	return tw_get(fd, SOL_SOCKET, SO_ERROR);
}

/* --- the network of the test --- */

void tw_loopback_up(void)
{
	_cleanup_close_ int fd = SYS(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
	struct ifreq request = { .ifr_name = "lo" };

	SYS(ioctl(fd, SIOCGIFFLAGS, &request));
	request.ifr_flags = (short)(request.ifr_flags | IFF_UP);
	SYS(ioctl(fd, SIOCSIFFLAGS, &request));
}

/* The kernel takes an address into use a moment after it was added. */
static bool is_in_use(const struct in6_addr *addr)
{
	_cleanup_close_ int fd = SYS(socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0));
	struct sockaddr_in6 to = { .sin6_family = AF_INET6, .sin6_addr = *addr };

	return bind(fd, (struct sockaddr *)&to, sizeof(to)) == 0;
}

void tw_add_ipv6(const char *address)
{
	/* struct in6_ifreq: <linux/ipv6.h> cannot be included next to <netinet/in.h>. */
	struct {
		struct in6_addr addr;
		uint32_t prefix_len;
		int index;
	} request = { .prefix_len = 128, .index = (int)if_nametoindex("lo") };
	_cleanup_close_ int fd = SYS(socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0));

	CHECK_INT(inet_pton(AF_INET6, address, &request.addr), 1);
	SYS(ioctl(fd, SIOCSIFADDR, &request));
	WAIT_FOR(is_in_use(&request.addr));
}

void tw_new_netns(void)
{
	SYS(unshare(CLONE_NEWNET));
	tw_loopback_up();
}

void tw_check_options(const char *file, int line, const char *what, int fd,
		      struct tw_values expected)
{
	struct tw_values actual = tw_values(fd);

	if (tw_values_equal(&actual, &expected))
		return;
	tw_fail(file, line, "%s has %d,%d,%d,%d,%d, expected %d,%d,%d,%d,%d", what,
		actual.keepalive, actual.idle, actual.interval, actual.probes, actual.user_timeout,
		expected.keepalive, expected.idle, expected.interval, expected.probes,
		expected.user_timeout);
}
