// SPDX-License-Identifier: GPL-2.0-only
/* A `run` keeps what it needs and no more: capabilities, new privileges, system calls. */
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "bpf.h"
#include "guard.h"
#include "lib/cleanup.h"
#include "samples.h"
#include "web.h"

#define ADDRESS "127.0.0.1:7000"
#define OLD	"- {name: all, keepalive: 111s:11s:4, user_timeout: 44s}\n"
#define ASKED	1, 111, 11, 4, 44000
#define NEW	"version: 1\npolicies:\n- {name: all, keepalive: 333s:33s:6}\n"

#define BIT(capability) (1ULL << (capability))
#define EVER		(BIT(CAP_BPF) | BIT(CAP_PERFMON) | BIT(CAP_NET_ADMIN) | BIT(CAP_DAC_READ_SEARCH))
#define SWEEP		(BIT(CAP_SYS_ADMIN) | BIT(CAP_SYS_PTRACE))

/* --- what the kernel says of a process ------------------------------------------------ */

/* A line of /proc/PID/status, such as "CapEff". */
static unsigned long long status_of(pid_t pid, const char *name, int base)
{
	_cleanup_free_ char *text = tw_read_file(tw_format("/proc/%d/status", pid));
	const char *line;

	CHECK(text);
	line = strstr(text, tw_format("\n%s:", name));
	if (!line)
		FAIL("process %d has no %s: %s", pid, name, text);
	return strtoull(line + strlen(name) + 2, NULL, base);
}

/* Two filters: of the start, and of what follows. */
static struct tw_process settled(const struct tw_process *daemon)
{
	tw_wait_enforcing(daemon);
	WAIT_FOR(status_of(daemon->pid, "Seccomp_filters", 10) == 2);
	return *daemon;
}

static struct tw_process start(const char *policy, const char *option)
{
	struct tw_process daemon =
		TW_START("run", "-c", tw_policy("%s", policy), "--attach-to", tw_node, option);

	return settled(&daemon);
}

static void check_capabilities(pid_t pid, unsigned long long expected)
{
	static const char *const kept[] = { "CapEff", "CapPrm", "CapBnd" };

	for (size_t i = 0; i < ARRAY_SIZE(kept); i++)
		CHECK_EQUAL(tw_format("%s %016llx", kept[i], status_of(pid, kept[i], 16)),
			    tw_format("%s %016llx", kept[i], expected));
	CHECK_INT((long long)status_of(pid, "CapInh", 16), 0);
	CHECK_INT((long long)status_of(pid, "CapAmb", 16), 0);
}

static void check_confined(pid_t pid, unsigned long long capabilities)
{
	CHECK_INT((long long)status_of(pid, "NoNewPrivs", 10), 1);
	CHECK_INT((long long)status_of(pid, "Seccomp", 10), SECCOMP_MODE_FILTER);
	check_capabilities(pid, capabilities);
}

TW_TEST(sandbox__what_a_run_keeps)
{
	struct tw_process daemon = start(OLD, NULL);

	check_confined(daemon.pid, EVER | SWEEP);
	WAIT_FOR(strstr(tw_log_of(&daemon), "CAP_SYS_PTRACE"));
}

TW_TEST(sandbox__what_a_run_without_a_sweep_keeps)
{
	struct tw_process daemon = start(OLD, "--no-sweep");

	check_confined(daemon.pid, EVER);
	WAIT_FOR(strstr(tw_log_of(&daemon), "CAP_PERFMON"));
	CHECK(!strstr(tw_log_of(&daemon), "CAP_SYS_ADMIN"));
}

TW_TEST(sandbox__off)
{
	struct tw_process daemon =
		TW_START("run", "-c", tw_policy(OLD), "--attach-to", tw_node, "--no-sandbox");

	tw_wait_enforcing(&daemon);
	WAIT_FOR(strstr(tw_log_of(&daemon), "--no-sandbox: this run keeps"));
	CHECK_INT((long long)status_of(daemon.pid, "NoNewPrivs", 10), 0);
	CHECK_INT((long long)status_of(daemon.pid, "Seccomp", 10), 0);
	check_capabilities(daemon.pid, status_of(getpid(), "CapEff", 16));
}

