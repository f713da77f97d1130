/* SPDX-License-Identifier: GPL-2.0-only */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <linux/bpf.h>
#include <unistd.h>

#include "bpf.h"
#include "lib/cleanup.h"

/* A program that returns `value`. */
static int load(enum bpf_prog_type type, int value, const struct bpf_prog_load_opts *opts)
{
	const struct bpf_insn body[] = {
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0, .imm = value },
		{ .code = BPF_JMP | BPF_EXIT },
	};

	return bpf_prog_load(type, "tw_bench_empty", "GPL", body, ARRAY_SIZE(body), opts);
}

int tw_bpf_attach_empty(int cgroup)
{
	_cleanup_close_ int program = load(BPF_PROG_TYPE_SOCK_OPS, 1, NULL);

	return program < 0 ? program : bpf_link_create(program, cgroup, BPF_CGROUP_SOCK_OPS, NULL);
}

int tw_bpf_trace_empty(int *ret_program, int *ret_link)
{
	int type = libbpf_find_vmlinux_btf_id("inet_sock_set_state", BPF_TRACE_RAW_TP);
	LIBBPF_OPTS(bpf_prog_load_opts, opts, .expected_attach_type = BPF_TRACE_RAW_TP,
		    .attach_btf_id = (uint32_t)type);
	_cleanup_close_ int program = -1;
	int link;

	if (type < 0)
		return type;
	program = load(BPF_PROG_TYPE_TRACING, 0, &opts);
	if (program < 0)
		return program;
	link = bpf_raw_tracepoint_open(NULL, program);
	if (link < 0)
		return link;
	*ret_program = TAKE_FD(program);
	*ret_link = link;
	return 0;
}

int tw_bpf_attached(int cgroup)
{
	uint32_t ids[2] = { 0 }, count = ARRAY_SIZE(ids);
	int r = bpf_prog_query(cgroup, BPF_CGROUP_SOCK_OPS, 0, NULL, ids, &count);

	if (r < 0)
		return r;
	return count == 1 ? bpf_prog_get_fd_by_id(ids[0]) : -ENOENT;
}

int tw_bpf_linked(const char *pin)
{
	struct bpf_link_info info = { 0 };
	uint32_t size = sizeof(info);
	_cleanup_close_ int link = bpf_obj_get(pin);
	int r = link < 0 ? link : bpf_obj_get_info_by_fd(link, &info, &size);

	return r < 0 ? r : bpf_prog_get_fd_by_id(info.prog_id);
}

int tw_bpf_usage(int program, struct tw_usage *ret_usage)
{
	struct bpf_prog_info info = { 0 };
	uint32_t size = sizeof(info);
	int r = bpf_obj_get_info_by_fd(program, &info, &size);

	if (r < 0)
		return r;
	*ret_usage = (struct tw_usage){ .runs = info.run_cnt, .ns = info.run_time_ns };
	return 0;
}
