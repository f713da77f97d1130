// SPDX-License-Identifier: GPL-2.0-only
#include "daemon/events.h"

#include <errno.h>
#include <event2/event.h>
#include <string.h>
#include <sys/stat.h>

#include "daemon/death.h"
#include "daemon/publisher.h"
#include "kernel/event_ring.h"
#include "lib/cleanup.h"
#include "lib/clock.h"
#include "lib/log.h"

#define RING_RETRY_MS 100

struct tw_events {
	struct event_base *base;
	struct tw_publisher *publisher; /* NULL: its socket could not be made */
	struct tw_event_ring *ring;	/* NULL: not there, or a lone reader has it yet */
	struct event *readable;
	struct event *retry;
	struct tw_namer namer;
	struct tw_history history;
	struct tw_events_calls calls;
};

/* --- to those who listen -------------------------------------------------------------- */

static void tell(struct tw_events *events, struct tw_notice *notice)
{
	uint32_t want = notice->kind == TW_NOTICE_SETTING ? TW_WANT_SETTINGS : 0;
	_cleanup_buf_ struct tw_buf line = TW_BUF_INIT;

	if (events->publisher && tw_publisher_readers(events->publisher) &&
	    tw_notice_json(notice, &line) == 0)
		tw_publisher_send(events->publisher, want, line.data, line.len);
	if (want)
		tw_notice_free(notice);
	else
		tw_history_take(&events->history, notice);
}

void tw_events_tell(struct tw_events *events, struct tw_notice *notice)
{
	notice->at_ns = tw_clock_now();
	if (events)
		tell(events, notice);
	else
		tw_notice_free(notice);
}

/*
 * A lone reader that makes way for us joins before it lets go of the ring: it
 * is told what it could not hear, that we came.
 */
static void on_joined(void *reader, void *data)
{
	const struct tw_events *events = data;
	const struct tw_notice *notice;

	if (events->readable || !events->retry)
		return;
	for (size_t back = TW_HISTORY_NOTICES; back-- > 0;) {
		_cleanup_buf_ struct tw_buf line = TW_BUF_INIT;

		notice = tw_history_recent(&events->history, back);
		if (notice && tw_notice_json(notice, &line) == 0)
			tw_publisher_send_to(reader, line.data, line.len);
	}
}

/* --- from the ring --------------------------------------------------------------------- */

static void ask_kernel(const struct tw_events *events)
{
	__u32 wants = events->calls.resweep ? TW_WANT_RESWEEPS : 0;
	int error;

	if (events->publisher)
		wants |= tw_publisher_wants(events->publisher);
	error = tw_event_ring_want(events->ring, wants);
	if (error)
		tw_warning("cannot ask the kernel to tell of what applications set: %s",
			   strerror(-error));
}

/* Until we read the ring, what its reader before us asked for stands. */
static void on_wants(void *data)
{
	const struct tw_events *events = data;

	if (events->readable)
		ask_kernel(events);
}

static void on_event(const struct tw_event *event, void *data)
{
	struct tw_events *events = data;
	struct tw_notice notice;

	if (event->kind == TW_EVENT_RESWEEP) {
		if (events->calls.resweep)
			events->calls.resweep(event->cgroup_id, events->calls.data);
		return;
	}
	if (tw_namer_notice(&events->namer, event, &notice) == 0)
		tell(events, &notice);
}

static void on_readable(evutil_socket_t fd, short what, void *data)
{
	struct tw_events *events = data;

	(void)fd;
	(void)what;
	tw_event_ring_read(events->ring);
}

static int read_ring(struct tw_events *events, struct tw_fault *fault)
{
	events->readable = event_new(events->base, tw_event_ring_fd(events->ring),
				     EV_READ | EV_PERSIST, on_readable, events);
	if (!events->readable || event_add(events->readable, NULL) < 0)
		return tw_fault(fault, -ENOMEM, "cannot follow the events: %m");
	ask_kernel(events);
	/* What came while nobody read; a poll tells only of what comes now. */
	tw_event_ring_read(events->ring);
	return 0;
}

