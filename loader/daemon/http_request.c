// SPDX-License-Identifier: GPL-2.0-only
#include "daemon/http_request.h"

#include <string.h>
#include <strings.h>

/* A piece of the request; never ends in a NUL. */
struct slice {
	const char *at;
	size_t len;
};

/* What the header fields say, as far as it is of interest. */
struct fields {
	unsigned hosts;
	bool body;
	bool bad;
};

const char *tw_http_reason(enum tw_http_status status)
{
	switch (status) {
	case TW_HTTP_OK:
		return "OK";
	case TW_HTTP_BAD_REQUEST:
		return "Bad Request";
	case TW_HTTP_NOT_FOUND:
		return "Not Found";
	case TW_HTTP_NOT_ALLOWED:
		return "Method Not Allowed";
	case TW_HTTP_TIMEOUT:
		return "Request Timeout";
	case TW_HTTP_BODY:
		return "Content Too Large";
	case TW_HTTP_TARGET_TOO_LONG:
		return "URI Too Long";
	case TW_HTTP_HEADER_TOO_LARGE:
		return "Request Header Fields Too Large";
	case TW_HTTP_UNAVAILABLE:
		return "Service Unavailable";
	case TW_HTTP_VERSION:
		return "HTTP Version Not Supported";
	case TW_HTTP_FAILED:
		break;
	}
	return "Internal Server Error";
}

static bool equals(struct slice slice, const char *text)
{
	return slice.len == strlen(text) && !memcmp(slice.at, text, slice.len);
}

static bool equals_ignoring_case(struct slice slice, const char *text)
{
	return slice.len == strlen(text) && !strncasecmp(slice.at, text, slice.len);
}

