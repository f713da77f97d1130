// SPDX-License-Identifier: GPL-2.0-only
#include "kernel/caps.h"

#include <errno.h>
#include <linux/capability.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "lib/cleanup.h"

const struct tw_cap tw_caps[] = {
	{ "CAP_BPF", CAP_BPF, true, "load programs and make maps" },
	{ "CAP_NET_ADMIN", CAP_NET_ADMIN, true, "attach to the sockets of a cgroup" },
	{ "CAP_PERFMON", CAP_PERFMON, true, "read a socket's current values" },
	{ "CAP_DAC_READ_SEARCH", CAP_DAC_READ_SEARCH, false,
	  "follow cgroups that their users closed to others, and find one by its id" },
	{ "CAP_SYS_ADMIN", CAP_SYS_ADMIN, false,
	  "sweep and list the sockets of other network namespaces, mount a bpf file system" },
	{ "CAP_SYS_PTRACE", CAP_SYS_PTRACE, false,
	  "find the network namespaces of other processes" },
	{ "CAP_SYS_RESOURCE", CAP_SYS_RESOURCE, false,
	  "raise the limit of locked memory, on kernels before 5.11" },
};
const size_t tw_caps_count = ARRAY_SIZE(tw_caps);

/* What tw_caps_keep() took, as long as this process lives. */
static uint64_t given_up;

/* The three sets of a process, whole; the kernel's interface has each in two words. */
struct sets {
	uint64_t effective;
	uint64_t permitted;
};

static uint64_t whole(uint32_t low, uint32_t high)
{
	return (uint64_t)high << 32 | low;
}

static int get(struct sets *ret_sets)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[2] = { 0 };

	if (syscall(SYS_capget, &header, data) < 0)
		return -errno;
	*ret_sets = (struct sets){
		.effective = whole(data[0].effective, data[1].effective),
		.permitted = whole(data[0].permitted, data[1].permitted),
	};
	return 0;
}

/* Nothing is inheritable; the kernel then empties the ambient set too. */
static int set(const struct sets *sets)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	const struct __user_cap_data_struct data[2] = {
		{ .effective = (uint32_t)sets->effective, .permitted = (uint32_t)sets->permitted },
		{ .effective = (uint32_t)(sets->effective >> 32),
		  .permitted = (uint32_t)(sets->permitted >> 32) },
	};

	return syscall(SYS_capset, &header, data) < 0 ? -errno : 0;
}

static int keep_in_bounding_set(uint64_t keep)
{
	for (int number = 0; prctl(PR_CAPBSET_READ, number) >= 0; number++)
		if (!(keep >> number & 1) && prctl(PR_CAPBSET_DROP, number) < 0)
			return -errno;
	return 0;
}

int tw_caps_keep(uint64_t keep)
{
	struct sets sets = { 0 };
	int error = get(&sets);

	if (!error && sets.effective & TW_CAP_BIT(CAP_SETPCAP))
		error = keep_in_bounding_set(keep);
	if (error)
		return error;
	given_up |= sets.permitted & ~keep;
	sets.effective &= keep;
	sets.permitted &= keep;
	return set(&sets);
}

bool tw_caps_given_up(const struct tw_cap *cap)
{
	return given_up >> cap->number & 1;
}

uint64_t tw_caps_effective(void)
{
	struct sets sets;

	return get(&sets) ? 0 : sets.effective;
}

bool tw_caps_have(const struct tw_cap *cap)
{
	uint64_t have = tw_caps_effective();

	if (have >> cap->number & 1)
		return true;
	return (cap->number == CAP_BPF || cap->number == CAP_PERFMON) &&
	       have & TW_CAP_BIT(CAP_SYS_ADMIN);
}

const char *tw_caps_missing(void)
{
	for (size_t i = 0; i < tw_caps_count; i++)
		if (tw_caps[i].required && !tw_caps_have(&tw_caps[i]))
			return tw_caps[i].name;
	return NULL;
}
