// SPDX-License-Identifier: GPL-2.0-only
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "daemon/http.h"
#include "lib/cleanup.h"
#include "lib/endpoint.h"

#define RETRY_MS 20

struct address {
	union {
		struct sockaddr any;
		struct sockaddr_in v4;
		struct sockaddr_in6 v6;
	};
	socklen_t len;
};

/* Any port of 1..65535, and 0, which tw_endpoint_parse() does not know. */
static int parse(const char *text, struct tw_endpoint *ret_endpoint)
{
	const char *colon = strrchr(text, ':');
	char with_port[TW_ENDPOINT_LEN];
	int error;

	if (!colon || strcmp(colon, ":0"))
		return tw_endpoint_parse(text, ret_endpoint);
	if ((size_t)snprintf(with_port, sizeof(with_port), "%.*s:1", (int)(colon - text), text) >=
	    sizeof(with_port))
		return -EINVAL;
	error = tw_endpoint_parse(with_port, ret_endpoint);
	if (!error)
		ret_endpoint->port = 0;
	return error;
}

static struct address to_address(const struct tw_endpoint *endpoint)
{
	struct in6_addr addr;

	memcpy(&addr, endpoint->addr, sizeof(addr));
	if (!IN6_IS_ADDR_V4MAPPED(&addr))
		return (struct address){ .v6 = { .sin6_family = AF_INET6,
						 .sin6_port = htons(endpoint->port),
						 .sin6_addr = addr },
					 .len = sizeof(struct sockaddr_in6) };
	return (struct address){ .v4 = { .sin_family = AF_INET,
					 .sin_port = htons(endpoint->port),
					 .sin_addr.s_addr = addr.s6_addr32[3] },
				 .len = sizeof(struct sockaddr_in) };
}

static int try_listen(const struct address *address, int *ret_fd)
{
	_cleanup_close_ int fd =
		socket(address->any.sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	int on = 1;

	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) < 0 ||
	    bind(fd, &address->any, address->len) < 0 || listen(fd, TW_HTTP_BACKLOG) < 0)
		return -errno;
	*ret_fd = TAKE_FD(fd);
	return 0;
}

bool tw_http_address_valid(const char *address)
{
	struct tw_endpoint endpoint;

	return parse(address, &endpoint) == 0;
}

int tw_http_listen(const char *address, bool patient, int *ret_fd, struct tw_fault *fault)
{
	int patience = patient ? TW_HTTP_TAKEOVER_MS / RETRY_MS : 0, error;
	struct tw_endpoint endpoint;
	struct address to;

	if (parse(address, &endpoint))
		return tw_fault(fault, -EINVAL, "cannot listen on %s: not an address and a port",
				address);
	to = to_address(&endpoint);
	while ((error = try_listen(&to, ret_fd)) == -EADDRINUSE && patience--)
		poll(NULL, 0, RETRY_MS);
	if (error == -EADDRINUSE)
		return tw_fault(fault, error,
				"cannot listen on %s: the port is taken; name another with "
				"--listen, or --listen off (`ss -ltnp` shows whose it is)",
				address);
	if (error)
		return tw_fault(fault, error, "cannot listen on %s: %m", address);
	return 0;
}

const char *tw_http_address(int fd, char buf[static TW_HTTP_ADDRESS_LEN])
{
	struct tw_endpoint endpoint = { 0 };
	struct address at = { .len = sizeof(struct sockaddr_in6) };

	_Static_assert(TW_HTTP_ADDRESS_LEN >= TW_ENDPOINT_LEN, "no room for an address");
	if (getsockname(fd, &at.any, &at.len) < 0)
		return strcpy(buf, "?");
	if (at.any.sa_family == AF_INET6) {
		memcpy(endpoint.addr, &at.v6.sin6_addr, sizeof(endpoint.addr));
		endpoint.port = ntohs(at.v6.sin6_port);
	} else {
		endpoint.addr[10] = endpoint.addr[11] = 0xff;
		memcpy(endpoint.addr + 12, &at.v4.sin_addr, sizeof(at.v4.sin_addr));
		endpoint.port = ntohs(at.v4.sin_port);
	}
	return tw_endpoint_format(&endpoint, buf);
}
