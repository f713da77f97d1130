/* SPDX-License-Identifier: GPL-2.0-only */
/* How much a count that only grows has grown in the last minute. */
#ifndef TW_LIB_WINDOW_H
#define TW_LIB_WINDOW_H

#include <stdint.h>

#define TW_WINDOW_MS	  60000
#define TW_WINDOW_STEP_MS 2000 /* how often to add: a minute is that much more at most */
#define TW_WINDOW_SAMPLES (TW_WINDOW_MS / TW_WINDOW_STEP_MS + 1)

/* Samples in order of time, the oldest first; zero-initialise. */
struct tw_window {
	struct {
		uint64_t at_ms;
		uint64_t total;
	} sample[TW_WINDOW_SAMPLES];
	unsigned samples;
};

/*
 * Add the count at this time (of a clock that does not go back) and return by how
 * much it has grown since a minute ago, or since the first sample. Where samples
 * come late, since the last one that is a minute old: of more time then, never of less.
 */
uint64_t tw_window_add(struct tw_window *window, uint64_t now_ms, uint64_t total);

#endif
