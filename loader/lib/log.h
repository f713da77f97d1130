/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The log of the running process, on standard error: one line a message, one
 * write a line. A person reads `tcpwarden: error: ...` (`tcpwarden: ...` for
 * information). Where standard error is the journal's stream (JOURNAL_STREAM
 * names it, systemd.exec(5)), a line starts with its priority instead, as
 * sd-daemon(3) has it: `<3>...`. For machines a line is a JSON object instead,
 * with `time`, `level` (error, warning, info, debug) and `message`.
 *
 * A message that comes over and over does not drown the others: of those from
 * one place, TW_LOG_BURST are written in TW_LOG_WINDOW_MS; the next one after
 * that says how many were left out (`suppressed` in JSON).
 */
#ifndef TW_LIB_LOG_H
#define TW_LIB_LOG_H

enum tw_log_level {
	TW_LOG_ERROR,
	TW_LOG_WARNING,
	TW_LOG_INFO,
	TW_LOG_DEBUG,
};

enum tw_log_format {
	TW_LOG_TEXT,
	TW_LOG_JSON,
};

#define TW_LOG_LINE	 8192 /* bytes of a line and its end; a longer one is cut and ends in "..." */
#define TW_LOG_BURST	 10
#define TW_LOG_WINDOW_MS 5000

/* Messages above `level` are dropped; the default is TW_LOG_INFO. */
void tw_log_set_level(enum tw_log_level level);

/* The default is TW_LOG_TEXT. */
void tw_log_set_format(enum tw_log_format format);
enum tw_log_format tw_log_format_now(void);

/* Another window than TW_LOG_WINDOW_MS; what is known of the last one is forgotten. */
void tw_log_set_window(unsigned ms);

/* Say what was left out and not said yet: before the end. */
void tw_log_flush(void);

struct tw_diags;

/* As tw_diags_print() on standard error; as JSON, a message each, without the excerpt. */
void tw_log_diags(const struct tw_diags *diags);

/* Never fails, allocates nothing, keeps errno. Control characters become spaces. */
void tw_log(enum tw_log_level level, const char *format, ...) __attribute__((format(printf, 2, 3)));

#define tw_error(...)	tw_log(TW_LOG_ERROR, __VA_ARGS__)
#define tw_warning(...) tw_log(TW_LOG_WARNING, __VA_ARGS__)
#define tw_info(...)	tw_log(TW_LOG_INFO, __VA_ARGS__)
#define tw_debug(...)	tw_log(TW_LOG_DEBUG, __VA_ARGS__)

#endif
