/* SPDX-License-Identifier: GPL-2.0-only */
/* What is at which path: /metrics, /healthz, /readyz, and / for people. */
#ifndef TW_DAEMON_WEB_H
#define TW_DAEMON_WEB_H

#include "daemon/enforcer.h"

struct event_base;
struct tw_overview;
struct tw_web;

struct tw_web_options {
	const struct tw_enforcer *enforcer; /* borrowed */
	/* Add what the daemon alone knows to what was read from the kernel. */
	void (*fill)(struct tw_overview *overview, void *data);
	void *data;
};

/* Serve on a listening descriptor, which is the caller's. -ENOMEM. */
int tw_web_open(struct event_base *base, int fd, const struct tw_web_options *options,
		struct tw_web **ret_web);
void tw_web_close(struct tw_web *web);

#endif
