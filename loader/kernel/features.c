// SPDX-License-Identifier: GPL-2.0-only
#include "kernel/features.h"

#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <linux/capability.h>
#include <stdarg.h>
#include <stdbool.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "kernel/caps.h"
#include "kernel/cgroup_events.h"
#include "kernel/core.h"
#include "kernel/deaths.h"
#include "kernel/guard.h"
#include "kernel/hz.h"
#include "kernel/iterator.h"
#include "kernel/libbpf_log.h"
#include "kernel/memlock.h"
#include "kernel/pins.h"
#include "kernel/process.h"
#include "kernel/program.h"
#include "kernel/sandbox.h"
#include "lib/buf.h"
#include "lib/cleanup.h"
#include "lib/file.h"
#include "lib/mounts.h"

struct report {
	struct tw_check *checks;
	size_t count;
};

static void add(struct report *report, const char *name, enum tw_check_status status,
		const char *remedy, const char *format, ...) __attribute__((format(printf, 5, 6)));

static void fill(struct tw_check *check, const char *name, enum tw_check_status status,
		 const char *remedy, const char *format, va_list args)
	__attribute__((format(printf, 5, 0)));

static void fill(struct tw_check *check, const char *name, enum tw_check_status status,
		 const char *remedy, const char *format, va_list args)
{
	*check = (struct tw_check){ .name = name, .status = status };
	vsnprintf(check->detail, sizeof(check->detail), format, args);
	snprintf(check->remedy, sizeof(check->remedy), "%s", status == TW_CHECK_OK ? "" : remedy);
}

void tw_check_set(struct tw_check *ret_check, const char *name, enum tw_check_status status,
		  const char *remedy, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	fill(ret_check, name, status, remedy, format, args);
	va_end(args);
}

static void add(struct report *report, const char *name, enum tw_check_status status,
		const char *remedy, const char *format, ...)
{
	va_list args;

	if (report->count == TW_MAX_CHECKS)
		return;
	va_start(args, format);
	fill(&report->checks[report->count++], name, status, remedy, format, args);
	va_end(args);
}

/* --- the machine ------------------------------------------------------------------ */

static void probe_kernel(struct report *report)
{
	struct utsname name;

	uname(&name);
	add(report, "kernel", TW_CHECK_OK, "", "%s %s %s, HZ %u", name.sysname, name.release,
	    name.machine, tw_hz_get());
}

static void probe_btf(struct report *report)
{
	tw_libbpf_log_capture();
	if (tw_libbpf_knows_kernel())
		add(report, "btf", TW_CHECK_OK, "", "the kernel tells its types");
	else
		add(report, "btf", TW_CHECK_MISSING,
		    "boot a kernel built with CONFIG_DEBUG_INFO_BTF=y",
		    "%s: %s; the programs cannot be fitted to this kernel", TW_BTF_PATH,
		    access(TW_BTF_PATH, R_OK) < 0 ? strerror(errno) : "no types in it");
}

static void probe_cgroup2(struct report *report)
{
	_cleanup_free_ char *mount = NULL;
	_cleanup_free_ char *v1 = NULL;
	int error = tw_mounts_find("cgroup2", &mount);

	if (error)
		add(report, "cgroup2", TW_CHECK_MISSING,
		    "mount -t cgroup2 none /sys/fs/cgroup, or boot with "
		    "systemd.unified_cgroup_hierarchy=1",
		    "no cgroup2 tree is mounted: %s", strerror(-error));
	else if (tw_mounts_find("cgroup", &v1) == 0)
		add(report, "cgroup2", TW_CHECK_OK, "",
		    "at %s, beside version 1 hierarchies (hybrid): policies see a process where "
		    "the "
		    "version 2 tree has it",
		    mount);
	else
		add(report, "cgroup2", TW_CHECK_OK, "", "at %s (pure)", mount);
}

static void probe_bpffs(struct report *report)
{
	if (tw_bpffs_mounted())
		add(report, "bpffs", TW_CHECK_OK, "", "at " TW_BPFFS);
	else if (tw_bpffs_hidden())
		add(report, "bpffs", TW_CHECK_MISSING, "on the host: mount -t bpf bpf " TW_BPFFS,
		    "a folder of the host is mounted at " TW_BPFFS
		    " that is no bpf file system; one of our own would end with this container");
	else
		add(report, "bpffs", TW_CHECK_DEGRADED, "mount -t bpf bpf " TW_BPFFS,
		    "not mounted at " TW_BPFFS "; run mounts it, which takes CAP_SYS_ADMIN");
}

