// SPDX-License-Identifier: GPL-2.0-only
#include "kernel/iterator.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <string.h>

#include "bpf/sweep.skel.h"
#include "kernel/caps.h"
#include "kernel/hz.h"
#include "kernel/libbpf_log.h"
#include "kernel/maps.h"
#include "kernel/pins.h"
#include "lib/cleanup.h"

/* Sockets a read(2) may bring: the kernel's own buffer for a walk is eight pages. */
#define BATCH 128

/*
 * Whether iterators may set options and read storage: from 5.15 on. Asked of
 * the kernel, by loading a program that does; without, descriptors serve. May
 * go with the last 5.10.
 */
static int load(const struct tw_iterator_options *options, bool able,
		struct tw_sweep_bpf **ret_skel, struct tw_fault *fault)
{
	struct tw_sweep_bpf *skel;
	int error = 0;

	tw_libbpf_log_capture();
	skel = tw_sweep_bpf__open();
	if (!skel)
		return tw_fault(fault, tw_errno(), "cannot open the BPF object of the sweep: %m");
	skel->rodata->tw_seconds_per_jiffy = tw_hz_reciprocal();
	skel->rodata->tw_have_storage = able;
	skel->rodata->tw_restore = options->restore;
	bpf_program__set_autoload(skel->progs.tw_sweep, able && !options->read_only);
	error = tw_maps_pin(skel->obj, options->pinned, fault);
	if (!error) {
		error = tw_sweep_bpf__load(skel);
		if (error)
			tw_fault(fault, error, "cannot load the BPF program of the sweep: %m (%s)",
				 tw_caps_missing() ?: tw_libbpf_log_first());
	}
	if (error)
		tw_sweep_bpf__destroy(skel);
	else
		*ret_skel = skel;
	return error;
}

int tw_iterator_open(const struct tw_iterator_options *options, struct tw_iterator *ret_iterator,
		     struct tw_fault *fault)
{
	struct tw_sweep_bpf *skel;
	bool able = true;
	int error = load(options, able, &skel, fault);

	/* -EINVAL: an unknown helper; -EACCES, -E2BIG: a verifier that does not follow it. */
	if (error == -EINVAL || error == -EACCES || error == -E2BIG) {
		able = false;
		error = load(options, able, &skel, fault);
	}
	if (error)
		return error;
	*ret_iterator = (struct tw_iterator){
		.skel = skel,
		.maps = tw_maps_of(skel->obj),
		.records = bpf_map__fd(skel->maps.tw_records),
		.writes = able && !options->read_only,
	};
	return 0;
}

void tw_iterator_close(struct tw_iterator *iterator)
{
	tw_sweep_bpf__destroy(iterator->skel);
	*iterator = (struct tw_iterator){ 0 };
}

void tw_iterator_first_pass(struct tw_iterator *iterator, bool first)
{
	iterator->skel->bss->tw_first_pass = first;
}

/* An iterator belongs to the network namespace that its maker is in. */
static int make_walk(struct bpf_program *program, int *ret_walk)
{
	struct bpf_link *link = bpf_program__attach_iter(program, NULL);
	int walk;

	if (!link)
		return -errno;
	walk = bpf_iter_create(bpf_link__fd(link));
	bpf_link__destroy(link);
	if (walk < 0)
		return -errno;
	*ret_walk = walk;
	return 0;
}

int tw_iterator_walk(struct tw_iterator *iterator, enum tw_iterator_kind kind,
		     const struct tw_netns *ns, int *ret_walk)
{
	struct bpf_program *program = kind == TW_ITERATOR_SWEEP ? iterator->skel->progs.tw_sweep
								: iterator->skel->progs.tw_list;
	int error, back;

	error = tw_netns_enter(ns, &back);
	if (error)
		return error;
	/* The kernel walks the table of all namespaces, 10 ms and more, to find none of this one. */
	error = tw_netns_has_tcp() ? make_walk(program, ret_walk) : 1;
	tw_netns_leave(back);
	return error;
}

int tw_iterator_list(struct tw_iterator *iterator, const struct tw_netns *ns, tw_socket_visit visit,
		     void *data)
{
	struct tw_socket sockets[BATCH];
	_cleanup_close_ int walk = -1;
	int error;

	error = tw_iterator_walk(iterator, TW_ITERATOR_LIST, ns, &walk);
	while (!error) {
		ssize_t len = read(walk, sockets, sizeof(sockets));

		if (len < 0 && errno != EAGAIN && errno != EINTR)
			return -errno;
		if (len == 0)
			return 0;
		/* The kernel gives whole records: a read ends where the next would not fit. */
		for (ssize_t i = 0; i < len / (ssize_t)sizeof(*sockets) && !error; i++)
			error = visit(&sockets[i], data);
	}
	return error;
}

struct tw_sweep_counts tw_iterator_sweep_counts(const struct tw_iterator *iterator)
{
	return iterator->skel->bss->tw_sweep_counts;
}

int tw_iterator_remaining(struct tw_iterator *iterator, __u64 *ret_sockets)
{
	union bpf_iter_link_info info = { .map.map_fd = (__u32)iterator->records };
	LIBBPF_OPTS(bpf_iter_attach_opts, opts, .link_info = &info, .link_info_len = sizeof(info));
	struct bpf_link *link;
	char byte;
	int walk;

	link = bpf_program__attach_iter(iterator->skel->progs.tw_remaining, &opts);
	if (!link)
		return -errno;
	iterator->skel->bss->tw_records_left = 0;
	walk = bpf_iter_create(bpf_link__fd(link));
	bpf_link__destroy(link);
	if (walk < 0)
		return -errno;
	while (read(walk, &byte, 1) < 0 && (errno == EAGAIN || errno == EINTR))
		;
	close(walk);
	*ret_sockets = iterator->skel->bss->tw_records_left;
	return 0;
}
