/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Open sockets of every kind that a sweep meets, and what `tcpwarden sockets`
 * says of each. What fails, fails the test.
 */
#ifndef TW_SYSTEM_SAMPLES_H
#define TW_SYSTEM_SAMPLES_H

#include <stddef.h>

#include "harness.h"
#include "net.h"

/* `auto` for a socket that has nothing of its own: L = 100 + 4 x 10 = 140 s, and L / 8. */
#define TW_SAMPLES_POLICY "- {name: all, keepalive: 100s:10s:5, user_timeout: auto}\n"
#define TW_SAMPLES_ASKED  1, 100, 10, 5, 157500

enum tw_sample_kind {
	TW_SAMPLE_CONNECTION,
	TW_SAMPLE_LISTENER,
	TW_SAMPLE_WAITING, /* not accepted yet: in no descriptor table */
	TW_SAMPLE_OUTSIDE, /* of a cgroup above the attach point */
};

/* Who a socket is in the output of `sockets`. */
struct tw_identity {
	long long netns;
	char local[64];
	char remote[64]; /* "": listening, or the kernel does not tell yet */
};

struct tw_sample {
	const char *what;
	enum tw_sample_kind kind;
	int fd; /* -1: TW_SAMPLE_WAITING */
	const char *state;
	const char *direction; /* NULL: it listens */
	struct tw_identity identity;
	struct tw_values own;	/* without tcpwarden */
	struct tw_values asked; /* under TW_SAMPLES_POLICY */
};

#define TW_SAMPLES_MAX 128

struct tw_samples {
	struct tw_sample list[TW_SAMPLES_MAX];
	size_t count;
};

/* One of each kind, in the network namespace that this process is in; ports 7000 to 7100. */
struct tw_samples *tw_samples_make(void);
/* A connection with both ends at the attach point. */
struct tw_pair tw_sample_pair(const char *address);
/* What TW_SAMPLES_POLICY makes of a socket whose application left it with `own`. */
struct tw_values tw_samples_asked(struct tw_values own);

struct tw_identity tw_identity(int fd);

/* The output of `sockets --json`, line by line. */
struct tw_listing {
	char **line;
	size_t count;
};
/* Run it with these arguments; each line must be JSON, and the exit status 0. */
struct tw_listing tw_listing(const char *const *args);
#define TW_SOCKETS(...) tw_listing(ARGS("sockets", "--json", ##__VA_ARGS__))
/* The socket's line; NULL: it has none. */
const char *tw_listing_find(const struct tw_listing *listing, const struct tw_identity *identity);
/* The same of a descriptor, which must have one. */
const char *tw_listing_of(const struct tw_listing *listing, int fd);
struct tw_values tw_line_values(const char *line);

void tw_check_values(const char *file, int line, const char *what, struct tw_values actual,
		     struct tw_values expected);
#define CHECK_VALUES(what, actual, expected) \
	tw_check_values(__FILE__, __LINE__, what, actual, expected)

/* --- the sweep --- */

/* How often a full sweep ended so far. */
unsigned tw_swept(const struct tw_process *daemon);
/* As tw_enforce(), but returns when the first sweep ended. */
struct tw_process tw_enforce_swept(const char *policy);
/* Give it another policy file, whole, and wait for the sweep that follows. */
void tw_change_swept(const struct tw_process *daemon, const char *file);
/* `run --once` at the attach point with this list of policies: its log. */
char *tw_sweep_once(const char *policy);
/*
 * An orphan's FIN timer is its keepalive timer. It holds the full socket for
 * what tcp_fin_timeout is over 60 s, then only what TIME_WAIT needs remains: from
 * now on so long, in this network namespace, that the sweep of a slow machine comes first.
 */
void tw_orphans_last(void);
/*
 * From 5.15 on the kernel's iterator of sockets may set options and read what
 * is remembered of a socket; before, descriptors are the only way.
 */
bool tw_kernel_iterates(void);
/* Whether it went by the descriptors of processes, as its log has it. */
bool tw_by_descriptors(const char *log);
/* From now on sweeps go by descriptors on any kernel. */
void tw_force_descriptors(void);

/* A process that stays in that cgroup (NULL: ours), in our network namespace, with our descriptors. */
pid_t tw_stay(const char *cgroup);
/* An empty folder over /run/netns, for this test alone. */
void tw_own_run_netns(void);
/* Name the network namespace that we are in by a bind mount in /run/netns. */
void tw_name_netns(const char *name);

#endif
