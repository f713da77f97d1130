// SPDX-License-Identifier: GPL-2.0-only
#include "lib/mounts.h"

#include <errno.h>
#include <string.h>

#include "lib/cleanup.h"

/* Undo the octal escapes of proc_pid_mountinfo(5), in place: \040 is a space. */
static void unescape(char *text)
{
	char *out = text;

	for (const char *in = text; *in; in++) {
		if (in[0] == '\\' && in[1] >= '0' && in[1] <= '3' && in[2] >= '0' && in[2] <= '7' &&
		    in[3] >= '0' && in[3] <= '7') {
			*out++ = (char)((in[1] - '0') << 6 | (in[2] - '0') << 3 | (in[3] - '0'));
			in += 3;
		} else {
			*out++ = *in;
		}
	}
	*out = '\0';
}

/* Split a line: "36 35 98:0 /root /point options shared:1 - type source ...". */
static bool split(char *line, char **ret_root, char **ret_point, char **ret_type)
{
	char *rest = line, *root = NULL, *point = NULL, *type;
	char *separator = strstr(line, " - ");

	if (!separator)
		return false;
	*separator = '\0';
	type = separator + 3;
	type[strcspn(type, " \n")] = '\0';
	for (int field = 0; field < 5 && rest; field++) {
		char *word = strsep(&rest, " ");

		if (field == 3)
			root = word;
		else if (field == 4)
			point = word;
	}
	if (!point)
		return false;
	*ret_root = root;
	*ret_point = point;
	*ret_type = type;
	return true;
}

int tw_mounts_find(const char *type, char **ret_path)
{
	_cleanup_fclose_ FILE *file = fopen("/proc/self/mountinfo", "re");
	_cleanup_free_ char *line = NULL;
	_cleanup_free_ char *found = NULL;
	bool found_whole = false;
	size_t size = 0;

	if (!file)
		return -errno;
	while (getline(&line, &size, file) >= 0) {
		char *root, *point, *kind;
		bool whole;

		if (!split(line, &root, &point, &kind) || strcmp(kind, type))
			continue;
		whole = !strcmp(root, "/");
		if (found_whole && !whole)
			continue;
		unescape(point);
		free(found);
		found = strdup(point);
		if (!found)
			return -ENOMEM;
		found_whole = whole;
	}
	if (!feof(file))
		return -errno;
	if (!found)
		return -ENOENT;
	*ret_path = TAKE_PTR(found);
	return 0;
}

bool tw_mounts_at(const char *path)
{
	_cleanup_fclose_ FILE *file = fopen("/proc/self/mountinfo", "re");
	_cleanup_free_ char *line = NULL;
	char *root, *point, *kind;
	size_t size = 0;

	while (file && getline(&line, &size, file) >= 0) {
		if (!split(line, &root, &point, &kind))
			continue;
		unescape(point);
		if (!strcmp(point, path))
			return true;
	}
	return false;
}
