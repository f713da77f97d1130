/* SPDX-License-Identifier: GPL-2.0-only */
/* Whether one policy takes all that another could match. */
#ifndef TW_POLICY_COVER_H
#define TW_POLICY_COVER_H

#include <stdbool.h>

#include "policy/model.h"

/*
 * Whether each connection that `inner` matches, `outer` matches too. True only
 * where it is certain: cgroup patterns are compared component by component, and
 * two different wildcards count as not covering one another, unless the outer
 * is `*`. Prefixes and ports are exact, several of the outer's together too.
 */
bool tw_policy_covers(const struct tw_model_policy *outer, const struct tw_model_policy *inner);

#endif
