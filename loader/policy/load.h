/* SPDX-License-Identifier: GPL-2.0-only */
/* From a policy file, or a folder of them, to a checked model. */
#ifndef TW_POLICY_LOAD_H
#define TW_POLICY_LOAD_H

#include "lib/diag.h"
#include "policy/model.h"

#define TW_MAX_POLICY_FILE  (1024 * 1024 - 1) /* bytes; 1 MiB and more is refused */
#define TW_MAX_POLICY_FILES 256		      /* *.yaml in a folder */

/* The policy embedded in the binary (deploy/policies/default.yaml), and the name diagnostics give it. */
extern const char tw_default_policy[];
#define TW_DEFAULT_POLICY_NAME "(embedded)"

/*
 * Load `path` (a file, or a folder whose *.yaml are read in name order as one
 * list), or the embedded default where it is NULL. All errors go to `diags`,
 * and where there are none the warnings, each with its excerpt.
 *
 * 0: *ret_model is complete, no error was added. -EINVAL: see diags. Other
 * errors (-ENOENT, -EACCES, ...): also in diags, with line 0 where the file
 * could not be read at all. -ENOMEM: not in diags.
 */
int tw_policy_load(const char *path, struct tw_diags *diags, struct tw_model *ret_model);

/* The same for text in memory, of any length; `name` is what diagnostics call it. */
int tw_policy_parse(const char *name, const char *text, size_t len, struct tw_diags *diags,
		    struct tw_model *ret_model);

#endif
