// SPDX-License-Identifier: GPL-2.0-only
#include "kernel/cgroup_events.h"

#include <bpf/libbpf.h>
#include <errno.h>

#include "bpf/cgroups.skel.h"
#include "kernel/libbpf_log.h"
#include "lib/cleanup.h"

struct tw_cgroup_events {
	struct tw_cgroups_bpf *skel;
	struct ring_buffer *ring;
	tw_cgroup_event_fn call;
	void *data;
	__u64 lost; /* as of the last read */
};

static int deliver(void *data, void *record, size_t size)
{
	struct tw_cgroup_events *events = data;
	const struct tw_cgroup_event *event = record;

	if (size >= sizeof(*event))
		events->call((enum tw_cgroup_event_kind)event->kind,
			     event->len ? event->path : NULL, event->id, event->at_ns,
			     events->data);
	return 0;
}

static int attach(struct tw_cgroup_events *events, __u64 attach_cgroup)
{
	int error;

	events->skel = tw_cgroups_bpf__open();
	if (!events->skel)
		return tw_errno();
	events->skel->rodata->tw_attach_cgroup = attach_cgroup;
	error = tw_cgroups_bpf__load(events->skel);
	return error ?: tw_cgroups_bpf__attach(events->skel);
}

static int start(struct tw_cgroup_events *events, __u64 attach_cgroup, struct tw_fault *fault)
{
	int error;

	tw_libbpf_log_capture();
	error = attach(events, attach_cgroup);
	if (error)
		return tw_fault(fault, error, "cannot follow cgroups by tracepoint: %m (%s)",
				tw_libbpf_log_first());
	events->ring = ring_buffer__new(bpf_map__fd(events->skel->maps.tw_cgroup_events), deliver,
					events, NULL);
	if (!events->ring)
		return tw_fault(fault, -errno, "cannot read the ring of cgroup events: %m");
	return 0;
}

int tw_cgroup_events_open(__u64 attach_cgroup, tw_cgroup_event_fn call, void *data,
			  struct tw_cgroup_events **ret_events, struct tw_fault *fault)
{
	struct tw_cgroup_events *events = calloc(1, sizeof(*events));
	int error;

	if (!events)
		return tw_fault(fault, -ENOMEM, "cannot follow cgroups: %m");
	events->call = call;
	events->data = data;
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
	ring_buffer__free(events->ring);
	tw_cgroups_bpf__destroy(events->skel);
	free(events);
}

int tw_cgroup_events_fd(const struct tw_cgroup_events *events)
{
	return ring_buffer__epoll_fd(events->ring);
}

bool tw_cgroup_events_read(struct tw_cgroup_events *events)
{
	bool lost;

	ring_buffer__consume(events->ring);
	lost = events->skel->bss->tw_cgroup_events_lost != events->lost;
	events->lost = events->skel->bss->tw_cgroup_events_lost;
	return lost;
}
