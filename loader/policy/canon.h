/* SPDX-License-Identifier: GPL-2.0-only */
/* The canonical form of a policy: what is pinned with its generation, and digested. */
#ifndef TW_POLICY_CANON_H
#define TW_POLICY_CANON_H

#include <stddef.h>

#include <linux/types.h>

#include "lib/buf.h"
#include "policy/model.h"

#define TW_DIGEST_LEN 33 /* 32 hex digits and a NUL */

/*
 * Append the canonical form: YAML that tw_policy_parse() reads back into an
 * equal model, one spelling for each meaning (comments, key order, spellings
 * of durations and prefixes change nothing). -ENOMEM.
 */
int tw_canon_write(const struct tw_model *model, struct tw_buf *buf);

/*
 * The digest of one policy's part of it. `all_observe` is model->observe: a file's
 * mode does not change it. -ENOMEM.
 */
int tw_canon_policy_digest(const struct tw_model_policy *policy, bool all_observe,
			   __u64 ret_digest[static 2]);

/* XXH3-128 (libxxhash) of the text, high half first. */
void tw_canon_digest(const char *text, size_t len, __u64 ret_digest[static 2]);
const char *tw_digest_format(const __u64 digest[static 2], char buf[static TW_DIGEST_LEN]);

#endif
