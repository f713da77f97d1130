// SPDX-License-Identifier: GPL-2.0-only
#include "kernel/memlock.h"

#include <errno.h>
#include <linux/bpf.h>
#include <sys/resource.h>
#include <sys/syscall.h>

#include "lib/cleanup.h"

/* Not bpf_map_create(): libbpf would lift the limit first. */
static int make_map(void)
{
	union bpf_attr attr = {
		.map_type = BPF_MAP_TYPE_ARRAY,
		.key_size = 4,
		.value_size = 4,
		.max_entries = 1,
	};

	return (int)syscall(SYS_bpf, BPF_MAP_CREATE, &attr, sizeof(attr));
}

/*
 * Whether a map fits into a limit of nothing: as bpftool asks, in
 * known_to_need_rlimit(). May go with the last 5.10.
 */
bool tw_memlock_charges(void)
{
	struct rlimit limit, none;
	_cleanup_close_ int map = -1;

	if (getrlimit(RLIMIT_MEMLOCK, &limit) < 0)
		return true;
	none = (struct rlimit){ .rlim_cur = 0, .rlim_max = limit.rlim_max };
	if (setrlimit(RLIMIT_MEMLOCK, &none) < 0)
		return true;
	map = make_map();
	setrlimit(RLIMIT_MEMLOCK, &limit);
	return map < 0;
}

int tw_memlock_lift(void)
{
	const struct rlimit all = { .rlim_cur = RLIM_INFINITY, .rlim_max = RLIM_INFINITY };

	if (!tw_memlock_charges() || setrlimit(RLIMIT_MEMLOCK, &all) == 0)
		return 0;
	return -errno;
}
