/* SPDX-License-Identifier: GPL-2.0-only */
/* The paths of cgroups by their ids, as the tree is now: of all, or of one. */
#ifndef TW_KERNEL_CGROUP_NAMES_H
#define TW_KERNEL_CGROUP_NAMES_H

#include <stddef.h>
#include <stdint.h>

#include "kernel/cgroup.h"
#include "lib/buf.h"

struct tw_cgroup_names {
	struct tw_cgroup_name *list; /* sorted by id */
	size_t count;
	size_t size;
	struct tw_buf paths;
};

#define TW_CGROUP_NAMES_INIT ((struct tw_cgroup_names){ 0 })

int tw_cgroup_names_read(const struct tw_cgroup_tree *tree, struct tw_cgroup_names *ret_names);
void tw_cgroup_names_free(struct tw_cgroup_names *names);
#define _cleanup_cgroup_names_ _cleanup_(tw_cgroup_names_free)

/* NULL: it was removed, came since, or is deeper than policies can select. 0 is the root. */
const char *tw_cgroup_names_find(const struct tw_cgroup_names *names, uint64_t id);

/*
 * The path of one cgroup, allocated: by its handle (name_to_handle_at(2)), which
 * takes CAP_DAC_READ_SEARCH, else by walking the tree. -ENOENT: it was removed,
 * or is deeper than policies can select and was walked for. 0 is the root.
 */
int tw_cgroup_path_of(const struct tw_cgroup_tree *tree, uint64_t id, char **ret_path);

#endif
