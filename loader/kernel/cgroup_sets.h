/* SPDX-License-Identifier: GPL-2.0-only */
/* The map of a generation that gives each known cgroup the policies that select it. */
#ifndef TW_KERNEL_CGROUP_SETS_H
#define TW_KERNEL_CGROUP_SETS_H

#include <stdint.h>

#include "kernel/cgroup.h"
#include "policy/model.h"
#include "policy/pod.h"

/* Which cgroups have elements: those at and below `attach_path`. */
struct tw_cgroup_scope {
	const struct tw_model *model;
	const struct tw_cgroup_tree *tree;
	const char *attach_path;
	tw_pod_of_fn pod_of; /* whose pod a cgroup is */
	void *pods;	     /* its data */
};

/* A generation's map, as it is changed. */
struct tw_cgroup_elements {
	int map;
	int current; /* where changes are counted, see kernel/current.h */
};

/* Make the map and fill it from the tree; there is room for TW_MAX_CGROUPS. */
int tw_cgroup_sets_make(const struct tw_cgroup_scope *scope, int *ret_map);

/*
 * Give a cgroup its own element, also where it has one. 1: its policies are
 * others than those that its parent gives it, which its sockets met so far. 0:
 * they are the same; also for one outside the scope, or too deep to be selected, which gets none. -E2BIG: the map is full, and the cgroup goes on
 * with its ancestor's policies.
 */
int tw_cgroup_sets_put(const struct tw_cgroup_elements *elements,
		       const struct tw_cgroup_scope *scope, const char *path, uint64_t id);

/* Give one that has an element, and all below it, their elements anew: its pod became known. */
int tw_cgroup_sets_renew(const struct tw_cgroup_elements *elements,
			 const struct tw_cgroup_scope *scope, const char *path);

/* Forget a cgroup; 0 also where it was not known. */
int tw_cgroup_sets_remove(const struct tw_cgroup_elements *elements, uint64_t id);

/* Make the map agree with the tree, after changes that nobody told us of. */
int tw_cgroup_sets_sync(const struct tw_cgroup_elements *elements,
			const struct tw_cgroup_scope *scope);

/* How many cgroups have an element of their own. */
int tw_cgroup_sets_count(int map, uint32_t *ret_count);

#endif
