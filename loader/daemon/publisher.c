// SPDX-License-Identifier: GPL-2.0-only
#include "daemon/publisher.h"

#include <errno.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/listener.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <tcpwarden/abi.h>

#include "daemon/notice.h"
#include "lib/cleanup.h"
#include "lib/clock.h"
#include "lib/log.h"

struct reader {
	struct tw_publisher *publisher; /* NULL: the place is free */
	struct bufferevent *stream;
	uint64_t lost; /* lines since it was last told */
	bool heard;    /* what it asked for */
	uint32_t wants;
};

struct tw_publisher {
	struct evconnlistener *listener;
	struct tw_publisher_calls calls;
	struct reader readers[TW_MAX_READERS];
	size_t count;
	uint64_t lost;
	char path[sizeof(((struct sockaddr_un *)NULL)->sun_path)];
};

/* --- one reader --------------------------------------------------------------------- */

static void drop(struct reader *reader)
{
	bufferevent_free(reader->stream);
	reader->publisher->count--;
	*reader = (struct reader){ 0 };
}

static bool has_room(const struct reader *reader, size_t len)
{
	return evbuffer_get_length(bufferevent_get_output(reader->stream)) + len <=
	       TW_READER_BUFFER;
}

/* Tell it what it lost, as soon as there is room for that. */
static void tell_losses(struct reader *reader)
{
	struct tw_notice notice = {
		.at_ns = tw_clock_now(),
		.kind = TW_NOTICE_LOST,
		.lost = reader->lost,
	};
	_cleanup_buf_ struct tw_buf line = TW_BUF_INIT;

	if (!reader->lost || tw_notice_json(&notice, &line) || !has_room(reader, line.len))
		return;
	if (bufferevent_write(reader->stream, line.data, line.len) == 0)
		reader->lost = 0;
}

void tw_publisher_send_to(void *to, const char *line, size_t len)
{
	struct reader *reader = to;

	tell_losses(reader);
	if (!reader->lost && has_room(reader, len) &&
	    bufferevent_write(reader->stream, line, len) == 0)
		return;
	reader->lost++;
	reader->publisher->lost++;
}

/* Its buffer is empty. */
static void on_written(struct bufferevent *stream, void *data)
{
	(void)stream;
	tell_losses(data);
}

static void wants_changed(const struct tw_publisher *publisher)
{
	if (publisher->calls.wants)
		publisher->calls.wants(publisher->calls.data);
}

/* Its first line; false while that may still become one that we know. */
static bool hear(struct reader *reader, struct evbuffer *input)
{
	char line[sizeof(TW_ASK_SETTINGS) - 1];
	ssize_t len = evbuffer_copyout(input, line, sizeof(line));
	bool asks = len > 0 && !memcmp(line, TW_ASK_SETTINGS, (size_t)len);

	if (asks && (size_t)len < sizeof(line))
		return false;
	reader->heard = true;
	if (asks) {
		reader->wants = TW_WANT_SETTINGS;
		wants_changed(reader->publisher);
	}
	return true;
}

static void on_read(struct bufferevent *stream, void *data)
{
	struct evbuffer *input = bufferevent_get_input(stream);
	struct reader *reader = data;

	if (reader->heard || hear(reader, input))
		evbuffer_drain(input, evbuffer_get_length(input));
}

static void on_gone(struct bufferevent *stream, short what, void *data)
{
	const struct tw_publisher *publisher = ((struct reader *)data)->publisher;

	(void)stream;
	(void)what;
	drop(data);
	wants_changed(publisher);
}

/* --- all of them --------------------------------------------------------------------- */

static struct reader *free_place(struct tw_publisher *publisher)
{
	for (size_t i = 0; i < TW_MAX_READERS; i++)
		if (!publisher->readers[i].publisher)
			return &publisher->readers[i];
	return NULL;
}

static void refuse(int fd)
{
	char line[96];
	int len = snprintf(line, sizeof(line),
			   "{\"error\":\"%d readers follow the events already\"}\n",
			   TW_MAX_READERS);

	if (send(fd, line, (size_t)len, MSG_NOSIGNAL | MSG_DONTWAIT) < 0)
		tw_debug("cannot tell a reader of events that there are too many: %s",
			 strerror(errno));
	close(fd);
}

