/* SPDX-License-Identifier: GPL-2.0-only */
/* The BPF programs that the benchmark measures, and those that do nothing. -errno on failure. */
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

/* A program that does nothing, on the tracepoint of deaths; `ret_link` keeps it there. */
int tw_bpf_trace_empty(int *ret_program, int *ret_link);

/* A descriptor of the sockops program attached to this cgroup; -ENOENT when not exactly one is. */
int tw_bpf_attached(int cgroup);

/* A descriptor of the program of a pinned link. */
int tw_bpf_linked(const char *pin);

int tw_bpf_usage(int program, struct tw_usage *ret_usage);

#endif
