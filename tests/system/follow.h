/* SPDX-License-Identifier: GPL-2.0-only */
/* `events --json`, followed. */
#ifndef TW_SYSTEM_FOLLOW_H
#define TW_SYSTEM_FOLLOW_H

#include "harness.h"

/* Follow; returns when it is known to, by the daemon's socket (not of use without one). */
struct tw_process tw_follow(void);

/* How many are connected to the daemons of this test. */
int tw_followers(void);

/* What it printed so far. */
char *tw_told(const struct tw_process *reader);

/* How many of its lines hold all of these; NULL ends. */
int tw_told_lines(const struct tw_process *reader, const char *const *parts);
#define TOLD(reader, ...) tw_told_lines(&(reader), (const char *const[]){ __VA_ARGS__, NULL })

/* The first such line; fails the test where there is none. */
char *tw_told_line(const struct tw_process *reader, const char *const *parts);
#define TOLD_LINE(reader, ...) tw_told_line(&(reader), (const char *const[]){ __VA_ARGS__, NULL })

#endif
