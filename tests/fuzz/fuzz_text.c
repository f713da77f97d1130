// SPDX-License-Identifier: GPL-2.0-only
/*
 * Values as people type them: on the command line and in policies. The first byte
 * says what the rest is. What is accepted has the shape that the manual gives,
 * and is formatted to what is accepted again with the same meaning.
 */
#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <regex.h>

#include "cli/command.h"
#include "fuzz.h"
#include "lib/duration.h"
#include "lib/endpoint.h"
#include "lib/inet.h"
#include "lib/path.h"
#include "lib/utf8.h"
#include "node/fleet.h"
#include "policy/catalogue.h"
#include "policy/cohort.h"
#include "policy/load.h"

#define MAX_ARGS 16

static bool has_shape(const char *text, const char *shape)
{
	regex_t regex;
	bool matches;

	fuzz_check(regcomp(&regex, shape, REG_EXTENDED | REG_NOSUB) == 0);
	matches = regexec(&regex, text, 0, NULL, 0) == 0;
	regfree(&regex);
	return matches;
}

static void duration(const char *text)
{
	static const char shape[] = "^([0-9]+|([0-9]+h)?([0-9]+m)?([0-9]+s)?([0-9]+ms)?)$";
	char formatted[TW_DURATION_LEN];
	uint64_t ms = 42, again;
	int r = tw_duration_parse(text, &ms);

	fuzz_check(r == 0 || r == -EINVAL || r == -ERANGE);
	if (r < 0) {
		fuzz_check(ms == 42);
		fuzz_check(r == -ERANGE || !*text || !has_shape(text, shape));
		return;
	}
	fuzz_check(*text && has_shape(text, shape));
	fuzz_check(ms <= UINT64_MAX / 2);
	fuzz_check(tw_duration_parse(tw_duration_format(ms, formatted), &again) == 0);
	fuzz_check(again == ms);
}

static void endpoint(const char *text)
{
	struct tw_endpoint endpoint = { .port = 42 }, again = { 0 };
	char formatted[TW_ENDPOINT_LEN];
	int r = tw_endpoint_parse(text, &endpoint);

	fuzz_check(r == 0 || r == -EINVAL || r == -ERANGE);
	if (r < 0) {
		fuzz_check(endpoint.port == 42);
		return;
	}
	fuzz_check(has_shape(text, "^(\\[[0-9a-fA-F:.]+\\]|[0-9.]+):[0-9]+$"));
	fuzz_check(tw_endpoint_parse(tw_endpoint_format(&endpoint, formatted), &again) == 0);
	fuzz_check(!memcmp(&endpoint, &again, sizeof(again)));
}

static bool has_host_bits(const uint8_t *addr, unsigned len)
{
	for (unsigned bit = len; bit < 128; bit++)
		if (addr[bit / 8] >> (7 - bit % 8) & 1)
			return true;
	return false;
}

static void prefix(const char *text)
{
	struct tw_cidr cidr = { .len = 42 }, again;
	char formatted[TW_CIDR_LEN];
	int r = tw_cidr_parse(text, &cidr);

	fuzz_check(r == 0 || r == -EINVAL || r == -ERANGE || r == -EDOM);
	if (r < 0 && r != -EDOM) {
		fuzz_check(cidr.len == 42);
		return;
	}
	fuzz_check(cidr.len <= 128 && !has_host_bits(cidr.addr, cidr.len));
	fuzz_check(has_shape(text, "^[0-9a-fA-F:.]+(/[0-9]+)?$"));
	/* What was meant, too, is a prefix. */
	fuzz_check(tw_cidr_parse(tw_cidr_format(&cidr, formatted), &again) == 0);
	fuzz_check(tw_cidr_compare(&cidr, &again) == 0);
	fuzz_check(tw_cidr_covers(&cidr, &again));
}

static void ports(const char *text)
{
	struct tw_port_range range = { 4, 2 };
	char formatted[16];
	int r = tw_port_range_parse(text, &range);

	fuzz_check(r == 0 || r == -EINVAL || r == -ERANGE || r == -EDOM);
	if (r < 0) {
		fuzz_check(range.first == 4 && range.last == 2);
		return;
	}
	fuzz_check(range.first >= 1 && range.first <= range.last);
	snprintf(formatted, sizeof(formatted), strchr(text, '-') ? "%u-%u" : "%u", range.first,
		 range.last);
	fuzz_check(!strcmp(formatted, text));
}

