/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * How large the BPF programs are, as the loader loads them on this kernel, a
 * line for each figure:
 *
 *   bpf PROGRAM verified N    instructions that the verifier went through
 *   bpf PROGRAM xlated N      bytes, after the verifier rewrote it
 *
 * Not the size of the machine code, which the mitigations of the CPU change.
 * Nothing is pinned, and only the tracepoints of cgroups are attached, for a
 * moment. Needs root. The loader's own calls of libbpf are looked at on their
 * way (--wrap), since it keeps no program that it only tries.
 */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kernel/cgroup_events.h"
#include "kernel/deaths.h"
#include "kernel/guard.h"
#include "kernel/iterator.h"
#include "kernel/program.h"

/* The linker makes these names. */
int __real_bpf_object__load_skeleton(struct bpf_object_skeleton *skeleton);
int __wrap_bpf_object__load_skeleton(struct bpf_object_skeleton *skeleton);

static int print_program(const struct bpf_program *program)
{
	struct bpf_prog_info info = { 0 };
	__u32 size = sizeof(info);
	int error;

	if (!bpf_program__autoload(program))
		return 0;
	error = bpf_obj_get_info_by_fd(bpf_program__fd(program), &info, &size);
	if (error)
		return error;
	/* The verifier says it since 5.16. */
	if (info.verified_insns)
		printf("bpf %s verified %u\n", bpf_program__name(program), info.verified_insns);
	printf("bpf %s xlated %u\n", bpf_program__name(program), info.xlated_prog_len);
	return 0;
}

int __wrap_bpf_object__load_skeleton(struct bpf_object_skeleton *skeleton)
{
	int error = __real_bpf_object__load_skeleton(skeleton);
	struct bpf_program *program;

	if (!error)
		bpf_object__for_each_program(program, *skeleton->obj)
			error = error ?: print_program(program);
	return error;
}

static void ignore(enum tw_cgroup_event_kind kind, const char *path, __u64 id, __u64 at_ns,
		   void *data)
{
	(void)kind, (void)path, (void)id, (void)at_ns, (void)data;
}

/* Each of these loads an object. */
static int load_all(struct tw_fault *fault)
{
	const struct tw_iterator_options own_maps = { 0 };
	struct tw_cgroup_events *events;
	struct tw_iterator iterator;
	bool follows;
	int error;

	error = tw_program_try(fault);
	/* The twin that kernels before 6.2 get. */
	setenv("TCPWARDEN_SOCKOPS", "old", 1);
	error = error ?: tw_program_try(fault);
	error = error ?: tw_deaths_try(fault);
	error = error ?: tw_guard_try(&follows, fault);
	error = error ?: tw_iterator_open(&own_maps, &iterator, fault);
	if (error)
		return error;
	tw_iterator_close(&iterator);
	error = tw_cgroup_events_open(1, ignore, NULL, &events, fault);
	if (!error)
		tw_cgroup_events_close(events);
	return error;
}

int main(void)
{
	struct tw_fault fault = { 0 };

	if (load_all(&fault) == 0)
		return 0;
	fprintf(stderr, "tw-instructions: %s\n", fault.text);
	return 1;
}
