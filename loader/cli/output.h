/* SPDX-License-Identifier: GPL-2.0-only */
/* What commands print: JSON documents, times, colour where people look. */
#ifndef TW_CLI_OUTPUT_H
#define TW_CLI_OUTPUT_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "cli/command.h"
#include "lib/clock.h"
#include "lib/fault.h"

/* Print one document and its line end, and let go of it. NULL (no memory) is a failure. */
enum tw_exit tw_output_json(json_t *document);

/*
 * The list with `item` at its end; both are given away. NULL where one of them
 * is, so that a document is whole or is not printed.
 */
json_t *tw_output_append(json_t *list, json_t *item);

/* See tw_json_text(). */
json_t *tw_output_text(const char *text);

/* Print the fault as one line on standard error. */
enum tw_exit tw_output_fault(const struct tw_fault *fault);

/* See tw_clock_format(). */
const char *tw_output_time(uint64_t ns, char buf[static TW_TIME_LEN]);

/* Terminal escape for a colour (31 red, 32 green, 33 yellow, 0 off), or "" where there is none. */
const char *tw_output_colour(int colour);

#endif
