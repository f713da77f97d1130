/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The ways that are compared. tcpwarden is attached to `one`, `ten` and `max`,
 * where 1, 10 and 256 policies meet in a cgroup: all but the last select
 * another port, address or direction (tests/bench/run writes them). A depth is
 * counted from the cgroup that tcpwarden is attached to. In `find` no policy
 * wins; of `find/new` tcpwarden was not told, so its ancestors are tried. In
 * `elsewhere` 255 of 256 policies select other cgroups, and `nobody` is selected by none.
 */
#include "bench.h"
#include "lib/cleanup.h"

#define DEEP_5	"/2/3/4/5"
#define DEEP_10 DEEP_5 "/6/7/8/9/10"

const struct tw_variant tw_variants[] = {
	{ "bare", "bare", "bare/a", .compared = true },
	{ "empty", "an empty sockops program", "empty/a", .app = 0 },

	{ "both_1_d1", "tcpwarden, 1 policy, depth 1", "one/both", .carries = TW_BOTH,
	  .compared = true },
	{ "four_1_d1", "the same, no user timeout", "one/four", .carries = TW_BOTH, .four = true,
	  .compared = true },
	{ "both_1_d5", "tcpwarden, 1 policy, depth 5", "one/both" DEEP_5, .carries = TW_BOTH },
	{ "both_1_d10", "tcpwarden, 1 policy, depth 10", "one/both" DEEP_10, .carries = TW_BOTH },
	{ "both_10_d1", "tcpwarden, 10 policies, depth 1", "ten/both", .carries = TW_BOTH },
	{ "both_10_d5", "tcpwarden, 10 policies, depth 5", "ten/both" DEEP_5, .carries = TW_BOTH },
	{ "both_10_d10", "tcpwarden, 10 policies, depth 10", "ten/both" DEEP_10,
	  .carries = TW_BOTH },
	{ "both_256_d1", "tcpwarden, 256 policies, depth 1", "max/both", .carries = TW_BOTH },
	{ "both_256_d5", "tcpwarden, 256 policies, depth 5", "max/both" DEEP_5,
	  .carries = TW_BOTH },
	{ "both_256_d10", "tcpwarden, 256 policies, depth 10", "max/both" DEEP_10,
	  .carries = TW_BOTH },

	{ "out", "tcpwarden, connecting end", "one/out", .carries = TW_CONNECTING,
	  .compared = true },
	{ "in", "tcpwarden, accepted end", "one/in", .carries = TW_ACCEPTED, .compared = true },

	{ "nobody_1_d5", "no policy here, 5 elsewhere, depth 5", "one/nobody" DEEP_5, .app = 0 },
	{ "nobody_256_d5", "no policy here, 256 elsewhere, depth 5", "elsewhere/nobody" DEEP_5,
	  .app = 0 },
	{ "none_1_d5", "no policy matches, 1 of 1 tried, depth 5", "one/find" DEEP_5, .app = 0 },
	{ "none_10_d5", "no policy matches, 9 of 10 tried, depth 5", "ten/find" DEEP_5, .app = 0 },
	{ "none_256_d5", "no policy matches, 255 of 256, depth 5", "max/find" DEEP_5, .app = 0 },
	{ "none_new_d5", "the same, the cgroup not yet known", "max/find/new/3/4/5", .app = 0 },
	{ "already_1_d5", "already right, 1 policy, depth 5", "one/both" DEEP_5,
	  .app = TW_CONNECTING | TW_LISTENER, .carries = TW_BOTH, .above = "nobody_1_d5" },
	{ "already_elsewhere_d5", "already right, 255 elsewhere, depth 5", "elsewhere/both" DEEP_5,
	  .app = TW_CONNECTING | TW_LISTENER, .carries = TW_BOTH, .above = "nobody_256_d5" },
	{ "already_256_d5", "already right, 256 policies, depth 5", "max/both" DEEP_5,
	  .app = TW_CONNECTING | TW_LISTENER, .carries = TW_BOTH, .above = "none_256_d5" },

	{ "app", "the application, both ends", "bare/a", .app = TW_BOTH, .carries = TW_BOTH,
	  .compared = true },
	{ "app_out", "the application, connecting end", "bare/a", .app = TW_CONNECTING,
	  .carries = TW_CONNECTING, .compared = true },
	{ "app_in", "the application, accepted end", "bare/a", .app = TW_ACCEPTED,
	  .carries = TW_ACCEPTED, .compared = true },
	{ "app_listener", "the application, listener (inherited)", "bare/a", .app = TW_LISTENER,
	  .carries = TW_ACCEPTED },
	{ "app_out_listener", "the application, connecting and listener", "bare/a",
	  .app = TW_CONNECTING | TW_LISTENER, .carries = TW_BOTH },

	{ "libkeepalive", "LD_PRELOAD libkeepalive (no user timeout)", "bare/a", .carries = TW_BOTH,
	  .preload = "libkeepalive.so.0", .four = true, .compared = true },
	{ "libdontdie", "LD_PRELOAD libdontdie (no user timeout)", "bare/a", .carries = TW_BOTH,
	  .preload = "libdontdie.so.0", .four = true, .compared = true },
};

const size_t tw_variant_count = ARRAY_SIZE(tw_variants);
