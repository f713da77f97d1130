// SPDX-License-Identifier: GPL-2.0-only
#include "kernel/sandbox.h"

#include <errno.h>
#include <linux/capability.h>
#include <linux/seccomp.h>
#include <stdint.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "kernel/caps.h"
#include "kernel/memlock.h"
#include "kernel/pins.h"
#include "kernel/syscalls.h"
#include "lib/buf.h"
#include "lib/cleanup.h"
#include "lib/log.h"

#define BPF   (TW_CAP_BIT(CAP_BPF) | TW_CAP_BIT(CAP_PERFMON))
#define EVER  (BPF | TW_CAP_BIT(CAP_NET_ADMIN) | TW_CAP_BIT(CAP_DAC_READ_SEARCH))
#define SWEEP (TW_CAP_BIT(CAP_SYS_ADMIN) | TW_CAP_BIT(CAP_SYS_PTRACE))
#define START (TW_CAP_BIT(CAP_SETPCAP) | TW_CAP_BIT(CAP_NET_BIND_SERVICE))

static uint64_t capabilities(const struct tw_sandbox *needs)
{
	uint64_t keep = EVER;

	if (needs->sweep)
		keep |= SWEEP;
	if (needs->start)
		keep |= START;
	if (needs->start && !tw_bpffs_mounted())
		keep |= TW_CAP_BIT(CAP_SYS_ADMIN);
	/* Given instead of the two, for which it stands in. */
	if ((tw_caps_effective() & BPF) != BPF)
		keep |= TW_CAP_BIT(CAP_SYS_ADMIN);
	return keep;
}

static unsigned system_calls(const struct tw_sandbox *needs)
{
	return (needs->sweep ? TW_SYSCALLS_SWEEP : 0) | (needs->start ? TW_SYSCALLS_START : 0);
}

/* The one use of CAP_SYS_RESOURCE; a lack of CAP_BPF is told by those who load. */
static void lift_memlock(void)
{
	if (tw_memlock_lift() && !tw_caps_missing())
		tw_warning("this kernel counts BPF maps against the limit of locked memory, which "
			   "cannot be lifted without CAP_SYS_RESOURCE; where they do not fit: "
			   "ulimit -l unlimited, or LimitMEMLOCK=infinity");
}

/* Said once: the second filter fails as the first did. */
static int filter(const struct tw_sandbox *needs, struct tw_fault *fault)
{
	int error = tw_syscalls_allow(system_calls(needs));

	if (error == -ENOMEM)
		return tw_fault(fault, error, "cannot filter system calls: %m");
	if (error && needs->start)
		tw_warning("system calls are not filtered, since this kernel or the sandbox around "
			   "us refuses a filter: %s",
			   strerror(-error));
	return 0;
}

static void say(void)
{
	_cleanup_buf_ struct tw_buf kept = TW_BUF_INIT;

	for (size_t i = 0; i < tw_caps_count; i++)
		if (tw_caps_effective() & TW_CAP_BIT(tw_caps[i].number))
			tw_buf_addf(&kept, "%s%s", kept.len ? ", " : "", tw_caps[i].name);
	tw_info("of its privileges this run keeps %s", tw_buf_string(&kept));
}

int tw_sandbox_enter(const struct tw_sandbox *needs, struct tw_fault *fault)
{
	int error;

	if (needs->start)
		lift_memlock();
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return tw_fault(fault, -errno,
				"cannot give up new privileges: %m; --no-sandbox runs without");
	error = tw_caps_keep(capabilities(needs));
	if (error)
		return tw_fault(fault, error,
				"cannot give up capabilities: %m; --no-sandbox runs without");
	error = filter(needs, fault);
	if (!error && !needs->start)
		say();
	return error;
}

bool tw_sandbox_has_filters(void)
{
	const __u32 action = SECCOMP_RET_ERRNO;

	/* Behind a filter that forbids the question there is one. */
	return prctl(PR_GET_SECCOMP) == SECCOMP_MODE_FILTER ||
	       syscall(SYS_seccomp, SECCOMP_GET_ACTION_AVAIL, 0, &action) == 0;
}
