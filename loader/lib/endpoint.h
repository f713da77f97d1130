/* SPDX-License-Identifier: GPL-2.0-only */
/* An address and a port: 192.0.2.1:80, [::1]:80. */
#ifndef TW_LIB_ENDPOINT_H
#define TW_LIB_ENDPOINT_H

#include <stdint.h>

#define TW_ENDPOINT_LEN 64 /* room for any formatted one and its NUL */

struct tw_endpoint {
	uint8_t addr[16]; /* IPv4 is v4-mapped, as in policies */
	uint16_t port;
};

/* -EINVAL: not of that form, an IPv6 address without brackets too; -ERANGE: port not 1..65535. */
int tw_endpoint_parse(const char *text, struct tw_endpoint *ret_endpoint);
/* A v4-mapped address as IPv4. */
const char *tw_endpoint_format(const struct tw_endpoint *endpoint,
			       char buf[static TW_ENDPOINT_LEN]);
/* The address alone, without brackets. */
const char *tw_endpoint_format_addr(const struct tw_endpoint *endpoint,
				    char buf[static TW_ENDPOINT_LEN]);

#endif
