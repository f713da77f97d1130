/* SPDX-License-Identifier: GPL-2.0-only */
/* What the BPF programs could not do, counted by site and errno. */
#ifndef TW_KERNEL_ERRORS_H
#define TW_KERNEL_ERRORS_H

#include <stddef.h>
#include <stdint.h>

#include <tcpwarden/abi.h>

struct tw_error_count {
	struct tw_error error;
	uint64_t count;
};

struct tw_error_counts {
	struct tw_error_count list[TW_MAX_ERRORS]; /* by site, then errno */
	size_t count;
};

/* "cgroup", "user_timeout" and so on, as JSON and metrics have them; "unknown" for another ABI's. */
const char *tw_site_name(uint32_t site);

#define TW_ERRNO_LEN 24 /* room for any errno's name and a NUL */

/* "ENOENT"; a number without a name as it is. `buf` or a constant. */
const char *tw_errno_name(uint32_t error, char buf[static TW_ERRNO_LEN]);

/* All that is counted in an open tw_errors map; what comes meanwhile may be missing. */
int tw_errors_read(int map, struct tw_error_counts *ret_counts);

#endif
