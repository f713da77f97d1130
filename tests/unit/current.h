/* SPDX-License-Identifier: GPL-2.0-only */
/* A map as tw_current is, for what counts its changes there. */
#ifndef TW_TESTS_CURRENT_H
#define TW_TESTS_CURRENT_H

#include <bpf/bpf.h>
#include <stdint.h>

#include <tcpwarden/abi.h>

/* -1 where that is not allowed. */
static inline int unit_current(void)
{
	LIBBPF_OPTS(bpf_map_create_opts, opts, .map_flags = BPF_F_MMAPABLE);

	return bpf_map_create(BPF_MAP_TYPE_ARRAY, "tw_current", sizeof(uint32_t), sizeof(uint64_t),
			      TW_CURRENTS, &opts);
}

static inline uint64_t unit_changes(int map)
{
	uint32_t key = TW_CURRENT_CHANGES;
	uint64_t changes;

	assert_int_equal(bpf_map_lookup_elem(map, &key, &changes), 0);
	return changes;
}

#endif
