/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef TW_LIB_PATH_H
#define TW_LIB_PATH_H

#include <stdbool.h>

/*
 * An absolute path with one slash before each component and none at the end,
 * allocated: "/a//b/" is "/a/b", "/" stays. NULL: errno is EINVAL where it is
 * not absolute or has a `.` or `..` component, or ENOMEM.
 */
char *tw_path_normal(const char *path);

/* Whether `path` is `folder` or below it; both normal. */
bool tw_path_is_below(const char *path, const char *folder);

#endif
