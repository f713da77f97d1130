// SPDX-License-Identifier: GPL-2.0-only
#include "net.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <netinet/in.h>
#include <netinet/ip.h>
#include <netinet/tcp.h>
#include <sched.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

void net_die(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fprintf(stderr, ": %s\n", strerror(errno));
	exit(2);
}

double net_now(void)
{
	struct timespec now;

	if (clock_gettime(CLOCK_MONOTONIC, &now) < 0)
		net_die("clock_gettime");
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static int namespace_new(void)
{
	int fd;

	if (unshare(CLONE_NEWNET) < 0)
		net_die("unshare");
	fd = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		net_die("/proc/self/ns/net");
	return fd;
}

void net_enter(int ns)
{
	if (setns(ns, CLONE_NEWNET) < 0)
		net_die("setns");
}

__attribute__((format(printf, 2, 3))) static void run_in(int ns, const char *format, ...)
{
	char script[2048];
	va_list args;

	va_start(args, format);
	vsnprintf(script, sizeof(script), format, args);
	va_end(args);
	net_enter(ns);
	if (system(script) != 0)
		net_die("this failed: %s", script);
}

static void make_links(const struct net *net)
{
	int pid = getpid();

	run_in(net->router,
	       "set -e; ip -batch - <<EOF\n"
	       "link set lo up\n"
	       "link add c type veth peer name eth0 netns /proc/%d/fd/%d\n"
	       "link add s type veth peer name eth0 netns /proc/%d/fd/%d\n"
	       "addr add 10.0.1.1/24 dev c\n"
	       "addr add 10.0.2.1/24 dev s\n"
	       "link set c up\n"
	       "link set s up\n"
	       "EOF\n"
	       "echo 1 >/proc/sys/net/ipv4/ip_forward\n",
	       pid, net->client, pid, net->server);
}

static void make_end(int ns, const char *address, const char *gateway)
{
	run_in(ns,
	       "ip -batch - <<EOF\n"
	       "link set lo up\n"
	       "addr add %s/24 dev eth0\n"
	       "link set eth0 up\n"
	       "route add default via %s\n"
	       "EOF\n",
	       address, gateway);
}

static void make_ipvs(int router)
{
	run_in(router,
	       "set -e\n"
	       "ip addr add " NET_VIP "/32 dev lo\n"
	       "ipvsadm --set 900 120 300\n"
	       "ipvsadm -A -t " NET_VIP ":%d -s rr\n"
	       "ipvsadm -a -t " NET_VIP ":%d -r " NET_SERVER ":%d -m\n",
	       NET_PORT, NET_PORT, NET_PORT);
}

/* What a NAT gateway does: a flow that it does not know is answered with a reset. */
static void make_nat(int router)
{
	run_in(router,
	       "set -e; nft -f - <<EOF\n"
	       "table ip t {\n"
	       "  chain post { type nat hook postrouting priority 100; oif s masquerade; }\n"
	       "  chain pass { type filter hook forward priority 0;\n"
	       "    ct state invalid reject with tcp reset\n"
	       "    ct state new tcp flags & syn == 0 reject with tcp reset\n"
	       "  }\n"
	       "}\n"
	       "EOF\n"
	       "cd /proc/sys/net/netfilter\n"
	       "echo 350 >nf_conntrack_tcp_timeout_established\n"
	       "echo 0 >nf_conntrack_tcp_loose\n");
}

static int tap_open(int router)
{
	struct sockaddr_ll at = { .sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_IP) };
	int fd;

	net_enter(router);
	at.sll_ifindex = (int)if_nametoindex("c");
	fd = socket(AF_PACKET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, htons(ETH_P_IP));
	if (fd < 0 || bind(fd, (struct sockaddr *)&at, sizeof(at)) < 0)
		net_die("packet socket");
	return fd;
}

void net_make(enum net_router router, struct net *ret)
{
	struct net net = {
		.client = namespace_new(),
		.router = namespace_new(),
		.server = namespace_new(),
		.tap = -1,
	};

	make_links(&net);
	make_end(net.client, "10.0.1.2", "10.0.1.1");
	make_end(net.server, NET_SERVER, "10.0.2.1");
	if (router == NET_IPVS)
		make_ipvs(net.router);
	if (router == NET_NAT)
		make_nat(net.router);
	net.tap = tap_open(net.router);
	*ret = net;
}

/* A host that does not forward drops without an ICMP message (net/ipv4/route.c, ip_error()). */
void net_blackhole(const struct net *net)
{
	run_in(net->router, "echo 0 >/proc/sys/net/ipv4/ip_forward");
}

/* The source port of a TCP segment in an IPv4 packet; -1: it is none, or a reset. */
static int tcp_source(const uint8_t *packet, size_t size)
{
	const struct iphdr *ip = (const void *)packet;
	struct tcphdr tcp;

	if (size < sizeof(*ip) || ip->protocol != IPPROTO_TCP || size < ip->ihl * 4U + sizeof(tcp))
		return -1;
	memcpy(&tcp, packet + ip->ihl * 4U, sizeof(tcp));
	return tcp.rst ? -1 : ntohs(tcp.source);
}

int net_tap_next(const struct net *net)
{
	_Alignas(struct iphdr) uint8_t packet[256];
	struct sockaddr_ll from = { 0 };
	socklen_t length;
	ssize_t n;
	int port;

	for (;;) {
		length = sizeof(from);
		n = recvfrom(net->tap, packet, sizeof(packet), 0, (struct sockaddr *)&from,
			     &length);
		if (n < 0)
			return -1;
		port = tcp_source(packet, (size_t)n);
		if (from.sll_pkttype == PACKET_HOST && port >= 0)
			return port;
	}
}
