/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Located diagnostics: what is wrong in a policy file, and where. Collected,
 * not printed: parsing goes on, so that all of them are reported at once.
 */
#ifndef TW_LIB_DIAG_H
#define TW_LIB_DIAG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "lib/cleanup.h"

enum tw_severity {
	TW_WARNING,
	TW_ERROR,
};

/* Where something stands; line and column count from 1, 0 is unknown. */
struct tw_mark {
	const char *file; /* borrowed; a diagnostic holds a copy of its own */
	unsigned line;
	unsigned column; /* in characters, not bytes */
};

struct tw_diag {
	enum tw_severity severity;
	struct tw_mark mark;
	char *message; /* one line, no trailing full stop */
	char *excerpt; /* the source line as it stands, or NULL */
};

struct tw_diags {
	struct tw_diag *list; /* `count` of them, in order of file, line and column */
	size_t count;
	size_t size;
	size_t errors;	 /* how many errors there were, kept or not */
	size_t warnings; /* how many warnings there were, kept or not */
	bool truncated;	 /* more than TW_MAX_DIAGS, or no memory for one: there are others */
};

#define TW_MAX_DIAGS  100 /* diagnostics kept; the rest are only counted */
#define TW_DIAGS_INIT ((struct tw_diags){ 0 })

void tw_diags_free(struct tw_diags *diags);
#define _cleanup_diags_ _cleanup_(tw_diags_free)

/*
 * Add one; where memory is short it is still counted, so `errors` never lies.
 * Control characters in the message, and what is not UTF-8, become '?'.
 */
void tw_diags_add(struct tw_diags *diags, enum tw_severity severity, struct tw_mark mark,
		  const char *format, ...) __attribute__((format(printf, 4, 5)));

/*
 * Give the diagnostics of `file` that have none yet their excerpts, from the
 * text of that file. Lines are those of tw_utf8_line_break(). Where memory is
 * short they stay without.
 */
void tw_diags_excerpt(struct tw_diags *diags, const char *file, const char *text, size_t len);

/*
 * Print as people and editors read them, in order of file, line and column:
 *   policy.yaml:7:16: error: probes must be 1..127, got 0
 *       keepalive: 60s:10s:0
 *                  ^
 * The excerpt is indented by four columns. Of a long line only the part around
 * the caret is shown; what a terminal would act on is shown as '?'.
 */
void tw_diags_print(const struct tw_diags *diags, FILE *out);

#endif
