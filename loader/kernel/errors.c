// SPDX-License-Identifier: GPL-2.0-only
#include "kernel/errors.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char *tw_site_name(uint32_t site)
{
	static const char *const names[TW_SITES] = {
		[TW_SITE_GENERATION] = "generation",
		[TW_SITE_SOCKET] = "socket",
		[TW_SITE_CGROUP] = "cgroup",
		[TW_SITE_RECORD] = "record",
		[TW_SITE_KEEPALIVE] = "keepalive",
		[TW_SITE_IDLE] = "idle",
		[TW_SITE_INTERVAL] = "interval",
		[TW_SITE_PROBES] = "probes",
		[TW_SITE_USER_TIMEOUT] = "user_timeout",
		[TW_SITE_UNDO] = "undo",
		[TW_SITE_WATCH] = "watch",
	};

	return site < TW_SITES && names[site] ? names[site] : "unknown";
}

const char *tw_errno_name(uint32_t error, char buf[static TW_ERRNO_LEN])
{
	const char *name = strerrorname_np((int)error);

	snprintf(buf, TW_ERRNO_LEN, "%u", error);
	return name ?: buf;
}

static int by_site(const void *a, const void *b)
{
	const struct tw_error *x = &((const struct tw_error_count *)a)->error;
	const struct tw_error *y = &((const struct tw_error_count *)b)->error;

	if (x->site != y->site)
		return (x->site > y->site) - (x->site < y->site);
	return (x->error > y->error) - (x->error < y->error);
}

int tw_errors_read(int map, struct tw_error_counts *ret_counts)
{
	struct tw_error *key = NULL;

	ret_counts->count = 0;
	while (ret_counts->count < TW_MAX_ERRORS) {
		struct tw_error_count *next = &ret_counts->list[ret_counts->count];

		if (bpf_map_get_next_key(map, key, &next->error) < 0) {
			if (errno != ENOENT)
				return -errno;
			break;
		}
		if (bpf_map_lookup_elem(map, &next->error, &next->count) < 0)
			return -errno;
		key = &next->error;
		ret_counts->count++;
	}
	qsort(ret_counts->list, ret_counts->count, sizeof(ret_counts->list[0]), by_site);
	return 0;
}
