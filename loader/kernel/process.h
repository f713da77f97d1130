/* SPDX-License-Identifier: GPL-2.0-only */
/* Other processes: their cgroup, their network namespace, their kind; children. */
#ifndef TW_KERNEL_PROCESS_H
#define TW_KERNEL_PROCESS_H

#include <sys/types.h>

#include "lib/fault.h"

/* The path in the cgroup2 tree of a process. -ESRCH: it is gone. */
int tw_process_cgroup(pid_t pid, char **ret_path, struct tw_fault *fault);

/* Move this process to the network namespace of another. -ESRCH: it is gone. */
int tw_process_enter(pid_t pid, struct tw_fault *fault);

/* fork(2) of a child that keeps all signals blocked: they are for us. */
pid_t tw_process_fork(void);

/* How many of the processes that can be seen and looked into run a 32-bit program. */
unsigned tw_process_count_32bit(void);

#endif
