// SPDX-License-Identifier: GPL-2.0-only
#include "web.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "harness.h"
#include "net.h"

#define MOST (4 << 20)

/* A peer that resets after its answer has given it all the same. */
static size_t read_all(int fd, char *buf)
{
	size_t len = 0;
	ssize_t n;

	while ((n = recv(fd, buf + len, MOST - len, 0)) > 0)
		len += (size_t)n;
	return len;
}

struct tw_response tw_web_receive(int fd)
{
	struct tw_response response = { 0 };
	char *buf = calloc(1, MOST + 1), *end;
	size_t len;

	if (!buf)
		FAIL("no memory");
	len = read_all(fd, buf);
	response.head = buf;
	response.body = buf + len;
	if (!len)
		return response;
	end = strstr(buf, "\r\n\r\n");
	if (!end || sscanf(buf, "HTTP/1.1 %d ", &response.status) != 1)
		FAIL("not an HTTP response: %.200s", buf);
	*end = '\0';
	response.body = end + 4;
	response.body_len = len - (size_t)(response.body - buf);
	return response;
}

static bool reaches(const char *address, int *ret_fd)
{
	struct tw_address to = tw_address(address);

	*ret_fd = tw_socket(NULL, to.storage.ss_family, 0);
	if (connect(*ret_fd, TW_SOCKADDR(to), to.len) == 0)
		return true;
	if (errno != ECONNREFUSED)
		FAIL("connect to %s: %s", address, strerror(errno));
	close(*ret_fd);
	return false;
}

/* A `run` enforces before it listens. */
static int reach(const char *address)
{
	int fd;

	WAIT_FOR(reaches(address, &fd));
	return fd;
}

struct tw_response tw_web_send(const char *address, const char *bytes, size_t len)
{
	int fd = reach(address);
	struct tw_response response;
	size_t sent = 0;

	/* It may have answered, and closed, before all of it is there. */
	while (sent < len) {
		ssize_t n = send(fd, bytes + sent, len - sent, MSG_NOSIGNAL);

		if (n < 0)
			break;
		sent += (size_t)n;
	}
	response = tw_web_receive(fd);
	close(fd);
	return response;
}

struct tw_response tw_web_get(const char *path)
{
	char *text = tw_format("GET %s HTTP/1.1\r\nHost: " TW_WEB "\r\n\r\n", path);

	return tw_web_send(TW_WEB, text, strlen(text));
}

double tw_web_metric(const char *series)
{
	struct tw_response response = tw_web_get("/metrics");
	char *line = tw_format("\n%s ", series), *at;

	CHECK_INT(response.status, 200);
	at = strstr(response.body, line);
	return at ? strtod(at + strlen(line), NULL) : -1;
}
