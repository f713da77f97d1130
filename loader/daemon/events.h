/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What happens, told: the daemon reads the kernel's ring, keeps a history, and
 * writes each notice as a line of JSON to those who listen on a Unix stream
 * socket, RUN_DIR/events.sock of mode 0600. Settings, of which there may be very
 * many, are for readers that ask, and no part of the history.
 */
#ifndef TW_DAEMON_EVENTS_H
#define TW_DAEMON_EVENTS_H

#include <stdint.h>

#include "daemon/history.h"
#include "daemon/notice.h"
#include "kernel/cgroup.h"
#include "kernel/maps.h"
#include "lib/fault.h"

#define TW_RUN_DIR	 "/run/tcpwarden"
#define TW_EVENTS_SOCKET "events.sock"

struct event_base;
struct tw_events;

struct tw_events_calls {
	/*
	 * A sweep of this cgroup is due, see TW_EVENT_RESWEEP; NULL: nothing sweeps,
	 * and the kernel is not asked to tell.
	 */
	void (*resweep)(uint64_t cgroup_id, void *data);
	void *data;
};

/* The folder of the socket: `given`, else what systemd made for us (RUNTIME_DIRECTORY), else TW_RUN_DIR. */
const char *tw_events_folder(const char *given);

/*
 * Listen below `run_dir` (made where absent, mode 0755) and read the ring; where
 * a lone reader has it, as soon as that one lets go. NULL: tw_events_folder()
 * has it, and where no socket can be made there a warning will do. `tree` and
 * `maps` are borrowed, `calls` is copied.
 */
int tw_events_open(struct event_base *base, const char *run_dir, const struct tw_cgroup_tree *tree,
		   const struct tw_maps *maps, const struct tw_events_calls *calls,
		   struct tw_events **ret_events, struct tw_fault *fault);
/* Give those who listen what they are owed, as far as they take it at once, and end. */
void tw_events_close(struct tw_events *events);

/* Tell of something now, `at_ns` is filled in; *notice is empty then. `events` may be NULL. */
void tw_events_tell(struct tw_events *events, struct tw_notice *notice);

const struct tw_history *tw_events_history(const struct tw_events *events);

/* Events that readers did not get, because they did not read; in the kernel: tw_events_lost_read(). */
uint64_t tw_events_lost(const struct tw_events *events);

#endif
