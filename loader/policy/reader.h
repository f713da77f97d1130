/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What a schema is made of: tables of keys, lists, and text, read from a
 * located tree. What is wrong goes to the diagnostics and the reading goes on;
 * functions return 0 or -ENOMEM.
 */
#ifndef TW_POLICY_READER_H
#define TW_POLICY_READER_H

#include "lib/diag.h"
#include "policy/model.h"
#include "policy/tree.h"

struct tw_reader {
	struct tw_diags *diags;
	struct tw_model *model;
	struct tw_model_policy *policy; /* the one being read, the model's last */
};

typedef int (*tw_read_fn)(struct tw_reader *reader, const struct tw_node *value);

struct tw_key {
	const char *name;
	tw_read_fn read;
	bool required;
};

/* Read a map by its table; `what` names the map in messages. */
int tw_read_map(struct tw_reader *reader, const struct tw_node *node, const char *what,
		const struct tw_key *keys, size_t count);

/*
 * Read one text or a list of them: check that there are 1 to `limit`, store
 * zeroed memory for all in *ret_items, and call `read` for each. *ret_items may
 * be set even where a later item fails.
 */
int tw_read_items(struct tw_reader *reader, const struct tw_node *node, const char *what,
		  size_t limit, size_t size, void **ret_items, tw_read_fn read);

/* The text of a scalar; where it is none or empty NULL, and that is reported. */
const char *tw_read_text(struct tw_reader *reader, const struct tw_node *node, const char *what);

/* Whether the text can name a policy or a cohort. */
bool tw_is_name(const char *text);
#define TW_NAME_RULE "1..63 of a-z, 0-9 and \"-\", starting and ending with a letter or a digit"

#define TW_SHOWN_LEN 80 /* room for any value as messages show it, and its NUL */

/* A value as messages show it: 0, 500ms, "some text", a list, nothing. Cut where it is long. */
const char *tw_shown(const struct tw_node *node, char buf[static TW_SHOWN_LEN]);
const char *tw_shown_text(const char *text, char buf[static TW_SHOWN_LEN]);

#define tw_read_error(reader, mark, ...) \
	tw_diags_add((reader)->diags, TW_ERROR, (mark), __VA_ARGS__)

#endif
