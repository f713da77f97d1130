/* SPDX-License-Identifier: GPL-2.0-only */
/* Durations as people write them: 500ms, 90s, 2m, 1h30m; a bare integer is seconds. */
#ifndef TW_LIB_DURATION_H
#define TW_LIB_DURATION_H

#include <stddef.h>
#include <stdint.h>

#define TW_DURATION_LEN 32 /* room for any formatted duration and its NUL */

/*
 * Parse the whole of `text` into milliseconds. Units h, m, s, ms, each at most
 * once, in this order. -EINVAL: not a duration; -ERANGE: over UINT64_MAX / 2.
 */
int tw_duration_parse(const char *text, uint64_t *ret_ms);

/* The shortest exact form that parses back: 90000 -> "1m30s", 1500 -> "1s500ms", 0 -> "0s". */
const char *tw_duration_format(uint64_t ms, char buf[static TW_DURATION_LEN]);

#endif
