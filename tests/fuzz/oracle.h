/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What a policy means, said a second time and as plainly as can be: no sets, no
 * maps, no bits. Nothing here is shared with match.h and compile.c, and nothing
 * knows of fuzzing, so that vectors for real sockets can be judged by it too.
 */
#ifndef TW_TESTS_ORACLE_H
#define TW_TESTS_ORACLE_H

#include <stdbool.h>
#include <stddef.h>

#include "lib/endpoint.h"
#include "policy/model.h"

struct oracle_connection {
	const char *node;      /* the name of the one it is on */
	const char *cgroup;    /* "/" is the root */
	const char *namespace; /* of the pod that the cgroup is of; NULL: it is of none */
	const char *pod;
	enum tw_direction direction;
	struct tw_endpoint local;
	struct tw_endpoint remote;
};

/* Whether it may change anything on a node: mode, and a rollout that is all or nothing here. */
bool oracle_enforces(const struct tw_model_policy *policy);

bool oracle_matches(const struct tw_model_policy *policy,
		    const struct oracle_connection *connection);

/* The first policy that matches and enforces; TW_MAX_POLICIES: none. */
size_t oracle_winner(const struct tw_model *model, const struct oracle_connection *connection);

/* A socket's values as the oracle knows them. */
struct oracle_socket {
	struct tw_options now;	  /* effective */
	struct tw_options sysctl; /* of its namespace; 0 for keepalive and user timeout */
	/* What we wrote and when, as far as we know: */
	bool wrote[TW_FIELDS];
	__u32 wrote_value[TW_FIELDS];
	bool had[TW_FIELDS]; /* the application had set it when we wrote */
	__u32 had_value[TW_FIELDS];
};

/* What a policy makes of a socket, if it may. */
struct oracle_result {
	struct tw_options want;
	enum tw_outcome outcome;
};

/* A policy NULL lets go of all that is ours. The socket itself stays as it is. */
struct oracle_result oracle_plan(const struct oracle_socket *socket,
				 const struct tw_policy *policy);
/* Carry it out. */
void oracle_apply(struct oracle_socket *socket, const struct tw_policy *policy);
/* The application calls setsockopt(), and nobody is asked. */
void oracle_set(struct oracle_socket *socket, enum tw_field field, __u32 value);
/*
 * The same on a socket under a policy that has a say in it, strictest or policy.
 * With `follow` the user timeout follows the timers at once.
 */
void oracle_ask(struct oracle_socket *socket, const struct tw_policy *policy, enum tw_field field,
		__u32 value, bool follow);

#endif
