/* SPDX-License-Identifier: GPL-2.0-only */
/* The system calls that `run` makes, and no others: a seccomp filter, seccomp(2). */
#ifndef TW_KERNEL_SYSCALLS_H
#define TW_KERNEL_SYSCALLS_H

/* Parts of a life: what all of it needs is allowed ever. */
#define TW_SYSCALLS_START (1U << 0) /* mount, open sockets, and enter the next filter */
#define TW_SYSCALLS_SWEEP (1U << 1) /* enter network namespaces, take descriptors */

/*
 * From here on, and for every child, allow what the list in syscalls.c has for
 * these parts; filters add up, so a later one can only take away. It takes
 * no_new_privs or CAP_SYS_ADMIN. -EINVAL, -ENOSYS: the kernel has no filters;
 * -EPERM, -EACCES: a filter that is there already forbids it.
 */
int tw_syscalls_allow(unsigned parts);

#endif
