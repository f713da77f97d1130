/* SPDX-License-Identifier: GPL-2.0-only */
/* A compiled policy, put in force: fresh maps filled, then one switch. */
#ifndef TW_KERNEL_GENERATION_H
#define TW_KERNEL_GENERATION_H

#include <stdint.h>

#include "kernel/cgroup_sets.h"
#include "kernel/program.h"
#include "lib/fault.h"
#include "policy/compile.h"

/* What a generation is made of, but for its number. */
struct tw_generation_source {
	struct tw_compiled *compiled;
	struct tw_cgroup_scope scope; /* its model is what was compiled */
	uint64_t attach_cgroup;	      /* id of scope.attach_path */
};

/* The generation in force, as its owner holds it. */
struct tw_generation_live {
	uint64_t number;
	int generation; /* its map of policies */
	/* its map of cgroup sets: cgroups that come and go change it; `current` is the maps' */
	struct tw_cgroup_elements cgroups;
};

#define TW_GENERATION_LIVE_INIT \
	((struct tw_generation_live){ .generation = -1, .cgroups = { -1, -1 } })

void tw_generation_live_close(struct tw_generation_live *live);

/*
 * Publish a generation: fill maps that no program sees, then store its number
 * into tw_current. Whatever fails before that store leaves the running
 * generation as it is, and *live too. Policies keep their counters by name. The slot that is
 * filled was left a grace period ago, which this waits for.
 */
int tw_generation_publish(const struct tw_maps *maps, const struct tw_generation_source *source,
			  struct tw_generation_live *live, struct tw_fault *fault);

/* The policies in force, of the slot that tw_current names now. Takes CAP_SYS_ADMIN. -ENOENT: none. */
int tw_generation_read(const struct tw_maps *maps, struct tw_generation *ret_generation);

/* The policies of the generation that this process published. Takes no privilege. */
int tw_generation_read_live(const struct tw_generation_live *live,
			    struct tw_generation *ret_generation);

#endif
