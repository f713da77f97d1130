/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Follow a policy file, a folder of them, or a Kubernetes ConfigMap mount
 * (whose `..data` symlink is swapped), in an event loop.
 */
#ifndef TW_NODE_FILE_WATCH_H
#define TW_NODE_FILE_WATCH_H

#include "lib/fault.h"

#define TW_FILE_WATCH_DELAY_MS 100 /* from the first event of a burst to the call */

struct event_base;
struct tw_file_watch;

/*
 * Call `changed` after something may have changed at `path`, once a burst. The
 * path may vanish and come back as another kind of thing; what is watched is
 * chosen anew after each burst.
 */
int tw_file_watch_start(struct event_base *base, const char *path, void (*changed)(void *data),
			void *data, struct tw_file_watch **ret_watch, struct tw_fault *fault);
void tw_file_watch_stop(struct tw_file_watch *watch);

#endif
