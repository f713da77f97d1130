/* SPDX-License-Identifier: GPL-2.0-only */
/* What the runner's own files share; tests do not include it. */
#ifndef TW_SYSTEM_RUNNER_H
#define TW_SYSTEM_RUNNER_H

#include "harness.h"

/* Where a test writes its verdict: one of these letters, then the reason, then NUL. */
#define TW_VERDICT_OK	'o'
#define TW_VERDICT_FAIL 'F'
#define TW_VERDICT_SKIP 'S'
#define TW_VERDICT_LEN	1024

extern int tw_verdict_fd;
extern const char *tw_binary; /* path of the tcpwarden under test */

void tw_verdict(char letter, const char *reason);

/* Find the cgroup2 mount, pure or hybrid. -ENOENT: there is none. */
int tw_cgroup_find_mount(void);
/* Remove a cgroup with all below it; waits for the last processes to be gone. */
int tw_cgroup_remove(const char *path);
/* The one of tw_cgroup_remove_later(). */
int tw_cgroup_remove_late(void);
int tw_folder_remove(const char *path);

#endif
