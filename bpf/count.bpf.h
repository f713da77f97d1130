/* SPDX-License-Identifier: GPL-2.0-only */
/* What happened, counted: sockets by outcome, failures by site and errno. */
#ifndef TW_COUNT_BPF_H
#define TW_COUNT_BPF_H

#include "maps.bpf.h"

/*
 * Count a failure; `error` is a helper's negative result. Global, as all
 * functions here that are not inline: the verifier then follows it once, not
 * once for each path that leads to it.
 */
__attribute__((noinline)) int tw_count_error(__u32 site, int error)
{
	struct tw_error key = { .site = site, .error = -error };
	__u64 none = 0;
	__u64 *count;

	count = bpf_map_lookup_elem(&tw_errors, &key);
	if (!count) {
		/* -EEXIST: another CPU made it; -E2BIG: a full map has its errors uncounted. */
		bpf_map_update_elem(&tw_errors, &key, &none, BPF_NOEXIST);
		count = bpf_map_lookup_elem(&tw_errors, &key);
	}
	if (count)
		__sync_fetch_and_add(count, 1);
	return 0;
}

static __always_inline void tw_count_socket(__u32 counter, enum tw_direction direction,
					    enum tw_outcome outcome)
{
	__u32 key = counter * TW_DIRECTIONS + direction;
	struct tw_counts *counts = bpf_map_lookup_elem(&tw_counters, &key);

	if (counts)
		counts->sockets[outcome]++;
}

#endif
