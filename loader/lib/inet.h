/* SPDX-License-Identifier: GPL-2.0-only */
/* Address prefixes (CIDR) and port ranges as text. */
#ifndef TW_LIB_INET_H
#define TW_LIB_INET_H

#include <stdbool.h>
#include <stdint.h>

#define TW_CIDR_LEN 64 /* room for any formatted prefix and its NUL */

/* A prefix in v4-mapped form: 10.0.0.0/8 is ::ffff:10.0.0.0 with len 104. */
struct tw_cidr {
	uint8_t addr[16];
	uint8_t len;
};

/*
 * Parse `10.0.0.0/8`, `fd00::/8`, or a lone address (its full length).
 * -EINVAL: not a prefix; -ERANGE: the length is too large for the family;
 * -EDOM: host bits are set, and *ret_cidr is the prefix that was meant (the
 * one exception to "untouched on failure").
 */
int tw_cidr_parse(const char *text, struct tw_cidr *ret_cidr);
/* IPv4 with its own length, IPv6 as RFC 5952 has it; always with a length. */
const char *tw_cidr_format(const struct tw_cidr *cidr, char buf[static TW_CIDR_LEN]);

/* Whether it is an IPv4 prefix: at or below ::ffff:0:0/96. */
bool tw_cidr_is_v4(const struct tw_cidr *cidr);
/*
 * Whether `a` holds all addresses of `b`. The families are apart: ::/0 is all
 * of IPv6 and nothing of IPv4, though it holds the v4-mapped form bit for bit.
 */
bool tw_cidr_covers(const struct tw_cidr *a, const struct tw_cidr *b);
/* The order of prefixes: IPv4 first, then by address, a covering prefix before those inside. */
int tw_cidr_compare(const struct tw_cidr *a, const struct tw_cidr *b);

struct tw_port_range {
	uint16_t first;
	uint16_t last;
};

/* Parse `5432` or `9000-9099`. -EINVAL: neither; -ERANGE: not 1..65535; -EDOM: last < first. */
int tw_port_range_parse(const char *text, struct tw_port_range *ret_range);

#endif
