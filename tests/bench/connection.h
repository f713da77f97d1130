/* SPDX-License-Identifier: GPL-2.0-only */
/* Loopback connections as a variant makes them. Each of these ends the process where it fails. */
#ifndef TW_BENCH_CONNECTION_H
#define TW_BENCH_CONNECTION_H

#include <netinet/in.h>

#include "bench.h"

struct tw_listener {
	int fd;
	struct sockaddr_in address;
};

struct tw_listener tw_listener_make(const struct tw_variant *variant);

/* Connect, accept, and close with a reset: TIME_WAIT would use up the ports. */
void tw_connection_make(const struct tw_variant *variant, const struct tw_listener *listener);

/* Make one whose ends must have the options that the variant says, as getsockopt tells. */
void tw_connection_check(const struct tw_variant *variant, const struct tw_listener *listener);

#endif
