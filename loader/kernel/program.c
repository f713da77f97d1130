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
#include "kernel/link.h"
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
		return tw_fault(fault, tw_errno(), "cannot open the BPF object: %m");
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

int tw_link_cgroup_of_others(uint64_t *ret_id)
{
	_cleanup_free_ char *pin = NULL;
	int error = tw_pins_other_link(&pin);

	return error ?: tw_link_read(pin, ret_id, NULL);
}

int tw_link_runs(const struct tw_program *program, bool *ret_ours)
{
	struct bpf_prog_info ours = { 0 };
	__u32 len = sizeof(ours), runs;
	int error = tw_link_read(TW_PIN_LINK, NULL, &runs);

	if (error)
		return error;
	if (bpf_obj_get_info_by_fd(bpf_program__fd(program->skel->progs.tw_sockops), &ours, &len) <
	    0)
		return -errno;
	*ret_ours = runs == ours.id;
	return 0;
}

int tw_program_attach(struct tw_program *program, int cgroup, struct tw_fault *fault)
{
	return tw_link_attach(TW_PIN_LINK, bpf_program__fd(program->skel->progs.tw_sockops), cgroup,
			      BPF_CGROUP_SOCK_OPS, fault);
}

int tw_link_cgroup(uint64_t *ret_id)
{
	return tw_link_read(TW_PIN_LINK, ret_id, NULL);
}
