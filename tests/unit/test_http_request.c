// SPDX-License-Identifier: GPL-2.0-only
#include "unit.h"

#include "daemon/http_request.h"

#define HOST "Host: a\r\n"

static int parse(const char *text, struct tw_http_request *ret_request)
{
	/* On the heap, so that a byte read past the end is seen. */
	size_t len = strlen(text);
	_cleanup_free_ char *copy = malloc(len ?: 1);
	int status;

	assert_non_null(copy);
	memcpy(copy, text, len);
	status = tw_http_request_parse(copy, len, ret_request);
	if (status == TW_HTTP_OK) {
		assert_true(ret_request->path >= copy);
		ret_request->path = text + (ret_request->path - copy);
	}
	return status;
}

static void assert_status(const char *text, int expected)
{
	struct tw_http_request request;
	int status = parse(text, &request);

	if (status != expected)
		print_error("%d, not %d, for: %.80s\n", status, expected, text);
	assert_int_equal(status, expected);
}

static void assert_path(const char *text, const char *path, bool head)
{
	struct tw_http_request request;

	assert_int_equal(parse(text, &request), TW_HTTP_OK);
	assert_int_equal(request.path_len, strlen(path));
	assert_memory_equal(request.path, path, request.path_len);
	assert_int_equal(request.head, head);
}

static void request__get_and_head(void **state)
{
	(void)state;
	assert_path("GET / HTTP/1.1\r\n" HOST "\r\n", "/", false);
	assert_path("HEAD /metrics HTTP/1.1\r\n" HOST "\r\n", "/metrics", true);
	assert_path("GET /metrics HTTP/1.0\r\n\r\n", "/metrics", false);
	assert_path("\r\nGET /metrics HTTP/1.1\n" HOST "Accept: */*\n\n", "/metrics", false);
}

static void request__the_query_is_left_out(void **state)
{
	(void)state;
	assert_path("GET /metrics?name[]=up?/x HTTP/1.1\r\n" HOST "\r\n", "/metrics", false);
	assert_path("GET http://node:9464/readyz?x HTTP/1.1\r\n" HOST "\r\n", "/readyz", false);
}

static void request__no_escape_or_dot_is_undone(void **state)
{
	(void)state;
	assert_path("GET /../metrics HTTP/1.0\r\n\r\n", "/../metrics", false);
	assert_path("GET /%2e%2e/etc HTTP/1.0\r\n\r\n", "/%2e%2e/etc", false);
	assert_path("GET //metrics HTTP/1.0\r\n\r\n", "//metrics", false);
}

static void request__not_whole_yet(void **state)
{
	static const char text[] = "GET /metrics HTTP/1.1\r\n" HOST "Accept: */*\r\n\r\n";
	struct tw_http_request request;

	(void)state;
	for (size_t len = 0; len < sizeof(text) - 1; len++)
		assert_int_equal(tw_http_request_parse(text, len, &request), 0);
	assert_int_equal(tw_http_request_parse(text, sizeof(text) - 1, &request), TW_HTTP_OK);
}

static void request__other_methods(void **state)
{
	static const char *const methods[] = { "POST",	"PUT",	   "DELETE", "OPTIONS",
					       "TRACE", "CONNECT", "get",    "BREW" };
	char text[128];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(methods); i++) {
		snprintf(text, sizeof(text), "%s /metrics HTTP/1.1\r\n" HOST "\r\n", methods[i]);
		assert_status(text, TW_HTTP_NOT_ALLOWED);
	}
	/* What they bring along is not waited for. */
	assert_status("POST / HTTP/1.1\r\n", TW_HTTP_NOT_ALLOWED);
}

static void request__bad_request_lines(void **state)
{
	static const char *const lines[] = {
		"garbage",
		"GET",
		"GET /",
		"GET  / HTTP/1.1",
		"GET / HTTP/1.1 ",
		"GET / http/1.1",
		"GET / HTTP/1",
		"GET / HTTP/1.11",
		"GET / HTTP/x.y",
		"GET metrics HTTP/1.1",
		"GET * HTTP/1.1",
		"GET http://node HTTP/1.1",
		"GET ftp://node/ HTTP/1.1",
		"G(T / HTTP/1.1",
		" GET / HTTP/1.1",
		"GET /\x01 HTTP/1.1",
		"GET /\xff HTTP/1.1",
		"GET /\tx HTTP/1.1",
		"\x16\x03\x01\x02",
	};
	char text[128];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(lines); i++) {
		snprintf(text, sizeof(text), "%s\r\n" HOST "\r\n", lines[i]);
		assert_status(text, TW_HTTP_BAD_REQUEST);
	}
}

static void request__versions(void **state)
{
	(void)state;
	assert_status("GET / HTTP/2.0\r\n" HOST "\r\n", TW_HTTP_VERSION);
	assert_status("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", TW_HTTP_VERSION);
	assert_status("GET / HTTP/0.9\r\n\r\n", TW_HTTP_VERSION);
	assert_status("GET / HTTP/1.9\r\n" HOST "\r\n", TW_HTTP_OK);
}

