// SPDX-License-Identifier: GPL-2.0-only
#include "kernel/cgroup_events.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <sys/mman.h>

#include "bpf/cgroups.skel.h"
#include "kernel/core.h"
#include "kernel/libbpf_log.h"
#include "lib/cleanup.h"

/* What is kept of the object when it is loaded. */
struct tw_cgroup_events {
	int made; /* links to the tracepoints */
	int removed;
	struct tw_cgroups_bpf__bss *bss;
	struct ring_buffer *ring;
	tw_cgroup_event_fn call;
	void *data;
	__u64 lost;    /* as of the last read */
	unsigned turn; /* records that this read may still take */
};

/* A negative value ends the read, behind this record. */
static int deliver(void *data, void *record, size_t size)
{
	struct tw_cgroup_events *events = data;
	const struct tw_cgroup_event *event = record;

	if (size >= sizeof(*event))
		events->call((enum tw_cgroup_event_kind)event->kind,
			     event->len ? event->path : NULL, event->id, event->at_ns,
			     events->data);
	return --events->turn ? 0 : -EAGAIN;
}

static int attach(const struct bpf_program *program, int *ret_link)
{
	*ret_link = bpf_raw_tracepoint_open(NULL, bpf_program__fd(program));
	return *ret_link < 0 ? -errno : 0;
}

static int follow(struct tw_cgroup_events *events, const struct tw_cgroups_bpf *skel)
{
	void *bss = mmap(NULL, sizeof(*events->bss), PROT_READ, MAP_SHARED,
			 bpf_map__fd(skel->maps.bss), 0);

	if (bss == MAP_FAILED)
		return -errno;
	events->bss = bss;
	events->ring =
		ring_buffer__new(bpf_map__fd(skel->maps.tw_cgroup_events), deliver, events, NULL);
	if (!events->ring)
		return -errno;
	return attach(skel->progs.tw_cgroup_mkdir, &events->made)
		       ?: attach(skel->progs.tw_cgroup_rmdir, &events->removed);
}

static int start(struct tw_cgroup_events *events, __u64 attach_cgroup, struct tw_fault *fault)
{
	struct tw_cgroups_bpf *skel;
	int error;

	tw_libbpf_log_capture();
	skel = tw_cgroups_bpf__open_opts(tw_core_opts());
	error = skel ? 0 : tw_errno();
	if (!error) {
		skel->rodata->tw_attach_cgroup = attach_cgroup;
		error = tw_cgroups_bpf__load(skel);
	}
	if (!error)
		error = follow(events, skel);
	tw_cgroups_bpf__destroy(skel);
	if (error)
		return tw_fault(fault, error, "cannot follow cgroups by tracepoint: %m (%s)",
				tw_libbpf_why(error));
	return 0;
}

int tw_cgroup_events_open(__u64 attach_cgroup, tw_cgroup_event_fn call, void *data,
			  struct tw_cgroup_events **ret_events, struct tw_fault *fault)
{
	struct tw_cgroup_events *events = calloc(1, sizeof(*events));
	int error;

	if (!events)
		return tw_fault(fault, -ENOMEM, "cannot follow cgroups: %m");
	*events =
		(struct tw_cgroup_events){ .made = -1, .removed = -1, .call = call, .data = data };
	error = start(events, attach_cgroup, fault);
	if (error)
		tw_cgroup_events_close(events);
	else
		*ret_events = events;
	return error;
}

void tw_cgroup_events_close(struct tw_cgroup_events *events)
{
	if (!events)
		return;
	tw_closep(&events->made);
	tw_closep(&events->removed);
	ring_buffer__free(events->ring);
	if (events->bss)
		munmap(events->bss, sizeof(*events->bss));
	free(events);
}

int tw_cgroup_events_fd(const struct tw_cgroup_events *events)
{
	return ring_buffer__epoll_fd(events->ring);
}

bool tw_cgroup_events_read(struct tw_cgroup_events *events)
{
	bool lost;

	events->turn = TW_CGROUP_RING / sizeof(struct tw_cgroup_event);
	ring_buffer__consume(events->ring);
	lost = events->bss->tw_cgroup_events_lost != events->lost;
	events->lost = events->bss->tw_cgroup_events_lost;
	return lost;
}
