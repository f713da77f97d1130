/* SPDX-License-Identifier: GPL-2.0-only */
/* Sockets as descriptors: which one an entry of /proc/PID/fd is, and its five options. tcp(7). */
#ifndef TW_KERNEL_DESCRIPTOR_H
#define TW_KERNEL_DESCRIPTOR_H

#include <stdint.h>

#include <tcpwarden/abi.h>

/* The inode of the socket that `name` in the open folder /proc/PID/fd is; 0: it is something else. */
uint64_t tw_descriptor_inode(int folder, const char *name);

/* The effective values, as getsockopt(2) gives them: never 0 for a timer. */
int tw_descriptor_read(int fd, struct tw_options *ret_now);

int tw_descriptor_write(int fd, enum tw_field field, __u32 value);

#endif
