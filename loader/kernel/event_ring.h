/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The pinned ring of deaths and what else the kernel tells of, read. It has one reader at a time, who holds an
 * exclusive flock(2) on TW_PIN_DIR: the daemon, or where none runs, `events`.
 */
#ifndef TW_KERNEL_EVENT_RING_H
#define TW_KERNEL_EVENT_RING_H

#include <stdbool.h>

#include <tcpwarden/abi.h>

#include "lib/fault.h"

struct tw_event_ring;

typedef void (*tw_event_fn)(const struct tw_event *event, void *data);

/*
 * Become its reader. -EWOULDBLOCK: there is one; -ENOENT: no ring is pinned,
 * since nothing is attached or this kernel tells of no deaths.
 */
int tw_event_ring_open(tw_event_fn call, void *data, struct tw_event_ring **ret_ring,
		       struct tw_fault *fault);
void tw_event_ring_close(struct tw_event_ring *ring);

/* A descriptor that polls readable while events wait. */
int tw_event_ring_fd(const struct tw_event_ring *ring);

/* Deliver what waits: no more than the ring holds, though more may come meanwhile. */
void tw_event_ring_read(struct tw_event_ring *ring);

/*
 * From now on the kernel tells of these too: a set of enum tw_want. It goes on
 * when the ring is closed, so 0 is for who has no successor, and a new reader
 * says what it wants itself.
 */
int tw_event_ring_want(const struct tw_event_ring *ring, __u32 wants);

/* Whether it is still the one that is pinned; not after a detach. */
bool tw_event_ring_pinned(const struct tw_event_ring *ring);

#endif
