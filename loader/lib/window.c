// SPDX-License-Identifier: GPL-2.0-only
#include "lib/window.h"

#include <string.h>

static void drop_first(struct tw_window *window)
{
	window->samples--;
	memmove(&window->sample[0], &window->sample[1],
		window->samples * sizeof(window->sample[0]));
}

uint64_t tw_window_add(struct tw_window *window, uint64_t now_ms, uint64_t total)
{
	while (window->samples > 1 && now_ms - window->sample[1].at_ms >= TW_WINDOW_MS)
		drop_first(window);
	if (window->samples == TW_WINDOW_SAMPLES)
		window->samples--; /* asked more often than needed: the newest goes */
	window->sample[window->samples].at_ms = now_ms;
	window->sample[window->samples++].total = total;
	return total - window->sample[0].total;
}
