/* SPDX-License-Identifier: GPL-2.0-only */
/* UTF-8, one character at a time. */
#ifndef TW_LIB_UTF8_H
#define TW_LIB_UTF8_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * The bytes that the character at the start of `text` takes (1..4), or -EILSEQ
 * where it is not UTF-8: RFC 3629, so no overlong form, no surrogate, nothing
 * above U+10FFFF. `len` is at least 1.
 */
int tw_utf8_decode(const char *text, size_t len, uint32_t *ret_character);

/*
 * The bytes of the line break at the start of `text`, or 0 where there is none.
 * Line breaks are those of YAML 1.1 (section 5.4), so that lines are counted as
 * libyaml counts them: LF, CR, CR LF, NEL, LS, PS.
 */
size_t tw_utf8_line_break(const char *text, size_t len);

/* The bytes of a byte order mark at the start of `text`: 3, or 0 where there is none. */
size_t tw_utf8_byte_order_mark(const char *text, size_t len);

/* Whether a terminal shows it, rather than acts on it: no C0 or C1 control, no DEL. */
bool tw_utf8_is_printable(uint32_t character);

/* The bytes of the longest start of `text` that is at most `max` bytes and splits no character. */
size_t tw_utf8_clip(const char *text, size_t max);

#endif
