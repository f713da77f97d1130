/* SPDX-License-Identifier: GPL-2.0-only */
/* Asking a `run` over HTTP, by plain sockets. What fails, fails the test. */
#ifndef TW_SYSTEM_WEB_H
#define TW_SYSTEM_WEB_H

#include <stddef.h>

#define TW_WEB "127.0.0.1:9464" /* where `run` listens by default */

struct tw_response {
	int status; /* 0: the connection ended without an answer */
	char *head; /* with its status line */
	char *body;
	size_t body_len;
};

/* Send these bytes as they are, and read to the end of the connection. */
struct tw_response tw_web_send(const char *address, const char *bytes, size_t len);
/* The rest of what comes on a connection, to its end. */
struct tw_response tw_web_receive(int fd);
/* GET `path`. */
struct tw_response tw_web_get(const char *path);
/* The value of the line of /metrics that is `series`, such as `tcpwarden_attached`; -1: none. */
double tw_web_metric(const char *series);

#endif
