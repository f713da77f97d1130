// SPDX-License-Identifier: GPL-2.0-only
#include "daemon/page_output.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

int tw_page_escape(const char *text, struct tw_buf *buf)
{
	int error = 0;

	for (; *text && !error; text++) {
		const char *entity = NULL;

		switch (*text) {
		case '&':
			entity = "&amp;";
			break;
		case '<':
			entity = "&lt;";
			break;
		case '>':
			entity = "&gt;";
			break;
		case '"':
			entity = "&quot;";
			break;
		case '\'':
			entity = "&#39;";
			break;
		default:
			if ((unsigned char)*text < ' ' || *text == 0x7f)
				entity = " ";
		}
		error = entity ? tw_buf_add(buf, entity, strlen(entity)) : tw_buf_add(buf, text, 1);
	}
	return error;
}

void tw_page_add(struct tw_page_output *output, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	if (!output->error)
		output->error = tw_buf_addv(output->buf, format, args);
	va_end(args);
}

void tw_page_text(struct tw_page_output *output, const char *text)
{
	if (!output->error)
		output->error = tw_page_escape(text, output->buf);
}

void tw_page_number(struct tw_page_output *output, uint64_t number)
{
	char digits[24];
	int len = snprintf(digits, sizeof(digits), "%" PRIu64, number);

	for (int i = 0; i < len; i++)
		tw_page_add(output, "%s%c", i && (len - i) % 3 == 0 ? "," : "", digits[i]);
}

void tw_page_time(struct tw_page_output *output, uint64_t at_ns)
{
	time_t seconds = (time_t)(at_ns / 1000000000);
	char text[32];
	struct tm tm;

	gmtime_r(&seconds, &tm);
	strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", &tm);
	tw_page_add(output, "<time datetime=\"%s\">%.10s %.8s UTC</time>", text, text, text + 11);
}
