// SPDX-License-Identifier: GPL-2.0-only
/*
 * What a `run` could not do even if somebody else's code ran in it: system
 * calls are made in its name, by ptrace(2), and the kernel's answers read.
 */
#include <elf.h>
#include <fcntl.h>
#include <linux/sched.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

#include "harness.h"
#include "lib/cleanup.h"

#define POLICY "- {name: all, keepalive: 111s:11s:4}\n"

#if defined(__x86_64__) || defined(__aarch64__)

struct call {
	const char *name;
	long number;
	long argument[3];
};

#define CALL(call, ...)             \
	{                           \
#call, SYS_##call,  \
		{                   \
			__VA_ARGS__ \
		}                   \
	}

/* --- the registers of a process ------------------------------------------------------ */

#ifdef __x86_64__

#define SYSCALL_LEN 2 /* of the instruction */

/* It is a moment after such a call, which the stop interrupted. */
static bool is_after(const struct user_regs_struct *regs, long number)
{
	return (long)regs->orig_rax == number;
}

static void put_call(struct user_regs_struct *regs, const struct call *call)
{
	regs->rip -= SYSCALL_LEN;
	regs->rax = (unsigned long long)call->number;
	regs->orig_rax = (unsigned long long)-1;
	regs->rdi = (unsigned long long)call->argument[0];
	regs->rsi = (unsigned long long)call->argument[1];
	regs->rdx = (unsigned long long)call->argument[2];
	regs->r10 = regs->r8 = regs->r9 = 0;
}

static long answer_in(const struct user_regs_struct *regs)
{
	return (long)regs->rax;
}

static void put_answer(struct user_regs_struct *regs, long answer)
{
	regs->rax = (unsigned long long)answer;
	regs->orig_rax = (unsigned long long)-1;
}

#else

#define SYSCALL_LEN 4

static bool is_after(const struct user_regs_struct *regs, long number)
{
	return (long)regs->regs[8] == number && (long)regs->regs[0] == -EINTR;
}

static void put_call(struct user_regs_struct *regs, const struct call *call)
{
	regs->pc -= SYSCALL_LEN;
	regs->regs[8] = (unsigned long long)call->number;
	memset(regs->regs, 0, 6 * sizeof(regs->regs[0]));
	for (size_t i = 0; i < ARRAY_SIZE(call->argument); i++)
		regs->regs[i] = (unsigned long long)call->argument[i];
}

static long answer_in(const struct user_regs_struct *regs)
{
	return (long)regs->regs[0];
}

static void put_answer(struct user_regs_struct *regs, long answer)
{
	regs->regs[0] = (unsigned long long)answer;
}

#endif

static void get_registers(pid_t pid, struct user_regs_struct *ret_regs)
{
	struct iovec part = { ret_regs, sizeof(*ret_regs) };

	SYS(ptrace(PTRACE_GETREGSET, pid, NT_PRSTATUS, &part));
}

static void set_registers(pid_t pid, struct user_regs_struct *regs)
{
	struct iovec part = { regs, sizeof(*regs) };

	SYS(ptrace(PTRACE_SETREGSET, pid, NT_PRSTATUS, &part));
}

/* --- somebody else's code ------------------------------------------------------------ */

static int await_stop(pid_t pid)
{
	int status;

	SYS(waitpid(pid, &status, __WALL));
	if (!WIFSTOPPED(status))
		FAIL("process %d ended: %#x", pid, status);
	return status;
}

/* A signal that comes meanwhile, as of a child's end, is its own. */
static void interrupt(pid_t pid)
{
	int status;

	SYS(ptrace(PTRACE_INTERRUPT, pid, NULL, NULL));
	while ((status = await_stop(pid)) >> 16 != PTRACE_EVENT_STOP)
		SYS(ptrace(PTRACE_CONT, pid, NULL, (void *)(long)WSTOPSIG(status)));
}

