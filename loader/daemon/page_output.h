/* SPDX-License-Identifier: GPL-2.0-only */
/* What the parts of the page are written with. */
#ifndef TW_DAEMON_PAGE_OUTPUT_H
#define TW_DAEMON_PAGE_OUTPUT_H

#include <stdint.h>

#include "daemon/page.h"

/* What is appended to; after a failure nothing is. */
struct tw_page_output {
	struct tw_buf *buf;
	const struct tw_page *page;
	int error;
};

/* Markup that is whole in the format; its arguments are numbers and words of ours. */
void tw_page_add(struct tw_page_output *output, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
/* Text, escaped. */
void tw_page_text(struct tw_page_output *output, const char *text);
/* A number as people read it: 1,234,567. */
void tw_page_number(struct tw_page_output *output, uint64_t number);
/* A moment, in UTC, to the second. */
void tw_page_time(struct tw_page_output *output, uint64_t at_ns);

/* Deaths of the last hour by minute and reason, as SVG with its key. */
void tw_page_deaths(struct tw_page_output *output);
/* Open sockets by verdict, as a bar with its key. */
void tw_page_verdicts(struct tw_page_output *output);

#endif