static void probe_jit(struct report *report)
{
	_cleanup_buf_ struct tw_buf text = TW_BUF_INIT;

	if (tw_file_read("/proc/sys/net/core/bpf_jit_enable", 64, &text))
		add(report, "jit", TW_CHECK_OK, "", "cannot be read in this network namespace");
	else if (text.data[0] == '0')
		add(report, "jit", TW_CHECK_DEGRADED, "sysctl net.core.bpf_jit_enable=1",
		    "off: the programs are interpreted, several times slower");
	else
		add(report, "jit", TW_CHECK_OK, "", "on");
}

static void probe_lockdown(struct report *report)
{
	_cleanup_buf_ struct tw_buf text = TW_BUF_INIT;

	if (tw_file_read("/sys/kernel/security/lockdown", 256, &text))
		add(report, "lockdown", TW_CHECK_OK, "", "not in use");
	else if (strstr(text.data, "[confidentiality]"))
		add(report, "lockdown", TW_CHECK_DEGRADED,
		    "boot with lockdown=integrity where `program` below is missing",
		    "confidentiality: bpf_probe_read_kernel is refused, which kernels with the old "
		    "layout of socket cgroups need");
	else
		add(report, "lockdown", TW_CHECK_OK, "", "%s",
		    strstr(text.data, "[integrity]") ? "integrity" : "none");
}

static void probe_cap(struct report *report, const struct tw_cap *cap)
{
	char remedy[128];

	snprintf(remedy, sizeof(remedy), "run as root, or give the process %s", cap->name);
	if (tw_caps_have(cap))
		add(report, cap->name, TW_CHECK_OK, "", "have it, to %s", cap->why);
	else if (tw_caps_given_up(cap))
		add(report, cap->name, TW_CHECK_OK, "",
		    "had it, and gave it up: this run does not need it now, to %s", cap->why);
	else if (cap->number == CAP_SYS_RESOURCE && !tw_memlock_charges())
		add(report, cap->name, TW_CHECK_OK, "", "not there, and this kernel needs none");
	else
		add(report, cap->name, cap->required ? TW_CHECK_MISSING : TW_CHECK_DEGRADED, remedy,
		    "not there: cannot %s", cap->why);
}

static void probe_seccomp(struct report *report)
{
	if (tw_sandbox_has_filters())
		add(report, "seccomp", TW_CHECK_OK, "",
		    "`run` limits itself to the system calls "
		    "that it needs");
	else
		add(report, "seccomp", TW_CHECK_DEGRADED,
		    "boot a kernel built with CONFIG_SECCOMP_FILTER=y",
		    "no filters of system calls: `run` goes on without one");
}

/* --- what BPF offers ----------------------------------------------------------------- */

static void add_probe(struct report *report, const char *name, int result, const char *what)
{
	if (result > 0)
		add(report, name, TW_CHECK_OK, "", "%s: there", what);
	else if (result == 0)
		add(report, name, TW_CHECK_MISSING,
		    "run Linux 5.10 or newer, with CONFIG_CGROUP_BPF=y", "%s: not in this kernel",
		    what);
	else
		add(report, name, TW_CHECK_DEGRADED, "run doctor as root",
		    "%s: cannot be probed: %s", what, strerror(-result));
}

