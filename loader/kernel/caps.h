/* SPDX-License-Identifier: GPL-2.0-only */
/* The capabilities that enforcement needs, capabilities(7). */
#ifndef TW_KERNEL_CAPS_H
#define TW_KERNEL_CAPS_H

#include <stdbool.h>
#include <stddef.h>

struct tw_cap {
	const char *name; /* "CAP_BPF" */
	int number;	  /* linux/capability.h */
	bool required;	  /* else it only helps, as `why` says */
	const char *why;
};

/* All that tcpwarden ever uses, required ones first. */
extern const struct tw_cap tw_caps[];
extern const size_t tw_caps_count;

/*
 * Whether this process has it in its effective set. CAP_SYS_ADMIN stands in
 * for CAP_BPF and CAP_PERFMON, as bpf_capable() and perfmon_capable() have it.
 */
bool tw_caps_have(const struct tw_cap *cap);

/* The first required capability that this process lacks, or NULL. */
const char *tw_caps_missing(void);

#endif
