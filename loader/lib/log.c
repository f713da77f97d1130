// SPDX-License-Identifier: GPL-2.0-only
#include "lib/log.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdbool.h>
#include <string.h>
#include <sys/stat.h>

#include "lib/cleanup.h"

static enum tw_log_level log_level = TW_LOG_INFO;

/* By enum tw_log_level. */
static const char *const prefixes[] = { "tcpwarden: error: ", "tcpwarden: warning: ", "tcpwarden: ",
					"tcpwarden: debug: " };
static const char *const priorities[] = { "<3>", "<4>", "<6>", "<7>" };

void tw_log_set_level(enum tw_log_level level)
{
	log_level = level;
}

/* JOURNAL_STREAM holds device:inode of the stream that was given to the service. */
static bool stderr_is_journal(void)
{
	const char *stream = getenv("JOURNAL_STREAM");
	uintmax_t device, inode;
	struct stat st;

	return stream && sscanf(stream, "%" SCNuMAX ":%" SCNuMAX, &device, &inode) == 2 &&
	       fstat(STDERR_FILENO, &st) == 0 && st.st_dev == device && st.st_ino == inode;
}

static void make_one_line(char *text)
{
	for (; *text; text++)
		if ((unsigned char)*text < 0x20 || *text == 0x7f)
			*text = ' ';
}

/* Put the message behind `start` bytes of prefix; the length of the whole. */
__attribute__((format(printf, 3, 0))) static size_t
format_line(char line[static TW_LOG_LINE], size_t start, const char *format, va_list args)
{
	size_t room = TW_LOG_LINE - start - 1; /* but for the line's end */
	int len = vsnprintf(line + start, room, format, args);

	if (len < 0) /* errno tells; the message itself cannot be had */
		len = snprintf(line + start, room, "a message that cannot be formatted");
	if ((size_t)len >= room) {
		memcpy(line + start + room - 4, "...", 4);
		len = (int)room - 1;
	}
	make_one_line(line + start);
	return start + (size_t)len;
}

void tw_log(enum tw_log_level level, const char *format, ...)
{
	int saved = errno;
	char line[TW_LOG_LINE];
	const char *prefix;
	size_t len;
	va_list args;
	ssize_t n;

	if (level > log_level)
		return;
	prefix = (stderr_is_journal() ? priorities : prefixes)[level];
	len = strlen(prefix);
	memcpy(line, prefix, len);
	va_start(args, format);
	len = format_line(line, len, format, args);
	va_end(args);
	line[len++] = '\n';
	/* Where standard error is gone there is nobody left to tell. */
	do
		n = write(STDERR_FILENO, line, len);
	while (n < 0 && errno == EINTR);
	errno = saved;
}
