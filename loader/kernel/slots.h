/* SPDX-License-Identifier: GPL-2.0-only */
/* Inner maps put into maps of maps. */
#ifndef TW_KERNEL_SLOTS_H
#define TW_KERNEL_SLOTS_H

#include <stddef.h>
#include <stdint.h>

struct tw_slot {
	int outer; /* descriptor of the map of maps */
	uint32_t key;
	int inner; /* of what it shall hold there */
};

/*
 * Fill them all. Each update waits in the kernel for a grace period, 10 ms and
 * more (kernel/bpf/syscall.c: maybe_wait_bpf_programs()); made at once, by a
 * process each, they wait for the same one. After a failure some may be filled.
 * Where we are killed meanwhile, those hold our descriptors, and with them the
 * lock, until their call ends.
 */
int tw_slots_fill(const struct tw_slot *slots, size_t count);

#endif
