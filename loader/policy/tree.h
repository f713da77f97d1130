/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A YAML document as a tree whose every node and key knows where it stands.
 * Scalars are text as written: nothing is made of `60:10:3`, `on` or `0x10`.
 */
#ifndef TW_POLICY_TREE_H
#define TW_POLICY_TREE_H

#include <stddef.h>

#include "lib/diag.h"

#define TW_MAX_TREE_DEPTH 16 /* lists and maps within one another; policies use 5 */
#define TW_MAX_TREE_KEYS  64 /* keys of one map; policies use 8 */

enum tw_node_kind {
	TW_NODE_SCALAR,
	TW_NODE_LIST,
	TW_NODE_MAP,
};

struct tw_node {
	enum tw_node_kind kind;
	struct tw_mark mark;
	char *text;		  /* of a scalar, UTF-8 without NUL bytes; else NULL */
	bool absent;		  /* a scalar of which nothing is written, as in `key:` */
	struct tw_entry *entries; /* of a list or a map, in the order of the file */
	size_t count;
};

/* An element of a list, or a key of a map and its value. */
struct tw_entry {
	char *key; /* NULL in a list */
	struct tw_mark key_mark;
	struct tw_node value;
};

#define TW_NODE_INIT ((struct tw_node){ 0 })

void tw_node_free(struct tw_node *node);
#define _cleanup_node_ _cleanup_(tw_node_free)

/*
 * Parse `len` bytes as one YAML document. `name` is borrowed by all marks. What
 * is refused, with its place: what is not UTF-8 or not YAML, NUL bytes, an empty
 * file, a second document, aliases, anchors and tags, nesting past
 * TW_MAX_TREE_DEPTH, more than TW_MAX_TREE_KEYS keys in a map, a key that is
 * not text, a key that stands twice.
 *
 * 0: *ret_root is complete. -EINVAL: see diags. -ENOMEM.
 */
int tw_tree_parse(const char *name, const char *text, size_t len, struct tw_diags *diags,
		  struct tw_node *ret_root);

#endif
