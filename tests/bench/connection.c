/* SPDX-License-Identifier: GPL-2.0-only */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include "connection.h"
#include "lib/cleanup.h"

/* 2m:20s:5 with `user_timeout: auto`; and what Linux gives who asks for nothing. */
static const struct {
	int level;
	int name;
	int wanted;
	int unset;
} options[] = {
	{ SOL_SOCKET, SO_KEEPALIVE, 1, 0 },	      { IPPROTO_TCP, TCP_KEEPIDLE, 120, 7200 },
	{ IPPROTO_TCP, TCP_KEEPINTVL, 20, 75 },	      { IPPROTO_TCP, TCP_KEEPCNT, 5, 9 },
	{ IPPROTO_TCP, TCP_USER_TIMEOUT, 225000, 0 },
};

struct pair {
	int connecting;
	int accepted;
};

static void set_options(int fd)
{
	for (size_t i = 0; i < ARRAY_SIZE(options); i++)
		if (setsockopt(fd, options[i].level, options[i].name, &options[i].wanted,
			       sizeof(options[i].wanted)) < 0)
			tw_bench_fail("setsockopt");
}

struct tw_listener tw_listener_make(const struct tw_variant *variant)
{
	struct tw_listener listener = {
		.fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0),
		.address = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) },
	};
	socklen_t len = sizeof(listener.address);

	if (listener.fd < 0 || bind(listener.fd, (struct sockaddr *)&listener.address, len) < 0)
		tw_bench_fail("bind");
	if (variant->app & TW_LISTENER)
		set_options(listener.fd);
	if (listen(listener.fd, 16) < 0 ||
	    getsockname(listener.fd, (struct sockaddr *)&listener.address, &len) < 0)
		tw_bench_fail("listen");
	return listener;
}

static struct pair make_pair(const struct tw_variant *variant, const struct tw_listener *listener)
{
	struct pair pair;

	pair.connecting = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (pair.connecting < 0)
		tw_bench_fail("socket");
	if (variant->app & TW_CONNECTING)
		set_options(pair.connecting);
	if (connect(pair.connecting, (const struct sockaddr *)&listener->address,
		    sizeof(listener->address)) < 0)
		tw_bench_fail("connect");
	pair.accepted = accept4(listener->fd, NULL, NULL, SOCK_CLOEXEC);
	if (pair.accepted < 0)
		tw_bench_fail("accept");
	if (variant->app & TW_ACCEPTED)
		set_options(pair.accepted);
	return pair;
}

static void close_pair(const struct pair *pair)
{
	const struct linger reset = { .l_onoff = 1 };

	if (setsockopt(pair->connecting, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset)) < 0)
		tw_bench_fail("setsockopt SO_LINGER");
	close(pair->connecting);
	close(pair->accepted);
}

void tw_connection_make(const struct tw_variant *variant, const struct tw_listener *listener)
{
	struct pair pair = make_pair(variant, listener);

	close_pair(&pair);
}

static int expected(const struct tw_variant *variant, size_t option, bool carries)
{
	if (variant->four && options[option].name == TCP_USER_TIMEOUT)
		carries = false;
	return carries ? options[option].wanted : options[option].unset;
}

static void check_end(const struct tw_variant *variant, const char *end, int fd, bool carries)
{
	for (size_t i = 0; i < ARRAY_SIZE(options); i++) {
		int value = -1, right = expected(variant, i, carries);
		socklen_t len = sizeof(value);

		if (getsockopt(fd, options[i].level, options[i].name, &value, &len) < 0)
			tw_bench_fail("getsockopt");
		errno = 0;
		if (value != right)
			tw_bench_fail("%s: the %s end has %d for option %zu, not %d",
				      variant->title, end, value, i, right);
	}
}

void tw_connection_check(const struct tw_variant *variant, const struct tw_listener *listener)
{
	struct pair pair = make_pair(variant, listener);

	check_end(variant, "connecting", pair.connecting, variant->carries & TW_CONNECTING);
	check_end(variant, "accepted", pair.accepted, variant->carries & TW_ACCEPTED);
	close_pair(&pair);
}
