// SPDX-License-Identifier: GPL-2.0-only
#include "kernel/syscalls.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/sched.h>
#include <seccomp.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/cleanup.h"

/*
 * What is not in the list fails with ENOSYS, and the kernel logs it (audit, or
 * the kernel's log: type=1326). Not killed: a new libc that makes a new system
 * call must not end the daemons of a fleet at once. ENOSYS and not EPERM, since a
 * libc that tries the new call first takes the old one after ENOSYS alone. Only a
 * call of another architecture's, such as int 0x80, ends the process: none of ours
 * makes one.
 *
 * An argument is looked at where it makes a call harmless. Files are opened to
 * be read; there is no execve(2), no ptrace(2), no memory that is both new and
 * executable, no namespace but the network's; and once all is open, no socket
 * but those that are accepted.
 *
 * The list is what strace(1) saw in the whole system suite, and the same calls
 * under the names that other architectures and C libraries use for them.
 */

#define EVER  0
#define START TW_SYSCALLS_START
#define SWEEP TW_SYSCALLS_SWEEP

struct call {
	int number;
	unsigned part;	    /* EVER, or the one that needs it */
	unsigned arguments; /* that are looked at: 0 or 1 */
	struct scmp_arg_cmp argument;
};

/* clang-format off */
#define CALL(name)			{ SCMP_SYS(name), EVER, 0, { 0 } }
#define CALL_IN(part, name)		{ SCMP_SYS(name), part, 0, { 0 } }
#define CALL_IF(name, n, ...)		{ SCMP_SYS(name), EVER, 1, SCMP_CMP(n, __VA_ARGS__) }
#define CALL_IN_IF(part, name, n, ...)	{ SCMP_SYS(name), part, 1, SCMP_CMP(n, __VA_ARGS__) }
/* clang-format on */

#define WRITES (O_ACCMODE | O_CREAT | O_TRUNC)
#define NAMESPACES                                                                     \
	(CLONE_NEWNS | CLONE_NEWCGROUP | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWUSER | \
	 CLONE_NEWPID | CLONE_NEWNET)

