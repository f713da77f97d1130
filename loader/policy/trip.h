/* SPDX-License-Identifier: GPL-2.0-only */
/* `guard`: which policies tripped on this node, as far as the pinned state tells. */
#ifndef TW_POLICY_TRIP_H
#define TW_POLICY_TRIP_H

#include <tcpwarden/abi.h>

#include "policy/model.h"

/* The policy of that name whose canonical text has that digest; NULL: there is none. */
const struct tw_loaded_policy *tw_trip_find(const struct tw_loaded *loaded, const char *name,
					    const __u64 digest[static 2]);

/*
 * The policies of `model` whose guard tripped: those that `loaded`, what was in
 * force before, says so of, and that have not changed since. -ENOMEM.
 */
int tw_trip_of(const struct tw_loaded *loaded, const struct tw_model *model,
	       struct tw_set *ret_tripped);

#endif
