/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Audits in the event loop: which open sockets are what their policies make of
 * them, as `sockets` says it. One network namespace a turn of the loop. Never
 * by the clock: after each full sweep, and when someone asks and the last one is
 * old.
 */
#ifndef TW_DAEMON_AUDITOR_H
#define TW_DAEMON_AUDITOR_H

#include <stdint.h>

#include "daemon/enforcer.h"
#include "policy/verdict.h"

#define TW_AUDIT_SECONDS 60 /* an audit older than that is made anew when someone asks */

/* Of all sockets that could be looked at; those that listen are under `none`. */
struct tw_audit {
	uint64_t generation; /* that was audited; 0: none yet */
	uint64_t at_ns;	     /* CLOCK_REALTIME */
	uint64_t sockets[TW_VERDICTS];
	uint32_t policy[TW_MAX_POLICIES][TW_VERDICTS];
};

struct event_base;
struct tw_auditor;

/* Of what `enforcer` published, which is borrowed. -ENOMEM. */
int tw_auditor_open(struct event_base *base, const struct tw_enforcer *enforcer,
		    struct tw_auditor **ret_auditor);
void tw_auditor_close(struct tw_auditor *auditor);

/* Begin one, where none is under way. `auditor` may be NULL. */
void tw_auditor_start(struct tw_auditor *auditor);

/* Someone asks: begin one where the last is older than TW_AUDIT_SECONDS, or of another generation. */
void tw_auditor_refresh(struct tw_auditor *auditor, uint64_t generation);

/* The last one that came to its end; it may be of an earlier generation. */
const struct tw_audit *tw_auditor_last(const struct tw_auditor *auditor);

#endif
