/* SPDX-License-Identifier: GPL-2.0-only */
/* The map tw_current: which generation is in force, and that it is being changed. */
#ifndef TW_KERNEL_CURRENT_H
#define TW_KERNEL_CURRENT_H

#include <stdint.h>

/* The number of the generation in force; 0: none. */
int tw_current_number(int map, uint64_t *ret_number);

/*
 * A change of what bpf/answers.bpf.h makes its answers of: the generation in
 * force, and its map of cgroups. From its begin to its end, and for good where
 * that does not come, the programs look at all of it themselves. There is one
 * writer, who holds the lock.
 */
struct tw_change {
	uint64_t *current; /* enum tw_current */
};

/* -ENOMEM: there is none, and nothing is to be changed. */
int tw_change_begin(int map, struct tw_change *ret_change);
void tw_change_number(const struct tw_change *change, uint64_t number);
void tw_change_end(struct tw_change *change);

#endif
