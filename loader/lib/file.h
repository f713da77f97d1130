/* SPDX-License-Identifier: GPL-2.0-only */
/* Whole files. */
#ifndef TW_LIB_FILE_H
#define TW_LIB_FILE_H

#include <stddef.h>

#include "lib/buf.h"

/*
 * Append the whole of a regular file (or a file of /proc or /sys) to `buf`.
 * -EFBIG past `limit` bytes, -EISDIR for a folder, -EINVAL for another kind;
 * what was there before stays on failure. Never blocks on a FIFO.
 */
int tw_file_read(const char *path, size_t limit, struct tw_buf *buf);

/* The same of a descriptor that is open, of any kind: may wait for a pipe's other end. */
int tw_file_read_open(int fd, size_t limit, struct tw_buf *buf);

#endif