/* Stop it where it waits for something to do: an instruction after the call. False: it was busy. */
static bool stop_idle(pid_t pid, struct user_regs_struct *ret_regs)
{
	interrupt(pid);
	get_registers(pid, ret_regs);
	if (is_after(ret_regs, SYS_epoll_pwait))
		return true;
#ifdef SYS_epoll_wait
	if (is_after(ret_regs, SYS_epoll_wait))
		return true;
#endif
	SYS(ptrace(PTRACE_CONT, pid, NULL, NULL));
	return false;
}

/* One instruction. Returns a signal that came instead, the process's own, or 0. */
static int step(pid_t pid)
{
	int status, signal = 0;

	do {
		SYS(ptrace(PTRACE_SINGLESTEP, pid, NULL, NULL));
		status = await_stop(pid);
		if (WSTOPSIG(status) != SIGTRAP)
			signal = WSTOPSIG(status);
	} while (WSTOPSIG(status) != SIGTRAP);
	return signal;
}

/* The kernel's answer to a call of that process: a value, or -errno. */
static long call_as(pid_t pid, const struct call *call)
{
	struct user_regs_struct before, regs;
	int signal;

	SYS(ptrace(PTRACE_SEIZE, pid, NULL, NULL));
	WAIT_FOR(stop_idle(pid, &before));
	regs = before;
	put_call(&regs, call);
	set_registers(pid, &regs);
	signal = step(pid);
	get_registers(pid, &regs);
	/* Its own call was interrupted, which the loop expects. */
	put_answer(&before, -EINTR);
	set_registers(pid, &before);
	SYS(ptrace(PTRACE_DETACH, pid, NULL, (void *)(long)signal));
	return answer_in(&regs);
}

/* --- what it may not ------------------------------------------------------------------- */

/* Each fails for its arguments, or changes nothing, where it is allowed. */
static const struct call forbidden[] = {
	/* Other programs. */
	CALL(execve, 0, 0, 0),
	CALL(execveat, -1, 0, 0),
	/* Other processes' memory. */
	CALL(process_vm_readv, -1, 0, 0),
	CALL(process_vm_writev, -1, 0, 0),
	CALL(tgkill, 1, 1, 0),
	/* Memory to run code from. */
	CALL(mmap, 0, 0, PROT_READ | PROT_EXEC),
	CALL(mprotect, 0, 4096, PROT_READ | PROT_EXEC),
	CALL(memfd_create, 0, 0),
	/* Files that are written, and their names and owners. */
	CALL(openat, AT_FDCWD, 0, O_RDWR),
	CALL(openat, AT_FDCWD, 0, O_RDONLY | O_CREAT),
	CALL(openat, AT_FDCWD, 0, O_RDONLY | O_TRUNC),
	CALL(openat2, AT_FDCWD, 0, 0),
	CALL(renameat2, AT_FDCWD, 0, AT_FDCWD),
	CALL(linkat, AT_FDCWD, 0, AT_FDCWD),
	CALL(symlinkat, 0, AT_FDCWD, 0),
	CALL(mknodat, AT_FDCWD, 0, 0),
	CALL(fchmodat, AT_FDCWD, 0, 0),
	CALL(fchownat, AT_FDCWD, 0, 0),
	CALL(truncate, 0, 0),
	/* Mounts and namespaces, but the network's. */
	CALL(mount, 0, 0, 0),
	CALL(umount2, 0, 0),
	CALL(chroot, 0),
	CALL(pivot_root, 0, 0),
	CALL(unshare, 0),
	CALL(setns, -1, CLONE_NEWNS),
	CALL(setns, -1, 0),
	/* Its own identity and sandbox. */
	CALL(setresuid, -1, -1, -1),
	CALL(capset, 0, 0),
	CALL(seccomp, 99, 0, 0),
	/* Connections to others. */
	CALL(socket, AF_UNIX, 99, 0),
	CALL(socket, AF_INET, 99, 0),
	CALL(socket, AF_NETLINK, 99, 0),
	CALL(socket, AF_PACKET, 99, 0),
	CALL(connect, -1, 0, 0),
	CALL(bind, -1, 0, 0),
	CALL(listen, -1, 0),
	CALL(sendmsg, -1, 0, 0),
	CALL(recvmsg, -1, 0, 0),
	/* The rest of the kernel. */
	CALL(perf_event_open, 0, 0, 0),
	/* A terminal's input. */
	CALL(ioctl, -1, TIOCSTI, 0),
#ifdef SYS_open /* Newer architectures have these with ...at alone. */
	CALL(open, 0, O_WRONLY),
	CALL(rename, 0, 0),
	CALL(link, 0, 0),
	CALL(symlink, 0, 0),
	CALL(mknod, 0, 0, 0),
	CALL(chmod, 0, 0),
	CALL(chown, 0, 0, 0),
#endif
};

