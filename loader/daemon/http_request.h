/* SPDX-License-Identifier: GPL-2.0-only */
/* The head of an HTTP/1.x request, RFC 9112: read, and judged. Pure. */
#ifndef TW_DAEMON_HTTP_REQUEST_H
#define TW_DAEMON_HTTP_REQUEST_H

#include <stdbool.h>
#include <stddef.h>

#define TW_HTTP_HEAD_LEN   8192 /* bytes of the request line and the header fields */
#define TW_HTTP_TARGET_LEN 1024 /* bytes of the request target */

/* What is answered with; the reason phrase is tw_http_reason(). */
enum tw_http_status {
	TW_HTTP_OK = 200,
	TW_HTTP_BAD_REQUEST = 400,
	TW_HTTP_NOT_FOUND = 404,
	TW_HTTP_NOT_ALLOWED = 405,	/* neither GET nor HEAD */
	TW_HTTP_TIMEOUT = 408,		/* the head did not come in time */
	TW_HTTP_BODY = 413,		/* we take none */
	TW_HTTP_TARGET_TOO_LONG = 414,	/* over TW_HTTP_TARGET_LEN */
	TW_HTTP_HEADER_TOO_LARGE = 431, /* over TW_HTTP_HEAD_LEN */
	TW_HTTP_FAILED = 500,
	TW_HTTP_UNAVAILABLE = 503,
	TW_HTTP_VERSION = 505, /* not HTTP/1.x */
};

const char *tw_http_reason(enum tw_http_status status);

/* `path` is as it was sent, of what was given to the parser: no escape is undone. */
struct tw_http_request {
	bool head; /* HEAD: the answer has no body */
	const char *path;
	size_t path_len;
};

/*
 * Read a request from its first `len` bytes: TW_HTTP_OK, and *ret_request is
 * filled in; 0, there is more to come; else what to refuse it with. `head` of
 * the request is valid with each of them that is not 0.
 */
int tw_http_request_parse(const char *data, size_t len, struct tw_http_request *ret_request);

#endif
