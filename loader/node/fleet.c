// SPDX-License-Identifier: GPL-2.0-only
#include "node/fleet.h"

#include <errno.h>
#include <string.h>

#include "lib/buf.h"
#include "lib/file.h"
#include "lib/utf8.h"
#include "policy/cohort.h"

#define BLANKS	 " \t\r"
#define MAX_SAID 64 /* bytes of a wrong name that a message shows */

/* A name, and where it stands: sorted, so that a second one is found. */
struct entry {
	const char *name;
	struct tw_mark mark;
	size_t index;
};

struct reading {
	struct tw_diags *diags;
	struct tw_fleet fleet;
	struct entry *entries; /* of the fleet's nodes */
	size_t size;	       /* room for so many of each */
};

void tw_fleet_free(struct tw_fleet *fleet)
{
	for (size_t i = 0; i < fleet->count; i++)
		free(fleet->nodes[i]);
	free(fleet->nodes);
	*fleet = TW_FLEET_INIT;
}

static void reading_free(struct reading *reading)
{
	tw_fleet_free(&reading->fleet);
	free(reading->entries);
}
#define _cleanup_reading_ _cleanup_(reading_free)

#define refuse(reading, mark, ...) tw_diags_add((reading)->diags, TW_ERROR, mark, __VA_ARGS__)

static int make_room(struct reading *reading)
{
	size_t size = reading->size ? 2 * reading->size : 64;
	struct entry *entries;
	char **nodes;

	if (reading->fleet.count < reading->size)
		return 0;
	nodes = reallocarray(reading->fleet.nodes, size, sizeof(*nodes));
	if (!nodes)
		return -ENOMEM;
	reading->fleet.nodes = nodes;
	entries = reallocarray(reading->entries, size, sizeof(*entries));
	if (!entries)
		return -ENOMEM;
	reading->entries = entries;
	reading->size = size;
	return 0;
}

static int add(struct reading *reading, const char *text, size_t len, struct tw_mark mark)
{
	_cleanup_free_ char *name = strndup(text, len);
	struct tw_fleet *fleet = &reading->fleet;

	if (!name || make_room(reading))
		return -ENOMEM;
	if (strlen(name) != len || !tw_node_name_valid(name)) {
		refuse(reading, mark, "a node's name must be " TW_NODE_NAME_RULE ", got \"%.*s\"",
		       (int)tw_utf8_clip(name, MAX_SAID), name);
		return 0;
	}
	reading->entries[fleet->count] = (struct entry){ name, mark, fleet->count };
	fleet->nodes[fleet->count++] = TAKE_PTR(name);
	return 0;
}

/* Returns 1 where the line is one too many. */
static int read_line(struct reading *reading, const char *line, size_t len, struct tw_mark mark)
{
	const char *comment = memchr(line, '#', len);
	size_t start = 0;

	if (comment)
		len = (size_t)(comment - line);
	while (start < len && strchr(BLANKS, line[start]) && line[start])
		start++;
	while (len > start && strchr(BLANKS, line[len - 1]) && line[len - 1])
		len--;
	if (start == len)
		return 0;
	mark.column = (unsigned)start + 1;
	if (reading->fleet.count == TW_MAX_FLEET) {
		refuse(reading, mark, "more than %d nodes", TW_MAX_FLEET);
		return 1;
	}
	return add(reading, line + start, len - start, mark);
}

static int read_lines(struct reading *reading, const char *name, const char *text, size_t len)
{
	struct tw_mark mark = { .file = name };
	const char *end = text + len;
	int r = 0;

	while (text < end && r == 0) {
		const char *stop = memchr(text, '\n', (size_t)(end - text)) ?: end;

		mark.line++;
		r = read_line(reading, text, (size_t)(stop - text), mark);
		text = stop + 1;
	}
	return r < 0 ? r : 0;
}

static int by_name(const void *a, const void *b)
{
	const struct entry *x = a, *y = b;
	int order = strcmp(x->name, y->name);

	return order ? order : (x->index > y->index) - (x->index < y->index);
}

static void refuse_duplicates(struct reading *reading)
{
	struct entry *entries = reading->entries;
	size_t first = 0;

	if (reading->fleet.count)
		qsort(entries, reading->fleet.count, sizeof(*entries), by_name);
	for (size_t i = 1; i < reading->fleet.count; i++) {
		if (strcmp(entries[first].name, entries[i].name) != 0)
			first = i;
		else
			refuse(reading, entries[i].mark, "duplicate node \"%s\" (first at %s:%u)",
			       entries[i].name, entries[first].mark.file, entries[first].mark.line);
	}
}

int tw_fleet_parse(const char *name, const char *text, size_t len, struct tw_diags *diags,
		   struct tw_fleet *ret_fleet)
{
	_cleanup_reading_ struct reading reading = { .diags = diags };
	struct tw_mark whole = { .file = name };
	size_t errors = diags->errors;
	int r = read_lines(&reading, name, text, len);

	if (r < 0)
		return r;
	refuse_duplicates(&reading);
	if (!reading.fleet.count && diags->errors == errors)
		refuse(&reading, whole, "no nodes: expected a node's name on each line");
	tw_diags_excerpt(diags, name, text, len);
	if (diags->errors != errors)
		return -EINVAL;
	*ret_fleet = reading.fleet;
	reading.fleet = TW_FLEET_INIT;
	return 0;
}

int tw_fleet_load(const char *path, struct tw_diags *diags, struct tw_fleet *ret_fleet)
{
	_cleanup_buf_ struct tw_buf text = TW_BUF_INIT;
	bool standard = !strcmp(path, "-");
	struct tw_mark whole = { .file = standard ? "(standard input)" : path };
	int r = standard ? tw_file_read_open(STDIN_FILENO, TW_MAX_FLEET_FILE, &text)
			 : tw_file_read(path, TW_MAX_FLEET_FILE, &text);

	if (r == -ENOMEM)
		return r;
	if (r == -EFBIG)
		tw_diags_add(diags, TW_ERROR, whole, "a list of nodes must be at most %d MiB",
			     TW_MAX_FLEET_FILE / 1024 / 1024);
	else if (r == -EINVAL)
		tw_diags_add(diags, TW_ERROR, whole,
			     "not a regular file; for a pipe give - and standard input");
	else if (r < 0)
		tw_diags_add(diags, TW_ERROR, whole, "cannot read it: %s", strerror(-r));
	if (r < 0)
		return r;
	return tw_fleet_parse(whole.file, tw_buf_string(&text), text.len, diags, ret_fleet);
}
