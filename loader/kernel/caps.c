// SPDX-License-Identifier: GPL-2.0-only
#include "kernel/caps.h"

#include <linux/capability.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "lib/cleanup.h"

const struct tw_cap tw_caps[] = {
	{ "CAP_BPF", CAP_BPF, true, "load programs and make maps" },
	{ "CAP_NET_ADMIN", CAP_NET_ADMIN, true, "attach to the sockets of a cgroup" },
	{ "CAP_PERFMON", CAP_PERFMON, true, "read a socket's current values" },
	{ "CAP_SYS_ADMIN", CAP_SYS_ADMIN, false,
	  "sweep and list the sockets of other network namespaces, mount a bpf file system" },
	{ "CAP_SYS_PTRACE", CAP_SYS_PTRACE, false,
	  "find the network namespaces of other users' processes" },
	{ "CAP_SYS_RESOURCE", CAP_SYS_RESOURCE, false,
	  "raise the limit of locked memory, on kernels before 5.11" },
};
const size_t tw_caps_count = ARRAY_SIZE(tw_caps);

static uint64_t effective(void)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[2] = { 0 };

	if (syscall(SYS_capget, &header, data) < 0)
		return 0;
	return (uint64_t)data[1].effective << 32 | data[0].effective;
}

bool tw_caps_have(const struct tw_cap *cap)
{
	uint64_t have = effective();

	if (have >> cap->number & 1)
		return true;
	return (cap->number == CAP_BPF || cap->number == CAP_PERFMON) && have >> CAP_SYS_ADMIN & 1;
}

const char *tw_caps_missing(void)
{
	for (size_t i = 0; i < tw_caps_count; i++)
		if (tw_caps[i].required && !tw_caps_have(&tw_caps[i]))
			return tw_caps[i].name;
	return NULL;
}
