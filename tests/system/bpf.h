/* SPDX-License-Identifier: GPL-2.0-only */
/* Questions to the kernel's BPF subsystem, by plain system calls. What fails, fails the test. */
#ifndef TW_SYSTEM_BPF_H
#define TW_SYSTEM_BPF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TW_BPFFS    "/sys/fs/bpf"
#define TW_PINS	    TW_BPFFS "/tcpwarden"
#define TW_PIN_LINK TW_PINS "/v1/link_sockops"

struct tw_link {
	uint32_t id;
	uint32_t program_id;
	uint64_t cgroup_id;
};

/* What the kernel says of a program, map or link: the struct bpf_*_info of its kind. */
void tw_bpf_info(int fd, void *ret_info, size_t size);
struct tw_link tw_link_info(int fd);
struct tw_link tw_pinned_link(void);
/* Whether the program uses a map of this type. */
bool tw_program_has_map(uint32_t program_id, uint32_t type);
/* How many sockops programs are attached to the cgroup itself. */
int tw_programs_attached(const char *cgroup);
/* How many cgroup/setsockopt programs, likewise. */
int tw_hooks_attached(const char *cgroup);
/*
 * Somebody else's cgroup/setsockopt program that does nothing. `alone`: it
 * allows no other beside it. Attached until the descriptor is closed, or alone,
 * until the cgroup goes.
 */
int tw_foreign_hook(const char *cgroup, bool alone);
/* Whether nothing of anybody's is below /sys/fs/bpf. */
bool tw_bpffs_is_empty(void);
bool tw_is_bpffs(const char *path);

/* Somebody else's sockops program: it counts its runs. */
struct tw_foreign {
	int map;
	int link;
};
enum tw_foreign_kind {
	TW_FOREIGN_COUNTS,     /* returns 1, as it should */
	TW_FOREIGN_RETURNS_0,  /* counts too, but makes the kernel drop everybody's replies */
	TW_FOREIGN_OVERWRITES, /* sets TCP_KEEPIDLE to 999 s on connections; counts nothing */
};
struct tw_foreign tw_foreign_attach(const char *cgroup);
struct tw_foreign tw_foreign_attach_kind(const char *cgroup, enum tw_foreign_kind kind);
/* As programs were attached before links, with no flag: it allows no other. */
void tw_foreign_attach_alone(const char *cgroup);
/* Put such a program into a pinned link of somebody else. */
void tw_foreign_replace(const char *pin);
uint64_t tw_foreign_runs(const struct tw_foreign *foreign);

#endif
