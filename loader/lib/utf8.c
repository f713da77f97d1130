// SPDX-License-Identifier: GPL-2.0-only
#include "lib/utf8.h"

#include <errno.h>
#include <string.h>

#include "lib/cleanup.h"

int tw_utf8_decode(const char *text, size_t len, uint32_t *ret_character)
{
	/* What the first byte says: how many follow, which bits it holds, the least value. */
	static const struct {
		uint8_t mask, lead, follow, bits;
		uint32_t least;
	} forms[] = {
		{ 0x80, 0x00, 0, 0x7f, 0 },
		{ 0xe0, 0xc0, 1, 0x1f, 0x80 },
		{ 0xf0, 0xe0, 2, 0x0f, 0x800 },
		{ 0xf8, 0xf0, 3, 0x07, 0x10000 },
	};
	const uint8_t *bytes = (const uint8_t *)text;
	uint32_t c;
	size_t form = 0;

	while (form < ARRAY_SIZE(forms) && (bytes[0] & forms[form].mask) != forms[form].lead)
		form++;
	if (form == ARRAY_SIZE(forms) || forms[form].follow >= len)
		return -EILSEQ;

	c = bytes[0] & forms[form].bits;
	for (size_t i = 1; i <= forms[form].follow; i++) {
		if ((bytes[i] & 0xc0) != 0x80)
			return -EILSEQ;
		c = c << 6 | (bytes[i] & 0x3f);
	}
	if (c < forms[form].least || c > 0x10ffff || (c >= 0xd800 && c <= 0xdfff))
		return -EILSEQ;
	*ret_character = c;
	return forms[form].follow + 1;
}

size_t tw_utf8_line_break(const char *text, size_t len)
{
	/* CR LF stands before CR: the first that fits is taken. */
	static const char *const breaks[] = { "\n",	  "\r\n",	  "\r",
					      "\xc2\x85", "\xe2\x80\xa8", "\xe2\x80\xa9" };

	for (size_t i = 0; i < ARRAY_SIZE(breaks); i++) {
		size_t size = strlen(breaks[i]);

		if (size <= len && !memcmp(text, breaks[i], size))
			return size;
	}
	return 0;
}

size_t tw_utf8_byte_order_mark(const char *text, size_t len)
{
	return len >= 3 && !memcmp(text, "\xef\xbb\xbf", 3) ? 3 : 0;
}

bool tw_utf8_is_printable(uint32_t character)
{
	return character >= 0x20 && (character < 0x7f || character >= 0xa0);
}

size_t tw_utf8_clip(const char *text, size_t max)
{
	size_t len = strlen(text);

	if (len <= max)
		return len;
	for (len = max; len && ((uint8_t)text[len] & 0xc0) == 0x80;)
		len--;
	return len;
}