static void probe_bpf(struct report *report)
{
	static const struct {
		enum bpf_func_id id;
		const char *name;
	} helpers[] = {
		{ BPF_FUNC_setsockopt, "bpf_setsockopt" },
		{ BPF_FUNC_skc_to_tcp_sock, "bpf_skc_to_tcp_sock" },
		{ BPF_FUNC_sk_storage_get, "bpf_sk_storage_get" },
	};
	static const struct {
		enum bpf_map_type type;
		const char *name;
	} maps[] = {
		{ BPF_MAP_TYPE_ARRAY_OF_MAPS, "ARRAY_OF_MAPS" },
		{ BPF_MAP_TYPE_LPM_TRIE, "LPM_TRIE" },
		{ BPF_MAP_TYPE_SK_STORAGE, "SK_STORAGE" },
	};

	tw_libbpf_log_capture();
	add_probe(report, "program-type", libbpf_probe_bpf_prog_type(BPF_PROG_TYPE_SOCK_OPS, NULL),
		  "sockops");
	for (size_t i = 0; i < ARRAY_SIZE(helpers); i++)
		add_probe(report, "helper",
			  libbpf_probe_bpf_helper(BPF_PROG_TYPE_SOCK_OPS, helpers[i].id, NULL),
			  helpers[i].name);
	for (size_t i = 0; i < ARRAY_SIZE(maps); i++)
		add_probe(report, "map-type", libbpf_probe_bpf_map_type(maps[i].type, NULL),
			  maps[i].name);
}

static void probe_program(struct report *report)
{
	struct tw_fault fault = TW_FAULT_INIT;

	if (tw_program_try(&fault))
		add(report, "program", TW_CHECK_MISSING, "mend what is missing above", "%s",
		    fault.text);
	else
		add(report, "program", TW_CHECK_OK, "", "this kernel takes the enforcing program");
}

/* Asked of the very programs: with maps of their own, that vanish with them. */
static void probe_iterator(struct report *report)
{
	const struct tw_iterator_options options = { .pinned = false };
	struct tw_fault fault = TW_FAULT_INIT;
	struct tw_iterator iterator;

	if (tw_iterator_open(&options, &iterator, &fault)) {
		add(report, "iterator", TW_CHECK_DEGRADED, "mend what is missing above",
		    "open connections cannot be listed or swept: %s", fault.text);
		return;
	}
	if (iterator.writes)
		add(report, "iterator", TW_CHECK_OK, "", "open connections are swept by iter/tcp");
	else
		add(report, "iterator", TW_CHECK_DEGRADED, "run Linux 5.15 or newer",
		    "iter/tcp cannot write: open connections are swept by descriptors "
		    "(pidfd_getfd), "
		    "which misses those that no process has");
	tw_iterator_close(&iterator);
}

/* Policies with precedence app do without. */
static void probe_guard(struct report *report)
{
	struct tw_fault fault = TW_FAULT_INIT;
	const char *now = tw_guard_attached() ? "attached" : "not attached: no policy needs it";
	bool follows;

	if (tw_guard_try(&follows, &fault))
		add(report, "setsockopt-hook", TW_CHECK_DEGRADED,
		    "mend what is missing above, or use precedence: app",
		    "policies with precedence strictest or policy cannot be loaded: %s",
		    fault.text);
	else if (follows)
		add(report, "setsockopt-hook", TW_CHECK_OK, "",
		    "holds precedence strictest and policy; %s", now);
	else
		add(report, "setsockopt-hook", TW_CHECK_DEGRADED, "run Linux 5.15 or newer",
		    "holds precedence strictest and policy, but where an application moves a timer "
		    "under strictest, the next sweep computes user_timeout: auto anew; %s",
		    now);
}

/* The kernel does not run the hook for system calls of 32-bit programs. */
static void probe_compat(struct report *report)
{
	unsigned count = tw_process_count_32bit();

	if (count)
		add(report, "32-bit", TW_CHECK_DEGRADED, "run 64-bit programs",
		    "%u 32-bit %s here: setsockopt() of such passes the hook by; the next sweep "
		    "brings their sockets back under precedence strictest or policy",
		    count, count == 1 ? "process runs" : "processes run");
	else
		add(report, "32-bit", TW_CHECK_OK, "",
		    "no 32-bit process runs here; setsockopt() of one would pass the hook by, "
		    "until "
		    "the next sweep");
}

static void ignore_cgroup(enum tw_cgroup_event_kind kind, const char *path, __u64 id, __u64 at_ns,
			  void *data)
{
	(void)kind;
	(void)path;
	(void)id;
	(void)at_ns;
	(void)data;
}

