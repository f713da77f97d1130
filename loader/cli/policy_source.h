/* SPDX-License-Identifier: GPL-2.0-only */
/* The policy that a command is about: of a file, or what the kernel enforces now. */
#ifndef TW_CLI_POLICY_SOURCE_H
#define TW_CLI_POLICY_SOURCE_H

#include <stdbool.h>

#include "lib/fault.h"
#include "policy/compile.h"
#include "policy/model.h"

/* Load a file or folder and print what is to be said of it. -EINVAL and so on: it is not valid. */
int tw_policy_source_file(const char *path, struct tw_model *ret_model);

/*
 * The policy in force, from the kernel, the cgroup that we are attached to
 * (allocated), and the node that it is compiled for. -ENOENT: nothing is attached.
 */
int tw_policy_source_kernel(struct tw_model *ret_model, char **ret_attached_to,
			    struct tw_place *ret_place, struct tw_fault *fault);

/*
 * The node that a policy of a file is compiled for: with no name given the one
 * that the running policy is compiled for, where that can be read, else what
 * tw_node_name() says. No guard has tripped. -EINVAL: see tw_node_name().
 */
int tw_policy_source_place(const char *node_name, struct tw_place *ret_place,
			   struct tw_fault *fault);

#endif
