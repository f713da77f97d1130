/* SPDX-License-Identifier: GPL-2.0-only */
/* Why a connection has the policy that it has: the sets of a generation, read aloud. */
#ifndef TW_POLICY_EXPLAIN_H
#define TW_POLICY_EXPLAIN_H

#include <stdbool.h>
#include <stddef.h>

#include <tcpwarden/abi.h>

#include "lib/endpoint.h"
#include "policy/compile.h"
#include "policy/model.h"

/* A connection, as far as it is known. A policy that selects by what is not known does not match. */
struct tw_question {
	const char *cgroup;	 /* path in the cgroup2 tree, normal */
	struct tw_pod pod;	 /* that the cgroup belongs to */
	const char *attached_to; /* NULL: everywhere */
	const char *node;	 /* its name, as the policies are compiled for; NULL: not known */
	enum tw_direction direction;
	const struct tw_endpoint *local;  /* NULL: not known */
	const struct tw_endpoint *remote; /* NULL: not known */
};

struct tw_considered {
	size_t policy; /* its number in the model */
	bool matched;
	char *why;
};

struct tw_answer {
	/*
	 * In order: those before the winner and the winner, or where there is none, all;
	 * where it is pending, those up to the one that may take it.
	 */
	struct tw_considered *considered;
	size_t count;
	size_t winner; /* a policy number, or TW_MAX_POLICIES: none */
	bool pending;  /* left alone: whether the last one considered takes it is not known yet */
	bool observed; /* a policy that matched only observes */
};

#define TW_ANSWER_INIT ((struct tw_answer){ .winner = TW_MAX_POLICIES })

void tw_answer_free(struct tw_answer *answer);
#define _cleanup_answer_ _cleanup_(tw_answer_free)

/* `compiled` is of `model`. -ENOMEM. */
int tw_explain(const struct tw_model *model, const struct tw_compiled *compiled,
	       const struct tw_question *question, struct tw_answer *ret_answer);

/*
 * The effective values of a connection that the application left as the system
 * made it: `fresh`, and what the answer's policy writes.
 */
struct tw_options tw_explain_options(const struct tw_compiled *compiled,
				     const struct tw_answer *answer,
				     const struct tw_options *fresh);

#endif
