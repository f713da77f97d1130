/* SPDX-License-Identifier: GPL-2.0-only */
/* The generation in force. */
#ifndef TW_GENERATION_BPF_H
#define TW_GENERATION_BPF_H

#include "maps.bpf.h"

/*
 * Read once an event: the slot stays the event's own even if a switch happens
 * meanwhile, and what is in it stays until a grace period later.
 */
static __always_inline __u64 tw_current_number(void)
{
	__u32 key = TW_CURRENT_NUMBER;
	__u64 *number = bpf_map_lookup_elem(&tw_current, &key);

	return number ? *(volatile __u64 *)number : 0;
}

static __always_inline __u32 tw_current_slot(void)
{
	return tw_current_number() % TW_SLOTS;
}

/* NULL where no generation was ever put there. */
static __always_inline struct tw_generation *tw_generation_at(__u32 slot)
{
	__u32 zero = 0;
	void *map = bpf_map_lookup_elem(&tw_generations, &slot);

	return map ? bpf_map_lookup_elem(map, &zero) : NULL;
}

#endif
