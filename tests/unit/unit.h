/* SPDX-License-Identifier: GPL-2.0-only */
/* What cmocka wants included before it, and what the tests of policies share. */
#ifndef TW_TESTS_UNIT_H
#define TW_TESTS_UNIT_H

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lib/buf.h"
#include "lib/cleanup.h"
#include "lib/diag.h"

#define UNIT_PRINTED 65536

/* What tw_diags_print() prints, in memory that the caller frees. */
static inline char *unit_print_diags(const struct tw_diags *diags)
{
	char *text = calloc(1, UNIT_PRINTED);
	FILE *out = text ? fmemopen(text, UNIT_PRINTED - 1, "w") : NULL;

	assert_non_null(out);
	tw_diags_print(diags, out);
	assert_int_equal(ferror(out), 0);
	assert_int_equal(fclose(out), 0);
	return text;
}

/* Diagnostic `index` stands at this place and says this. */
static inline void unit_assert_diag(const struct tw_diags *diags, size_t index, unsigned line,
				    unsigned column, const char *message)
{
	assert_in_range(index + 1, 1, diags->count);
	assert_string_equal(diags->list[index].message, message);
	assert_int_equal(diags->list[index].mark.line, line);
	assert_int_equal(diags->list[index].mark.column, column);
}

/* A sequence of numbers that is the same each time: xorshift64 (Marsaglia, 2003). */
static inline uint64_t unit_random(uint64_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return *state;
}

/* 0..below-1 */
static inline unsigned unit_below(uint64_t *state, unsigned below)
{
	return (unsigned)(unit_random(state) >> 16) % below;
}

#endif
