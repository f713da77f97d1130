// SPDX-License-Identifier: GPL-2.0-only
#include "policy/reader.h"

#include <errno.h>
#include <string.h>

#include "lib/buf.h"
#include "lib/utf8.h"

#define SHOWN_TEXT 64 /* bytes of a text that a message quotes */

const char *tw_shown_text(const char *text, char buf[static TW_SHOWN_LEN])
{
	static const char bare[] = "0123456789abcdefghijklmnopqrstuvwxyz";
	size_t len = tw_utf8_clip(text, SHOWN_TEXT);
	const char *quote = strchr("-0123456789", *text) ? "" : "\"";

	if (!*text || text[1 + strspn(text + 1, bare)])
		quote = "\"";
	snprintf(buf, TW_SHOWN_LEN, "%s%.*s%s%s", quote, (int)len, text, text[len] ? "..." : "",
		 quote);
	return buf;
}

const char *tw_shown(const struct tw_node *node, char buf[static TW_SHOWN_LEN])
{
	if (node->kind == TW_NODE_LIST)
		return "a list";
	if (node->kind == TW_NODE_MAP)
		return "a map";
	if (node->absent)
		return "nothing";
	return tw_shown_text(node->text, buf);
}

bool tw_is_name(const char *text)
{
	static const char alnum[] = "abcdefghijklmnopqrstuvwxyz0123456789";
	static const char all[] = "abcdefghijklmnopqrstuvwxyz0123456789-";
	size_t len = strlen(text);

	return len >= 1 && len < TW_NAME_LEN && strspn(text, all) == len &&
	       strchr(alnum, text[0]) && strchr(alnum, text[len - 1]);
}

const char *tw_read_text(struct tw_reader *reader, const struct tw_node *node, const char *what)
{
	char shown[TW_SHOWN_LEN];

	if (node->kind == TW_NODE_SCALAR && *node->text)
		return node->text;
	tw_read_error(reader, node->mark, "%s must be text, got %s", what, tw_shown(node, shown));
	return NULL;
}

static int unknown_key(struct tw_reader *reader, const struct tw_entry *entry, const char *what,
		       const struct tw_key *keys, size_t count)
{
	_cleanup_buf_ struct tw_buf known = TW_BUF_INIT;

	for (size_t i = 0; i < count; i++)
		if (tw_buf_addf(&known, "%s%s", i ? ", " : "", keys[i].name) < 0)
			return -ENOMEM;
	tw_read_error(reader, entry->key_mark, "unknown key \"%.*s\" in %s (known: %s)",
		      (int)tw_utf8_clip(entry->key, SHOWN_TEXT), entry->key, what,
		      tw_buf_string(&known));
	return 0;
}

static int read_entry(struct tw_reader *reader, const struct tw_entry *entry, const char *what,
		      const struct tw_key *keys, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (!strcmp(keys[i].name, entry->key))
			return keys[i].read(reader, &entry->value);
	return unknown_key(reader, entry, what, keys, count);
}

static bool has_key(const struct tw_node *node, const char *key)
{
	for (size_t i = 0; i < node->count; i++)
		if (!strcmp(node->entries[i].key, key))
			return true;
	return false;
}

int tw_read_map(struct tw_reader *reader, const struct tw_node *node, const char *what,
		const struct tw_key *keys, size_t count)
{
	char shown[TW_SHOWN_LEN];

	if (node->kind != TW_NODE_MAP) {
		tw_read_error(reader, node->mark, "%s must be a map, got %s", what,
			      tw_shown(node, shown));
		return 0;
	}
	for (size_t i = 0; i < count; i++)
		if (keys[i].required && !has_key(node, keys[i].name))
			tw_read_error(reader, node->mark, "%s has no \"%s\"", what, keys[i].name);
	for (size_t i = 0; i < node->count; i++) {
		int r = read_entry(reader, &node->entries[i], what, keys, count);

		if (r < 0)
			return r;
	}
	return 0;
}

static bool check_items(struct tw_reader *reader, const struct tw_node *node, const char *what,
			size_t limit)
{
	char shown[TW_SHOWN_LEN];

	if (node->kind != TW_NODE_LIST) {
		tw_read_error(reader, node->mark, "%s must be text or a list of texts, got %s",
			      what, tw_shown(node, shown));
		return false;
	}
	if (!node->count) {
		tw_read_error(reader, node->mark, "%s is an empty list; leave it out to match all",
			      what);
		return false;
	}
	if (node->count > limit) {
		tw_read_error(reader, node->entries[limit].value.mark,
			      "more than %zu elements in %s", limit, what);
		return false;
	}
	return true;
}

int tw_read_items(struct tw_reader *reader, const struct tw_node *node, const char *what,
		  size_t limit, size_t size, void **ret_items, tw_read_fn read)
{
	bool one = node->kind == TW_NODE_SCALAR && !node->absent;

	if (!one && !check_items(reader, node, what, limit))
		return 0;
	*ret_items = calloc(one ? 1 : node->count, size);
	if (!*ret_items)
		return -ENOMEM;
	if (one)
		return read(reader, node);
	for (size_t i = 0; i < node->count; i++) {
		int r = read(reader, &node->entries[i].value);

		if (r < 0)
			return r;
	}
	return 0;
}