static const struct call calls[] = {
	/* Files: policies, /proc, cgroups, pins. */
	CALL_IF(open, 1, SCMP_CMP_MASKED_EQ, WRITES, O_RDONLY),
	CALL_IF(openat, 2, SCMP_CMP_MASKED_EQ, WRITES, O_RDONLY),
	CALL(open_by_handle_at),
	CALL(close),
	CALL(read),
	CALL(readv),
	CALL(pread64),
	CALL(write),
	CALL(writev),
	CALL(lseek),
	CALL(_llseek),
	CALL(fcntl),
	CALL(fcntl64),
	CALL(dup2),
	CALL(dup3),
	CALL(flock),
	CALL_IF(ioctl, 1, SCMP_CMP_EQ, FIONREAD, 0),
	CALL_IF(ioctl, 1, SCMP_CMP_EQ, TCGETS, 0),
	CALL(stat),
	CALL(stat64),
	CALL(lstat),
	CALL(lstat64),
	CALL(fstat),
	CALL(fstat64),
	CALL(fstatat64),
	CALL(newfstatat),
	CALL(statx),
	CALL(statfs),
	CALL(statfs64),
	CALL(fstatfs),
	CALL(fstatfs64),
	CALL(access),
	CALL(faccessat),
	CALL(faccessat2),
	CALL(readlink),
	CALL(readlinkat),
	CALL(getdents64),
	CALL(mkdir),
	CALL(mkdirat),
	CALL(unlink),
	CALL(unlinkat),
	CALL(rmdir),
	CALL(umask),
	CALL(pipe2),
	CALL(inotify_init1),
	CALL(inotify_add_watch),
	CALL(inotify_rm_watch),

	/* The loop. */
	CALL(epoll_create),
	CALL(epoll_create1),
	CALL(epoll_ctl),
	CALL(epoll_wait),
	CALL(epoll_pwait),
	CALL(epoll_pwait2),
	CALL(poll),
	CALL(ppoll),
	CALL(eventfd2),
	CALL(clock_gettime),
	CALL(clock_gettime64),
	CALL(clock_getres),
	CALL(clock_getres_time64),
	CALL(clock_nanosleep),
	CALL(clock_nanosleep_time64),
	CALL(nanosleep),
	CALL(gettimeofday),
	CALL(time),

	/* Those who ask for metrics and events; the sockets that the sweep takes. */
	CALL(accept),
	CALL(accept4),
	CALL(shutdown),
	CALL(send),
	CALL(sendto),
	CALL(recv),
	CALL(recvfrom),
	CALL(getsockname),
	CALL(getsockopt),
	CALL(setsockopt),

	/* Memory, without PROT_EXEC. */
	CALL_IF(mmap, 2, SCMP_CMP_MASKED_EQ, PROT_EXEC, 0),
	CALL_IF(mmap2, 2, SCMP_CMP_MASKED_EQ, PROT_EXEC, 0),
	CALL_IF(mprotect, 2, SCMP_CMP_MASKED_EQ, PROT_EXEC, 0),
	CALL(munmap),
	CALL(mremap),
	CALL(madvise),
	CALL(brk),

	/* The process, and the child that looks at what `doctor` looks at. */
	CALL_IF(clone, 0, SCMP_CMP_MASKED_EQ, NAMESPACES, 0),
	CALL(wait4),
	CALL(waitid),
	CALL(waitpid),
	CALL(kill),
	CALL(exit),
	CALL(exit_group),
	CALL(set_robust_list),
	CALL(set_tid_address),
	CALL(rseq),
	CALL(futex),
	CALL(futex_time64),
	CALL(getpid),
	CALL(gettid),
	CALL(getuid),
	CALL(getuid32),
	CALL(geteuid),
	CALL(geteuid32),
	CALL(getgid),
	CALL(getgid32),
	CALL(getegid),
	CALL(getegid32),
	CALL(capget),
	CALL(prctl),
	CALL(prlimit64),
	CALL(getrlimit),
	CALL(setrlimit),
	CALL(ugetrlimit),
	CALL(getrandom),
	CALL(uname),
	CALL(sysinfo),
	CALL(sched_getaffinity),
	CALL(restart_syscall),
	CALL(rt_sigaction),
	CALL(rt_sigprocmask),
	CALL(rt_sigreturn),
	CALL(sigreturn),

	CALL(bpf),

	CALL_IN_IF(SWEEP, setns, 1, SCMP_CMP_EQ, CLONE_NEWNET, 0),
	CALL_IN(SWEEP, pidfd_open),
	CALL_IN(SWEEP, pidfd_getfd),

	CALL_IN_IF(START, socket, 0, SCMP_CMP_EQ, AF_UNIX, 0),
	CALL_IN_IF(START, socket, 0, SCMP_CMP_EQ, AF_INET, 0),
	CALL_IN_IF(START, socket, 0, SCMP_CMP_EQ, AF_INET6, 0),
	CALL_IN_IF(START, socketpair, 0, SCMP_CMP_EQ, AF_UNIX, 0),
	CALL_IN(START, bind),
	CALL_IN(START, listen),
	CALL_IN(START, connect),
	CALL_IN(START, memfd_create), /* the slice of the kernel's BTF */
	CALL_IN(START, mount),
	CALL_IN(START, rename),
	CALL_IN(START, renameat),
	CALL_IN(START, renameat2),
	CALL_IN(START, capset),
	CALL_IN(START, seccomp),

#ifdef __SANITIZE_ADDRESS__
	/* The search for leaks stops the process from a thread that it makes for that. */
	CALL(clone),
	CALL(ptrace),
	CALL(getdents),
	CALL(getppid),
	CALL(sched_yield),
	CALL(sigaltstack),
#endif
};

static void release(scmp_filter_ctx *filter)
{
	seccomp_release(*filter);
}

/* abort(3) may tell ourselves, and nobody else. */
static int allow_own_signals(scmp_filter_ctx filter)
{
	return seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(tgkill), 1,
				SCMP_A0(SCMP_CMP_EQ, (scmp_datum_t)getpid(), 0));
}

static int add_calls(scmp_filter_ctx filter, unsigned parts)
{
	int error = allow_own_signals(filter);

	for (size_t i = 0; i < ARRAY_SIZE(calls) && !error; i++) {
		const struct call *call = &calls[i];

		if (call->part == EVER || call->part & parts)
			error = seccomp_rule_add_array(filter, SCMP_ACT_ALLOW, call->number,
						       call->arguments, &call->argument);
	}
	return error;
}

int tw_syscalls_allow(unsigned parts)
{
	_cleanup_(release) scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ERRNO(ENOSYS));
	int error = filter ? 0 : -ENOMEM;

	/* no_new_privs is the caller's matter, and an errno is wanted as the kernel gave it. */
	if (!error)
		error = seccomp_attr_set(filter, SCMP_FLTATR_CTL_NNP, 0);
	if (!error)
		error = seccomp_attr_set(filter, SCMP_FLTATR_API_SYSRAWRC, 1);
	if (!error)
		error = seccomp_attr_set(filter, SCMP_FLTATR_CTL_OPTIMIZE, 2);
	/* Logged where the kernel can, from 4.14 on. */
	if (!error)
		seccomp_attr_set(filter, SCMP_FLTATR_CTL_LOG, 1);
	if (!error)
		error = add_calls(filter, parts);
	return error ?: seccomp_load(filter);
}
