// SPDX-License-Identifier: GPL-2.0-only
#include "cli/output.h"

#include <string.h>

#include "lib/cleanup.h"
#include "lib/json.h"

enum tw_exit tw_output_json(json_t *document)
{
	struct tw_fault fault;
	int error = document
			    ? json_dumpf(document, stdout, JSON_INDENT(2) | JSON_REAL_PRECISION(12))
			    : -1;

	json_decref(document);
	if (error || putchar('\n') == EOF || fflush(stdout) == EOF) {
		tw_fault(&fault, -1, "cannot write the JSON document");
		return tw_output_fault(&fault);
	}
	return TW_EXIT_OK;
}

json_t *tw_output_append(json_t *list, json_t *item)
{
	if (json_array_append_new(list, item) == 0)
		return list;
	json_decref(list);
	return NULL;
}

json_t *tw_output_text(const char *text)
{
	return tw_json_text(text);
}

enum tw_exit tw_output_fault(const struct tw_fault *fault)
{
	fprintf(stderr, "tcpwarden: error: %s\n", fault->text);
	return TW_EXIT_FAILED;
}

const char *tw_output_time(uint64_t ns, char buf[static TW_TIME_LEN])
{
	return tw_clock_format(ns, buf);
}

const char *tw_output_colour(int colour)
{
	const char *no_color = getenv("NO_COLOR");

	if (!isatty(STDOUT_FILENO) || (no_color && *no_color))
		return "";
	switch (colour) {
	case 31:
		return "\033[31m";
	case 32:
		return "\033[32m";
	case 33:
		return "\033[33m";
	default:
		return "\033[0m";
	}
}
