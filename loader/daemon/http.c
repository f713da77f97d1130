// SPDX-License-Identifier: GPL-2.0-only
#include "daemon/http.h"

#include <errno.h>
#include <event2/event.h>
#include <string.h>
#include <sys/socket.h>

#include "lib/cleanup.h"

#define TEXT		"text/plain; charset=utf-8"
#define ACCEPT_PAUSE_MS 100 /* where the process is out of descriptors or memory */

struct client {
	struct tw_http *http;
	struct event *io; /* readable while the request comes and after the answer, else writable */
	struct event *deadline;
	int fd;
	bool answered; /* all is sent; waiting for the peer to close */
	size_t len;    /* of `head` */
	size_t sent;   /* of `answer` */
	struct tw_buf answer;
	char head[TW_HTTP_HEAD_LEN + 1];
};

struct tw_http {
	struct event_base *base;
	struct event *listener;
	struct event *pause;
	tw_http_handler handler;
	void *data;
	unsigned count;
	struct client *clients[TW_HTTP_CLIENTS];
};

static struct timeval milliseconds(unsigned ms)
{
	return (struct timeval){ .tv_sec = ms / 1000, .tv_usec = ms % 1000 * 1000 };
}

/* --- a client's end ---------------------------------------------------------------------- */

static void free_client(struct client *client)
{
	if (client->io)
		event_free(client->io);
	if (client->deadline)
		event_free(client->deadline);
	tw_closep(&client->fd);
	tw_buf_free(&client->answer);
	free(client);
}

static void end(struct client *client)
{
	struct tw_http *http = client->http;

	for (size_t i = 0; i < TW_HTTP_CLIENTS; i++)
		if (http->clients[i] == client)
			http->clients[i] = NULL;
	free_client(client);
	if (http->count-- == TW_HTTP_CLIENTS)
		event_add(http->listener, NULL);
}

static void on_io(evutil_socket_t fd, short what, void *data);

/* 0, or the client is gone. */
static int wait_for(struct client *client, short what)
{
	event_del(client->io);
	if (!event_assign(client->io, client->http->base, client->fd, (short)(what | EV_PERSIST),
			  on_io, client) &&
	    !event_add(client->io, NULL))
		return 0;
	end(client);
	return -ENOMEM;
}

/* --- the answer ----------------------------------------------------------------------------- */

/*
 * Our side is closed, and what the peer still sends is read and forgotten: to
 * close with unread bytes would reset the connection, and lose the answer.
 */
static void finish(struct client *client)
{
	const struct timeval rest = { .tv_sec = TW_HTTP_DRAIN_SECONDS };

	client->answered = true;
	if (shutdown(client->fd, SHUT_WR) < 0 || event_add(client->deadline, &rest)) {
		end(client);
		return;
	}
	wait_for(client, EV_READ);
}

static void send_more(struct client *client)
{
	while (client->sent < client->answer.len) {
		ssize_t n = send(client->fd, client->answer.data + client->sent,
				 client->answer.len - client->sent, MSG_NOSIGNAL);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN)
			return;
		if (n < 0) {
			end(client);
			return;
		}
		client->sent += (size_t)n;
	}
	finish(client);
}

void tw_http_refuse(struct tw_http_answer *answer, enum tw_http_status status)
{
	answer->status = status;
	answer->type = TEXT;
	snprintf(answer->fields, sizeof(answer->fields), "%s",
		 status == TW_HTTP_NOT_ALLOWED ? "Allow: GET, HEAD\r\n" : "");
	tw_buf_truncate(&answer->body, 0);
	tw_buf_addf(&answer->body, "%s\n", tw_http_reason(status));
}

static int format_answer(const struct tw_http_answer *answer, bool head, struct tw_buf *ret_text)
{
	int error = tw_buf_addf(ret_text,
				"HTTP/1.1 %d %s\r\n"
				"Content-Type: %s\r\n"
				"Content-Length: %zu\r\n"
				"Cache-Control: no-store\r\n"
				"X-Content-Type-Options: nosniff\r\n"
				"%s"
				"Connection: close\r\n\r\n",
				answer->status, tw_http_reason(answer->status), answer->type,
				answer->body.len, answer->fields);

	if (!error && !head)
		error = tw_buf_add(ret_text, tw_buf_string(&answer->body), answer->body.len);
	return error;
}

static void send_answer(struct client *client, const struct tw_http_answer *answer, bool head)
{
	if (format_answer(answer, head, &client->answer)) {
		end(client);
		return;
	}
	if (!wait_for(client, EV_WRITE))
		send_more(client);
}