/* What a service manager gives to programs that are not root's. */
static void hand_down(void)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct sets[2];

	SYS(syscall(SYS_capget, &header, sets));
	sets[0].inheritable |= BIT(CAP_SYS_CHROOT);
	SYS(syscall(SYS_capset, &header, sets));
	SYS(prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, CAP_SYS_CHROOT, 0, 0));
}

static struct tw_process start_with_ambient(const char *option)
{
	struct tw_process daemon = tw_start(&(struct tw_command){
		.args = ARGS("run", "-c", tw_policy(OLD), "--attach-to", tw_node, option),
		.prepare = hand_down });

	tw_wait_enforcing(&daemon);
	return daemon;
}

TW_TEST(sandbox__nothing_is_handed_down)
{
	struct tw_process daemon = start_with_ambient("--no-sandbox");

	CHECK_INT((long long)status_of(daemon.pid, "CapInh", 16), BIT(CAP_SYS_CHROOT));
	CHECK_INT((long long)status_of(daemon.pid, "CapAmb", 16), BIT(CAP_SYS_CHROOT));
	tw_signal(&daemon, SIGTERM);
	tw_join(&daemon);
	daemon = start_with_ambient(NULL);
	settled(&daemon);
	check_confined(daemon.pid, EVER | SWEEP);
}

static bool has_looked(struct tw_response *ret_page)
{
	*ret_page = tw_web_get("/");
	if (ret_page->status == 200 && !strstr(ret_page->body, "being looked at"))
		return true;
	free(ret_page->head);
	return false;
}

static const char *problems(void)
{
	struct tw_response page;

	WAIT_FOR(has_looked(&page));
	return page.body;
}

static void drop_sys_admin(void)
{
	SYS(prctl(PR_CAPBSET_DROP, CAP_SYS_ADMIN));
}

/* The page lists what is wrong with this node: what a run was not given, not what it gave up. */
TW_TEST(sandbox__what_was_given_up_is_no_defect)
{
	struct tw_process daemon = start(OLD, "--no-sweep");

	CHECK(!strstr(problems(), "CAP_"));
	tw_signal(&daemon, SIGTERM);
	tw_join(&daemon);
	daemon = tw_start(&(struct tw_command){
		.args = ARGS("run", "-c", tw_policy(OLD), "--attach-to", tw_node),
		.prepare = drop_sys_admin });
	settled(&daemon);
	CHECK_HAS(problems(), "<strong>CAP_SYS_ADMIN</strong>");
}

/* --- what works afterwards --------------------------------------------------------------- */

/* Also where an application sets a value later, which takes a hook that was not there at the start. */
static void check_reload(const struct tw_process *daemon)
{
	struct tw_pair pair;

	CHECK_INT(tw_hooks_attached(tw_node), 0);
	tw_policy("%s", TW_HELD("policy"));
	tw_signal(daemon, SIGHUP);
	WAIT_FOR(tw_hooks_attached(tw_node) == 1);
	WAIT_FOR(tw_status_int("generation") == 2);
	pair = tw_pair(tw_node, tw_node, "127.0.0.1:7001");
	tw_set_all(pair.client, (struct tw_values){ 1, 15, 15, 9, 0 });
	CHECK_OPTIONS(pair.client, TW_HELD_ASKED);
	tw_policy("- {name: late, match: {cgroup: %s/late}, keepalive: 222s:22s:5}\n" OLD, tw_node);
	WAIT_FOR(tw_status_int("generation") == 3);
	WAIT_FOR(tw_hooks_attached(tw_node) == 0);
}

static int idle_in(const char *cgroup, int listener)
{
	_cleanup_close_ int client = tw_connect(cgroup, "127.0.0.1:7002");

	close(SYS(tw_accept(listener)));
	return tw_values(client).idle;
}