static int retry_soon(struct tw_events *events)
{
	const struct timeval delay = { .tv_usec = RING_RETRY_MS * 1000 };

	return events->retry && event_add(events->retry, &delay) == 0 ? 0 : -ENOMEM;
}

/*
 * First the ring, as soon as the lone reader lets go of it. A moment later, when
 * we have heard what that one asked us for, what is in it.
 */
static int go_on(struct tw_events *events, struct tw_fault *fault)
{
	int error;

	if (events->ring)
		return read_ring(events, fault);
	error = tw_event_ring_open(on_event, events, &events->ring, fault);
	return error && error != -EWOULDBLOCK ? error : retry_soon(events);
}

static void on_retry(evutil_socket_t fd, short what, void *data)
{
	struct tw_fault fault = TW_FAULT_INIT;

	(void)fd;
	(void)what;
	if (go_on(data, &fault))
		tw_warning("%s; dead connections are counted, and not told of", fault.text);
}

/* --- together -------------------------------------------------------------------------- */

const char *tw_events_folder(const char *given)
{
	return given ?: getenv("RUNTIME_DIRECTORY") ?: TW_RUN_DIR;
}

static int open_socket(struct tw_events *events, const char *run_dir, struct tw_fault *fault)
{
	const struct tw_publisher_calls calls = { on_joined, on_wants, events };
	_cleanup_buf_ struct tw_buf path = TW_BUF_INIT;

	if (mkdir(run_dir, 0755) < 0 && errno != EEXIST)
		return tw_fault(fault, -errno, "cannot make the folder %s: %m", run_dir);
	if (tw_buf_addf(&path, "%s/" TW_EVENTS_SOCKET, run_dir))
		return tw_fault(fault, -ENOMEM, "cannot make the socket of events: %m");
	return tw_publisher_open(events->base, path.data, &calls, &events->publisher, fault);
}

static int open_ring(struct tw_events *events, struct tw_fault *fault)
{
	int error = tw_event_ring_open(on_event, events, &events->ring, fault);

	if (!error)
		return read_ring(events, fault);
	if (error == -ENOENT)
		return 0; /* the program of deaths does not load here, which was said */
	if (error != -EWOULDBLOCK)
		return error;
	events->retry = evtimer_new(events->base, on_retry, events);
	return retry_soon(events);
}

int tw_events_open(struct event_base *base, const char *run_dir, const struct tw_cgroup_tree *tree,
		   const struct tw_maps *maps, const struct tw_events_calls *calls,
		   struct tw_events **ret_events, struct tw_fault *fault)
{
	struct tw_events *events = calloc(1, sizeof(*events));
	int error;

	if (!events)
		return tw_fault(fault, -ENOMEM, "cannot follow the events: %m");
	events->base = base;
	events->calls = *calls;
	events->namer = (struct tw_namer){ tree, maps->current, maps->loaded, NULL, NULL };
	error = open_socket(events, tw_events_folder(run_dir), fault);
	if (error && !run_dir) {
		tw_warning("%s; `tcpwarden events` cannot follow this run", fault->text);
		error = 0;
	}
	if (!error)
		error = open_ring(events, fault);
	if (error)
		tw_events_close(events);
	else
		*ret_events = events;
	return error;
}

void tw_events_close(struct tw_events *events)
{
	if (!events)
		return;
	if (events->ring) {
		events->calls.resweep = NULL;
		tw_event_ring_want(events->ring, 0);
		tw_event_ring_read(events->ring);
	}
	if (events->readable)
		event_free(events->readable);
	if (events->retry)
		event_free(events->retry);
	tw_event_ring_close(events->ring);
	tw_publisher_close(events->publisher);
	tw_namer_free(&events->namer);
	tw_history_free(&events->history);
	free(events);
}

const struct tw_history *tw_events_history(const struct tw_events *events)
{
	return &events->history;
}

uint64_t tw_events_lost(const struct tw_events *events)
{
	return events->publisher ? tw_publisher_lost(events->publisher) : 0;
}
