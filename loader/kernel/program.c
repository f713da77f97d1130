// SPDX-License-Identifier: GPL-2.0-only
#include "kernel/program.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <string.h>

#include "bpf/sockops.skel.h"
#include "kernel/caps.h"
#include "kernel/hz.h"
#include "kernel/libbpf_log.h"
#include "kernel/pins.h"
#include "lib/cleanup.h"

/* Why a load failed: a capability first, since that is what people can mend. */
static int explain_load(int error, struct tw_fault *fault)
{
	const char *missing = tw_caps_missing();

	if (missing)
		return tw_fault(fault, error, "cannot load the BPF program: %m; missing %s",
				missing);
	return tw_fault(
		fault, error,
		"cannot load the BPF program: %m (%s); `tcpwarden doctor` says what this kernel "
		"allows",
		tw_libbpf_log_first());
}

static int open_and_load(struct tw_sockops_bpf **ret_skel, bool pinned, struct tw_fault *fault)
{
	struct tw_sockops_bpf *skel;
	int error;

	tw_libbpf_log_capture();
	skel = tw_sockops_bpf__open();
	if (!skel)
		return tw_fault(fault, -errno, "cannot open the BPF object: %m");
	skel->rodata->tw_seconds_per_jiffy = tw_hz_reciprocal();
	error = pinned ? tw_maps_pin(skel->obj, true, fault) : 0;
	if (!error) {
		error = tw_sockops_bpf__load(skel);
		if (error)
			explain_load(error, fault);
	}
	if (error) {
		tw_sockops_bpf__destroy(skel);
		return error;
	}
	*ret_skel = skel;
	return 0;
}

int tw_program_load(struct tw_program *ret_program, struct tw_fault *fault)
{
	struct tw_sockops_bpf *skel;
	int error;

	error = open_and_load(&skel, true, fault);
	if (error)
		return error;
	ret_program->skel = skel;
	ret_program->maps = tw_maps_of(skel->obj);
	return 0;
}

int tw_program_try(struct tw_fault *fault)
{
	struct tw_sockops_bpf *skel;
	int error = open_and_load(&skel, false, fault);

	if (!error)
		tw_sockops_bpf__destroy(skel);
	return error;
}

void tw_program_close(struct tw_program *program)
{
	tw_sockops_bpf__destroy(program->skel);
	*program = TW_PROGRAM_INIT;
}

static int read_link(struct bpf_link_info *ret_info)
{
	_cleanup_close_ int fd = bpf_obj_get(TW_PIN_LINK);
	__u32 len = sizeof(*ret_info);

	*ret_info = (struct bpf_link_info){ 0 };
	return fd < 0 || bpf_obj_get_info_by_fd(fd, ret_info, &len) < 0 ? -errno : 0;
}

int tw_link_cgroup(uint64_t *ret_id)
{
	struct bpf_link_info info;
	int error = read_link(&info);

	if (!error)
		*ret_id = info.cgroup.cgroup_id;
	return error;
}

int tw_link_runs(const struct tw_program *program, bool *ret_ours)
{
	struct bpf_prog_info ours = { 0 };
	struct bpf_link_info info;
	__u32 len = sizeof(ours);
	int error = read_link(&info);

	if (error)
		return error;
	if (bpf_obj_get_info_by_fd(bpf_program__fd(program->skel->progs.tw_sockops), &ours, &len) <
	    0)
		return -errno;
	*ret_ours = info.prog_id == ours.id;
	return 0;
}

/* Make and pin a new link; unpinned it dies with its descriptor, so nothing half-made stays. */
static int attach_new(struct tw_program *program, int cgroup, struct tw_fault *fault)
{
	_cleanup_close_ int link = bpf_link_create(bpf_program__fd(program->skel->progs.tw_sockops),
						   cgroup, BPF_CGROUP_SOCK_OPS, NULL);

	if (link < 0 && errno == EPERM && !tw_caps_missing())
		return tw_fault(
			fault, -errno,
			"cannot attach to the cgroup: another program is attached to it, or "
			"above it, without allowing others (`bpftool cgroup tree` shows it)");
	if (link < 0)
		return tw_fault(fault, -errno, "cannot attach to the cgroup: %m");
	if (bpf_obj_pin(link, TW_PIN_LINK) < 0)
		return tw_fault(fault, -errno, "cannot pin the link at " TW_PIN_LINK ": %m");
	return 0;
}

int tw_program_attach(struct tw_program *program, int cgroup, struct tw_fault *fault)
{
	_cleanup_close_ int link = -1;
	uint64_t attached;
	int error;

	error = tw_link_cgroup(&attached);
	if (error == -ENOENT)
		return attach_new(program, cgroup, fault);
	if (error)
		return tw_fault(fault, error, "cannot read the link at " TW_PIN_LINK ": %m");
	if (!attached) {
		if (unlink(TW_PIN_LINK) < 0)
			return tw_fault(fault, -errno,
					"cannot remove the dead link " TW_PIN_LINK ": %m");
		return attach_new(program, cgroup, fault);
	}
	link = bpf_obj_get(TW_PIN_LINK);
	if (link < 0 ||
	    bpf_link_update(link, bpf_program__fd(program->skel->progs.tw_sockops), NULL) < 0)
		return tw_fault(fault, -errno, "cannot update the link at " TW_PIN_LINK ": %m");
	return 0;
}
