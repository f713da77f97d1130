/* SPDX-License-Identifier: GPL-2.0-only */
/* What sock_diag(7) tells of the TCP sockets of the current network namespace. */
#ifndef TW_KERNEL_SOCK_DIAG_H
#define TW_KERNEL_SOCK_DIAG_H

#include <stddef.h>

#include "kernel/live.h"

/*
 * Add all sockets but those in TIME-WAIT and SYN-RECV, which have no options.
 * -ENOENT: the module tcp_diag is not loaded.
 */
int tw_sock_diag_list(struct tw_live *live);

/*
 * Add what one batch of an answer tells, aligned as struct nlmsghdr. 1: that
 * was the last; 0: more will come. -EBADMSG: it is none; or what the kernel says.
 */
int tw_sock_diag_read(const void *batch, size_t len, struct tw_live *live);

#endif
