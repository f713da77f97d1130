/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * How our objects are opened: with a slice of the kernel's BTF, made once and
 * shared by all, which their programs are fitted to ("CO-RE").
 */
#ifndef TW_KERNEL_CORE_H
#define TW_KERNEL_CORE_H

#define TW_BTF_PATH "/sys/kernel/btf/vmlinux"

struct bpf_object_open_opts;

/*
 * For the open_opts() of a skeleton. Where the slice cannot be made, libbpf reads
 * the whole BTF itself. A program of SEC("tp_btf/...") or SEC("iter/...") is then
 * attached by bpf_program__attach_trace() or bpf_program__attach_iter(), not by
 * the skeleton.
 */
const struct bpf_object_open_opts *tw_core_opts(void);

#endif
