// SPDX-License-Identifier: GPL-2.0-only
#include "lib/inotify.h"

#include <unistd.h>

#define READS 64 /* of 16 KiB: 20,000 events with short names, 3,800 with the longest */

void tw_inotify_read(int fd, tw_inotify_fn call, void *data)
{
	_Alignas(struct inotify_event) char events[16384];
	ssize_t len;

	for (int i = 0; i < READS && (len = read(fd, events, sizeof(events))) > 0; i++) {
		const struct inotify_event *event;

		for (char *at = events; at < events + len; at += sizeof(*event) + event->len) {
			event = (const struct inotify_event *)(const void *)at;
			call(event, data);
		}
	}
}
