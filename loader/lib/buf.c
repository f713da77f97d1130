// SPDX-License-Identifier: GPL-2.0-only
#include "lib/buf.h"

#include <errno.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#define FIRST_SIZE 256

void tw_buf_free(struct tw_buf *buf)
{
	free(buf->data);
	*buf = TW_BUF_INIT;
}

int tw_buf_reserve(struct tw_buf *buf, size_t more)
{
	size_t size = buf->size ? buf->size : FIRST_SIZE;
	size_t need;
	char *data;

	if (__builtin_add_overflow(buf->len, more, &need) ||
	    __builtin_add_overflow(need, 1, &need) || need > SIZE_MAX / 2)
		return -ENOMEM;
	if (need <= buf->size)
		return 0;
	while (size < need)
		size *= 2;
	data = realloc(buf->data, size);
	if (!data)
		return -ENOMEM;
	buf->data = data;
	buf->size = size;
	buf->data[buf->len] = '\0';
	return 0;
}

int tw_buf_add(struct tw_buf *buf, const void *data, size_t len)
{
	int r = tw_buf_reserve(buf, len);

	if (r < 0)
		return r;
	if (len)
		memcpy(buf->data + buf->len, data, len);
	buf->len += len;
	buf->data[buf->len] = '\0';
	return 0;
}

int tw_buf_addv(struct tw_buf *buf, const char *format, va_list args)
{
	va_list again;
	int len, r;

	va_copy(again, args);
	len = vsnprintf(NULL, 0, format, again);
	va_end(again);
	if (len < 0)
		return -EINVAL;

	r = tw_buf_reserve(buf, (size_t)len);
	if (r < 0)
		return r;
	vsnprintf(buf->data + buf->len, (size_t)len + 1, format, args);
	buf->len += (size_t)len;
	return 0;
}

int tw_buf_addf(struct tw_buf *buf, const char *format, ...)
{
	va_list args;
	int r;

	va_start(args, format);
	r = tw_buf_addv(buf, format, args);
	va_end(args);
	return r;
}

const char *tw_buf_string(const struct tw_buf *buf)
{
	return buf->data ? buf->data : "";
}

void tw_buf_truncate(struct tw_buf *buf, size_t len)
{
	if (len >= buf->len)
		return;
	buf->len = len;
	buf->data[len] = '\0';
}
