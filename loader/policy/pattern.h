/* SPDX-License-Identifier: GPL-2.0-only */
/* Patterns for paths in the cgroup tree, as match.cgroup has them. */
#ifndef TW_POLICY_PATTERN_H
#define TW_POLICY_PATTERN_H

#include <stdbool.h>
#include <stddef.h>

/* Whether `pattern` names `path` or an ancestor of it; each component may hold shell wildcards. */
bool tw_cgroup_covers(const char *pattern, const char *path);

/* Whether `pattern` may name `path` or something below it. */
bool tw_cgroup_may_cover(const char *pattern, const char *path);

/* How many components a path or a pattern has. */
size_t tw_pattern_depth(const char *path);

#endif
