/* SPDX-License-Identifier: GPL-2.0-only */
/* Connections without pause, each checked as soon as connect() returns. */
#ifndef TW_SYSTEM_LOAD_H
#define TW_SYSTEM_LOAD_H

#include "net.h"

struct tw_load;

/*
 * A process of the attach point connects to `address` on and on; each of its
 * connections must have all of the first or all of the second values.
 */
struct tw_load *tw_load_start(const char *address, struct tw_values first, struct tw_values second);

/* Wait for so many connections more. */
void tw_load_wait(struct tw_load *load, unsigned long more);

unsigned long tw_load_count(struct tw_load *load);
unsigned long tw_load_second(struct tw_load *load); /* of them, those with the second values */

/* The longest time between the ends of two of them, in milliseconds. */
double tw_load_pause_ms(struct tw_load *load);

/* Some more, then its end; fails the test where a connection was neither. */
void tw_load_end(struct tw_load *load);

#endif
