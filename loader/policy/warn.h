/* SPDX-License-Identifier: GPL-2.0-only */
/* What a valid policy may still get wrong. */
#ifndef TW_POLICY_WARN_H
#define TW_POLICY_WARN_H

#include "lib/diag.h"
#include "policy/model.h"

/*
 * Add warnings about a complete model. They rest on nothing but the policies:
 * where a value is left to the system or the application, arithmetic that needs
 * it is left out, and "can never match" is said only where it is certain.
 */
void tw_warn(const struct tw_model *model, struct tw_diags *diags);

/* The same about one policy, but for what others take of its connections. */
void tw_warn_policy(const struct tw_model_policy *policy, struct tw_diags *diags);

#endif
