// SPDX-License-Identifier: GPL-2.0-only
#include "lib/inet.h"

#include <arpa/inet.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "lib/cleanup.h"

#define V4_BITS 96u /* the length of ::ffff:0:0/96, which holds IPv4 */

static const uint8_t v4_mapped[12] = { [10] = 0xff, [11] = 0xff };

/* Read digits, no sign, no leading zero; *text is then behind them. UINT_MAX is too large. */
static int read_number(const char **text, unsigned *ret_number)
{
	size_t len = strspn(*text, "0123456789");
	unsigned number = 0;

	if (!len || (**text == '0' && len > 1))
		return -EINVAL;
	for (size_t i = 0; i < len && len <= 9; i++)
		number = number * 10 + (unsigned)((*text)[i] - '0');
	*text += len;
	*ret_number = len <= 9 ? number : UINT_MAX;
	return 0;
}

/* The address before the slash, in v4-mapped form; *ret_bits is where its family starts. */
static int read_address(const char *text, size_t len, uint8_t addr[static 16], unsigned *ret_bits)
{
	char copy[INET6_ADDRSTRLEN];

	if (len >= sizeof(copy))
		return -EINVAL;
	memcpy(copy, text, len);
	copy[len] = '\0';

	if (inet_pton(AF_INET6, copy, addr) == 1) {
		*ret_bits = 0;
		return 0;
	}
	memcpy(addr, v4_mapped, sizeof(v4_mapped));
	if (inet_pton(AF_INET, copy, addr + sizeof(v4_mapped)) == 1) {
		*ret_bits = V4_BITS;
		return 0;
	}
	return -EINVAL;
}

/* Clear the host bits; true where some were set. */
static bool mask_address(uint8_t addr[static 16], unsigned len)
{
	bool changed = false;

	for (unsigned i = 0; i < 16; i++) {
		unsigned bits = len > i * 8 ? len - i * 8 : 0;
		unsigned host = bits >= 8 ? 0 : 0xffu >> bits;

		changed |= (addr[i] & host) != 0;
		addr[i] &= (uint8_t)~host;
	}
	return changed;
}

int tw_cidr_parse(const char *text, struct tw_cidr *ret_cidr)
{
	size_t len = strcspn(text, "/");
	struct tw_cidr cidr;
	unsigned start, bits;
	int r = read_address(text, len, cidr.addr, &start);

	if (r < 0)
		return r;
	bits = 128 - start;
	if (text[len]) {
		text += len + 1;
		r = read_number(&text, &bits);
		if (r < 0)
			return r;
		if (*text)
			return -EINVAL;
		if (bits > 128 - start)
			return -ERANGE;
	}
	cidr.len = (uint8_t)(start + bits);
	r = mask_address(cidr.addr, cidr.len) ? -EDOM : 0;
	*ret_cidr = cidr;
	return r;
}

bool tw_cidr_is_v4(const struct tw_cidr *cidr)
{
	return cidr->len >= V4_BITS && !memcmp(cidr->addr, v4_mapped, sizeof(v4_mapped));
}

bool tw_cidr_covers(const struct tw_cidr *a, const struct tw_cidr *b)
{
	struct tw_cidr cut = *b;

	if (a->len > b->len || tw_cidr_is_v4(a) != tw_cidr_is_v4(b))
		return false;
	mask_address(cut.addr, a->len);
	return !memcmp(cut.addr, a->addr, sizeof(cut.addr));
}

int tw_cidr_compare(const struct tw_cidr *a, const struct tw_cidr *b)
{
	int order = tw_cidr_is_v4(b) - tw_cidr_is_v4(a);

	if (!order)
		order = memcmp(a->addr, b->addr, sizeof(a->addr));
	return order ? order : a->len - b->len;
}

const char *tw_cidr_format(const struct tw_cidr *cidr, char buf[static TW_CIDR_LEN])
{
	char text[INET6_ADDRSTRLEN] = "";

	if (tw_cidr_is_v4(cidr)) {
		inet_ntop(AF_INET, cidr->addr + sizeof(v4_mapped), text, sizeof(text));
		snprintf(buf, TW_CIDR_LEN, "%s/%u", text, cidr->len - V4_BITS);
	} else {
		inet_ntop(AF_INET6, cidr->addr, text, sizeof(text));
		snprintf(buf, TW_CIDR_LEN, "%s/%u", text, cidr->len);
	}
	return buf;
}

static bool is_port(unsigned number)
{
	return number >= 1 && number <= UINT16_MAX;
}

int tw_port_range_parse(const char *text, struct tw_port_range *ret_range)
{
	unsigned first, last;
	int r = read_number(&text, &first);

	if (r < 0)
		return r;
	last = first;
	if (*text == '-') {
		text++;
		r = read_number(&text, &last);
		if (r < 0)
			return r;
	}
	if (*text)
		return -EINVAL;
	if (!is_port(first) || !is_port(last))
		return -ERANGE;
	if (last < first)
		return -EDOM;
	*ret_range = (struct tw_port_range){ (uint16_t)first, (uint16_t)last };
	return 0;
}
