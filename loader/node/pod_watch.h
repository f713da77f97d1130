/* SPDX-License-Identifier: GPL-2.0-only */
/* Follow the root of pod logs in an event loop, by inotify(7). */
#ifndef TW_NODE_POD_WATCH_H
#define TW_NODE_POD_WATCH_H

#include "lib/fault.h"

struct event_base;
struct tw_pod_watch;

/*
 * Call `changed` each time that folders may have come or gone below `root`:
 * once for all that waits, so a burst and an overflow of the queue are one call, at which all
 * is to be read again. A root that is not there is waited for, at its nearest
 * ancestor that is.
 */
int tw_pod_watch_start(struct event_base *base, const char *root, void (*changed)(void *data),
		       void *data, struct tw_pod_watch **ret_watch, struct tw_fault *fault);
void tw_pod_watch_stop(struct tw_pod_watch *watch);

#endif
