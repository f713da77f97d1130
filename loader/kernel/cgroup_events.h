/* SPDX-License-Identifier: GPL-2.0-only */
/* The kernel tells of cgroups that come and go: bpf/cgroups.bpf.c, read. */
#ifndef TW_KERNEL_CGROUP_EVENTS_H
#define TW_KERNEL_CGROUP_EVENTS_H

#include <stdbool.h>

#include <tcpwarden/abi.h>

#include "lib/fault.h"

struct tw_cgroup_events;

/*
 * Called for each event; `path` is NULL where the kernel's was too long, `at_ns`
 * (CLOCK_MONOTONIC) 0 where the time is not known.
 */
typedef void (*tw_cgroup_event_fn)(enum tw_cgroup_event_kind kind, const char *path, __u64 id,
				   __u64 at_ns, void *data);

/*
 * Be told of cgroups at and below `attach_cgroup` that policies can select.
 * Attaches to the tracepoints cgroup_mkdir and cgroup_rmdir, for as long as this
 * process lives: nothing of it is pinned. Fails where the kernel or our
 * capabilities do not allow it, and the caller falls back on inotify.
 */
int tw_cgroup_events_open(__u64 attach_cgroup, tw_cgroup_event_fn call, void *data,
			  struct tw_cgroup_events **ret_events, struct tw_fault *fault);
void tw_cgroup_events_close(struct tw_cgroup_events *events);

/* A descriptor that polls readable while events wait. */
int tw_cgroup_events_fd(const struct tw_cgroup_events *events);

/* Deliver what waits: no more than the ring holds. True: events were lost, so the tree is to be read again. */
bool tw_cgroup_events_read(struct tw_cgroup_events *events);

#endif
