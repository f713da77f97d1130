// SPDX-License-Identifier: GPL-2.0-only
#include "maps.h"

#include <dirent.h>
#include <linux/bpf.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <tcpwarden/abi.h>

#include "bpf.h"
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

static int open_pin(const char *name)
{
	_cleanup_free_ char *path = tw_format("%s/v%d/%s", TW_PINS, TW_ABI_VERSION, name);
	union bpf_attr attr = { .pathname = pointer(path) };

	return SYS(bpf(BPF_OBJ_GET, &attr));
}

/* False: there is no such element. */
static bool look_up(int map, const void *key, void *ret_value)
{
	union bpf_attr attr = { .map_fd = (uint32_t)map,
				.key = pointer(key),
				.value = pointer(ret_value) };

	if (bpf(BPF_MAP_LOOKUP_ELEM, &attr) == 0)
		return true;
	if (errno != ENOENT)
		FAIL("look up in a map: %s", strerror(errno));
	return false;
}

uint64_t tw_generation_now(void)
{
	_cleanup_close_ int map = open_pin("tw_current");
	uint32_t zero = 0;
	uint64_t number;

	CHECK(look_up(map, &zero, &number));
	return number;
}

uint32_t tw_wanted_now(void)
{
	_cleanup_close_ int map = open_pin("tw_wanted");
	uint32_t zero = 0, wants;

	CHECK(look_up(map, &zero, &wants));
	return wants;
}

/* The cgroups of the generation in force; once more where it was replaced before it was open. */
static int open_cgroups(void)
{
	_cleanup_close_ int outer = open_pin("tw_cgroups");

	for (;;) {
		uint32_t slot = (uint32_t)(tw_generation_now() % TW_SLOTS), id;
		union bpf_attr attr = { 0 };
		int fd;

		CHECK(look_up(outer, &slot, &id));
		attr.map_id = id;
		fd = bpf(BPF_MAP_GET_FD_BY_ID, &attr);
		if (fd >= 0)
			return fd;
		CHECK_INT(errno, ENOENT);
	}
}

bool tw_cgroup_known(uint64_t id)
{
	_cleanup_close_ int map = open_cgroups();
	struct tw_cgroup_sets sets;

	return look_up(map, &id, &sets);
}

uint64_t tw_cgroup_id_of(const char *path)
{
	struct stat st;

	SYS(stat(tw_cgroup_folder(path), &st));
	return st.st_ino;
}

unsigned tw_cgroups_known(void)
{
	_cleanup_close_ int map = open_cgroups();
	union bpf_attr attr = { .map_fd = (uint32_t)map };
	uint64_t key, next = 0;
	unsigned count = 0;

	attr.next_key = pointer(&next);
	while (bpf(BPF_MAP_GET_NEXT_KEY, &attr) == 0) {
		key = next;
		attr.key = pointer(&key);
		count++;
	}
	CHECK_INT(errno, ENOENT);
	return count;
}

unsigned tw_cgroups_fill(void)
{
	_cleanup_close_ int map = open_cgroups();
	struct tw_cgroup_sets none = { 0 };
	uint64_t id = UINT64_MAX;
	union bpf_attr attr = { .map_fd = (uint32_t)map,
				.key = pointer(&id),
				.value = pointer(&none) };

	while (bpf(BPF_MAP_UPDATE_ELEM, &attr) == 0)
		id--;
	CHECK_INT(errno, E2BIG);
	return (unsigned)(UINT64_MAX - id);
}

void tw_cgroup_half_forgotten(uint64_t id)
{
	_cleanup_close_ int current = open_pin("tw_current"), cgroups = open_cgroups();
	uint32_t key = TW_CURRENT_CHANGES;
	uint64_t changes;
	union bpf_attr under_way = { .map_fd = (uint32_t)current,
				     .key = pointer(&key),
				     .value = pointer(&changes) };
	union bpf_attr gone = { .map_fd = (uint32_t)cgroups, .key = pointer(&id) };

	CHECK(look_up(current, &key, &changes));
	CHECK_INT(changes & 1, 0);
	changes++;
	SYS(bpf(BPF_MAP_UPDATE_ELEM, &under_way));
	SYS(bpf(BPF_MAP_DELETE_ELEM, &gone));
}

