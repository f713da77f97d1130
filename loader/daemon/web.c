// SPDX-License-Identifier: GPL-2.0-only
#include "daemon/web.h"

#include <errno.h>
#include <string.h>
#include <sys/random.h>

#include "daemon/checker.h"
#include "daemon/http.h"
#include "daemon/metrics.h"
#include "daemon/overview.h"
#include "daemon/page.h"

struct tw_web {
	struct tw_web_options options;
	struct tw_http *http;
	struct tw_checker *checker;
};

static struct tw_overview *read_overview(struct tw_web *web)
{
	struct tw_overview *overview = calloc(1, sizeof(*overview));

	if (!overview)
		return NULL;
	tw_overview_read(web->options.enforcer, overview);
	web->options.fill(overview, web->options.data);
	return overview;
}

static void drop_overview(struct tw_overview **overview)
{
	if (*overview)
		tw_overview_free(*overview);
	free(*overview);
}

/* --- for machines ------------------------------------------------------------------------ */

static void metrics(struct tw_web *web, struct tw_http_answer *answer)
{
	_cleanup_(drop_overview) struct tw_overview *overview = read_overview(web);

	answer->type = TW_METRICS_TYPE;
	if (!overview || tw_metrics_render(overview, &answer->body))
		tw_http_refuse(answer, TW_HTTP_FAILED);
}

static void healthz(struct tw_web *web, struct tw_http_answer *answer)
{
	(void)web;
	if (tw_buf_add(&answer->body, "ok\n", 3))
		tw_http_refuse(answer, TW_HTTP_FAILED);
}

static void readyz(struct tw_web *web, struct tw_http_answer *answer)
{
	_cleanup_(drop_overview) struct tw_overview *overview = calloc(1, sizeof(*overview));

	if (!overview) {
		tw_http_refuse(answer, TW_HTTP_FAILED);
		return;
	}
	tw_overview_read_ready(web->options.enforcer, overview);
	if (!overview->ready)
		answer->status = TW_HTTP_UNAVAILABLE;
	tw_buf_addf(&answer->body, "%s\n", overview->ready ? "ok" : overview->not_ready);
}

/* --- for people ---------------------------------------------------------------------------- */

static void refresh_checks(struct tw_web *web, const struct tw_overview *overview)
{
	const struct tw_check_subject subject = {
		.model = &web->options.enforcer->model,
		.which = "the policy in force",
		.errors = &overview->errors,
	};

	tw_checker_refresh(web->checker, &subject, overview->loaded.number);
}

/* So that the page's own style applies, and no other. */
static int make_nonce(char nonce[static TW_PAGE_NONCE_LEN])
{
	unsigned char bytes[TW_PAGE_NONCE_LEN / 2];

	if (getrandom(bytes, sizeof(bytes), GRND_NONBLOCK) != (ssize_t)sizeof(bytes))
		return -EIO;
	for (size_t i = 0; i < TW_PAGE_NONCE_LEN / 2; i++)
		snprintf(nonce + 2 * i, 3, "%02x", bytes[i]);
	return 0;
}

static void page(struct tw_web *web, struct tw_http_answer *answer)
{
	_cleanup_(drop_overview) struct tw_overview *overview = read_overview(web);
	struct tw_page page = { .overview = overview };

	if (!overview || make_nonce(page.nonce)) {
		tw_http_refuse(answer, TW_HTTP_FAILED);
		return;
	}
	refresh_checks(web, overview);
	page.check_count = tw_checker_last(web->checker, &page.checks);
	gethostname(page.host, sizeof(page.host) - 1);
	answer->type = TW_PAGE_TYPE;
	snprintf(
		answer->fields, sizeof(answer->fields),
		"Content-Security-Policy: default-src 'none'; style-src 'nonce-%s'; img-src data:; "
		"base-uri 'none'; form-action 'none'; frame-ancestors 'none'\r\n"
		"Referrer-Policy: no-referrer\r\n",
		page.nonce);
	if (tw_page_render(&page, &answer->body))
		tw_http_refuse(answer, TW_HTTP_FAILED);
}

/* --- paths ------------------------------------------------------------------------------------ */

static void handle(const char *path, struct tw_http_answer *answer, void *data)
{
	static const struct {
		const char *path;
		void (*answer)(struct tw_web *web, struct tw_http_answer *answer);
	} paths[] = {
		{ "/", page },
		{ "/metrics", metrics },
		{ "/healthz", healthz },
		{ "/readyz", readyz },
	};

	for (size_t i = 0; i < ARRAY_SIZE(paths); i++)
		if (!strcmp(path, paths[i].path)) {
			paths[i].answer(data, answer);
			return;
		}
	tw_http_refuse(answer, TW_HTTP_NOT_FOUND);
}

int tw_web_open(struct event_base *base, int fd, const struct tw_web_options *options,
		struct tw_web **ret_web)
{
	struct tw_web *web = calloc(1, sizeof(*web));
	int error;

	if (!web)
		return -ENOMEM;
	web->options = *options;
	error = tw_checker_open(base, &web->checker);
	if (!error)
		error = tw_http_open(base, fd, handle, web, &web->http);
	if (error)
		tw_web_close(web);
	else
		*ret_web = web;
	return error;
}

void tw_web_close(struct tw_web *web)
{
	if (!web)
		return;
	tw_http_close(web->http);
	tw_checker_close(web->checker);
	free(web);
}
