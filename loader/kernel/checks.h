/* SPDX-License-Identifier: GPL-2.0-only */
/* Everything that `doctor` looks at, for those who show it. */
#ifndef TW_KERNEL_CHECKS_H
#define TW_KERNEL_CHECKS_H

#include <stddef.h>

#include "kernel/errors.h"
#include "kernel/features.h"
#include "kernel/node_limits.h"
#include "policy/model.h"

#define TW_MAX_ALL_CHECKS (TW_MAX_CHECKS + 3 + TW_MAX_NODE_CHECKS)

/* What is looked at besides the machine itself. */
struct tw_check_subject {
	const struct tw_model *model;	      /* the policy that the node is compared with */
	const char *which;		      /* it, for people: "the policy in force" */
	const struct tw_error_counts *errors; /* of the BPF programs; NULL: nothing is loaded */
};

/*
 * What BPF offers here, then the node and its policy, then what went wrong so
 * far; the number of checks. It loads small BPF programs, which takes a tenth of
 * a second.
 */
size_t tw_checks_run(const struct tw_check_subject *subject,
		     struct tw_check ret_checks[static TW_MAX_ALL_CHECKS]);

/* "ok", "degraded", "missing". */
const char *tw_check_status_name(enum tw_check_status status);

#endif
