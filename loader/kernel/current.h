/* SPDX-License-Identifier: GPL-2.0-only */
/* The map tw_current: which generation is in force, and that it is being changed. */
#ifndef TW_KERNEL_CURRENT_H
#define TW_KERNEL_CURRENT_H

#include <stdint.h>

/* The number of the generation in force; 0: none. */
int tw_current_number(int map, uint64_t *ret_number);
int tw_current_switch(int map, uint64_t number);

/*
 * Before and after a change of what bpf/answers.bpf.h makes its answers of: in
 * between, and after the first alone, the programs look at all of it themselves.
 */
int tw_current_changing(int map);
int tw_current_changed(int map);

#endif
