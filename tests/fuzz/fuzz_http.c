// SPDX-License-Identifier: GPL-2.0-only
/*
 * The head of an HTTP request. What is decided about its first bytes stays so
 * when more come, however they are cut.
 */
#include "daemon/http_request.h"
#include "fuzz.h"

#define MAX_CUTS 512 /* all of a short request, the first of a long one */

/* Of exactly its size, so that reading beyond what came is noticed. */
static int parse(const uint8_t *data, size_t size)
{
	struct tw_http_request request;
	_cleanup_free_ char *copy = malloc(size ? size : 1);
	int status;

	fuzz_check(copy);
	if (size)
		memcpy(copy, data, size);
	status = tw_http_request_parse(copy, size, &request);
	if (!status)
		return 0;
	fuzz_check(*tw_http_reason((enum tw_http_status)status));
	fuzz_check(status == TW_HTTP_OK || (status >= 400 && status < 600));
	if (status == TW_HTTP_OK) {
		fuzz_check(request.path_len && request.path[0] == '/');
		fuzz_check(request.path_len <= TW_HTTP_TARGET_LEN);
		fuzz_check(
			(request.path >= copy && request.path + request.path_len <= copy + size) ||
			request.path_len == 1);
	}
	return status;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	int status = parse(data, size);

	for (size_t cut = 0; cut < size && cut < MAX_CUTS; cut++) {
		int early = parse(data, cut);

		fuzz_check(!early || early == status);
	}
	return 0;
}
