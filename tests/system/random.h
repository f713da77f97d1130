/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Random policies and random applications, the same for the same seed. Policies
 * and applications never set the same value, so that whose one is can be told:
 *
 *	                idle        interval   probes    user timeout
 *	policies        100-899 s   10-59 s    2-19      8-59 s, auto
 *	applications    10-99 s     1-9 s      1         1-1.9 s
 *	                1000-1999 s 300-399 s  20-119    70-79 s
 */
#ifndef TW_SYSTEM_RANDOM_H
#define TW_SYSTEM_RANDOM_H

#include <stdbool.h>
#include <stdint.h>

#include "net.h"

void tw_random_seed(uint64_t seed);
unsigned tw_random_below(unsigned limit);

/*
 * Call with seeds from 1 on, until a third of the test's time is over; with
 * $TW_SEED, with that one alone.
 */
void tw_random_each(void (*check)(uint64_t seed));

/* A policy as a line of the list. `more` is added to it, such as ", mode: observe". */
char *tw_random_policy(const char *name, const char *more);
/* 1 to 5 of them, which enforce. */
char *tw_random_policies(void);
/* A few that only observe, put into a list at random places. */
char *tw_random_observers(const char *policies);

/* What an application asks for in a few calls of setsockopt(). */
struct tw_random_calls {
	unsigned set; /* TW_BIT()s of the fields below */
	struct tw_values values;
};

/*
 * On a socket that may be `ours` keepalive goes only off: switched on, it has
 * the very value that we wrote, which cannot be told from ours.
 */
struct tw_random_calls tw_random_calls(bool ours);
void tw_random_make(int fd, const struct tw_random_calls *calls);
/* What a socket then has of its application's, which had `own` before. */
struct tw_values tw_random_own(struct tw_values own, const struct tw_random_calls *calls);

#endif
