// SPDX-License-Identifier: GPL-2.0-only
#include "lib/endpoint.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "lib/inet.h"

static const uint8_t v4_mapped[12] = { [10] = 0xff, [11] = 0xff };

static bool is_v4(const struct tw_endpoint *endpoint)
{
	return !memcmp(endpoint->addr, v4_mapped, sizeof(v4_mapped));
}

/* Copy `len` bytes of the address into `host`; false where it is too long or empty. */
static bool copy_host(const char *text, size_t len, char host[static INET6_ADDRSTRLEN])
{
	if (!len || len >= INET6_ADDRSTRLEN)
		return false;
	memcpy(host, text, len);
	host[len] = '\0';
	return true;
}

int tw_endpoint_parse(const char *text, struct tw_endpoint *ret_endpoint)
{
	bool brackets = *text == '[';
	const char *colon = strrchr(text, ':');
	struct tw_endpoint endpoint = { 0 };
	struct tw_port_range port;
	char host[INET6_ADDRSTRLEN];
	int r;

	if (!colon || (brackets && (colon < text + 2 || colon[-1] != ']')))
		return -EINVAL;
	if (!copy_host(text + brackets, (size_t)(colon - text) - 2 * brackets, host))
		return -EINVAL;
	if (brackets) {
		if (inet_pton(AF_INET6, host, endpoint.addr) != 1)
			return -EINVAL;
	} else {
		memcpy(endpoint.addr, v4_mapped, sizeof(v4_mapped));
		if (inet_pton(AF_INET, host, endpoint.addr + sizeof(v4_mapped)) != 1)
			return -EINVAL;
	}
	r = tw_port_range_parse(colon + 1, &port);
	if (r < 0 || port.first != port.last)
		return r == -ERANGE ? r : -EINVAL;
	endpoint.port = port.first;
	*ret_endpoint = endpoint;
	return 0;
}

const char *tw_endpoint_format_addr(const struct tw_endpoint *endpoint,
				    char buf[static TW_ENDPOINT_LEN])
{
	if (is_v4(endpoint))
		inet_ntop(AF_INET, endpoint->addr + sizeof(v4_mapped), buf, TW_ENDPOINT_LEN);
	else
		inet_ntop(AF_INET6, endpoint->addr, buf, TW_ENDPOINT_LEN);
	return buf;
}

const char *tw_endpoint_format(const struct tw_endpoint *endpoint, char buf[static TW_ENDPOINT_LEN])
{
	char host[TW_ENDPOINT_LEN];
	bool v4 = is_v4(endpoint);

	tw_endpoint_format_addr(endpoint, host);
	snprintf(buf, TW_ENDPOINT_LEN, "%s%.46s%s:%u", v4 ? "" : "[", host, v4 ? "" : "]",
		 endpoint->port);
	return buf;
}
