/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef TW_TESTS_TIME_CASES_H
#define TW_TESTS_TIME_CASES_H

#include <stdbool.h>
#include <stddef.h>

#include "net.h"

#define CASES_CGROUP "/time"

/* Policy of a case: none at all, or the one that is built into the binary. */
#define CASES_PLAIN   NULL
#define CASES_DEFAULT ""

enum outcome {
	OUTCOME_ANSWERED,  /* the other end answers */
	OUTCOME_RESET,	   /* who speaks is told that the connection is gone */
	OUTCOME_HALF_OPEN, /* the server is told; the client hears nothing for another hour */
};

/* A connection that idles, and then one end speaks. */
struct idle_case {
	const char *name;
	const char *what;
	enum net_router router;
	const char *policy; /* YAML of one policy's keys, CASES_PLAIN or CASES_DEFAULT */
	double idle;	    /* seconds */
	bool server_speaks;
	enum outcome outcome;
};

/* Connections whose peer vanishes. Times are from the last sign of life, in seconds. */
struct death_case {
	const char *name;
	const char *what;
	const char *policy;
	bool busy;	  /* data is in flight: the client writes once the peer is gone */
	double dies;	  /* at the earliest; an eighth later and a second at the latest */
	double first;	  /* idle: when the first probe leaves, at the earliest */
	int probes;	  /* idle: at least so many leave without an answer */
	bool just_probes; /* ... and no more than that */
	size_t conns;	  /* made one after the other, to meet the timer wheel at other phases */
};

extern const struct idle_case idle_cases[];
extern const size_t idle_cases_n;
extern const struct death_case death_cases[];
extern const size_t death_cases_n;

/* Called once the case has its world and its connections and from there on only waits. */
typedef void (*ready_fn)(void);

/*
 * Each runs in a process of its own, and prints one line of JSON and one "ok NAME" or
 * "FAIL NAME: why". Returns whether it was as expected.
 */
bool idle_case_run(const struct idle_case *c, ready_fn ready);
bool death_case_run(const struct death_case *c, ready_fn ready);

#endif
