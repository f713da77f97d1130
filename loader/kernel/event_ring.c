// SPDX-License-Identifier: GPL-2.0-only
#include "kernel/event_ring.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>

#include "kernel/libbpf_log.h"
#include "kernel/pins.h"
#include "lib/cleanup.h"

struct tw_event_ring {
	struct ring_buffer *ring;
	int lock;
	int wanted; /* the pinned map tw_wanted; -1 where an older version pinned none */
	tw_event_fn call;
	void *data;
	unsigned turn; /* records that this read may still take */
};

static bool is_known(const struct tw_event *event)
{
	switch (event->kind) {
	case TW_EVENT_DEAD:
		return event->reason < TW_REASONS;
	case TW_EVENT_SETTING:
		return event->action < TW_APP_ACTIONS && event->field < TW_FIELDS;
	case TW_EVENT_RESWEEP:
		return true;
	}
	return false;
}

/* A negative value ends the read, behind this record. */
static int deliver(void *data, void *record, size_t size)
{
	struct tw_event_ring *ring = data;
	const struct tw_event *event = record;

	if (size >= sizeof(*event) && is_known(event))
		ring->call(event, ring->data);
	return --ring->turn ? 0 : -EAGAIN;
}

static int take_lock(struct tw_event_ring *ring, struct tw_fault *fault)
{
	ring->lock = open(TW_PIN_DIR, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (ring->lock < 0)
		return tw_fault(fault, -errno, "cannot open " TW_PIN_DIR ": %m%s",
				errno == ENOENT ? "; nothing is attached" : "");
	if (flock(ring->lock, LOCK_EX | LOCK_NB) < 0)
		return tw_fault(fault, -errno, "cannot read the events at " TW_PIN_EVENTS ": %s",
				errno == EWOULDBLOCK ? "another process reads them"
						     : strerror(errno));
	return 0;
}

static int open_ring(struct tw_event_ring *ring, struct tw_fault *fault)
{
	_cleanup_close_ int map = -1;
	int error = take_lock(ring, fault);

	if (error)
		return error;
	tw_libbpf_log_capture();
	map = bpf_obj_get(TW_PIN_EVENTS);
	if (map < 0)
		return tw_fault(fault, -errno, "cannot open " TW_PIN_EVENTS ": %m");
	ring->ring = ring_buffer__new(map, deliver, ring, NULL);
	if (!ring->ring)
		return tw_fault(fault, -errno, "cannot read the events at " TW_PIN_EVENTS ": %m");
	ring->wanted = bpf_obj_get(TW_PIN_WANTED);
	return 0;
}

int tw_event_ring_open(tw_event_fn call, void *data, struct tw_event_ring **ret_ring,
		       struct tw_fault *fault)
{
	struct tw_event_ring *ring = calloc(1, sizeof(*ring));
	int error;

	if (!ring)
		return tw_fault(fault, -ENOMEM, "cannot read the events: %m");
	*ring = (struct tw_event_ring){ .lock = -1, .wanted = -1, .call = call, .data = data };
	error = open_ring(ring, fault);
	if (error)
		tw_event_ring_close(ring);
	else
		*ret_ring = ring;
	return error;
}

void tw_event_ring_close(struct tw_event_ring *ring)
{
	if (!ring)
		return;
	ring_buffer__free(ring->ring);
	tw_closep(&ring->wanted);
	tw_closep(&ring->lock);
	free(ring);
}

int tw_event_ring_fd(const struct tw_event_ring *ring)
{
	return ring_buffer__epoll_fd(ring->ring);
}

void tw_event_ring_read(struct tw_event_ring *ring)
{
	ring->turn = TW_EVENTS_RING / sizeof(struct tw_event);
	ring_buffer__consume(ring->ring);
}

int tw_event_ring_want(const struct tw_event_ring *ring, __u32 wants)
{
	__u32 zero = 0;

	return bpf_map_update_elem(ring->wanted, &zero, &wants, BPF_ANY) < 0 ? -errno : 0;
}

bool tw_event_ring_pinned(const struct tw_event_ring *ring)
{
	struct stat ours, now;

	return fstat(ring->lock, &ours) == 0 && stat(TW_PIN_DIR, &now) == 0 &&
	       ours.st_ino == now.st_ino && ours.st_dev == now.st_dev;
}
