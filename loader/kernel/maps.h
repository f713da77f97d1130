/* SPDX-License-Identifier: GPL-2.0-only */
/* The maps of bpf/maps.bpf.h in an object: where they are pinned, and their descriptors. */
#ifndef TW_KERNEL_MAPS_H
#define TW_KERNEL_MAPS_H

#include <stdbool.h>

#include "lib/fault.h"

struct bpf_object;

/* Descriptors of the shared maps. */
struct tw_maps {
	int current;
	int generations;
	int cgroups;
	int prefixes;
	int port_sets;
	int counters;
	int swept;
	int tallies;
	int events_lost;
	int wanted;
	int errors;
	int watches;
	int loaded;
	int texts;
	int state;
};

/*
 * Before the object is loaded: let it use the pinned maps, made where they are
 * not there. Not `pinned`: maps of its own, empty, that vanish with it; but the
 * socket records, where there are any, since they say whose a value is.
 */
int tw_maps_pin(struct bpf_object *object, bool pinned, struct tw_fault *fault);

/*
 * After it is loaded: descriptors of our own, so that the object with all that
 * libbpf keeps of it may go. On failure there are none.
 */
int tw_maps_take(const struct bpf_object *object, struct tw_maps *ret_maps);
void tw_maps_close(struct tw_maps *maps);

/* The same of one descriptor, to be closed; or a negative errno. */
int tw_descriptor_take(int fd);

#endif
