// SPDX-License-Identifier: GPL-2.0-only
#include "lib/json.h"

#include <string.h>

#include "lib/cleanup.h"

json_t *tw_json_text(const char *text)
{
	_cleanup_free_ char *safe = NULL;
	json_t *string;

	if (!text)
		return json_null();
	string = json_string(text);
	if (string)
		return string;
	safe = strdup(text);
	for (char *c = safe; safe && *c; c++)
		if (*c & 0x80)
			*c = '?';
	return safe ? json_string(safe) : NULL;
}
