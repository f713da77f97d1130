/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The checks of `doctor`, for the page: they load BPF programs, which takes
 * some tenths of a second, so a child process does it while the loop turns.
 */
#ifndef TW_DAEMON_CHECKER_H
#define TW_DAEMON_CHECKER_H

#include <stdint.h>

#include "kernel/checks.h"

#define TW_CHECKER_SECONDS 300 /* checks older than that are made anew when someone asks */

struct event_base;
struct tw_checker;

/* -ENOMEM. */
int tw_checker_open(struct event_base *base, struct tw_checker **ret_checker);
void tw_checker_close(struct tw_checker *checker);

/*
 * Someone asks: look again, where the last look is old or was at another
 * generation; `subject` is not needed after the call.
 */
void tw_checker_refresh(struct tw_checker *checker, const struct tw_check_subject *subject,
			uint64_t generation);

/* What the last look that ended saw; 0 where there was none yet. */
size_t tw_checker_last(const struct tw_checker *checker, const struct tw_check **ret_checks);

#endif
