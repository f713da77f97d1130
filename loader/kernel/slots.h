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

#define TW_MAX_FILLERS 4

/*
 * Fill up to TW_MAX_FILLERS, and return once programs find there what they are
 * to. The kernel lets an update return a grace period later, 10 ms and more
 * (kernel/bpf/syscall.c: maybe_wait_bpf_programs()), which is for those who would
 * use again what was there before; so each update is a process of its own. After a
 * failure some may be filled. Where we end meanwhile, those processes hold our descriptors,
 * and with them the lock, until their call ends. -ETIMEDOUT: nothing is there after 30 s.
 */
int tw_slots_fill(const struct tw_slot *slots, size_t count);

/* Wait for the processes that tw_slots_fill() left. */
void tw_slots_settle(void);

#endif
