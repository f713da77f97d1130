/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Lines for all who listen on a Unix stream socket. A reader that stops reading
 * loses lines and is told how many; it holds up nobody. A reader that begins
 * with the line TW_ASK_SETTINGS gets the lines for those who want settings too;
 * else what readers say is not heard.
 */
#ifndef TW_DAEMON_PUBLISHER_H
#define TW_DAEMON_PUBLISHER_H

#include <stddef.h>
#include <stdint.h>

#include "lib/fault.h"

#define TW_MAX_READERS	 16
#define TW_ASK_SETTINGS	 "settings\n"
#define TW_READER_BUFFER (256 * 1024) /* bytes that wait for one reader */

struct event_base;
struct tw_publisher;

struct tw_publisher_calls {
	void (*joined)(void *reader, void *data); /* what is sent to it now comes first; or NULL */
	void (*wants)(void *data); /* tw_publisher_wants() may have changed; or NULL */
	void *data;
};

/*
 * Listen at `path`, mode 0600; a socket that a dead process left there is
 * removed. -EADDRINUSE: a living one listens there.
 */
int tw_publisher_open(struct event_base *base, const char *path,
		      const struct tw_publisher_calls *calls, struct tw_publisher **ret_publisher,
		      struct tw_fault *fault);

/* Write what readers take at once, let them go, remove the socket. */
void tw_publisher_close(struct tw_publisher *publisher);

/* Send one line, with its line end, to all readers that want it; `want` 0: to all. */
void tw_publisher_send(struct tw_publisher *publisher, uint32_t want, const char *line, size_t len);

/* What readers want beside what is for all: a set of enum tw_want. */
uint32_t tw_publisher_wants(const struct tw_publisher *publisher);

/* To the one that just joined. */
void tw_publisher_send_to(void *to, const char *line, size_t len);

size_t tw_publisher_readers(const struct tw_publisher *publisher);

/* Lines that readers lost. */
uint64_t tw_publisher_lost(const struct tw_publisher *publisher);

#endif
