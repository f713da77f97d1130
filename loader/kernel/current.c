// SPDX-License-Identifier: GPL-2.0-only
#include "kernel/current.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <sys/mman.h>

#include <tcpwarden/abi.h>

#define SIZE (TW_CURRENTS * sizeof(uint64_t))

int tw_current_number(int map, uint64_t *ret_number)
{
	uint32_t key = TW_CURRENT_NUMBER;

	return bpf_map_lookup_elem(map, &key, ret_number) < 0 ? -errno : 0;
}

/* By memory and not by bpf(2), which copies bytes: the programs may read at any time. */
static void store(const struct tw_change *change, enum tw_current key, uint64_t value)
{
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	__atomic_store_n(&change->current[key], value, __ATOMIC_SEQ_CST);
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
}

int tw_change_begin(int map, struct tw_change *ret_change)
{
	struct tw_change change = { .current = mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_SHARED,
						    map, 0) };

	if (change.current == MAP_FAILED)
		return -errno;
	store(&change, TW_CURRENT_CHANGES, change.current[TW_CURRENT_CHANGES] | 1);
	*ret_change = change;
	return 0;
}

void tw_change_number(const struct tw_change *change, uint64_t number)
{
	store(change, TW_CURRENT_NUMBER, number);
}

void tw_change_end(struct tw_change *change)
{
	store(change, TW_CURRENT_CHANGES, change->current[TW_CURRENT_CHANGES] + 1);
	munmap(change->current, SIZE);
	change->current = NULL;
}
