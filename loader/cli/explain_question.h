/* SPDX-License-Identifier: GPL-2.0-only */
/* What `explain` is asked: its arguments, and what they are answered from. */
#ifndef TW_CLI_EXPLAIN_QUESTION_H
#define TW_CLI_EXPLAIN_QUESTION_H

#include <sys/types.h>

#include "cli/command.h"
#include "kernel/node_limits.h"
#include "lib/endpoint.h"
#include "lib/fault.h"
#include "node/pods.h"
#include "policy/compile.h"

struct tw_explain_question {
	const struct tw_args *args;
	pid_t pid; /* 0: none */
	char *cgroup;
	struct tw_pods *pods; /* NULL: a file is asked, not this node */
	char *attached_to;    /* NULL: the policy is of a file */
	enum tw_direction direction;
	struct tw_endpoint local;
	struct tw_endpoint remote;
	struct tw_model model;
	struct tw_place place;
	struct tw_compiled compiled;
	struct tw_node_limits limits;
};

void tw_explain_free(struct tw_explain_question *explain);
#define _cleanup_explain_ _cleanup_(tw_explain_free)

/*
 * Read `args`, find the process and the policy, and compile it. What is wrong is
 * said. With --pid this process is in that one's network namespace afterwards.
 */
enum tw_exit tw_explain_ask(struct tw_explain_question *explain);

/* Both ends given, and no file: a connection that is there. */
bool tw_explain_is_live(const struct tw_explain_question *explain);
/* A process without more: all that it has open. */
bool tw_explain_wants_sockets(const struct tw_explain_question *explain);

/* The pod of a cgroup, as far as it can be known. */
struct tw_pod tw_explain_pod_of(const struct tw_explain_question *explain, const char *cgroup);

/* Say what was asked for that cannot be. */
enum tw_exit tw_explain_refuse(const struct tw_fault *fault);

#endif
