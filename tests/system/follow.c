// SPDX-License-Identifier: GPL-2.0-only
#include "follow.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "lib/cleanup.h"

/* The daemon's ends that it accepted: SS_CONNECTED, <linux/net.h>. */
int tw_followers(void)
{
	_cleanup_free_ char *sockets = tw_read_file("/proc/self/net/unix");
	char *rest = sockets, *line;
	int count = 0;

	while ((line = strsep(&rest, "\n"))) {
		unsigned state;

		count += strstr(line, "/events.sock") &&
			 sscanf(line, "%*s %*s %*s %*s %*s %x", &state) == 1 && state == 3;
	}
	return count;
}

struct tw_process tw_follow(void)
{
	int before = tw_followers();
	struct tw_process reader = TW_START("events", "--json");

	WAIT_FOR(tw_followers() > before);
	return reader;
}

char *tw_told(const struct tw_process *reader)
{
	return tw_read_file(tw_format("%s/%d.out", tw_folder, reader->number));
}

static bool has_all(const char *line, const char *const *parts)
{
	for (; *parts; parts++)
		if (!strstr(line, *parts))
			return false;
	return true;
}

/* Call for each whole line that holds all parts: count, and keep the first. */
static int search(const struct tw_process *reader, const char *const *parts, char **ret_first)
{
	_cleanup_free_ char *text = tw_told(reader);
	char *rest = text, *end;
	int count = 0;

	for (; rest && (end = strchr(rest, '\n')); rest = end + 1) {
		*end = '\0';
		if (!has_all(rest, parts))
			continue;
		if (!count++)
			*ret_first = strdup(rest);
	}
	return count;
}

int tw_told_lines(const struct tw_process *reader, const char *const *parts)
{
	_cleanup_free_ char *first = NULL;

	return search(reader, parts, &first);
}

char *tw_told_line(const struct tw_process *reader, const char *const *parts)
{
	char *first = NULL;

	if (!search(reader, parts, &first))
		FAIL("no line with %s in: %s", parts[0], tw_told(reader));
	CHECK(tw_json_valid(first));
	return first;
}
