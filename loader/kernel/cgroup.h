/* SPDX-License-Identifier: GPL-2.0-only */
/* The cgroup2 tree: where it is mounted, what is in it. cgroups(7). */
#ifndef TW_KERNEL_CGROUP_H
#define TW_KERNEL_CGROUP_H

#include <stdint.h>

#include "lib/fault.h"

/* Paths in the tree start with "/", its root; policies and options name cgroups so. */
struct tw_cgroup_tree {
	int fd;	     /* the mount point, O_PATH */
	char *mount; /* its path, for messages */
};

#define TW_CGROUP_TREE_INIT ((struct tw_cgroup_tree){ .fd = -1 })

/* Pure (/sys/fs/cgroup) or hybrid (/sys/fs/cgroup/unified): found by type. -ENOENT: none mounted. */
int tw_cgroup_tree_open(struct tw_cgroup_tree *ret_tree, struct tw_fault *fault);
void tw_cgroup_tree_close(struct tw_cgroup_tree *tree);
#define _cleanup_cgroup_tree_ _cleanup_(tw_cgroup_tree_close)

/* A descriptor of the cgroup at `path`, readable; -ENOENT, -ENOTDIR. */
int tw_cgroup_open(const struct tw_cgroup_tree *tree, const char *path, int *ret_fd);

/* The kernel's id of an open cgroup: st_ino, which is kernfs_node.id on 64 bits. */
int tw_cgroup_id(int fd, uint64_t *ret_id);

/* The components of a path: 0 for "/". */
unsigned tw_cgroup_depth(const char *path);

/*
 * Call `visit` for the cgroup at `path` and each below it, parents first, down
 * to the depth that policies can select (TW_MAX_CGROUP_DEPTH components). A
 * cgroup that vanishes meanwhile is passed over; one that we may not look into
 * is called for, and what is below it is not. Ends early on a negative result,
 * which it returns.
 */
typedef int (*tw_cgroup_visit)(const char *path, uint64_t id, void *data);
int tw_cgroup_walk(const struct tw_cgroup_tree *tree, const char *path, tw_cgroup_visit visit,
		   void *data);

#endif
