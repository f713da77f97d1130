/* SPDX-License-Identifier: GPL-2.0-only */
/* The bpf(2) calls that the benchmark needs. Each returns -errno on failure. */
#ifndef TW_BENCH_BPF_H
#define TW_BENCH_BPF_H

#include <stdint.h>

/* What a program has used since it was loaded, while statistics were on. */
struct tw_usage {
	uint64_t runs;
	uint64_t ns;
};

/* Attach a sockops program that does nothing; it goes with the descriptor returned. */
int tw_bpf_attach_empty(int cgroup);

/* A descriptor of the sockops program attached to this cgroup; -ENOENT when not exactly one is. */
int tw_bpf_attached(int cgroup);

/* Run time statistics of all programs, until the descriptor returned is closed. */
int tw_bpf_enable_stats(void);

int tw_bpf_usage(int program, struct tw_usage *ret_usage);

#endif
