/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef TW_KERNEL_RCU_H
#define TW_KERNEL_RCU_H

/*
 * Wait until no BPF program runs that began before the call. An update of a
 * map of maps from user space ends with synchronize_rcu() (kernel/bpf/syscall.c:
 * maybe_wait_bpf_programs()); this does one on a map that nobody else has.
 */
int tw_rcu_wait(void);

#endif
