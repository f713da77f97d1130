/* SPDX-License-Identifier: GPL-2.0-only */
/* The ring that tells user space of what happens, and how much it may carry. */
#ifndef TW_EVENTS_BPF_H
#define TW_EVENTS_BPF_H

#include "maps.bpf.h"

#define NS_PER_SECOND 1000000000ULL

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, TW_EVENTS_RING);
} tw_events SEC(".maps");

/* What a policy told of in the second that is under way. */
struct tw_window {
	__u64 second;
	__u64 told;
};

/* By counter. Each object has its own: settings do not use up what deaths may tell. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, TW_MAX_COUNTERS + 1);
	__type(key, __u32);
	__type(value, struct tw_window);
} tw_windows SEC(".maps");

static __always_inline void tw_lose(__u32 loss)
{
	__u64 *lost = bpf_map_lookup_elem(&tw_events_lost, &loss);

	if (lost)
		__sync_fetch_and_add(lost, 1);
}

/* CPUs that race may tell of a few more. */
static __always_inline bool tw_may_tell(__u32 counter, __u64 now_ns)
{
	struct tw_window *window = bpf_map_lookup_elem(&tw_windows, &counter);
	__u64 second = now_ns / NS_PER_SECOND;

	if (!window)
		return false;
	if (window->second != second) {
		window->second = second;
		window->told = 0;
	}
	if (window->told >= TW_EVENTS_PER_SECOND)
		return false;
	__sync_fetch_and_add(&window->told, 1);
	return true;
}

#endif
