/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The page for people: one HTML document that needs nothing else, neither
 * scripts nor files. Pure.
 */
#ifndef TW_DAEMON_PAGE_H
#define TW_DAEMON_PAGE_H

#include <stddef.h>

#include "lib/buf.h"

struct tw_check;
struct tw_overview;

#define TW_PAGE_TYPE	  "text/html; charset=utf-8"
#define TW_PAGE_NONCE_LEN 32

struct tw_page {
	const struct tw_overview *overview;
	const struct tw_check *checks; /* none: they are not made yet */
	size_t check_count;
	char host[65];
	char nonce[TW_PAGE_NONCE_LEN + 1]; /* of the Content-Security-Policy: the style bears it */
};

/* Append it. -ENOMEM. */
int tw_page_render(const struct tw_page *page, struct tw_buf *buf);

/* Append text with &, <, >, " and ' escaped, and control characters as spaces. -ENOMEM. */
int tw_page_escape(const char *text, struct tw_buf *buf);

/* The style sheet; holds no "</". */
extern const char tw_page_style[];

#endif
