// SPDX-License-Identifier: GPL-2.0-only
#include "kernel/current.h"

#include <bpf/bpf.h>
#include <errno.h>

#include <tcpwarden/abi.h>

static int get(int map, uint32_t key, uint64_t *ret_value)
{
	return bpf_map_lookup_elem(map, &key, ret_value) < 0 ? -errno : 0;
}

static int set(int map, uint32_t key, uint64_t value)
{
	return bpf_map_update_elem(map, &key, &value, BPF_ANY) < 0 ? -errno : 0;
}

int tw_current_number(int map, uint64_t *ret_number)
{
	return get(map, TW_CURRENT_NUMBER, ret_number);
}

int tw_current_switch(int map, uint64_t number)
{
	return set(map, TW_CURRENT_NUMBER, number);
}

int tw_current_changing(int map)
{
	uint64_t changes;
	int error = get(map, TW_CURRENT_CHANGES, &changes);

	return error ?: set(map, TW_CURRENT_CHANGES, changes | 1);
}

int tw_current_changed(int map)
{
	uint64_t changes;
	int error = get(map, TW_CURRENT_CHANGES, &changes);

	return error ?: set(map, TW_CURRENT_CHANGES, (changes | 1) + 1);
}