/* Which a build with sanitizers makes to stop itself, and look for leaks. */
static const struct call of_sanitizers[] = {
	CALL(clone, CLONE_NEWUSER | CLONE_FS, 0),
	CALL(ptrace, PTRACE_ATTACH, -1, 0),
};

/* Only the sweep needs these. */
static const struct call of_the_sweep[] = {
	CALL(setns, -1, CLONE_NEWNET),
	CALL(pidfd_open, -1, 0),
	CALL(pidfd_getfd, -1, 0, 0),
};

static void check_calls(pid_t pid, const struct call *calls, size_t count, bool allowed)
{
	for (size_t i = 0; i < count; i++) {
		long answer = call_as(pid, &calls[i]);

		printf("%s(%ld, %ld, %ld): %ld\n", calls[i].name, calls[i].argument[0],
		       calls[i].argument[1], calls[i].argument[2], answer);
		if ((answer != -ENOSYS) != allowed)
			FAIL("%s(%ld, %ld, %ld) is %sallowed: %ld", calls[i].name,
			     calls[i].argument[0], calls[i].argument[1], calls[i].argument[2],
			     allowed ? "not " : "", answer);
	}
}

#define CHECK_CALLS(daemon, calls, allowed) \
	check_calls((daemon).pid, calls, ARRAY_SIZE(calls), allowed)

static struct tw_process run(const char *option)
{
	struct tw_process daemon =
		TW_START("run", "-c", tw_policy(POLICY), "--attach-to", tw_node, option);

	tw_wait_enforcing(&daemon);
	WAIT_FOR(strstr(tw_log_of(&daemon), "this run keeps"));
	return daemon;
}

static void check_still_there(struct tw_process *daemon)
{
	static const struct call getpid_call = CALL(getpid, 0);

	CHECK_INT(call_as(daemon->pid, &getpid_call), daemon->pid);
	tw_signal(daemon, SIGTERM);
	CHECK_INT(tw_join(daemon).status, 0);
}

TW_TEST(syscalls__of_a_run)
{
	struct tw_process daemon = run(NULL);

	CHECK_CALLS(daemon, forbidden, false);
	if (!getenv("ASAN_OPTIONS"))
		CHECK_CALLS(daemon, of_sanitizers, false);
	CHECK_CALLS(daemon, of_the_sweep, true);
	check_still_there(&daemon);
}

TW_TEST(syscalls__of_a_run_without_a_sweep)
{
	struct tw_process daemon = run("--no-sweep");

	CHECK_CALLS(daemon, forbidden, false);
	CHECK_CALLS(daemon, of_the_sweep, false);
	check_still_there(&daemon);
}

/* That the kernel says ENOSYS is the filter's doing. */
TW_TEST(syscalls__of_a_run_without_the_sandbox)
{
	struct tw_process daemon = run("--no-sandbox");

	CHECK_CALLS(daemon, forbidden, true);
	CHECK_CALLS(daemon, of_sanitizers, true);
	CHECK_CALLS(daemon, of_the_sweep, true);
	check_still_there(&daemon);
}

#else

#define WHY "makes calls by the registers of x86-64 and arm64"

TW_TEST(syscalls__of_a_run)
{
	tw_skip(WHY);
}

TW_TEST(syscalls__of_a_run_without_a_sweep)
{
	tw_skip(WHY);
}

TW_TEST(syscalls__of_a_run_without_the_sandbox)
{
	tw_skip(WHY);
}

#endif
