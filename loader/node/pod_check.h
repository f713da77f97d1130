/* SPDX-License-Identifier: GPL-2.0-only */
/* Whether policies can select by pod on this node. */
#ifndef TW_NODE_POD_CHECK_H
#define TW_NODE_POD_CHECK_H

#include "kernel/cgroup.h"
#include "kernel/features.h"
#include "node/pods.h"
#include "policy/model.h"

/* One check, `pods`; `tree` is NULL where there is none. */
void tw_pod_check(struct tw_pods *pods, const struct tw_cgroup_tree *tree,
		  const struct tw_model *model, struct tw_check *ret_check);

#endif