static void check_cgroups(void)
{
	const char *late = tw_cgroup(tw_node, "late");
	int listener = tw_listen(NULL, "127.0.0.1:7002");

	WAIT_FOR(idle_in(late, listener) == 222);
}

static void check_goes_on(const struct tw_process *daemon)
{
	CHECK_OPTIONS(tw_pair(tw_node, NULL, ADDRESS).client, ASKED);
	check_reload(daemon);
	check_cgroups();
	CHECK_INT(tw_web_get("/readyz").status, 200);
	CHECK(tw_web_metric("tcpwarden_policy_generation") == 3);
	/* The audit, of the sockets that it reaches. */
	WAIT_FOR(tw_web_metric("tcpwarden_sockets_audited_timestamp_seconds") > 0);
	CHECK(!strstr(tw_log_of(daemon), "cannot"));
}

/*
 * What it asked for and its filter refused, as the kernel logs it (where it has
 * CONFIG_AUDIT). One that went on without looks as if all were well.
 */
static void check_nothing_refused(void)
{
	_cleanup_close_ int fd = SYS(open("/dev/kmsg", O_RDONLY | O_NONBLOCK | O_CLOEXEC));
	const char *ours = tw_format("exe=\"%s/", tw_folder);
	char record[8192];
	ssize_t n;

	while ((n = read(fd, record, sizeof(record) - 1)) >= 0 || errno == EPIPE) {
		record[n < 0 ? 0 : n] = '\0';
		if (strstr(record, "type=1326") && strstr(record, ours))
			FAIL("refused: %s", record);
	}
	CHECK_INT(errno, EAGAIN);
}

static struct tw_result end(const struct tw_process *daemon)
{
	struct tw_result result;

	tw_signal(daemon, SIGTERM);
	result = tw_join(daemon);
	check_nothing_refused();
	return result;
}

TW_TEST(sandbox__all_goes_on_without_a_sweep)
{
	struct tw_process daemon = TW_START("run", "-c", tw_policy(OLD), "--attach-to", tw_node,
					    "--no-sweep", "--on-exit", "detach");

	settled(&daemon);
	check_goes_on(&daemon);
	CHECK_INT(end(&daemon).status, 0);
	CHECK_INT(tw_programs_attached(tw_node), 0);
	CHECK(tw_bpffs_is_empty());
}

static void become_nobody(void *data)
{
	(void)data;
	SYS(setgid(65534));
	SYS(setuid(65534));
	pause();
}

/* A network namespace that only a process of another user names. */
static struct tw_pair make_elsewhere(const char *address)
{
	struct tw_pair pair;
	pid_t pid;

	tw_new_netns();
	pair = tw_pair(tw_node, tw_node, address);
	pid = tw_fork(NULL, become_nobody, NULL);
	WAIT_FOR(status_of(pid, "Uid", 10) == 65534);
	return pair;
}

/* Each of the four: opened before the run, and before a reload; here, and in a namespace of others. */
TW_TEST(sandbox__all_goes_on_with_the_sweep)
{
	struct tw_pair before = make_elsewhere(ADDRESS), after;
	struct tw_process daemon;

	tw_new_netns();
	daemon = tw_enforce_swept(OLD);
	settled(&daemon);
	CHECK_OPTIONS(before.client, ASKED);
	check_goes_on(&daemon);
	after = make_elsewhere(ADDRESS);
	tw_change_swept(&daemon, NEW);
	WAIT_FOR(tw_get(before.server, IPPROTO_TCP, TCP_KEEPCNT) == 6);
	WAIT_FOR(tw_get(after.server, IPPROTO_TCP, TCP_KEEPCNT) == 6);
	CHECK_OPTIONS(before.server, 1, 333, 33, 6, 0);
	CHECK_OPTIONS(after.server, 1, 333, 33, 6, 0);
	CHECK_INT(end(&daemon).status, 0);
}

