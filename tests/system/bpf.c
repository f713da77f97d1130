// SPDX-License-Identifier: GPL-2.0-only
/* bpf(2), without a library. */
#include "bpf.h"

#include <dirent.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <linux/magic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "harness.h"
#include "lib/cleanup.h"

static int bpf(enum bpf_cmd command, union bpf_attr *attr)
{
	return (int)syscall(SYS_bpf, command, attr, sizeof(*attr));
}

static uint64_t pointer(const void *p)
{
	return (uint64_t)(uintptr_t)p;
}

void tw_bpf_info(int fd, void *ret_info, size_t size)
{
	union bpf_attr attr = { .info = { .bpf_fd = (uint32_t)fd,
					  .info_len = (uint32_t)size,
					  .info = pointer(ret_info) } };

	SYS(bpf(BPF_OBJ_GET_INFO_BY_FD, &attr));
}

struct tw_link tw_link_info(int fd)
{
	struct bpf_link_info info = { 0 };

	tw_bpf_info(fd, &info, sizeof(info));
	return (struct tw_link){ info.id, info.prog_id, info.cgroup.cgroup_id };
}

struct tw_link tw_pinned_link(void)
{
	union bpf_attr attr = { .pathname = pointer(TW_PIN_LINK) };
	_cleanup_close_ int fd = SYS(bpf(BPF_OBJ_GET, &attr));

	return tw_link_info(fd);
}

static uint32_t type_of_map(uint32_t id)
{
	union bpf_attr attr = { .map_id = id };
	_cleanup_close_ int fd = SYS(bpf(BPF_MAP_GET_FD_BY_ID, &attr));
	struct bpf_map_info info = { 0 };

	tw_bpf_info(fd, &info, sizeof(info));
	return info.type;
}

bool tw_program_has_map(uint32_t program_id, uint32_t type)
{
	union bpf_attr attr = { .prog_id = program_id };
	_cleanup_close_ int fd = SYS(bpf(BPF_PROG_GET_FD_BY_ID, &attr));
	uint32_t ids[64];
	struct bpf_prog_info info = { .nr_map_ids = ARRAY_SIZE(ids), .map_ids = pointer(ids) };

	tw_bpf_info(fd, &info, sizeof(info));
	CHECK(info.nr_map_ids > 0 && info.nr_map_ids <= ARRAY_SIZE(ids));
	for (uint32_t i = 0; i < info.nr_map_ids; i++)
		if (type_of_map(ids[i]) == type)
			return true;
	return false;
}

static int attached(const char *cgroup, enum bpf_attach_type type)
{
	_cleanup_close_ int fd = SYS(open(tw_cgroup_folder(cgroup), O_RDONLY | O_CLOEXEC));
	union bpf_attr attr = { .query = { .target_fd = (uint32_t)fd, .attach_type = type } };

	SYS(bpf(BPF_PROG_QUERY, &attr));
	return (int)attr.query.prog_cnt;
}

int tw_programs_attached(const char *cgroup)
{
	return attached(cgroup, BPF_CGROUP_SOCK_OPS);
}

int tw_hooks_attached(const char *cgroup)
{
	return attached(cgroup, BPF_CGROUP_SETSOCKOPT);
}

/* What the kernel itself puts into each bpffs, kernel/bpf/preload. */
static bool is_preloaded(const char *name)
{
	return !strcmp(name, "maps.debug") || !strcmp(name, "progs.debug");
}

bool tw_bpffs_is_empty(void)
{
	_cleanup_closedir_ DIR *folder = opendir(TW_BPFFS);
	const struct dirent *entry;
	bool empty = true;

	if (!folder)
		FAIL("%s: %s", TW_BPFFS, strerror(errno));
	while ((entry = readdir(folder))) {
		if (entry->d_name[0] == '.' || is_preloaded(entry->d_name))
			continue;
		printf("in %s: %s\n", TW_BPFFS, entry->d_name);
		empty = false;
	}
	return empty;
}

bool tw_is_bpffs(const char *path)
{
	struct statfs fs;

	SYS(statfs(path, &fs));
	return fs.f_type == BPF_FS_MAGIC;
}

/* --- somebody else's program --- */

#define INSN(c, d, s, o, i) \
	((struct bpf_insn){ .code = (c), .dst_reg = (d), .src_reg = (s), .off = (o), .imm = (i) })

static int create_counter(void)
{
	union bpf_attr attr = { .map_type = BPF_MAP_TYPE_ARRAY,
				.key_size = sizeof(uint32_t),
				.value_size = sizeof(uint64_t),
				.max_entries = 1 };

	return SYS(bpf(BPF_MAP_CREATE, &attr));
}

