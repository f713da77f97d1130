/* SPDX-License-Identifier: GPL-2.0-only */
/* The capabilities that enforcement needs, capabilities(7). */
#ifndef TW_KERNEL_CAPS_H
#define TW_KERNEL_CAPS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

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

/* A set has a bit for each, as CapEff in /proc/PID/status. */
#define TW_CAP_BIT(number) (UINT64_C(1) << (number))

/* The effective set of this process. */
uint64_t tw_caps_effective(void);

/*
 * Give up for good what is not in the set `keep`: effective, permitted,
 * inheritable (nothing is left there), ambient, and bounding. The last takes
 * CAP_SETPCAP; without, it stays as it was given to us, which is the same under
 * no_new_privs: an execve(2) brings nothing back.
 */
int tw_caps_keep(uint64_t keep);

/* Whether this process had it, and tw_caps_keep() gave it up. */
bool tw_caps_given_up(const struct tw_cap *cap);

#endif