static void on_join(struct evconnlistener *listener, evutil_socket_t fd, struct sockaddr *address,
		    int len, void *data)
{
	struct tw_publisher *publisher = data;
	struct reader *reader = free_place(publisher);

	(void)address;
	(void)len;
	if (!reader) {
		refuse(fd);
		return;
	}
	reader->stream = bufferevent_socket_new(evconnlistener_get_base(listener), fd,
						BEV_OPT_CLOSE_ON_FREE);
	if (!reader->stream) {
		close(fd);
		return;
	}
	reader->publisher = publisher;
	publisher->count++;
	bufferevent_setcb(reader->stream, on_read, on_written, on_gone, reader);
	bufferevent_enable(reader->stream, EV_READ | EV_WRITE);
	if (publisher->calls.joined)
		publisher->calls.joined(reader, publisher->calls.data);
}

/* --- the socket --------------------------------------------------------------------- */

/* Whether somebody listens there; a socket without is removed. */
static int clear_path(const struct sockaddr_un *address)
{
	_cleanup_close_ int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (fd < 0)
		return -errno;
	if (connect(fd, (const struct sockaddr *)address, sizeof(*address)) == 0 || errno == EAGAIN)
		return -EADDRINUSE;
	if (errno == ENOENT)
		return 0;
	if (errno != ECONNREFUSED)
		return -errno;
	return unlink(address->sun_path) < 0 && errno != ENOENT ? -errno : 0;
}

static int bind_socket(const char *path, int *ret_fd)
{
	_cleanup_close_ int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	mode_t before;
	int error;

	if (fd < 0)
		return -errno;
	snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
	error = clear_path(&address);
	if (error)
		return error;
	before = umask(0177);
	error = bind(fd, (const struct sockaddr *)&address, sizeof(address)) < 0 ? -errno : 0;
	umask(before);
	if (!error)
		*ret_fd = TAKE_FD(fd);
	return error;
}

static int start(struct tw_publisher *publisher, struct event_base *base, const char *path)
{
	int fd = -1, error;

	if (strlen(path) >= sizeof(publisher->path))
		return -ENAMETOOLONG;
	error = bind_socket(path, &fd);
	if (error)
		return error;
	memcpy(publisher->path, path, strlen(path));
	publisher->listener = evconnlistener_new(
		base, on_join, publisher, LEV_OPT_CLOSE_ON_FREE | LEV_OPT_CLOSE_ON_EXEC, -1, fd);
	if (publisher->listener)
		return 0;
	close(fd);
	return -ENOMEM;
}

int tw_publisher_open(struct event_base *base, const char *path,
		      const struct tw_publisher_calls *calls, struct tw_publisher **ret_publisher,
		      struct tw_fault *fault)
{
	struct tw_publisher *publisher = calloc(1, sizeof(*publisher));
	int error = publisher ? start(publisher, base, path) : -ENOMEM;

	if (error) {
		tw_publisher_close(publisher);
		return tw_fault(fault, error, "cannot make the socket of events %s: %m%s", path,
				error == -EADDRINUSE ? "; another tcpwarden listens there, so give "
						       "a --run-dir of its own"
						     : "");
	}
	publisher->calls = *calls;
	*ret_publisher = publisher;
	return 0;
}

/* As much as it takes at once; a bufferevent else is the only one that takes from its output. */
static void write_rest(struct bufferevent *stream)
{
	struct evbuffer *output = bufferevent_get_output(stream);

	evbuffer_unfreeze(output, 1);
	evbuffer_write(output, bufferevent_getfd(stream));
}

void tw_publisher_close(struct tw_publisher *publisher)
{
	if (!publisher)
		return;
	for (size_t i = 0; i < TW_MAX_READERS; i++) {
		struct reader *reader = &publisher->readers[i];

		if (!reader->publisher)
			continue;
		write_rest(reader->stream);
		drop(reader);
	}
	if (publisher->listener)
		evconnlistener_free(publisher->listener);
	if (publisher->path[0])
		unlink(publisher->path);
	free(publisher);
}

void tw_publisher_send(struct tw_publisher *publisher, uint32_t want, const char *line, size_t len)
{
	for (size_t i = 0; i < TW_MAX_READERS; i++) {
		struct reader *reader = &publisher->readers[i];

		if (reader->publisher && (!want || reader->wants & want))
			tw_publisher_send_to(reader, line, len);
	}
}

uint32_t tw_publisher_wants(const struct tw_publisher *publisher)
{
	uint32_t wants = 0;

	for (size_t i = 0; i < TW_MAX_READERS; i++)
		wants |= publisher->readers[i].wants;
	return wants;
}

size_t tw_publisher_readers(const struct tw_publisher *publisher)
{
	return publisher->count;
}

uint64_t tw_publisher_lost(const struct tw_publisher *publisher)
{
	return publisher->lost;
}
