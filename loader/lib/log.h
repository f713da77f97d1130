/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The log of the running process, on standard error: one line a message, one
 * write a line. A person reads `tcpwarden: error: ...` (`tcpwarden: ...` for
 * information). Where standard error is the journal's stream (JOURNAL_STREAM
 * names it, systemd.exec(5)), a line starts with its priority instead, as
 * sd-daemon(3) has it: `<3>...`.
 */
#ifndef TW_LIB_LOG_H
#define TW_LIB_LOG_H

enum tw_log_level {
	TW_LOG_ERROR,
	TW_LOG_WARNING,
	TW_LOG_INFO,
	TW_LOG_DEBUG,
};

#define TW_LOG_LINE 8192 /* bytes of a line and its end; a longer one is cut and ends in "..." */

/* Messages above `level` are dropped; the default is TW_LOG_INFO. */
void tw_log_set_level(enum tw_log_level level);

/* Never fails, allocates nothing, keeps errno. Control characters become spaces. */
void tw_log(enum tw_log_level level, const char *format, ...) __attribute__((format(printf, 2, 3)));

#define tw_error(...)	tw_log(TW_LOG_ERROR, __VA_ARGS__)
#define tw_warning(...) tw_log(TW_LOG_WARNING, __VA_ARGS__)
#define tw_info(...)	tw_log(TW_LOG_INFO, __VA_ARGS__)
#define tw_debug(...)	tw_log(TW_LOG_DEBUG, __VA_ARGS__)

#endif
