/* SPDX-License-Identifier: GPL-2.0-only */
/* What `explain` prints of one connection, thought of or live. */
#ifndef TW_CLI_EXPLAIN_OUTPUT_H
#define TW_CLI_EXPLAIN_OUTPUT_H

#include "cli/output.h"
#include "lib/diag.h"
#include "policy/explain.h"
#include "policy/timing.h"

struct tw_explanation {
	const struct tw_model *model;
	struct tw_pod pod; /* of the connection's cgroup; borrowed */
	struct tw_answer answer;
	struct tw_options options; /* effective: what results, or what the live socket has */
	struct tw_timing_system system;
	struct tw_timing timing;
	struct tw_diags warnings;
};

#define TW_EXPLANATION_INIT ((struct tw_explanation){ .answer = TW_ANSWER_INIT })

void tw_explanation_free(struct tw_explanation *explanation);
#define _cleanup_explanation_ _cleanup_(tw_explanation_free)

/* The document of DESIGN.md, section 3; NULL: no memory. */
json_t *tw_explanation_json(const struct tw_explanation *explanation);

/* For people; `head` is the first line. -ENOMEM. */
int tw_explanation_print(const struct tw_explanation *explanation, const char *head);

#endif
