/* SPDX-License-Identifier: GPL-2.0-only */
/* Where file systems are mounted, from /proc/self/mountinfo. */
#ifndef TW_LIB_MOUNTS_H
#define TW_LIB_MOUNTS_H

#include <stdbool.h>

/*
 * The mount point of a file system of type `type`, allocated: the newest mount
 * of its root, or where only parts of it are mounted the newest of those.
 * -ENOENT: there is none.
 */
int tw_mounts_find(const char *type, char **ret_path);

/* Whether something is mounted at exactly `path`; false too where that cannot be read. */
bool tw_mounts_at(const char *path);

#endif