/* pidfd_getfd(2), as on 5.10. */
TW_TEST(sandbox__all_goes_on_with_the_sweep_by_descriptors)
{
	struct tw_pair before = make_elsewhere(ADDRESS);
	struct tw_process daemon;

	tw_force_descriptors();
	tw_new_netns();
	daemon = tw_enforce_swept(OLD);
	settled(&daemon);
	CHECK(tw_by_descriptors(tw_log_of(&daemon)));
	CHECK_OPTIONS(before.client, ASKED);
	tw_change_swept(&daemon, NEW);
	CHECK_OPTIONS(before.server, 1, 333, 33, 6, 0);
}

/* It takes a capability that is given up once the socket is there. */
TW_TEST(sandbox__a_low_port_can_be_listened_on)
{
	struct tw_process daemon = TW_START("run", "-c", tw_policy(OLD), "--attach-to", tw_node,
					    "--listen", "127.0.0.1:81");

	settled(&daemon);
	CHECK_HAS(tw_web_send("127.0.0.1:81", "GET /healthz HTTP/1.0\r\n\r\n", 25).head, "200 OK");
}

/* --- other machines ------------------------------------------------------------------------ */

/* CAP_SYS_ADMIN, as it was before Linux 5.8. */
static void drop_bpf_and_perfmon(void)
{
	SYS(prctl(PR_CAPBSET_DROP, CAP_BPF));
	SYS(prctl(PR_CAPBSET_DROP, CAP_PERFMON));
}

TW_TEST(sandbox__keeps_what_stands_in_for_cap_bpf)
{
	struct tw_process daemon = tw_start(&(struct tw_command){
		.args = ARGS("run", "-c", tw_policy(OLD), "--attach-to", tw_node, "--no-sweep"),
		.prepare = drop_bpf_and_perfmon });

	settled(&daemon);
	check_confined(daemon.pid,
		       BIT(CAP_NET_ADMIN) | BIT(CAP_DAC_READ_SEARCH) | BIT(CAP_SYS_ADMIN));
	check_goes_on(&daemon);
}

static void drop_setpcap(void)
{
	SYS(prctl(PR_CAPBSET_DROP, CAP_SETPCAP));
}

/* As in a container or a unit with the capabilities that `doctor` names: the bounding set is theirs. */
TW_TEST(sandbox__without_cap_setpcap)
{
	struct tw_process daemon = tw_start(&(struct tw_command){
		.args = ARGS("run", "-c", tw_policy(OLD), "--attach-to", tw_node, "--no-sweep"),
		.prepare = drop_setpcap });

	settled(&daemon);
	CHECK_INT((long long)status_of(daemon.pid, "CapEff", 16), EVER);
	CHECK_INT((long long)status_of(daemon.pid, "CapPrm", 16), EVER);
	CHECK_INT((long long)status_of(daemon.pid, "NoNewPrivs", 10), 1);
}

/* A kernel without seccomp, as far as a process can tell; EINVAL is what prctl(2) says there. */
static void lose_seccomp(void)
{
	static const struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_seccomp, 3, 0),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_prctl, 0, 3),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, args[0])),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, PR_SET_SECCOMP, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EINVAL),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	const struct sock_fprog program = { ARRAY_SIZE(code), (struct sock_filter *)code };

	SYS(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0));
	SYS(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program));
}

TW_TEST(sandbox__a_kernel_without_seccomp)
{
	struct tw_process daemon = tw_start(&(struct tw_command){
		.args = ARGS("run", "-c", tw_policy(OLD), "--attach-to", tw_node),
		.prepare = lose_seccomp });

	tw_wait_enforcing(&daemon);
	WAIT_FOR(status_of(daemon.pid, "CapEff", 16) == (EVER | SWEEP));
	CHECK_INT((long long)status_of(daemon.pid, "Seccomp_filters", 10), 1);
	CHECK_HAS(tw_log_of(&daemon), "system calls are not filtered");
	check_goes_on(&daemon);
}
