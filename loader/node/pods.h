/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The pods of this node, by what the kubelet leaves on its disk: below the root
 * of pod logs it makes <namespace>_<name>_<uid>, before it runs the sandbox. No
 * API server is asked.
 */
#ifndef TW_NODE_PODS_H
#define TW_NODE_PODS_H

#include <stdbool.h>
#include <stddef.h>

#include "node/pod_path.h"
#include "policy/pod.h"

#define TW_POD_LOGS "/var/log/pods"
#define TW_MAX_PODS 4096 /* that are known at once; a kubelet runs 110 by default */

struct tw_pods;

/*
 * Read the folders below `root`. -ENOMEM; where they cannot be read no pod is
 * known, and tw_pods_read() says why.
 */
int tw_pods_open(const char *root, struct tw_pods **ret_pods);
void tw_pods_close(struct tw_pods *pods);

/*
 * Read them again. -ENOENT, -ENOTDIR: the root is not there, and no pod is known; other
 * errors leave what was known.
 */
int tw_pods_read(struct tw_pods *pods);

/*
 * The pod that a cgroup belongs to. Two folders that name the same UID
 * differently make it unknown. One that is not known is remembered for
 * tw_pods_next_known(). The strings are valid until the next tw_pods_read().
 */
struct tw_pod tw_pods_of(struct tw_pods *pods, const char *cgroup);

/* The same as a tw_pod_of_fn; `data` is the struct tw_pods. */
struct tw_pod tw_pods_of_fn(const char *cgroup, void *data);

#define TW_POD_TEXT_LEN (TW_POD_NAMESPACE_LEN + TW_POD_NAME_LEN)

/* "namespace/name" of the cgroup's pod, or NULL: it is no pod's, or not known. */
const char *tw_pods_name(struct tw_pods *pods, const char *cgroup,
			 char buf[static TW_POD_TEXT_LEN]);

/*
 * A pod's own cgroup that was asked for in vain and is known by now, allocated; each is told
 * once. NULL: none (more).
 */
char *tw_pods_next_known(struct tw_pods *pods);

/* Whether too many were asked for in vain to remember them: compile all cgroups again. Once. */
bool tw_pods_forgot(struct tw_pods *pods);

/* The tree changed unseen: forget all cgroups that were asked for in vain, before it is read again. */
void tw_pods_ask_again(struct tw_pods *pods);

/* A cgroup was removed: do not wait for its pod any more. */
void tw_pods_gone(struct tw_pods *pods, const char *cgroup);

struct tw_pods_counts {
	size_t known;	/* folders of pods */
	size_t waiting; /* pods' cgroups that were asked for in vain */
	size_t met;	/* cgroups of pods that were asked for, ever */
	int error;	/* of the last read, as tw_pods_read() */
	bool full;	/* there are more than TW_MAX_PODS */
};
struct tw_pods_counts tw_pods_counts(const struct tw_pods *pods);

const char *tw_pods_root(const struct tw_pods *pods);

#endif