static void probe_tracepoint(struct report *report)
{
	struct tw_fault fault = TW_FAULT_INIT;
	struct tw_cgroup_events *events;

	if (tw_cgroup_events_open(0, ignore_cgroup, NULL, &events, &fault)) {
		add(report, "tracepoint", TW_CHECK_DEGRADED,
		    "none needed; with many cgroups raise fs.inotify.max_user_watches",
		    "%s; cgroups are followed by inotify, one watch each", fault.text);
		return;
	}
	add(report, "tracepoint", TW_CHECK_OK, "",
	    "cgroups are followed by cgroup_mkdir and cgroup_rmdir");
	tw_cgroup_events_close(events);
}

static void probe_deaths(struct report *report)
{
	struct tw_fault fault = TW_FAULT_INIT;

	if (tw_deaths_try(&fault))
		add(report, "deaths", TW_CHECK_DEGRADED, "mend what is missing above",
		    "dead connections are neither counted nor told of: %s", fault.text);
	else
		add(report, "deaths", TW_CHECK_OK, "",
		    "dead connections are seen by inet_sock_set_state");
}

/* --- how a socket knows its cgroup ------------------------------------------------------ */

/*
 * Whether sock_cgroup_data has its pointer (5.15, 8520e224f547; also in later
 * 5.10.y). Without it net_cls and net_prio take a socket's cgroup away. May go
 * with the last 5.10 before 5.10.220 that someone runs.
 */
static bool cgroup_pointer(void)
{
	struct btf *btf = btf__load_vmlinux_btf();
	const struct btf_type *type;
	bool found = false;
	int id;

	if (!btf)
		return true;
	id = btf__find_by_name_kind(btf, "sock_cgroup_data", BTF_KIND_STRUCT);
	type = id > 0 ? btf__type_by_id(btf, (__u32)id) : NULL;
	for (__u16 i = 0; type && i < btf_vlen(type); i++)
		found |= !strcmp(btf__name_by_offset(btf, btf_members(type)[i].name_off), "cgroup");
	btf__free(btf);
	return found;
}

/* A version 1 hierarchy with net_cls or net_prio and at least one group of it in use. */
static bool net_classes_used(void)
{
	_cleanup_buf_ struct tw_buf text = TW_BUF_INIT;
	char *rest, *line;

	if (tw_file_read("/proc/cgroups", 65536, &text))
		return false;
	rest = text.data;
	while ((line = strsep(&rest, "\n"))) {
		int hierarchy, groups, enabled;
		char name[32];

		if (sscanf(line, "%31s %d %d %d", name, &hierarchy, &groups, &enabled) == 4 &&
		    (!strcmp(name, "net_cls") || !strcmp(name, "net_prio")) && hierarchy > 0 &&
		    groups > 1)
			return true;
	}
	return false;
}

static void probe_socket_cgroup(struct report *report)
{
	if (cgroup_pointer()) {
		add(report, "socket-cgroup", TW_CHECK_OK, "", "each socket keeps its cgroup");
		return;
	}
	add(report, "socket-cgroup", TW_CHECK_DEGRADED, "run 5.10.220 or newer",
	    "old layout: read by bpf_probe_read_kernel, and lost where net_cls or net_prio is "
	    "used");
	if (net_classes_used())
		add(report, "net-classes", TW_CHECK_DEGRADED,
		    "unmount net_cls and net_prio, or run 5.15 or newer",
		    "net_cls or net_prio is in use: sockets made since count as the root cgroup's, "
		    "so "
		    "only policies without match.cgroup, attached to /, meet them");
	else
		add(report, "net-classes", TW_CHECK_OK, "", "net_cls and net_prio are not used");
}

size_t tw_features_probe(struct tw_check ret_checks[static TW_MAX_CHECKS])
{
	struct report report = { .checks = ret_checks };

	probe_kernel(&report);
	probe_btf(&report);
	probe_cgroup2(&report);
	probe_bpffs(&report);
	probe_jit(&report);
	probe_lockdown(&report);
	for (size_t i = 0; i < tw_caps_count; i++)
		probe_cap(&report, &tw_caps[i]);
	probe_seccomp(&report);
	probe_bpf(&report);
	probe_socket_cgroup(&report);
	probe_program(&report);
	probe_iterator(&report);
	probe_guard(&report);
	probe_compat(&report);
	probe_tracepoint(&report);
	probe_deaths(&report);
	return report.count;
}
