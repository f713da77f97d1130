// SPDX-License-Identifier: GPL-2.0-only
#include "lib/diag.h"

#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include "lib/utf8.h"

#define EXCERPT_WIDTH  100 /* characters of a source line that are shown */
#define EXCERPT_BEFORE 60  /* of these, at most so many before the caret */

static void diag_free(struct tw_diag *diag)
{
	free((char *)diag->mark.file);
	free(diag->message);
	free(diag->excerpt);
}

void tw_diags_free(struct tw_diags *diags)
{
	for (size_t i = 0; i < diags->count; i++)
		diag_free(&diags->list[i]);
	free(diags->list);
	*diags = TW_DIAGS_INIT;
}

static int mark_compare(const struct tw_mark *a, const struct tw_mark *b)
{
	int order = strcmp(a->file, b->file);

	if (order)
		return order;
	if (a->line != b->line)
		return a->line < b->line ? -1 : 1;
	if (a->column != b->column)
		return a->column < b->column ? -1 : 1;
	return 0;
}

/* Control characters would break the one line, or reach a terminal. */
static void make_printable(char *text)
{
	size_t len = strlen(text);

	for (size_t at = 0; at < len;) {
		uint32_t c = 0;
		int n = tw_utf8_decode(text + at, len - at, &c);
		size_t bytes = n < 0 ? 1 : (size_t)n;

		if (n < 0 || !tw_utf8_is_printable(c))
			memset(text + at, '?', bytes);
		at += bytes;
	}
}

static bool diags_grow(struct tw_diags *diags)
{
	size_t size = diags->size ? diags->size * 2 : 8;
	struct tw_diag *list;

	if (diags->count == TW_MAX_DIAGS)
		return false;
	if (diags->count < diags->size)
		return true;
	list = realloc(diags->list, size * sizeof(*list));
	if (!list)
		return false;
	diags->list = list;
	diags->size = size;
	return true;
}

/* Insert behind those that stand at the same place. */
static void diags_insert(struct tw_diags *diags, struct tw_diag diag)
{
	size_t i = diags->count++;

	for (; i && mark_compare(&diags->list[i - 1].mark, &diag.mark) > 0; i--)
		diags->list[i] = diags->list[i - 1];
	diags->list[i] = diag;
}

void tw_diags_add(struct tw_diags *diags, enum tw_severity severity, struct tw_mark mark,
		  const char *format, ...)
{
	_cleanup_free_ char *message = NULL;
	_cleanup_free_ char *file = NULL;
	va_list args;
	int len;

	*(severity == TW_ERROR ? &diags->errors : &diags->warnings) += 1;

	va_start(args, format);
	len = vasprintf(&message, format, args);
	va_end(args);
	if (len < 0)
		message = NULL;
	file = strdup(mark.file);
	if (!message || !file || !diags_grow(diags)) {
		diags->truncated = true;
		return;
	}
	make_printable(message);
	mark.file = TAKE_PTR(file);
	diags_insert(diags, (struct tw_diag){
				    .severity = severity,
				    .mark = mark,
				    .message = TAKE_PTR(message),
			    });
}

static size_t line_length(const char *text, size_t len)
{
	size_t i = 0;

	while (i < len && !tw_utf8_line_break(text + i, len - i))
		i++;
	return i;
}

void tw_diags_excerpt(struct tw_diags *diags, const char *file, const char *text, size_t len)
{
	size_t at = tw_utf8_byte_order_mark(text, len);
	unsigned line = 1;

	/* One pass: the diagnostics of a file stand together, by line. */
	for (size_t i = 0; i < diags->count; i++) {
		struct tw_diag *diag = &diags->list[i];

		if (diag->excerpt || !diag->mark.line || strcmp(diag->mark.file, file))
			continue;
		for (; line < diag->mark.line && at < len; line++) {
			at += line_length(text + at, len - at);
			at += tw_utf8_line_break(text + at, len - at);
		}
		diag->excerpt = strndup(text + at, line_length(text + at, len - at));
	}
}

/* The bytes that one character of an excerpt takes; at least 1, whatever stands there. */
static size_t character_length(const char *text, size_t len)
{
	uint32_t c;
	int n = tw_utf8_decode(text, len, &c);

	return n < 0 ? 1 : (size_t)n;
}

static void print_character(const char *text, size_t len, FILE *out)
{
	uint32_t c;
	int n = tw_utf8_decode(text, len, &c);

	if (n > 0 && (c == '\t' || tw_utf8_is_printable(c)))
		fwrite(text, 1, (size_t)n, out);
	else
		fputc('?', out);
}

static void print_excerpt(const char *line, unsigned column, FILE *out)
{
	unsigned first = column > EXCERPT_BEFORE ? column - EXCERPT_BEFORE : 1;
	size_t len = strlen(line);
	char caret[EXCERPT_WIDTH + 2];
	size_t width = 0, at = 0;

	/* A tab in the excerpt is a tab above the caret, so they stay in line. */
	memset(caret, ' ', sizeof(caret));
	fputs("    ", out);
	for (unsigned i = 1; at < len; i++) {
		size_t n = character_length(line + at, len - at);

		if (i >= first && width < EXCERPT_WIDTH) {
			caret[width++] = line[at] == '\t' ? '\t' : ' ';
			print_character(line + at, len - at, out);
		}
		at += n;
	}
	fprintf(out, "\n    %.*s^\n", (int)(column - first), caret);
}

static void print_diag(const struct tw_diag *diag, FILE *out)
{
	const struct tw_mark *mark = &diag->mark;
	const char *word = diag->severity == TW_ERROR ? "error" : "warning";

	if (mark->line)
		fprintf(out, "%s:%u:%u: %s: %s\n", mark->file, mark->line, mark->column, word,
			diag->message);
	else
		fprintf(out, "%s: %s: %s\n", mark->file, word, diag->message);
	if (diag->excerpt && *diag->excerpt)
		print_excerpt(diag->excerpt, mark->column, out);
}

void tw_diags_print(const struct tw_diags *diags, FILE *out)
{
	for (size_t i = 0; i < diags->count; i++)
		print_diag(&diags->list[i], out);
	if (diags->truncated)
		fprintf(out, "%zu errors and %zu warnings in all; not all are shown\n",
			diags->errors, diags->warnings);
}
