/* SPDX-License-Identifier: GPL-2.0-only */
/* bpf/sweep.bpf.c, loaded: walks over the TCP sockets of a network namespace. */
#ifndef TW_KERNEL_ITERATOR_H
#define TW_KERNEL_ITERATOR_H

#include <stdbool.h>

#include <tcpwarden/abi.h>

#include "kernel/netns.h"
#include "kernel/program.h"
#include "kernel/records.h"
#include "lib/fault.h"

struct tw_sweep_bpf__bss;

struct tw_iterator_options {
	bool pinned;	/* on the maps that enforce; else on maps of its own, empty ones */
	bool restore;	/* sweeps let go of everything */
	bool read_only; /* no sweep even where the kernel allows it */
};

/* Its descriptors are all that is kept. Initialise with TW_ITERATOR_INIT. */
struct tw_iterator {
	struct tw_maps maps;
	struct tw_records records;
	int listeners;	  /* see bpf/sweep.bpf.c */
	int program;	  /* -1: not open, and there are no maps */
	int remaining[2]; /* the programs that count records there; -1: not to restore */
	struct tw_sweep_bpf__bss *bss;
	bool writes; /* TW_ITERATOR_SWEEP is there, and TW_ITERATOR_LIST is not; or the reverse */
};

#define TW_ITERATOR_INIT                                   \
	((struct tw_iterator){ .records = TW_RECORDS_INIT, \
			       .listeners = -1,            \
			       .program = -1,              \
			       .remaining = { -1, -1 } })

enum tw_iterator_kind {
	TW_ITERATOR_SWEEP,
	TW_ITERATOR_LIST,
};

int tw_iterator_open(const struct tw_iterator_options *options, struct tw_iterator *ret_iterator,
		     struct tw_fault *fault);
void tw_iterator_close(struct tw_iterator *iterator);

/* Begin to walk through all namespaces anew: what was known of listeners may be old. */
int tw_iterator_begin(struct tw_iterator *iterator);

/* See tw_sweep_begin(). */
void tw_iterator_first_pass(struct tw_iterator *iterator, bool first);

/* A descriptor to read(2) a walk over `ns` from; 1 where it holds no TCP sockets. */
int tw_iterator_walk(struct tw_iterator *iterator, enum tw_iterator_kind kind,
		     const struct tw_netns *ns, int *ret_walk);

/*
 * Call `visit` for each socket of `ns`, listening ones first. Ends early on a
 * negative result, which it returns. 1: the namespace holds no TCP sockets.
 */
typedef int (*tw_socket_visit)(const struct tw_socket *socket, void *data);
int tw_iterator_list(struct tw_iterator *iterator, const struct tw_netns *ns, tw_socket_visit visit,
		     void *data);

/* Since it was opened. */
struct tw_sweep_counts tw_iterator_sweep_counts(const struct tw_iterator *iterator);

/* Sockets with a record in all namespaces, but for orphans; of one opened to restore. */
int tw_iterator_remaining(struct tw_iterator *iterator, __u64 *ret_sockets);

#endif
