// SPDX-License-Identifier: GPL-2.0-only
#include "kernel/iterator.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <string.h>
#include <sys/mman.h>

#include "bpf/sweep.skel.h"
#include "kernel/core.h"
#include "kernel/hz.h"
#include "kernel/libbpf_log.h"
#include "kernel/maps.h"
#include "kernel/pins.h"
#include "lib/cleanup.h"

/* Sockets a read(2) may bring: the kernel's own buffer for a walk is eight pages. */
#define BATCH 128

/* A sweep where the kernel allows it; else a list, for who writes by descriptor. */
static bool writes(const struct tw_iterator_options *options, bool able)
{
	return able && !options->read_only;
}

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
	skel = tw_sweep_bpf__open_opts(tw_core_opts());
	if (!skel)
		return tw_fault(fault, tw_errno(), "cannot open the BPF object of the sweep: %m");
	skel->rodata->tw_seconds_per_jiffy = tw_hz_reciprocal();
	skel->rodata->tw_have_storage = able;
	skel->rodata->tw_restore = options->restore;
	bpf_program__set_autoload(skel->progs.tw_sweep, writes(options, able));
	bpf_program__set_autoload(skel->progs.tw_list, !writes(options, able));
	bpf_program__set_autoload(skel->progs.tw_remaining, options->restore);
	bpf_program__set_autoload(skel->progs.tw_remaining_seats, options->restore);
	error = tw_maps_pin(skel->obj, options->pinned, fault);
	if (!error) {
		error = tw_sweep_bpf__load(skel);
		if (error)
			tw_fault(fault, error, "cannot load the BPF program of the sweep: %m (%s)",
				 tw_libbpf_why(error));
	}
	if (error)
		tw_sweep_bpf__destroy(skel);
	else
		*ret_skel = skel;
	return error;
}

static int keep_restore(const struct tw_sweep_bpf *skel, struct tw_iterator *iterator)
{
	int *remaining = iterator->remaining;

	remaining[0] = tw_descriptor_take(bpf_program__fd(skel->progs.tw_remaining));
	remaining[1] = tw_descriptor_take(bpf_program__fd(skel->progs.tw_remaining_seats));
	return remaining[0] < 0 || remaining[1] < 0 ? -EMFILE : 0;
}

/* What is needed of a loaded object, which may then go. */
static int keep(const struct tw_sweep_bpf *skel, bool restore, struct tw_iterator *iterator)
{
	const struct bpf_program *program = iterator->writes ? skel->progs.tw_sweep
							     : skel->progs.tw_list;
	void *bss = mmap(NULL, sizeof(*iterator->bss), PROT_READ | PROT_WRITE, MAP_SHARED,
			 bpf_map__fd(skel->maps.bss), 0);
	int error;

	if (bss == MAP_FAILED)
		return -errno;
	iterator->bss = bss;
	iterator->records.stored = tw_descriptor_take(bpf_map__fd(skel->maps.tw_records));
	iterator->records.seats = tw_descriptor_take(bpf_map__fd(skel->maps.tw_seats));
	iterator->listeners = tw_descriptor_take(bpf_map__fd(skel->maps.tw_listeners));
	if (iterator->records.stored < 0 || iterator->records.seats < 0 || iterator->listeners < 0)
		return -EMFILE;
	error = restore ? keep_restore(skel, iterator) : 0;
	if (!error)
		error = tw_maps_take(skel->obj, &iterator->maps);
	if (error)
		return error;
	iterator->program = tw_descriptor_take(bpf_program__fd(program));
	if (iterator->program < 0)
		tw_maps_close(&iterator->maps);
	return iterator->program < 0 ? iterator->program : 0;
}

int tw_iterator_open(const struct tw_iterator_options *options, struct tw_iterator *ret_iterator,
		     struct tw_fault *fault)
{
	struct tw_iterator iterator = TW_ITERATOR_INIT;
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
	iterator.writes = writes(options, able);
	error = keep(skel, options->restore, &iterator);
	tw_sweep_bpf__destroy(skel);
	if (error) {
		tw_iterator_close(&iterator);
		return tw_fault(fault, error, "cannot keep the BPF program of the sweep: %m");
	}
	*ret_iterator = iterator;
	return 0;
}

void tw_iterator_close(struct tw_iterator *iterator)
{
	if (iterator->program >= 0)
		tw_maps_close(&iterator->maps);
	if (iterator->bss)
		munmap(iterator->bss, sizeof(*iterator->bss));
	tw_closep(&iterator->records.stored);
	tw_closep(&iterator->records.seats);
	tw_closep(&iterator->listeners);
	tw_closep(&iterator->program);
	tw_closep(&iterator->remaining[0]);
	tw_closep(&iterator->remaining[1]);
	*iterator = TW_ITERATOR_INIT;
}

int tw_iterator_begin(struct tw_iterator *iterator)
{
	__u64 key; /* a struct tw_listener */

	while (bpf_map_get_next_key(iterator->listeners, NULL, &key) == 0)
		if (bpf_map_delete_elem(iterator->listeners, &key) < 0 && errno != ENOENT)
			return -errno;
	return errno == ENOENT ? 0 : -errno;
}

void tw_iterator_first_pass(struct tw_iterator *iterator, bool first)
{
	iterator->bss->tw_first_pass = first;
}

/* An iterator belongs to the network namespace that its maker is in. */
static int make_walk(int program, const struct bpf_link_create_opts *opts, int *ret_walk)
{
	_cleanup_close_ int link = bpf_link_create(program, 0, BPF_TRACE_ITER, opts);
	int walk;

	if (link < 0)
		return -errno;
	walk = bpf_iter_create(link);
	if (walk < 0)
		return -errno;
	*ret_walk = walk;
	return 0;
}

int tw_iterator_walk(struct tw_iterator *iterator, enum tw_iterator_kind kind,
		     const struct tw_netns *ns, int *ret_walk)
{
	int error, back;

	if ((kind == TW_ITERATOR_SWEEP) != iterator->writes)
		return -EOPNOTSUPP;
	error = tw_netns_enter(ns, &back);
	if (error)
		return error;
	/* The kernel walks the table of all namespaces, 10 ms and more, to find none of this one. */
	error = tw_netns_has_tcp() ? make_walk(iterator->program, NULL, ret_walk) : 1;
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
	return iterator->bss->tw_sweep_counts;
}

/* Let `program` see each element of `map`. */
static int walk_map(int program, int map)
{
	union bpf_iter_link_info info = { .map.map_fd = (__u32)map };
	LIBBPF_OPTS(bpf_link_create_opts, opts, .iter_info = &info, .iter_info_len = sizeof(info));
	_cleanup_close_ int walk = -1;
	int error = make_walk(program, &opts, &walk);
	char byte;

	if (error)
		return error;
	while (read(walk, &byte, 1) < 0 && (errno == EAGAIN || errno == EINTR))
		;
	return 0;
}

int tw_iterator_remaining(struct tw_iterator *iterator, __u64 *ret_sockets)
{
	int error;

	iterator->bss->tw_records_left = 0;
	error = walk_map(iterator->remaining[0], iterator->records.stored);
	if (!error)
		error = walk_map(iterator->remaining[1], iterator->records.seats);
	if (!error)
		*ret_sockets = iterator->bss->tw_records_left;
	return error;
}
