/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The middleboxes that forget idle connections, by the names that `must_beat`
 * knows. Figures are defaults as their makers or users document them
 * (FACTS.md section 13); what is found nowhere in writing is not listed.
 */
#ifndef TW_POLICY_CATALOGUE_H
#define TW_POLICY_CATALOGUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/buf.h"

struct tw_middlebox {
	const char *name;
	uint32_t seconds; /* idle timeout by default; 0: there is none, it is always configured */
	bool refreshed;	  /* a keepalive probe restarts it; else only data does */
	const char *what;
	const char *source;
};

extern const struct tw_middlebox tw_catalogue[]; /* sorted by name */
extern const size_t tw_catalogue_count;

/* NULL: no such name. */
const struct tw_middlebox *tw_catalogue_find(const char *name);

/*
 * Append the names that are nearest to a wrong one, parted by commas: those a
 * typing error away, else those that hold one of its words, else nothing.
 * -ENOMEM.
 */
int tw_catalogue_suggest(const char *name, struct tw_buf *buf);

#endif
