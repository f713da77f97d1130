// SPDX-License-Identifier: GPL-2.0-only
#include "lib/path.h"

#include <errno.h>
#include <string.h>

#include "lib/cleanup.h"

char *tw_path_normal(const char *path)
{
	_cleanup_free_ char *normal = malloc(strlen(path) + 2);
	char *out = normal;

	if (!normal)
		return NULL;
	errno = EINVAL;
	if (*path != '/')
		return NULL;
	while (*path) {
		size_t len;

		path += strspn(path, "/");
		len = strcspn(path, "/");
		if ((len == 1 && path[0] == '.') || (len == 2 && path[0] == '.' && path[1] == '.'))
			return NULL;
		if (len) {
			*out++ = '/';
			memcpy(out, path, len);
			out += len;
		}
		path += len;
	}
	if (out == normal)
		*out++ = '/';
	*out = '\0';
	return TAKE_PTR(normal);
}

bool tw_path_is_below(const char *path, const char *folder)
{
	size_t len = strlen(folder);

	if (!strcmp(folder, "/"))
		return true;
	return !strncmp(path, folder, len) && (!path[len] || path[len] == '/');
}
