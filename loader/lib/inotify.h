/* SPDX-License-Identifier: GPL-2.0-only */
/* Reading inotify(7) events in a loop that has other things to do. */
#ifndef TW_LIB_INOTIFY_H
#define TW_LIB_INOTIFY_H

#include <sys/inotify.h>

typedef void (*tw_inotify_fn)(const struct inotify_event *event, void *data);

/*
 * Call for each event that waits on the non-blocking `fd`, but for no more than
 * 1 MiB of them: where they come faster than they are
 * read, the rest is for the next turn of the loop.
 */
void tw_inotify_read(int fd, tw_inotify_fn call, void *data);

#endif
