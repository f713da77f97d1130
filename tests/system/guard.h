/* SPDX-License-Identifier: GPL-2.0-only */
/* Applications that set their own values later, and what becomes of it. What fails, fails the test. */
#ifndef TW_SYSTEM_GUARD_H
#define TW_SYSTEM_GUARD_H

#include <netinet/tcp.h>

#include "harness.h"
#include "net.h"

/* `auto` comes to 157.5 s: L = 100 + 4 x 10 = 140 s, and an eighth. */
#define TW_HELD(precedence) \
	"- {name: all, keepalive: 100s:10s:5, user_timeout: auto, precedence: " precedence "}\n"
#define TW_HELD_ASKED 1, 100, 10, 5, 157500

/* Set all five. */
void tw_set_all(int fd, struct tw_values values);
/* setsockopt(2) as it is: 0 or the errno. */
int tw_try_set(int fd, int level, int option, const void *value, socklen_t len);
/* status: .policies[policy].app_settings.<action> */
long long tw_settings(const char *policy, const char *action);
/*
 * What `user_timeout: auto` has become after a timer moved under strictest: the
 * new one where the kernel lets the hook write it (5.15 and later), else the old
 * one until the next sweep.
 */
int tw_auto_now(int moved, int before);

#endif