static void request__bad_fields(void **state)
{
	static const char *const fields[] = {
		"",		    /* RFC 9112, 3.2: no Host */
		HOST "Host: b\r\n", /* two */
		HOST "no colon\r\n",
		HOST ": no name\r\n",
		HOST "Space : x\r\n",
		HOST "X: y\r\n folded\r\n",
		HOST "X: a\rb\r\n",
		HOST "Content-Length: \r\n",
		HOST "Content-Length: -1\r\n",
		HOST "Content-Length: 0x0\r\n",
	};
	char text[256];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(fields); i++) {
		snprintf(text, sizeof(text), "GET / HTTP/1.1\r\n%s\r\n", fields[i]);
		assert_status(text, TW_HTTP_BAD_REQUEST);
	}
}

static void request__a_nul_in_a_field(void **state)
{
	static const char text[] = "GET / HTTP/1.1\r\n" HOST "X: a\0b\r\n\r\n";
	struct tw_http_request request;

	(void)state;
	assert_int_equal(tw_http_request_parse(text, sizeof(text) - 1, &request),
			 TW_HTTP_BAD_REQUEST);
}

static void request__no_body_is_taken(void **state)
{
	(void)state;
	assert_status("GET / HTTP/1.1\r\n" HOST "Content-Length: 1\r\n\r\n", TW_HTTP_BODY);
	assert_status("GET / HTTP/1.1\r\n" HOST
		      "content-length: 99999999999999999999999999\r\n\r\n",
		      TW_HTTP_BODY);
	assert_status("GET / HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n", TW_HTTP_BODY);
	assert_status("GET / HTTP/1.1\r\n" HOST "Content-Length: 0\r\n\r\n", TW_HTTP_OK);
}

/* `before`, so many x, `after`. */
static char *filled(const char *before, size_t count, const char *after)
{
	char *text = calloc(1, strlen(before) + count + strlen(after) + 1);

	assert_non_null(text);
	memset(stpcpy(text, before), 'x', count);
	strcat(text, after);
	return text;
}

static void assert_filled(const char *before, size_t count, const char *after, int expected)
{
	_cleanup_free_ char *text = filled(before, count, after);

	assert_status(text, expected);
}

static void request__target_limit(void **state)
{
	static const char after[] = " HTTP/1.1\r\n" HOST "\r\n";

	(void)state;
	assert_filled("GET /", TW_HTTP_TARGET_LEN - 1, after, TW_HTTP_OK);
	assert_filled("GET /", TW_HTTP_TARGET_LEN, after, TW_HTTP_TARGET_TOO_LONG);
	assert_filled("GET /", TW_HTTP_HEAD_LEN, after, TW_HTTP_TARGET_TOO_LONG);
	assert_filled("", TW_HTTP_HEAD_LEN, "", TW_HTTP_TARGET_TOO_LONG);
}

static void request__head_limit(void **state)
{
	static const char before[] = "GET / HTTP/1.1\r\n" HOST "X: ", after[] = "\r\n\r\n";
	size_t room = TW_HTTP_HEAD_LEN - strlen(before) - strlen(after);

	(void)state;
	assert_filled(before, room, after, TW_HTTP_OK);
	assert_filled(before, room + 1, after, TW_HTTP_HEADER_TOO_LARGE);
	assert_filled(before, 100000, after, TW_HTTP_HEADER_TOO_LARGE);
}

/* Whatever comes, it is judged or waited for. */
static void request__random_bytes(void **state)
{
	static const char *const words[] = { "GET ", "/",    " HTTP/1.1", "\r\n", "\n",	     ":",
					     "Host", "HEAD", "?",	  " ",	  "http://", "\r" };
	uint64_t seed = 7;

	(void)state;
	for (int round = 0; round < 20000; round++) {
		_cleanup_buf_ struct tw_buf text = TW_BUF_INIT;
		struct tw_http_request request;
		int status;

		for (unsigned i = unit_below(&seed, 12); i; i--) {
			const char *word = words[unit_below(&seed, ARRAY_SIZE(words))];

			if (unit_below(&seed, 8))
				tw_buf_addf(&text, "%s", word);
			else
				tw_buf_addf(&text, "%c", (int)(1 + unit_below(&seed, 255)));
		}
		status = parse(tw_buf_string(&text), &request);
		assert_true(status == 0 || (status >= 200 && status <= 505));
		if (status == TW_HTTP_OK)
			assert_int_equal(request.path[0], '/');
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(request__get_and_head),
		cmocka_unit_test(request__the_query_is_left_out),
		cmocka_unit_test(request__no_escape_or_dot_is_undone),
		cmocka_unit_test(request__not_whole_yet),
		cmocka_unit_test(request__other_methods),
		cmocka_unit_test(request__bad_request_lines),
		cmocka_unit_test(request__versions),
		cmocka_unit_test(request__bad_fields),
		cmocka_unit_test(request__a_nul_in_a_field),
		cmocka_unit_test(request__no_body_is_taken),
		cmocka_unit_test(request__target_limit),
		cmocka_unit_test(request__head_limit),
		cmocka_unit_test(request__random_bytes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
