/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef TW_LIB_JSON_H
#define TW_LIB_JSON_H

#include <jansson.h>

/* A JSON string; bytes that are not UTF-8 (a file may have any name) become '?'. NULL gives null. */
json_t *tw_json_text(const char *text);

static inline void tw_json_decrefp(json_t **json)
{
	json_decref(*json);
}
#define _cleanup_json_ __attribute__((cleanup(tw_json_decrefp)))

#endif
