// SPDX-License-Identifier: GPL-2.0-only
#include "kernel/sock_diag.h"

#include <errno.h>
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <linux/sock_diag.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>

#include "lib/cleanup.h"

#define ALL_STATES 0xfff /* of include/net/tcp_states.h */
#define TIME_WAIT  (1 << 6)
#define SYN_RECV   (1 << 3)

static struct tw_live_socket *append(struct tw_live *live)
{
	struct tw_live_socket *sockets = live->sockets;

	/* Room for a power of two. */
	if (!(live->count & (live->count - 1)))
		sockets =
			reallocarray(sockets, live->count ? 2 * live->count : 1, sizeof(*sockets));
	if (!sockets)
		return NULL;
	live->sockets = sockets;
	sockets[live->count] = (struct tw_live_socket){ 0 };
	return &sockets[live->count++];
}

static void copy_endpoint(int family, const __be32 addr[4], __be16 port,
			  struct tw_endpoint *ret_endpoint)
{
	struct tw_endpoint endpoint = { .port = ntohs(port) };

	if (family == AF_INET6) {
		memcpy(endpoint.addr, addr, 16);
	} else {
		endpoint.addr[10] = endpoint.addr[11] = 0xff;
		memcpy(endpoint.addr + 12, addr, 4);
	}
	*ret_endpoint = endpoint;
}

static void read_attributes(const struct inet_diag_msg *msg, size_t len,
			    struct tw_live_socket *socket)
{
	/* The message ends where its attributes start, both aligned to four bytes. */
	const struct rtattr *attr = (const void *)(msg + 1);

	while (RTA_OK(attr, len)) {
		size_t step = RTA_ALIGN(attr->rta_len);

		if (attr->rta_type == INET_DIAG_CGROUP_ID &&
		    RTA_PAYLOAD(attr) == sizeof(socket->cgroup_id)) {
			memcpy(&socket->cgroup_id, RTA_DATA(attr), sizeof(socket->cgroup_id));
		} else if (attr->rta_type == INET_DIAG_INFO &&
			   RTA_PAYLOAD(attr) >= offsetof(struct tcp_info, tcpi_ato)) {
			struct tcp_info info = { 0 };
			size_t n = RTA_PAYLOAD(attr);

			memcpy(&info, RTA_DATA(attr), n < sizeof(info) ? n : sizeof(info));
			socket->rto_ms = info.tcpi_rto / 1000 + (info.tcpi_rto % 1000 != 0);
		}
		if (step > len)
			return;
		len -= step;
		attr = (const void *)((const char *)attr + step);
	}
}

static int read_message(const struct nlmsghdr *header, struct tw_live *live)
{
	const struct inet_diag_msg *msg = NLMSG_DATA(header);
	struct tw_live_socket *socket;

	if (header->nlmsg_len < NLMSG_LENGTH(sizeof(*msg)))
		return -EBADMSG;
	socket = append(live);
	if (!socket)
		return -ENOMEM;
	copy_endpoint(msg->idiag_family, msg->id.idiag_src, msg->id.idiag_sport, &socket->local);
	copy_endpoint(msg->idiag_family, msg->id.idiag_dst, msg->id.idiag_dport, &socket->remote);
	socket->state = msg->idiag_state;
	socket->inode = msg->idiag_inode;
	read_attributes(msg, header->nlmsg_len - NLMSG_LENGTH(sizeof(*msg)), socket);
	return 0;
}

/* What an NLMSG_ERROR says, which is a negative errno. */
static int read_error(const struct nlmsghdr *header)
{
	const struct nlmsgerr *error = NLMSG_DATA(header);

	if (header->nlmsg_len < NLMSG_LENGTH(sizeof(error->error)) || error->error >= 0)
		return -EBADMSG;
	return error->error;
}

int tw_sock_diag_read(const void *batch, size_t len, struct tw_live *live)
{
	const struct nlmsghdr *header = batch;

	while (NLMSG_OK(header, len)) {
		size_t step = NLMSG_ALIGN(header->nlmsg_len);
		int error;

		if (header->nlmsg_type == NLMSG_DONE)
			return 1;
		error = header->nlmsg_type == NLMSG_ERROR ? read_error(header)
							  : read_message(header, live);
		if (error)
			return error;
		if (step > len)
			break;
		len -= step;
		header = (const void *)((const char *)header + step);
	}
	return 0;
}

static int dump_family(int fd, int family, struct tw_live *live)
{
	struct {
		struct nlmsghdr header;
		struct inet_diag_req_v2 body;
	} request = {
		.header = { .nlmsg_len = sizeof(request),
			    .nlmsg_type = SOCK_DIAG_BY_FAMILY,
			    .nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP },
		.body = { .sdiag_family = (__u8)family,
			  .sdiag_protocol = IPPROTO_TCP,
			  .idiag_ext = 1 << (INET_DIAG_INFO - 1),
			  .idiag_states = ALL_STATES & ~(TIME_WAIT | SYN_RECV) },
	};
	_Alignas(struct nlmsghdr) char buf[32768];
	int r = 0;

	if (send(fd, &request, sizeof(request), 0) < 0)
		return -errno;
	while (r == 0) {
		ssize_t n = recv(fd, buf, sizeof(buf), 0);

		r = n < 0 ? -errno : tw_sock_diag_read(buf, (size_t)n, live);
	}
	return r < 0 ? r : 0;
}

int tw_sock_diag_list(struct tw_live *live)
{
	_cleanup_close_ int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_SOCK_DIAG);
	int error = fd < 0 ? -errno : dump_family(fd, AF_INET, live);

	return error ?: dump_family(fd, AF_INET6, live);
}
