/* SPDX-License-Identifier: GPL-2.0-only */
#include <errno.h>
#include <linux/bpf.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "bpf.h"
#include "lib/cleanup.h"

static int bpf(enum bpf_cmd command, union bpf_attr *attr)
{
	long r = syscall(SYS_bpf, command, attr, sizeof(*attr));

	return r < 0 ? -errno : (int)r;
}

static uint64_t pointer(const void *p)
{
	return (uint64_t)(uintptr_t)p;
}

static int load_empty(void)
{
	static const struct bpf_insn body[] = {
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0, .imm = 1 },
		{ .code = BPF_JMP | BPF_EXIT },
	};
	union bpf_attr attr = {
		.prog_type = BPF_PROG_TYPE_SOCK_OPS,
		.insns = pointer(body),
		.insn_cnt = sizeof(body) / sizeof(*body),
		.license = pointer("GPL"),
		.prog_name = "tw_bench_empty",
	};

	return bpf(BPF_PROG_LOAD, &attr);
}

int tw_bpf_attach_empty(int cgroup)
{
	_cleanup_close_ int program = load_empty();
	union bpf_attr attr = { 0 };

	if (program < 0)
		return program;
	attr.link_create.prog_fd = (uint32_t)program;
	attr.link_create.target_fd = (uint32_t)cgroup;
	attr.link_create.attach_type = BPF_CGROUP_SOCK_OPS;
	return bpf(BPF_LINK_CREATE, &attr);
}

int tw_bpf_attached(int cgroup)
{
	uint32_t ids[2] = { 0 };
	union bpf_attr query = { 0 };
	union bpf_attr open_id = { 0 };
	int r;

	query.query.target_fd = (uint32_t)cgroup;
	query.query.attach_type = BPF_CGROUP_SOCK_OPS;
	query.query.prog_ids = pointer(ids);
	query.query.prog_cnt = sizeof(ids) / sizeof(*ids);
	r = bpf(BPF_PROG_QUERY, &query);
	if (r < 0)
		return r;
	if (query.query.prog_cnt != 1)
		return -ENOENT;
	open_id.prog_id = ids[0];
	return bpf(BPF_PROG_GET_FD_BY_ID, &open_id);
}

int tw_bpf_enable_stats(void)
{
	union bpf_attr attr = { .enable_stats = { .type = BPF_STATS_RUN_TIME } };

	return bpf(BPF_ENABLE_STATS, &attr);
}

int tw_bpf_usage(int program, struct tw_usage *ret_usage)
{
	struct bpf_prog_info info = { 0 };
	union bpf_attr attr = { 0 };
	int r;

	attr.info.bpf_fd = (uint32_t)program;
	attr.info.info_len = sizeof(info);
	attr.info.info = pointer(&info);
	r = bpf(BPF_OBJ_GET_INFO_BY_FD, &attr);
	if (r < 0)
		return r;
	*ret_usage = (struct tw_usage){ .runs = info.run_cnt, .ns = info.run_time_ns };
	return 0;
}
