/* SPDX-License-Identifier: GPL-2.0-only */
/* Where file systems are mounted, from /proc/self/mountinfo. */
#ifndef TW_LIB_MOUNTS_H
#define TW_LIB_MOUNTS_H

/*
 * The mount point of a file system of type `type`, allocated: the newest mount
 * of its root, or where only parts of it are mounted the newest of those.
 * -ENOENT: there is none.
 */
int tw_mounts_find(const char *type, char **ret_path);

#endif