/* RFC 9110, 5.6.2 */
static bool is_token(struct slice slice)
{
	static const char others[] = "!#$%&'*+-.^_`|~";

	for (size_t i = 0; i < slice.len; i++) {
		char c = slice.at[i];

		if (!((c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
		      (c && strchr(others, c))))
			return false;
	}
	return slice.len;
}

static bool is_visible(struct slice slice)
{
	for (size_t i = 0; i < slice.len; i++)
		if (slice.at[i] <= ' ' || slice.at[i] >= 0x7f)
			return false;
	return slice.len;
}

/* The next line without its CR LF (or LF alone), and step over it. False: it has no end yet. */
static bool take_line(struct slice *rest, struct slice *ret_line)
{
	const char *end = memchr(rest->at, '\n', rest->len);
	size_t len;

	if (!end)
		return false;
	len = (size_t)(end - rest->at);
	*ret_line = (struct slice){ rest->at, len && rest->at[len - 1] == '\r' ? len - 1 : len };
	*rest = (struct slice){ end + 1, rest->len - len - 1 };
	return true;
}

/* What stands before the first `separator`, and step over both. False: there is none. */
static bool take_until(struct slice *rest, char separator, struct slice *ret_part)
{
	const char *end = memchr(rest->at, separator, rest->len);
	size_t len;

	if (!end)
		return false;
	len = (size_t)(end - rest->at);
	*ret_part = (struct slice){ rest->at, len };
	*rest = (struct slice){ end + 1, rest->len - len - 1 };
	return true;
}

/* --- the request line ------------------------------------------------------------------- */

/* The path of `/path?query` or `http://host/path?query`; false: neither. */
static bool find_path(struct slice target, struct slice *ret_path)
{
	static const char scheme[] = "http://";
	size_t skip = sizeof(scheme) - 1;
	struct slice path;

	if (target.len > skip && !strncasecmp(target.at, scheme, skip)) {
		const char *slash = memchr(target.at + skip, '/', target.len - skip);

		if (!slash)
			return false;
		target = (struct slice){ slash, target.len - (size_t)(slash - target.at) };
	}
	if (target.at[0] != '/')
		return false;
	*ret_path = take_until(&target, '?', &path) ? path : target;
	return true;
}

/* HTTP/1.0 and HTTP/1.1, and what may come of it. */
static int check_version(struct slice version)
{
	if (version.len != 8 || memcmp(version.at, "HTTP/", 5) || version.at[6] != '.' ||
	    version.at[5] < '0' || version.at[5] > '9' || version.at[7] < '0' ||
	    version.at[7] > '9')
		return TW_HTTP_BAD_REQUEST;
	return version.at[5] == '1' ? TW_HTTP_OK : TW_HTTP_VERSION;
}

static int read_request_line(struct slice line, struct tw_http_request *request, bool *ret_1_0)
{
	struct slice method, target, path = { "/", 1 };
	int status;

	if (!take_until(&line, ' ', &method) || !is_token(method))
		return TW_HTTP_BAD_REQUEST;
	request->head = equals(method, "HEAD");
	if (!take_until(&line, ' ', &target) || !is_visible(target))
		return TW_HTTP_BAD_REQUEST;
	status = check_version(line);
	if (status != TW_HTTP_OK)
		return status;
	if (!equals(method, "GET") && !request->head)
		return TW_HTTP_NOT_ALLOWED;
	if (target.len > TW_HTTP_TARGET_LEN)
		return TW_HTTP_TARGET_TOO_LONG;
	if (!find_path(target, &path))
		return TW_HTTP_BAD_REQUEST;
	*ret_1_0 = line.at[7] == '0';
	request->path = path.at;
	request->path_len = path.len;
	return TW_HTTP_OK;
}

/* --- the header fields -------------------------------------------------------------------- */

static struct slice trim(struct slice slice)
{
	while (slice.len && (slice.at[0] == ' ' || slice.at[0] == '\t'))
		slice = (struct slice){ slice.at + 1, slice.len - 1 };
	while (slice.len && (slice.at[slice.len - 1] == ' ' || slice.at[slice.len - 1] == '\t'))
		slice.len--;
	return slice;
}

/* A length that is not 0 is a body; one that is not a number is wrong. */
static void read_length(struct slice value, struct fields *fields)
{
	fields->bad = fields->bad || !value.len;
	for (size_t i = 0; i < value.len; i++) {
		fields->bad = fields->bad || value.at[i] < '0' || value.at[i] > '9';
		fields->body = fields->body || value.at[i] != '0';
	}
}

static void read_field(struct slice line, struct fields *fields)
{
	struct slice name;

	if (!take_until(&line, ':', &name) || !is_token(name) || memchr(line.at, '\0', line.len) ||
	    memchr(line.at, '\r', line.len)) {
		fields->bad = true;
		return;
	}
	if (equals_ignoring_case(name, "host"))
		fields->hosts++;
	else if (equals_ignoring_case(name, "content-length"))
		read_length(trim(line), fields);
	else if (equals_ignoring_case(name, "transfer-encoding"))
		fields->body = true;
}

/* 0: they have not all come yet. */
static int read_fields(struct slice rest, bool is_1_0)
{
	struct fields fields = { 0 };
	struct slice line;

	while (take_line(&rest, &line)) {
		if (line.len) {
			read_field(line, &fields);
			continue;
		}
		if (fields.bad || fields.hosts > 1 || (!fields.hosts && !is_1_0))
			return TW_HTTP_BAD_REQUEST;
		return fields.body ? TW_HTTP_BODY : TW_HTTP_OK;
	}
	return 0;
}

int tw_http_request_parse(const char *data, size_t len, struct tw_http_request *ret_request)
{
	struct slice rest = { data, len < TW_HTTP_HEAD_LEN ? len : TW_HTTP_HEAD_LEN }, line;
	struct tw_http_request request = { 0 };
	bool is_1_0 = false;
	int status, fields;

	*ret_request = request;
	/* RFC 9112, 2.2: an empty line before the request is passed over. */
	do {
		if (!take_line(&rest, &line))
			return len < TW_HTTP_HEAD_LEN ? 0 : TW_HTTP_TARGET_TOO_LONG;
	} while (!line.len);
	status = read_request_line(line, &request, &is_1_0);
	*ret_request = request;
	if (status != TW_HTTP_OK)
		return status;
	fields = read_fields(rest, is_1_0);
	if (!fields && len >= TW_HTTP_HEAD_LEN)
		return TW_HTTP_HEADER_TOO_LARGE;
	return fields;
}
