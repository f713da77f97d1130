// SPDX-License-Identifier: GPL-2.0-only
#include "policy/pattern.h"

#include <fnmatch.h>
#include <string.h>

#include <tcpwarden/abi.h>

/* A part of a path between slashes. */
struct component {
	const char *name;
	size_t len;
};

/* The component at *path, which is stepped behind; false at the end. */
static bool next_component(const char **path, struct component *ret_component)
{
	const char *name = *path;

	while (*name == '/')
		name++;
	*path = strchrnul(name, '/');
	*ret_component = (struct component){ name, (size_t)(*path - name) };
	return *name;
}

static bool copy_name(const struct component *component, char name[static TW_PATH_LEN])
{
	if (component->len >= TW_PATH_LEN)
		return false;
	memcpy(name, component->name, component->len);
	name[component->len] = '\0';
	return true;
}

static bool is_special(char c)
{
	return c == '*' || c == '?' || c == '[' || c == '\\';
}

/* As fnmatch(3) has it, which is asked only from the first wildcard on, and seldom gets there. */
static bool matches(struct component pattern, struct component path)
{
	char wanted[TW_PATH_LEN], name[TW_PATH_LEN];

	while (pattern.len && !is_special(*pattern.name)) {
		if (!path.len || *pattern.name != *path.name)
			return false;
		pattern = (struct component){ pattern.name + 1, pattern.len - 1 };
		path = (struct component){ path.name + 1, path.len - 1 };
	}
	if (!pattern.len)
		return !path.len;
	if (pattern.len == 1 && *pattern.name == '*')
		return true;
	return copy_name(&pattern, wanted) && copy_name(&path, name) &&
	       fnmatch(wanted, name, 0) == 0;
}

bool tw_cgroup_covers(const char *pattern, const char *path)
{
	struct component wanted, component;

	while (next_component(&pattern, &wanted))
		if (!next_component(&path, &component) || !matches(wanted, component))
			return false;
	return true;
}

bool tw_cgroup_may_cover(const char *pattern, const char *path)
{
	struct component wanted, component;

	while (next_component(&path, &component))
		if (!next_component(&pattern, &wanted) || !matches(wanted, component))
			return false;
	return true;
}

size_t tw_pattern_depth(const char *path)
{
	struct component component;
	size_t depth = 0;

	while (next_component(&path, &component))
		depth++;
	return depth;
}