static void number(const char *text)
{
	unsigned value = 42;

	if (!tw_command_number(text, 1000000, &value)) {
		fuzz_check(value == 42);
		return;
	}
	fuzz_check(value >= 1 && value <= 1000000);
	fuzz_check(has_shape(text, "^[0-9]+$"));
	fuzz_check(strtod(text, NULL) == (double)value);
}

static void path(const char *text)
{
	_cleanup_free_ char *normal = tw_path_normal(text);
	_cleanup_free_ char *again = NULL;

	if (!normal) {
		fuzz_check(errno == EINVAL);
		fuzz_check(*text != '/' || strstr(text, "/."));
		return;
	}
	again = tw_path_normal(normal);
	fuzz_check(again && !strcmp(again, normal));
	fuzz_check(!strstr(normal, "//") && *normal == '/');
	fuzz_check(tw_path_is_below(normal, "/") && tw_path_is_below(normal, normal));
}

/* Encode again by the table of RFC 3629. */
static void characters(const char *text)
{
	size_t len = strlen(text);
	uint32_t c = 0;

	for (size_t at = 0; at < len;) {
		int n = tw_utf8_decode(text + at, len - at, &c);
		unsigned char out[4];

		fuzz_check(n == -EILSEQ || (n >= 1 && n <= 4));
		if (n < 0) {
			at++;
			continue;
		}
		fuzz_check(c <= 0x10ffff && (c < 0xd800 || c > 0xdfff));
		for (int i = n - 1; i > 0; i--, c >>= 6)
			out[i] = (unsigned char)(0x80 | (c & 0x3f));
		out[0] = (unsigned char)(n == 1 ? c : (0xf00u >> n & 0xff) | c);
		fuzz_check(!memcmp(out, text + at, (size_t)n));
		at += (size_t)n;
	}
	for (size_t most = 0; most <= len; most++)
		fuzz_check(tw_utf8_clip(text, most) <= most);
}

static void suggestion(const char *text)
{
	_cleanup_buf_ struct tw_buf buf = TW_BUF_INIT;

	fuzz_check(tw_catalogue_suggest(text, &buf) == 0);
	if (tw_catalogue_find(text))
		fuzz_check(strstr(tw_buf_string(&buf), text));
}

/* As a value of a policy, in quotes, so that it is text whatever it says. */
static void policy_value(const char *key, const char *text)
{
	_cleanup_buf_ struct tw_buf buf = TW_BUF_INIT;
	_cleanup_model_ struct tw_model model = TW_MODEL_INIT;
	_cleanup_diags_ struct tw_diags diags = TW_DIAGS_INIT;
	const char *timers = strcmp(key, "user_timeout") ? "" : "keepalive: '1:1:1', ";
	int r;

	fuzz_check(tw_buf_addf(&buf, "version: 1\npolicies: [{name: a, %s%s: '", timers, key) == 0);
	for (; *text; text++)
		fuzz_check(tw_buf_addf(&buf, *text == '\'' ? "''" : "%c", *text) == 0);
	fuzz_check(tw_buf_addf(&buf, "'}]\n") == 0);
	r = tw_policy_parse("f", buf.data, buf.len, &diags, &model);
	fuzz_check(r == 0 || r == -EINVAL);
	fuzz_check((r == 0) == !diags.errors);
}

/* --- whole command lines ---------------------------------------------------------------- */

/* Every command there is, but none of them runs: the linker puts this table in the place of the other. */
extern const struct tw_command __real_tw_commands[];
struct tw_command __wrap_tw_commands[32];

static const struct tw_command *command_at_work;

static void check_option(const struct tw_option *option, const struct tw_args *args)
{
	const void *field = (const char *)args + option->offset;
	const char *text;

	switch (option->type) {
	case TW_OPTION_FLAG:
		fuzz_check(*(const unsigned char *)field <= 1);
		break;
	case TW_OPTION_CHOICE:
		text = *(const char *const *)field;
		fuzz_check(!text || strstr(option->argument, text));
		break;
	case TW_OPTION_SECONDS:
		fuzz_check(*(const unsigned *)field <= 86400);
		break;
	case TW_OPTION_RATE:
		fuzz_check(*(const unsigned *)field <= 1000000);
		break;
	default:
		break;
	}
}

