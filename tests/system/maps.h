/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What is in tcpwarden's maps, asked of the kernel by plain system calls while
 * it runs: cheap enough to be asked in a loop. What fails, fails the test.
 */
#ifndef TW_SYSTEM_MAPS_H
#define TW_SYSTEM_MAPS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/* The number of the generation in force. */
uint64_t tw_generation_now(void);

/* What the reader of events asks the kernel for: enum tw_want. */
uint32_t tw_wanted_now(void);

/* Whether the generation in force knows the cgroup with this id by an element of its own. */
bool tw_cgroup_known(uint64_t id);
uint64_t tw_cgroup_id_of(const char *path);

/* How many cgroups it knows. */
unsigned tw_cgroups_known(void);

/* Fill its map of cgroups with ids that no cgroup has; how many that took. */
unsigned tw_cgroups_fill(void);

/*
 * What a loader leaves that is killed in the midst of a change: it said that one
 * is under way, and took this cgroup's element away.
 */
void tw_cgroup_half_forgotten(uint64_t id);

/* The inner maps of generations on this machine: tests that run beside this one have some too. */
unsigned tw_inner_maps(void);

/* What a process, the pins, and the maps that stand in them have, and what it takes of the kernel's memory. */
struct tw_maps_held {
	unsigned maps;
	uint64_t bytes;
};
struct tw_maps_held tw_maps_held(pid_t pid);

#endif