static bool is_inner(uint32_t id)
{
	static const char *const names[] = { "tw_generation", "tw_cgroups", "tw_prefixes",
					     "tw_port_sets" };
	struct bpf_map_info info = { 0 };
	union bpf_attr attr = { .map_id = id };
	_cleanup_close_ int fd = bpf(BPF_MAP_GET_FD_BY_ID, &attr);

	if (fd < 0)
		return false; /* gone since */
	tw_bpf_info(fd, &info, sizeof(info));
	if (info.type == BPF_MAP_TYPE_ARRAY_OF_MAPS)
		return false;
	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (!strcmp(info.name, names[i]))
			return true;
	return false;
}

unsigned tw_inner_maps(void)
{
	union bpf_attr attr = { 0 };
	unsigned count = 0;

	while (bpf(BPF_MAP_GET_NEXT_ID, &attr) == 0) {
		count += is_inner(attr.next_id);
		attr.start_id = attr.next_id;
	}
	CHECK_INT(errno, ENOENT);
	return count;
}

/* --- what somebody has of them ------------------------------------------------------- */

#define MAX_HELD 512

struct held {
	uint32_t ids[MAX_HELD];
	struct tw_maps_held sum;
};

static bool number_in(const char *text, const char *key, unsigned long long *ret_number)
{
	const char *at = strstr(text, key);

	if (at)
		*ret_number = strtoull(at + strlen(key), NULL, 10);
	return at;
}

/* What fdinfo says of a descriptor; of a map, proc(5), once. False: it is none, or gone. */
static bool add_map(const char *fdinfo, struct held *held)
{
	_cleanup_free_ char *text = tw_read_file(fdinfo);
	unsigned long long id, bytes;

	if (!text || !number_in(text, "\nmap_id:", &id) || !number_in(text, "\nmemlock:", &bytes))
		return false;
	for (unsigned i = 0; i < held->sum.maps; i++)
		if (held->ids[i] == id)
			return true;
	CHECK(held->sum.maps < MAX_HELD);
	held->ids[held->sum.maps++] = (uint32_t)id;
	held->sum.bytes += bytes;
	return true;
}

static bool add_own(int fd, struct held *held)
{
	_cleanup_free_ char *path = tw_format("/proc/self/fdinfo/%d", fd);

	return add_map(path, held);
}

/* The maps in the slots of a map of maps. */
static void add_inner(int outer, struct held *held)
{
	for (uint32_t slot = 0; slot < TW_SLOTS; slot++) {
		union bpf_attr attr = { 0 };
		_cleanup_close_ int fd = -1;
		uint32_t id;

		if (!look_up(outer, &slot, &id))
			continue;
		attr.map_id = id;
		fd = bpf(BPF_MAP_GET_FD_BY_ID, &attr);
		if (fd >= 0)
			add_own(fd, held);
	}
}

static void add_pinned(const char *path, struct held *held)
{
	union bpf_attr attr = { .pathname = pointer(path) };
	_cleanup_close_ int fd = bpf(BPF_OBJ_GET, &attr);
	struct bpf_map_info info = { 0 };

	if (fd < 0 || !add_own(fd, held))
		return;
	tw_bpf_info(fd, &info, sizeof(info));
	if (info.type == BPF_MAP_TYPE_ARRAY_OF_MAPS)
		add_inner(fd, held);
}

static void for_each_in(const char *folder, void (*call)(const char *path, struct held *held),
			struct held *held)
{
	_cleanup_closedir_ DIR *dir = opendir(folder);
	const struct dirent *entry;

	CHECK(dir);
	while ((entry = readdir(dir))) {
		_cleanup_free_ char *path = tw_format("%s/%s", folder, entry->d_name);

		if (entry->d_name[0] != '.')
			call(path, held);
	}
}

static void add_descriptor(const char *fdinfo, struct held *held)
{
	add_map(fdinfo, held);
}

struct tw_maps_held tw_maps_held(pid_t pid)
{
	_cleanup_free_ char *descriptors = tw_format("/proc/%d/fdinfo", (int)pid);
	_cleanup_free_ char *pins = tw_format("%s/v%d", TW_PINS, TW_ABI_VERSION);
	struct held held = { 0 };

	for_each_in(descriptors, add_descriptor, &held);
	for_each_in(TW_PINS, add_pinned, &held);
	for_each_in(pins, add_pinned, &held);
	return held.sum;
}
