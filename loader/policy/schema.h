/* SPDX-License-Identifier: GPL-2.0-only */
/* The policy language: from the located tree of a file to the model. */
#ifndef TW_POLICY_SCHEMA_H
#define TW_POLICY_SCHEMA_H

#include "lib/diag.h"
#include "policy/model.h"
#include "policy/tree.h"

/*
 * Append the policies of one file to `model`, in which names are unique and
 * TW_MAX_POLICIES hold. `mode: observe` of the file sets model->observe; it is
 * for the caller to spread it over the policies once all files are read.
 *
 * 0, or -EINVAL where something is wrong: all of it is in `diags`, and the model
 * is good for nothing but the next file's check and tw_model_free(). -ENOMEM.
 */
int tw_schema_read(const struct tw_node *root, struct tw_diags *diags, struct tw_model *model);

#endif
