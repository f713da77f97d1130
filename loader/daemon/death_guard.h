/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The guards of policies: counts the connections that die under each, and where
 * one sees more in a minute than it may, lets it observe on this node. Deaths
 * are counted from when the policy came, or this process. Wakes up only while a
 * policy that enforces here has a guard.
 */
#ifndef TW_DAEMON_DEATH_GUARD_H
#define TW_DAEMON_DEATH_GUARD_H

#include <stdint.h>

#include "daemon/enforcer.h"

struct event_base;
struct tw_death_guard;

/* Guards tripped, and a generation in which their policies observe is in force. */
struct tw_death_guard_calls {
	/* For each of them: it saw `deaths` in the last minute. */
	void (*tripped)(const struct tw_model_policy *policy, uint64_t deaths, void *data);
	/* Once, after all of them. */
	void (*switched)(void *data);
	void *data;
};

/* `enforcer` is borrowed, `calls` is copied. */
int tw_death_guard_open(struct event_base *base, struct tw_enforcer *enforcer,
			const struct tw_death_guard_calls *calls, struct tw_death_guard **ret_guard,
			struct tw_fault *fault);
void tw_death_guard_close(struct tw_death_guard *guard);

/* Another policy is in force: watch its guards. Those that did not change go on. */
void tw_death_guard_refresh(struct tw_death_guard *guard);

#endif
