// SPDX-License-Identifier: GPL-2.0-only
#include "conn.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#define CGROUPS	   "/sys/fs/cgroup"
#define MAX_CONNS  32
#define ANSWER_SEC 30.0

void conn_cgroup_make(const char *cgroup)
{
	char path[256];

	snprintf(path, sizeof(path), CGROUPS "%s", cgroup);
	if (mkdir(path, 0755) < 0 && errno != EEXIST)
		net_die("%s", path);
}

static void cgroup_enter(const char *cgroup)
{
	char path[256];
	int fd;

	snprintf(path, sizeof(path), CGROUPS "%s/cgroup.procs", cgroup);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0 || write(fd, "0", 1) != 1)
		net_die("%s", path);
	close(fd);
}

static struct sockaddr_in address_of(const char *text)
{
	struct sockaddr_in address = { .sin_family = AF_INET, .sin_port = htons(NET_PORT) };

	if (inet_pton(AF_INET, text, &address.sin_addr) != 1)
		net_die("%s", text);
	return address;
}

static int listen_on(const char *text)
{
	struct sockaddr_in address = address_of(text);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	int one = 1;

	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one)) < 0 ||
	    bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0 || listen(fd, 8) < 0)
		net_die("listen on %s", text);
	return fd;
}

static int connect_to(const char *text)
{
	struct sockaddr_in address = address_of(text);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0)
		net_die("connect to %s", text);
	return fd;
}

static int local_port(int fd)
{
	struct sockaddr_in address;
	socklen_t size = sizeof(address);

	if (getsockname(fd, (struct sockaddr *)&address, &size) < 0)
		net_die("getsockname");
	return ntohs(address.sin_port);
}

struct conn conn_open(const struct net *net, const char *address, const char *cgroup)
{
	struct conn conn = { .client = -1, .server = -1 };
	int listener;

	net_enter(net->server);
	listener = listen_on(NET_SERVER);
	net_enter(net->client);
	cgroup_enter(cgroup);
	conn.client = connect_to(address);
	cgroup_enter("/");
	conn.server = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
	if (conn.server < 0)
		net_die("accept");
	close(listener);
	conn.port = local_port(conn.client);
	if (conn_talk(&conn, conn.client) < 0)
		net_die("a new connection does not answer");
	return conn;
}

static int socket_error(int fd)
{
	int error = 0;
	socklen_t size = sizeof(error);

	if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size) < 0)
		net_die("SO_ERROR");
	return error ?: EPIPE;
}

static int milliseconds(double seconds)
{
	return seconds <= 0 ? 0 : (int)(seconds * 1000.0) + 1;
}

static int send_byte(int fd)
{
	return send(fd, "x", 1, MSG_NOSIGNAL) == 1 ? 0 : -errno;
}

void conn_write(int fd)
{
	if (send_byte(fd) < 0)
		net_die("a write to a peer that is gone");
}

/* One byte from one end to the other. The reason for a failure is at the end that spoke. */
static int pass(int from, int to)
{
	struct pollfd p[] = { { .fd = to, .events = POLLIN }, { .fd = from } };
	char byte;
	int r = send_byte(from);

	if (r < 0)
		return r;
	r = poll(p, 2, milliseconds(ANSWER_SEC));
	if (r < 0)
		net_die("poll");
	if (r == 0)
		return -ETIMEDOUT;
	if (p[1].revents)
		return -socket_error(from);
	return recv(to, &byte, 1, 0) == 1 ? 0 : -errno;
}

int conn_talk(struct conn *conn, int first)
{
	int second = first == conn->client ? conn->server : conn->client;
	int r = pass(first, second);

	if (r == 0)
		r = pass(second, first);
	conn->since = net_now();
	return r;
}

int conn_rest(const struct conn *conn, double seconds)
{
	struct pollfd p[] = {
		{ .fd = conn->client, .events = POLLIN },
		{ .fd = conn->server, .events = POLLIN },
	};
	int n = poll(p, 2, milliseconds(seconds));

	if (n < 0)
		net_die("poll");
	if (n == 0)
		return 0;
	return p[0].revents ? -socket_error(conn->client) : -socket_error(conn->server);
}

static void note_segments(const struct net *net, struct conn *conns, size_t n)
{
	int port;
	size_t i;

	while ((port = net_tap_next(net)) >= 0) {
		for (i = 0; i < n; i++) {
			if (conns[i].port != port)
				continue;
			if (conns[i].segments++ == 0)
				conns[i].first_segment = net_now();
		}
	}
}

/* A descriptor of -1 is one that poll() passes over. */
static size_t note_deaths(struct conn *conns, struct pollfd *p, size_t n)
{
	size_t i, dead = 0;

	for (i = 0; i < n; i++) {
		if (p[i].fd < 0 || !p[i].revents)
			continue;
		conns[i].died = net_now();
		conns[i].error = socket_error(conns[i].client);
		p[i].fd = -1;
		dead++;
	}
	return dead;
}

void conn_watch(const struct net *net, struct conn *conns, size_t n, double seconds)
{
	double end = net_now() + seconds;
	struct pollfd p[MAX_CONNS + 1];
	size_t i, alive = n;

	for (i = 0; i < n; i++)
		p[i] = (struct pollfd){ .fd = conns[i].client, .events = POLLIN };
	p[n] = (struct pollfd){ .fd = net->tap, .events = POLLIN };
	while (alive && net_now() < end) {
		if (poll(p, n + 1, milliseconds(end - net_now())) < 0)
			net_die("poll");
		note_segments(net, conns, n);
		alive -= note_deaths(conns, p, n);
	}
}

int conn_is_established(int fd)
{
	struct tcp_info info = { 0 };
	socklen_t size = sizeof(info);

	if (getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &size) < 0)
		net_die("TCP_INFO");
	return info.tcpi_state == TCP_ESTABLISHED;
}