static enum tw_exit run_none(const struct tw_args *args)
{
	for (const struct tw_option *option = command_at_work->options; option->name; option++)
		check_option(option, args);
	return TW_EXIT_OK;
}

static void take_commands(void)
{
	for (size_t i = 0; __real_tw_commands[i].name; i++) {
		fuzz_check(i + 1 < ARRAY_SIZE(__wrap_tw_commands));
		__wrap_tw_commands[i] = __real_tw_commands[i];
		__wrap_tw_commands[i].run = run_none;
	}
}

/* Its words stand on lines of their own; what it prints goes nowhere. */
static void command_line(char *text)
{
	static char name[] = "tcpwarden";
	static FILE *nowhere;
	FILE *out = stdout, *err = stderr;
	char *argv[MAX_ARGS + 2] = { name };
	enum tw_exit status;
	int argc = 1;

	if (!nowhere) {
		nowhere = fopen("/dev/null", "we");
		fuzz_check(nowhere);
		take_commands();
	}
	while (text && argc <= MAX_ARGS)
		argv[argc++] = strsep(&text, "\n");
	command_at_work = __wrap_tw_commands;
	for (const struct tw_command *command = __wrap_tw_commands; command->name; command++)
		if (!strcmp(command->name, argv[1]))
			command_at_work = command;
	optind = 0;
	stdout = stderr = nowhere;
	status = tw_command_main(argc, argv);
	stdout = out;
	stderr = err;
	fuzz_check(status == TW_EXIT_OK || status == TW_EXIT_USAGE);
}

static void keepalive(const char *text)
{
	policy_value("keepalive", text);
}

static void user_timeout(const char *text)
{
	policy_value("user_timeout", text);
}

static void share(const char *text)
{
	char formatted[TW_SHARE_LEN];
	unsigned share = 4242, again;
	int r = tw_share_parse(text, &share);

	if (r < 0) {
		fuzz_check(share == 4242 && (r == -EINVAL || r == -ERANGE));
		return;
	}
	fuzz_check(share <= TW_WHOLE_SHARE && has_shape(text, "^[0-9]+(\\.[0-9])?%$"));
	fuzz_check(tw_share_parse(tw_share_format(share, formatted), &again) == 0);
	fuzz_check(again == share);
}

/* A node that is in a share is in each larger one. */
static void place(const char *text)
{
	bool in = false;

	for (unsigned share = 0; share <= TW_WHOLE_SHARE; share++) {
		bool now = tw_cohort_has("default", text, share);

		fuzz_check(!in || now);
		in = now;
	}
	fuzz_check(in && tw_cohort_place("default", text) < TW_WHOLE_SHARE);
}

static void fleet(const char *text)
{
	_cleanup_diags_ struct tw_diags diags = TW_DIAGS_INIT;
	_cleanup_fleet_ struct tw_fleet nodes = TW_FLEET_INIT;
	int r = tw_fleet_parse("nodes", text, strlen(text), &diags, &nodes);

	fuzz_check(r == 0 || r == -EINVAL);
	fuzz_check((r == 0) == !diags.errors && (r == 0) == (nodes.count != 0));
	for (size_t i = 0; i < nodes.count; i++)
		fuzz_check(tw_node_name_valid(nodes.nodes[i]) && strstr(text, nodes.nodes[i]));
}

static void arguments(const char *text)
{
	_cleanup_free_ char *copy = strdup(text);

	fuzz_check(copy);
	command_line(copy);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char letters[] = "decpn/umktasof";
	static void (*const kinds[])(const char *) = {
		duration,   endpoint,  prefix,	     ports,	number, path,  characters,
		suggestion, keepalive, user_timeout, arguments, share,	place, fleet
	};
	_cleanup_free_ char *text = size ? fuzz_text(data + 1, size - 1) : NULL;
	const char *letter = size && data[0] ? strchr(letters, data[0]) : NULL;

	if (text)
		kinds[letter ? (size_t)(letter - letters) : data[0] % ARRAY_SIZE(kinds)](text);
	return 0;
}
