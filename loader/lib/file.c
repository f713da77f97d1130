// SPDX-License-Identifier: GPL-2.0-only
#include "lib/file.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#define CHUNK 16384

static int open_regular(const char *path)
{
	/* O_NONBLOCK: a FIFO opens at once, to be refused for what it is. */
	_cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	struct stat st;

	if (fd < 0)
		return -errno;
	if (fstat(fd, &st) < 0)
		return -errno;
	if (S_ISDIR(st.st_mode))
		return -EISDIR;
	if (!S_ISREG(st.st_mode))
		return -EINVAL;
	return TAKE_FD(fd);
}

/* Append what one read gives; 0 at the end of the file. */
static int read_chunk(int fd, struct tw_buf *buf)
{
	ssize_t n;
	int r = tw_buf_reserve(buf, CHUNK);

	if (r < 0)
		return r;
	do
		n = read(fd, buf->data + buf->len, CHUNK);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return -errno;
	buf->len += (size_t)n;
	buf->data[buf->len] = '\0';
	return (int)n;
}

static int read_to_end(int fd, size_t limit, struct tw_buf *buf)
{
	size_t start = buf->len;
	int r;

	do {
		r = read_chunk(fd, buf);
		if (r < 0)
			return r;
		if (buf->len - start > limit)
			return -EFBIG;
	} while (r > 0);
	return 0;
}

int tw_file_read_open(int fd, size_t limit, struct tw_buf *buf)
{
	size_t start = buf->len;
	int r = read_to_end(fd, limit, buf);

	if (r < 0)
		tw_buf_truncate(buf, start);
	return r;
}

int tw_file_read(const char *path, size_t limit, struct tw_buf *buf)
{
	_cleanup_close_ int fd = open_regular(path);

	return fd < 0 ? fd : tw_file_read_open(fd, limit, buf);
}
