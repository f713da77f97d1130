// SPDX-License-Identifier: GPL-2.0-only
#include "kernel/program.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "bpf/sockops.skel.h"
#include "kernel/core.h"
#include "kernel/hz.h"
#include "kernel/libbpf_log.h"
#include "kernel/link.h"
#include "kernel/pins.h"
#include "lib/cleanup.h"
#include "lib/log.h"

/* What of the programs a kernel may lack. */
struct extras {
	bool answers; /* and atomics, which are older than storage of cgroups on x86-64 and arm64 */
	bool seats;
};

static int load_as(const struct extras *extras, struct tw_sockops_bpf **ret_skel, bool pinned,
		   struct tw_fault *fault)
{
	struct tw_sockops_bpf *skel;
	int error;

	tw_libbpf_log_capture();
	skel = tw_sockops_bpf__open_opts(tw_core_opts());
	if (!skel)
		return tw_fault(fault, tw_errno(), "cannot open the BPF object: %m");
	skel->rodata->tw_seconds_per_jiffy = tw_hz_reciprocal();
	skel->rodata->tw_have_seats = extras->seats;
	skel->rodata->tw_have_answers = extras->answers;
	bpf_program__set_autoload(skel->progs.tw_sockops, extras->answers);
	bpf_program__set_autoload(skel->progs.tw_sockops_old, !extras->answers);
	error = bpf_map__set_autocreate(skel->maps.tw_answers, extras->answers);
	if (error)
		tw_fault(fault, error, "cannot do without the map of answers: %m");
	if (!error && pinned)
		error = tw_maps_pin(skel->obj, true, fault);
	if (!error) {
		error = tw_sockops_bpf__load(skel);
		if (error)
			tw_fault(fault, error,
				 "cannot load the BPF program: %m (%s); `tcpwarden doctor` says "
				 "what this kernel allows",
				 tw_libbpf_why(error));
	}
	if (error) {
		tw_sockops_bpf__destroy(skel);
		return error;
	}
	*ret_skel = skel;
	return 0;
}

/* -EINVAL: an unknown helper; -EACCES, -E2BIG: a verifier that does not follow it. */
static bool is_too_much(int error)
{
	return error == -EINVAL || error == -EACCES || error == -E2BIG;
}

/*
 * Answers take storage of cgroups (6.2). Seats take kernel memory that may be
 * read: not under lockdown=confidentiality.
 */
static int open_and_load(struct tw_sockops_bpf **ret_skel, bool pinned, struct tw_fault *fault)
{
	static const struct extras steps[] = {
		{ true, true },
		{ true, false },
		{ false, true },
		{ false, false },
	};
	const char *which = getenv("TCPWARDEN_SOCKOPS");
	bool old = (which && !strcmp(which, "old")) ||
		   libbpf_probe_bpf_map_type(TW_CGRP_STORAGE, NULL) != 1;
	size_t first = old ? 2 : 0;
	int error = 0;

	for (size_t i = first; i < ARRAY_SIZE(steps); i++) {
		error = load_as(&steps[i], ret_skel, pinned, fault);
		if (!is_too_much(error))
			break;
		tw_debug("the BPF program with%s answers and with%s seats: %s",
			 steps[i].answers ? "" : "out", steps[i].seats ? "" : "out", fault->text);
	}
	return error;
}

static int keep(const struct tw_sockops_bpf *skel, struct tw_program *ret_program)
{
	int loaded = bpf_program__fd(skel->progs.tw_sockops);
	_cleanup_close_ int fd = tw_descriptor_take(
		loaded < 0 ? bpf_program__fd(skel->progs.tw_sockops_old) : loaded);
	int error = fd < 0 ? fd : tw_maps_take(skel->obj, &ret_program->maps);

	if (!error)
		ret_program->fd = TAKE_FD(fd);
	return error;
}

int tw_program_load(struct tw_program *ret_program, struct tw_fault *fault)
{
	struct tw_sockops_bpf *skel;
	int error;

	error = open_and_load(&skel, true, fault);
	if (error)
		return error;
	error = keep(skel, ret_program);
	tw_sockops_bpf__destroy(skel);
	if (error)
		return tw_fault(fault, error, "cannot keep the BPF program: %m");
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
	if (program->fd < 0)
		return;
	close(program->fd);
	tw_maps_close(&program->maps);
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
	if (bpf_obj_get_info_by_fd(program->fd, &ours, &len) < 0)
		return -errno;
	*ret_ours = runs == ours.id;
	return 0;
}

int tw_program_attach(struct tw_program *program, int cgroup, struct tw_fault *fault)
{
	return tw_link_attach(TW_PIN_LINK, program->fd, cgroup, BPF_CGROUP_SOCK_OPS, fault);
}

int tw_link_cgroup(uint64_t *ret_id)
{
	return tw_link_read(TW_PIN_LINK, ret_id, NULL);
}