static int load_sockops(const struct bpf_insn *insns, size_t count)
{
	union bpf_attr attr = { .prog_type = BPF_PROG_TYPE_SOCK_OPS,
				.expected_attach_type = BPF_CGROUP_SOCK_OPS,
				.insn_cnt = (uint32_t)count,
				.insns = pointer(insns),
				.license = pointer("GPL") };

	return SYS(bpf(BPF_PROG_LOAD, &attr));
}

/* `if (value = lookup(map, &zero)) atomic_add(value, 1); return result;` */
static int load_counting(int map, int result)
{
	const struct bpf_insn insns[] = {
		INSN(BPF_ST | BPF_MEM | BPF_W, BPF_REG_10, 0, -4, 0),
		INSN(BPF_ALU64 | BPF_MOV | BPF_X, BPF_REG_2, BPF_REG_10, 0, 0),
		INSN(BPF_ALU64 | BPF_ADD | BPF_K, BPF_REG_2, 0, 0, -4),
		INSN(BPF_LD | BPF_IMM | BPF_DW, BPF_REG_1, BPF_PSEUDO_MAP_FD, 0, map),
		INSN(0, 0, 0, 0, 0),
		INSN(BPF_JMP | BPF_CALL, 0, 0, 0, BPF_FUNC_map_lookup_elem),
		INSN(BPF_JMP | BPF_JEQ | BPF_K, BPF_REG_0, 0, 2, 0),
		INSN(BPF_ALU64 | BPF_MOV | BPF_K, BPF_REG_1, 0, 0, 1),
		INSN(BPF_STX | BPF_ATOMIC | BPF_DW, BPF_REG_0, BPF_REG_1, 0, BPF_ADD),
		INSN(BPF_ALU64 | BPF_MOV | BPF_K, BPF_REG_0, 0, 0, result),
		INSN(BPF_JMP | BPF_EXIT, 0, 0, 0, 0),
	};

	return load_sockops(insns, ARRAY_SIZE(insns));
}

/* `if (ctx->op == TCP_CONNECT_CB) { v = 999; setsockopt(ctx, SOL_TCP, TCP_KEEPIDLE, &v, 4); } return 1;` */
static int load_overwriting(void)
{
	const struct bpf_insn insns[] = {
		INSN(BPF_LDX | BPF_MEM | BPF_W, BPF_REG_2, BPF_REG_1, 0, 0),
		INSN(BPF_JMP | BPF_JNE | BPF_K, BPF_REG_2, 0, 7, BPF_SOCK_OPS_TCP_CONNECT_CB),
		INSN(BPF_ST | BPF_MEM | BPF_W, BPF_REG_10, 0, -4, 999),
		INSN(BPF_ALU64 | BPF_MOV | BPF_K, BPF_REG_2, 0, 0, 6),
		INSN(BPF_ALU64 | BPF_MOV | BPF_K, BPF_REG_3, 0, 0, 4),
		INSN(BPF_ALU64 | BPF_MOV | BPF_X, BPF_REG_4, BPF_REG_10, 0, 0),
		INSN(BPF_ALU64 | BPF_ADD | BPF_K, BPF_REG_4, 0, 0, -4),
		INSN(BPF_ALU64 | BPF_MOV | BPF_K, BPF_REG_5, 0, 0, 4),
		INSN(BPF_JMP | BPF_CALL, 0, 0, 0, BPF_FUNC_setsockopt),
		INSN(BPF_ALU64 | BPF_MOV | BPF_K, BPF_REG_0, 0, 0, 1),
		INSN(BPF_JMP | BPF_EXIT, 0, 0, 0, 0),
	};

	return load_sockops(insns, ARRAY_SIZE(insns));
}

static int load_foreign(enum tw_foreign_kind kind, int map)
{
	switch (kind) {
	case TW_FOREIGN_OVERWRITES:
		return load_overwriting();
	case TW_FOREIGN_RETURNS_0:
		return load_counting(map, 0);
	default:
		return load_counting(map, 1);
	}
}

/*
 * Before 5.11 maps and programs count as locked memory. The limit goes back
 * afterwards: tcpwarden is to raise its own.
 */
static struct rlimit raise_memlock(void)
{
	const struct rlimit unlimited = { RLIM_INFINITY, RLIM_INFINITY };
	struct rlimit limit;

	SYS(getrlimit(RLIMIT_MEMLOCK, &limit));
	if (setrlimit(RLIMIT_MEMLOCK, &unlimited) < 0)
		printf("cannot raise the memlock limit: %s\n", strerror(errno));
	return limit;
}

