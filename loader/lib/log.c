// SPDX-License-Identifier: GPL-2.0-only
#include "lib/log.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/stat.h>

#include "lib/cleanup.h"
#include "lib/clock.h"
#include "lib/diag.h"
#include "lib/utf8.h"

#define MARGIN 128 /* of a line: what stands around its message */
#define SITES  64  /* places in the source that log; past that they share */

/* What one place logged lately; told apart by its format. */
struct site {
	const char *format;
	enum tw_log_level level;
	uint64_t since_ms; /* the window's start */
	unsigned said;
	unsigned suppressed;
	char sample[96]; /* the last that was left out */
};

static enum tw_log_level log_level = TW_LOG_INFO;
static enum tw_log_format log_format = TW_LOG_TEXT;
static struct site sites[SITES];
static unsigned log_window_ms = TW_LOG_WINDOW_MS;

/* By enum tw_log_level. */
static const char *const prefixes[] = { "tcpwarden: error: ", "tcpwarden: warning: ", "tcpwarden: ",
					"tcpwarden: debug: " };
static const char *const priorities[] = { "<3>", "<4>", "<6>", "<7>" };
static const char *const names[] = { "error", "warning", "info", "debug" };

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

void tw_log_set_format(enum tw_log_format format)
{
	log_format = format;
}

enum tw_log_format tw_log_format_now(void)
{
	return log_format;
}

static void make_one_line(char *text)
{
	for (; *text; text++)
		if ((unsigned char)*text < 0x20 || *text == 0x7f)
			*text = ' ';
}

/* The message alone; its length. */
__attribute__((format(printf, 2, 0))) static size_t format_message(char text[static TW_LOG_LINE],
								   const char *format, va_list args)
{
	size_t room = TW_LOG_LINE - MARGIN;
	int len = vsnprintf(text, room, format, args);

	if (len < 0) /* errno tells; the message itself cannot be had */
		len = snprintf(text, room, "a message that cannot be formatted");
	if ((size_t)len >= room) {
		memcpy(text + room - 4, "...", 4);
		len = (int)room - 1;
	}
	make_one_line(text);
	return (size_t)len;
}

/* --- how often ------------------------------------------------------------------- */

static struct site *site_of(const char *format, enum tw_log_level level)
{
	for (size_t i = 0; i < SITES; i++) {
		if (sites[i].format == format)
			return &sites[i];
		if (!sites[i].format) {
			sites[i] = (struct site){ .format = format, .level = level };
			return &sites[i];
		}
	}
	return &sites[(uintptr_t)format / sizeof(void *) % SITES];
}

/* Whether the place may log now; *ret_suppressed are those since it last did. */
static bool admit(struct site *site, const char *text, unsigned *ret_suppressed)
{
	uint64_t now = tw_clock_monotonic() / TW_NS_PER_MS;

	if (!site->said || now - site->since_ms >= log_window_ms) {
		site->since_ms = now;
		site->said = 0;
	}
	if (site->said == TW_LOG_BURST) {
		site->suppressed++;
		snprintf(site->sample, sizeof(site->sample), "%.*s", (int)sizeof(site->sample) - 1,
			 text);
		return false;
	}
	site->said++;
	*ret_suppressed = site->suppressed;
	site->suppressed = 0;
	return true;
}

/* --- how it looks ------------------------------------------------------------------ */

static size_t text_line(char *line, size_t size, enum tw_log_level level, const char *text,
			unsigned suppressed)
{
	const char *prefix = (stderr_is_journal() ? priorities : prefixes)[level];
	int len = snprintf(line, size, "%s%s", prefix, text);

	if (suppressed)
		len += snprintf(line + len, size - (size_t)len, " (%u like it left out)",
				suppressed);
	line[len++] = '\n';
	return (size_t)len;
}

/* Room for twice the length of `text`. */
static size_t json_escape(char *out, const char *text)
{
	size_t left = strlen(text), len = 0;
	uint32_t character;

	while (left) {
		int n = tw_utf8_decode(text, left, &character);

		if (*text == '"' || *text == '\\')
			out[len++] = '\\';
		if (n > 0)
			memcpy(out + len, text, (size_t)n);
		else
			out[len] = '?';
		n = n > 0 ? n : 1;
		len += (size_t)n;
		text += n;
		left -= (size_t)n;
	}
	return len;
}

static size_t json_line(char *line, size_t size, enum tw_log_level level, const char *text,
			unsigned suppressed)
{
	char time[TW_TIME_LEN];
	size_t len;

	len = (size_t)snprintf(line, size, "{\"time\":\"%s\",\"level\":\"%s\",\"message\":\"",
			       tw_clock_format(tw_clock_now(), time), names[level]);
	len += json_escape(line + len, text);
	line[len++] = '"';
	if (suppressed)
		len += (size_t)snprintf(line + len, size - len, ",\"suppressed\":%u", suppressed);
	len += (size_t)snprintf(line + len, size - len, "}\n");
	return len;
}

static void write_line(enum tw_log_level level, const char *text, unsigned suppressed)
{
	char line[2 * TW_LOG_LINE + MARGIN];
	size_t len = (log_format == TW_LOG_JSON ? json_line : text_line)(line, sizeof(line), level,
									 text, suppressed);
	ssize_t n;

	/* Where standard error is gone there is nobody left to tell. */
	do
		n = write(STDERR_FILENO, line, len);
	while (n < 0 && errno == EINTR);
}

void tw_log_set_window(unsigned ms)
{
	log_window_ms = ms;
	memset(sites, 0, sizeof(sites));
}

void tw_log_flush(void)
{
	char text[sizeof(sites->sample) + MARGIN];

	for (size_t i = 0; i < SITES; i++) {
		if (!sites[i].suppressed)
			continue;
		snprintf(text, sizeof(text), "%u messages were left out, the last: %s",
			 sites[i].suppressed, sites[i].sample);
		sites[i].suppressed = 0;
		write_line(sites[i].level, text, 0);
	}
}

void tw_log(enum tw_log_level level, const char *format, ...)
{
	char text[TW_LOG_LINE];
	unsigned suppressed;
	int saved = errno;
	va_list args;

	if (level > log_level)
		return;
	va_start(args, format);
	format_message(text, format, args);
	va_end(args);
	if (admit(site_of(format, level), text, &suppressed))
		write_line(level, text, suppressed);
	errno = saved;
}

void tw_log_diags(const struct tw_diags *diags)
{
	if (log_format == TW_LOG_TEXT) {
		tw_diags_print(diags, stderr);
		return;
	}
	for (size_t i = 0; i < diags->count; i++) {
		const struct tw_diag *diag = &diags->list[i];

		tw_log(diag->severity == TW_ERROR ? TW_LOG_ERROR : TW_LOG_WARNING, "%s:%u:%u: %s",
		       diag->mark.file, diag->mark.line, diag->mark.column, diag->message);
	}
}
