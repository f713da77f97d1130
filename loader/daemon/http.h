/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A small HTTP/1.1 server for metrics and a page: GET and HEAD, one request a
 * connection, in the event loop. Bounded in every way, so that nobody who may
 * connect can make the daemon grow, or keep others out for long. (libevent's
 * own server bounds neither the number of connections nor the time that a
 * request may take to come, 2.1.12.)
 */
#ifndef TW_DAEMON_HTTP_H
#define TW_DAEMON_HTTP_H

#include <stdbool.h>
#include <stddef.h>

#include "daemon/http_request.h"
#include "lib/buf.h"
#include "lib/fault.h"

#define TW_HTTP_CLIENTS	      8	   /* at once; others wait in the kernel's queue */
#define TW_HTTP_BACKLOG	      64   /* of that queue */
#define TW_HTTP_SECONDS	      10   /* from accept to the end of the answer */
#define TW_HTTP_DRAIN_SECONDS 1	   /* for the peer to close after the answer */
#define TW_HTTP_TAKEOVER_MS   2000 /* for the port, where the process before us is just ending */

#define TW_HTTP_FIELDS_LEN 512

/* What to answer. Starts as 200 with no body. */
struct tw_http_answer {
	enum tw_http_status status;
	const char *type;		 /* Content-Type */
	char fields[TW_HTTP_FIELDS_LEN]; /* more header fields, each with its CR LF; "" */
	struct tw_buf body;
};

/* Make it a refusal, which says in a line what it is. */
void tw_http_refuse(struct tw_http_answer *answer, enum tw_http_status status);

/* `path` as it was asked for. Whatever goes wrong is a status of the answer. */
typedef void (*tw_http_handler)(const char *path, struct tw_http_answer *answer, void *data);

struct event_base;
struct tw_http;

/*
 * Listen on a valid `address` (127.0.0.1:9464, [::1]:0, port 0: any that is
 * free). Where `patient`, a port that is taken is waited for TW_HTTP_TAKEOVER_MS.
 */
int tw_http_listen(const char *address, bool patient, int *ret_fd, struct tw_fault *fault);

bool tw_http_address_valid(const char *address);

/* The address that a listening descriptor has, formatted. */
#define TW_HTTP_ADDRESS_LEN 64
const char *tw_http_address(int fd, char buf[static TW_HTTP_ADDRESS_LEN]);

/* Serve on a listening descriptor, which is the caller's. -ENOMEM. */
int tw_http_open(struct event_base *base, int fd, tw_http_handler handler, void *data,
		 struct tw_http **ret_http);
void tw_http_close(struct tw_http *http);

#endif
