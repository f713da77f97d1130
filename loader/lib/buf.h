/* SPDX-License-Identifier: GPL-2.0-only */
/* A growable buffer that is always a C string. */
#ifndef TW_LIB_BUF_H
#define TW_LIB_BUF_H

#include <stdarg.h>
#include <stddef.h>

#include "lib/cleanup.h"

/*
 * `data` holds `len` bytes and a NUL after them, or is NULL while nothing was
 * ever added (tw_buf_string() then gives ""). Initialise with TW_BUF_INIT.
 */
struct tw_buf {
	char *data;
	size_t len;
	size_t size;
};

#define TW_BUF_INIT ((struct tw_buf){ 0 })

void tw_buf_free(struct tw_buf *buf);
#define _cleanup_buf_ _cleanup_(tw_buf_free)

/* Make room for `more` bytes and a NUL. -ENOMEM leaves the buffer as it was. */
int tw_buf_reserve(struct tw_buf *buf, size_t more);
int tw_buf_add(struct tw_buf *buf, const void *data, size_t len);
int tw_buf_addv(struct tw_buf *buf, const char *format, va_list args)
	__attribute__((format(printf, 2, 0)));
int tw_buf_addf(struct tw_buf *buf, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Forget what is past `len`, which is not more than there is. */
void tw_buf_truncate(struct tw_buf *buf, size_t len);
/* Never NULL; valid until the next change. */
const char *tw_buf_string(const struct tw_buf *buf);

#endif