static void answer_request(struct client *client, const struct tw_http_request *request, int status)
{
	struct tw_http_answer answer = { .status = TW_HTTP_OK, .type = TEXT };
	_cleanup_free_ char *path = NULL;

	if (status == TW_HTTP_OK) {
		path = strndup(request->path, request->path_len);
		if (path)
			client->http->handler(path, &answer, client->http->data);
		else
			tw_http_refuse(&answer, TW_HTTP_FAILED);
	} else {
		tw_http_refuse(&answer, (enum tw_http_status)status);
	}
	send_answer(client, &answer, request->head);
	tw_buf_free(&answer.body);
}

/* --- the request ------------------------------------------------------------------------------- */

static void drain(struct client *client)
{
	ssize_t n = recv(client->fd, client->head, sizeof(client->head), 0);

	if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR))
		end(client);
}

static void receive(struct client *client)
{
	struct tw_http_request request;
	ssize_t n = recv(client->fd, client->head + client->len, TW_HTTP_HEAD_LEN - client->len, 0);
	int status;

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0) {
		end(client);
		return;
	}
	client->len += (size_t)n;
	status = tw_http_request_parse(client->head, client->len, &request);
	if (status)
		answer_request(client, &request, status);
}

static void on_io(evutil_socket_t fd, short what, void *data)
{
	struct client *client = data;

	(void)fd;
	if (what & EV_WRITE)
		send_more(client);
	else if (client->answered)
		drain(client);
	else
		receive(client);
}

/* A peer whose request does not come is told so; one that does not take its answer is not. */
static void on_deadline(evutil_socket_t fd, short what, void *data)
{
	const struct tw_http_request none = { 0 };
	const struct timeval rest = { .tv_sec = TW_HTTP_DRAIN_SECONDS };
	struct client *client = data;

	(void)fd;
	(void)what;
	if (client->answered || client->answer.len || event_add(client->deadline, &rest))
		end(client);
	else
		answer_request(client, &none, TW_HTTP_TIMEOUT);
}

/* --- who comes ---------------------------------------------------------------------------------- */

static int start_client(struct client *client)
{
	const struct timeval deadline = { .tv_sec = TW_HTTP_SECONDS };
	struct event_base *base = client->http->base;

	client->io = event_new(base, client->fd, EV_READ | EV_PERSIST, on_io, client);
	client->deadline = evtimer_new(base, on_deadline, client);
	if (!client->io || !client->deadline || event_add(client->io, NULL) ||
	    event_add(client->deadline, &deadline))
		return -ENOMEM;
	return 0;
}

/* The descriptor is taken over. */
static void add_client(struct tw_http *http, int fd)
{
	struct client *client = malloc(sizeof(*client));
	size_t place = 0;

	if (!client) {
		close(fd);
		return;
	}
	memset(client, 0, offsetof(struct client, head));
	client->http = http;
	client->fd = fd;
	if (start_client(client)) {
		free_client(client);
		return;
	}
	while (http->clients[place])
		place++;
	http->clients[place] = client;
	if (++http->count == TW_HTTP_CLIENTS)
		event_del(http->listener);
}

/* A readiness that cannot be served comes again at once: rest a little. */
static void rest(struct tw_http *http)
{
	const struct timeval pause = milliseconds(ACCEPT_PAUSE_MS);

	event_del(http->listener);
	event_add(http->pause, &pause);
}

static void on_connection(evutil_socket_t listener, short what, void *data)
{
	struct tw_http *http = data;
	int fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

	(void)what;
	if (fd >= 0)
		add_client(http, fd);
	else if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM)
		rest(http);
}

static void on_pause_over(evutil_socket_t fd, short what, void *data)
{
	struct tw_http *http = data;

	(void)fd;
	(void)what;
	if (http->count < TW_HTTP_CLIENTS)
		event_add(http->listener, NULL);
}

int tw_http_open(struct event_base *base, int fd, tw_http_handler handler, void *data,
		 struct tw_http **ret_http)
{
	struct tw_http *http = calloc(1, sizeof(*http));

	if (!http)
		return -ENOMEM;
	http->base = base;
	http->handler = handler;
	http->data = data;
	http->listener = event_new(base, fd, EV_READ | EV_PERSIST, on_connection, http);
	http->pause = evtimer_new(base, on_pause_over, http);
	if (!http->listener || !http->pause || event_add(http->listener, NULL)) {
		tw_http_close(http);
		return -ENOMEM;
	}
	*ret_http = http;
	return 0;
}

void tw_http_close(struct tw_http *http)
{
	if (!http)
		return;
	for (size_t i = 0; i < TW_HTTP_CLIENTS; i++)
		if (http->clients[i])
			free_client(http->clients[i]);
	if (http->listener)
		event_free(http->listener);
	if (http->pause)
		event_free(http->pause);
	free(http);
}