static struct tw_foreign create_foreign(enum tw_foreign_kind kind, int *ret_program)
{
	struct rlimit limit = raise_memlock();
	struct tw_foreign foreign = { .link = -1 };

	foreign.map = create_counter();
	*ret_program = load_foreign(kind, foreign.map);
	SYS(setrlimit(RLIMIT_MEMLOCK, &limit));
	return foreign;
}

struct tw_foreign tw_foreign_attach_kind(const char *cgroup, enum tw_foreign_kind kind)
{
	_cleanup_close_ int program = -1;
	struct tw_foreign foreign = create_foreign(kind, &program);
	_cleanup_close_ int target = SYS(open(tw_cgroup_folder(cgroup), O_RDONLY | O_CLOEXEC));
	union bpf_attr attr = { .link_create = { .prog_fd = (uint32_t)program,
						 .target_fd = (uint32_t)target,
						 .attach_type = BPF_CGROUP_SOCK_OPS } };

	foreign.link = SYS(bpf(BPF_LINK_CREATE, &attr));
	return foreign;
}

struct tw_foreign tw_foreign_attach(const char *cgroup)
{
	return tw_foreign_attach_kind(cgroup, TW_FOREIGN_COUNTS);
}

void tw_foreign_attach_alone(const char *cgroup)
{
	_cleanup_close_ int program = -1;
	struct tw_foreign foreign = create_foreign(TW_FOREIGN_COUNTS, &program);
	_cleanup_close_ int target = SYS(open(tw_cgroup_folder(cgroup), O_RDONLY | O_CLOEXEC));
	union bpf_attr attr = { .target_fd = (uint32_t)target,
				.attach_bpf_fd = (uint32_t)program,
				.attach_type = BPF_CGROUP_SOCK_OPS };

	SYS(bpf(BPF_PROG_ATTACH, &attr));
	close(foreign.map);
}

void tw_foreign_replace(const char *pin)
{
	_cleanup_close_ int program = -1, link = -1;
	union bpf_attr get = { .pathname = pointer(pin) }, update = { 0 };

	close(create_foreign(TW_FOREIGN_COUNTS, &program).map);
	link = SYS(bpf(BPF_OBJ_GET, &get));
	update.link_update.link_fd = (uint32_t)link;
	update.link_update.new_prog_fd = (uint32_t)program;
	SYS(bpf(BPF_LINK_UPDATE, &update));
}

uint64_t tw_foreign_runs(const struct tw_foreign *foreign)
{
	uint32_t key = 0;
	uint64_t runs = 0;
	union bpf_attr attr = { .map_fd = (uint32_t)foreign->map,
				.key = pointer(&key),
				.value = pointer(&runs) };

	SYS(bpf(BPF_MAP_LOOKUP_ELEM, &attr));
	return runs;
}

/* `return 1;` */
static int load_allowing(void)
{
	const struct bpf_insn insns[] = {
		INSN(BPF_ALU64 | BPF_MOV | BPF_K, BPF_REG_0, 0, 0, 1),
		INSN(BPF_JMP | BPF_EXIT, 0, 0, 0, 0),
	};
	union bpf_attr attr = { .prog_type = BPF_PROG_TYPE_CGROUP_SOCKOPT,
				.expected_attach_type = BPF_CGROUP_SETSOCKOPT,
				.insn_cnt = ARRAY_SIZE(insns),
				.insns = pointer(insns),
				.license = pointer("GPL") };
	struct rlimit limit = raise_memlock();
	int program = SYS(bpf(BPF_PROG_LOAD, &attr));

	SYS(setrlimit(RLIMIT_MEMLOCK, &limit));
	return program;
}

int tw_foreign_hook(const char *cgroup, bool alone)
{
	_cleanup_close_ int program = load_allowing();
	_cleanup_close_ int target = SYS(open(tw_cgroup_folder(cgroup), O_RDONLY | O_CLOEXEC));
	union bpf_attr link = { .link_create = { .prog_fd = (uint32_t)program,
						 .target_fd = (uint32_t)target,
						 .attach_type = BPF_CGROUP_SETSOCKOPT } };
	union bpf_attr attach = { .target_fd = (uint32_t)target,
				  .attach_bpf_fd = (uint32_t)program,
				  .attach_type = BPF_CGROUP_SETSOCKOPT };

	if (!alone)
		return SYS(bpf(BPF_LINK_CREATE, &link));
	SYS(bpf(BPF_PROG_ATTACH, &attach));
	return -1;
}
