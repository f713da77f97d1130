// SPDX-License-Identifier: GPL-2.0-only
/* Just enough JSON to ask a document for one value. Positions; NULL: malformed, or not there. */
#include <ctype.h>
#include <stdlib.h>

#include "harness.h"

static const char *skip_value(const char *at);

static const char *skip_space(const char *at)
{
	return at + strspn(at, " \t\r\n");
}

static const char *skip_string(const char *at)
{
	if (*at++ != '"')
		return NULL;
	for (; *at && *at != '"'; at++)
		if (*at == '\\' && !*++at)
			return NULL;
	return *at ? at + 1 : NULL;
}

/* The value of the member that starts at its key. */
static const char *member_value(const char *at)
{
	at = skip_string(at);
	if (!at)
		return NULL;
	at = skip_space(at);
	return *at == ':' ? skip_space(at + 1) : NULL;
}

/* The first member or element of the object or array at `at`; NULL where it is empty. */
static const char *first(const char *at)
{
	at = skip_space(at + 1);
	return *at == '}' || *at == ']' ? NULL : at;
}

/* The member or element after the one whose value ends at `at`; NULL where it was the last. */
static const char *next(const char *at)
{
	at = skip_space(at);
	return *at == ',' ? skip_space(at + 1) : NULL;
}

static const char *skip_container(const char *at)
{
	bool is_object = *at == '{';
	const char *end = skip_space(at + 1);

	for (const char *item = first(at); item; item = next(end)) {
		const char *value = is_object ? member_value(item) : item;

		end = value ? skip_value(value) : NULL;
		if (!end)
			return NULL;
	}
	end = skip_space(end);
	return *end == (is_object ? '}' : ']') ? end + 1 : NULL;
}

static const char *skip_value(const char *at)
{
	size_t len;

	if (*at == '"')
		return skip_string(at);
	if (*at == '{' || *at == '[')
		return skip_container(at);
	len = strcspn(at, " \t\r\n,]}");
	return len ? at + len : NULL;
}

/* Whether the string at `at` is exactly these characters. */
static bool string_is(const char *at, const char *text, size_t len)
{
	return *at == '"' && !strncmp(at + 1, text, len) && at[len + 1] == '"';
}

static const char *find_member(const char *at, const char *key, size_t len)
{
	if (!at || *at != '{')
		return NULL;
	for (const char *item = first(at); item; item = next(skip_value(member_value(item))))
		if (string_is(item, key, len))
			return member_value(item);
	return NULL;
}

/* The element of an array of objects whose `name` is this. */
static const char *find_named(const char *at, const char *name, size_t len)
{
	if (!at || *at != '[')
		return NULL;
	for (const char *item = first(at); item; item = next(skip_value(item))) {
		const char *value = find_member(item, "name", 4);

		if (value && string_is(value, name, len))
			return item;
	}
	return NULL;
}

static const char *find(const char *json, const char *path)
{
	const char *at = skip_space(json);

	if (!tw_json_valid(json))
		return NULL;
	while (at && *path) {
		size_t len = strcspn(path, ".[");

		if (*path == '[') {
			len = strcspn(++path, "]");
			at = find_named(at, path, len);
			path += len + 1;
		} else {
			at = find_member(at, path, len);
			path += len;
		}
		path += *path == '.';
	}
	return at;
}

bool tw_json_valid(const char *json)
{
	const char *end = skip_value(skip_space(json));

	return end && !*skip_space(end);
}

bool tw_json_has(const char *json, const char *path)
{
	return find(json, path) != NULL;
}

bool tw_json_null(const char *json, const char *path)
{
	const char *at = find(json, path);

	if (!at)
		FAIL("no %s in %s", path, json);
	return !strncmp(at, "null", 4);
}

static const char *find_number(const char *json, const char *path)
{
	const char *at = find(json, path);

	if (!at || (*at != '-' && !isdigit((unsigned char)*at)))
		FAIL("no number %s in %s", path, json);
	return at;
}

long long tw_json_int(const char *json, const char *path)
{
	return strtoll(find_number(json, path), NULL, 10);
}

double tw_json_real(const char *json, const char *path)
{
	return strtod(find_number(json, path), NULL);
}

bool tw_json_bool(const char *json, const char *path)
{
	const char *at = find(json, path);

	if (!at || (strncmp(at, "true", 4) && strncmp(at, "false", 5)))
		FAIL("no true or false %s in %s", path, json);
	return *at == 't';
}

char *tw_json_string(const char *json, const char *path)
{
	const char *at = find(json, path);

	if (!at || *at != '"')
		FAIL("no string %s in %s", path, json);
	return tw_format("%.*s", (int)(skip_string(at) - at - 2), at + 1);
}
