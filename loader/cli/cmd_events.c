// SPDX-License-Identifier: GPL-2.0-only
/*
 * tcpwarden events: follow what happens. Where a `run` is, by its socket; where
 * none is, from the kernel's ring, which has one reader at a time. One goes over
 * into the other as runs come and go; a detach is the end.
 */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "cli/output.h"
#include "daemon/death.h"
#include "daemon/events.h"
#include "daemon/publisher.h"
#include "kernel/event_ring.h"
#include "kernel/owner.h"
#include "kernel/pins.h"
#include "kernel/state.h"
#include "lib/cleanup.h"
#include "lib/json.h"

#define LOOK_MS	     200   /* how often a lone reader looks for a run, and for a detach */
#define RUN_START_MS 30000 /* from a run's lock to its socket; past that it is elsewhere */

struct follower {
	bool json;
	bool settings;	    /* asked for, too */
	bool detached;	    /* the last that was told */
	bool followed;	    /* something, so there is something to go on with */
	bool waiting;	    /* for the ring, or a run */
	unsigned waited_ms; /* for a run that starts */
	char path[sizeof(((struct sockaddr_un *)NULL)->sun_path)];
	int signals;	     /* readable: SIGINT or SIGTERM */
	int stream;	     /* to a run's socket, or -1 */
	enum tw_exit failed; /* what a callback could not say */
	struct tw_namer namer;
};

/* What ended a way of following. */
enum end {
	END_ASKED,    /* by a signal */
	END_FAILED,   /* which was said */
	END_STREAM,   /* the run is gone */
	END_RUN,      /* try the next run: `stream` may be connected to it already */
	END_DETACHED, /* nothing is enforced any more */
};

/* --- what is printed ------------------------------------------------------------------ */

static int print_line(struct follower *follower, const char *line, size_t len)
{
	_cleanup_notice_ struct tw_notice notice = TW_NOTICE_INIT;
	_cleanup_buf_ struct tw_buf text = TW_BUF_INIT;
	int error = tw_notice_parse(line, len, &notice);

	if (error)
		return error;
	follower->detached = notice.kind == TW_NOTICE_DETACHED;
	if (follower->json)
		error = tw_buf_add(&text, line, len);
	else
		error = tw_notice_text(&notice, &text) ?: tw_buf_add(&text, "\n", 1);
	if (error)
		return error;
	if (fwrite(text.data, 1, text.len, stdout) != text.len || fflush(stdout) == EOF)
		return -EIO;
	return 0;
}

static int print_notice(struct follower *follower, const struct tw_notice *notice)
{
	_cleanup_buf_ struct tw_buf line = TW_BUF_INIT;
	int error = tw_notice_json(notice, &line);

	return error ?: print_line(follower, line.data, line.len);
}

static enum end cannot_print(int error)
{
	struct tw_fault fault;

	tw_fault(&fault, error, "cannot print an event: %m");
	tw_output_fault(&fault);
	return END_FAILED;
}

/* --- from a run ------------------------------------------------------------------------ */

static int connect_run(struct follower *follower)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	_cleanup_close_ int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return -errno;
	memcpy(address.sun_path, follower->path, sizeof(address.sun_path));
	if (connect(fd, (const struct sockaddr *)&address, sizeof(address)) < 0)
		return -errno;
	if (follower->settings &&
	    send(fd, TW_ASK_SETTINGS, strlen(TW_ASK_SETTINGS), MSG_NOSIGNAL) < 0)
		return -errno;
	follower->stream = TAKE_FD(fd);
	return 0;
}

/* A line that is no notice is what the run has to say to us. */
static enum end complain(const char *line, size_t len)
{
	_cleanup_json_ json_t *json = json_loadb(line, len, 0, NULL);
	const char *message = json_string_value(json_object_get(json, "error"));
	struct tw_fault fault;

	tw_fault(&fault, -EPROTO, "cannot follow the events: %s",
		 message ?: "the run sends what this version does not understand");
	tw_output_fault(&fault);
	return END_FAILED;
}

/* Print the whole lines in `buf`, and keep the rest. END_STREAM: go on. */
static enum end print_lines(struct follower *follower, struct tw_buf *buf)
{
	size_t from = 0;
	const char *end;

	while ((end = memchr(buf->data + from, '\n', buf->len - from))) {
		size_t len = (size_t)(end + 1 - buf->data) - from;
		int error = print_line(follower, buf->data + from, len);

		if (error == -EPROTO)
			return complain(buf->data + from, len);
		if (error)
			return cannot_print(error);
		from += len;
	}
	memmove(buf->data, buf->data + from, buf->len - from);
	tw_buf_truncate(buf, buf->len - from);
	return END_STREAM;
}

static enum end follow_run(struct follower *follower)
{
	struct pollfd fds[] = { { .fd = follower->signals, .events = POLLIN },
				{ .fd = follower->stream, .events = POLLIN } };
	_cleanup_buf_ struct tw_buf buf = TW_BUF_INIT;
	enum end end = END_STREAM;
	char chunk[16384];

	while (end == END_STREAM) {
		ssize_t n;

		if (poll(fds, ARRAY_SIZE(fds), -1) < 0 && errno != EINTR)
			return cannot_print(-errno);
		if (fds[0].revents)
			end = END_ASKED;
		if (!fds[1].revents)
			continue;
		n = read(follower->stream, chunk, sizeof(chunk));
		if (n <= 0)
			break;
		if (tw_buf_add(&buf, chunk, (size_t)n))
			return cannot_print(-ENOMEM);
		end = print_lines(follower, &buf);
	}
	close(TAKE_FD(follower->stream));
	return end;
}

/* --- from the ring --------------------------------------------------------------------- */

static void on_event(const struct tw_event *event, void *data)
{
	_cleanup_notice_ struct tw_notice notice = TW_NOTICE_INIT;
	struct follower *follower = data;
	int error;

	if (follower->failed || event->kind == TW_EVENT_RESWEEP ||
	    (event->kind == TW_EVENT_SETTING && !follower->settings))
		return;
	error = tw_namer_notice(&follower->namer, event, &notice)
			?: print_notice(follower, &notice);
	if (error) {
		cannot_print(error);
		follower->failed = TW_EXIT_FAILED;
	}
}

/* A run that holds the lock will listen soon, and wait for the ring: join, then let go. */
static enum end look_for_run(struct follower *follower, unsigned *waited_ms)
{
	struct tw_fault fault;
	pid_t pid = 0;

	if (tw_owner_pid(&pid) == 0 && !pid) {
		*waited_ms = 0;
		return END_STREAM;
	}
	if (connect_run(follower) == 0)
		return END_RUN;
	*waited_ms += LOOK_MS;
	if (*waited_ms < RUN_START_MS)
		return END_STREAM;
	tw_fault(
		&fault, -ENOENT,
		"cannot follow the events: a tcpwarden runs here (process %d), and does not listen "
		"at %s; give the --run-dir that it was given",
		(int)pid, follower->path);
	tw_output_fault(&fault);
	return END_FAILED;
}

static enum end follow_ring(struct follower *follower, struct tw_event_ring *ring)
{
	struct pollfd fds[] = { { .fd = follower->signals, .events = POLLIN },
				{ .fd = tw_event_ring_fd(ring), .events = POLLIN } };
	unsigned waited_ms = 0;
	enum end end = END_STREAM;

	while (end == END_STREAM) {
		tw_event_ring_read(ring);
		if (follower->failed)
			return END_FAILED;
		if (!tw_event_ring_pinned(ring))
			return END_DETACHED;
		end = look_for_run(follower, &waited_ms);
		if (end != END_STREAM)
			break;
		if (poll(fds, ARRAY_SIZE(fds), LOOK_MS) < 0 && errno != EINTR)
			return cannot_print(-errno);
		if (fds[0].revents)
			end = END_ASKED;
	}
	return end;
}

static enum end cannot_follow(const struct tw_fault *fault)
{
	tw_output_fault(fault);
	return END_FAILED;
}

static enum end follow_named(struct follower *follower, struct tw_event_ring *ring)
{
	_cleanup_cgroup_tree_ struct tw_cgroup_tree tree = TW_CGROUP_TREE_INIT;
	_cleanup_close_ int current = -1, loaded = -1;
	struct tw_fault fault;
	enum end end;
	int error;

	if (tw_cgroup_tree_open(&tree, &fault) || tw_state_open(&current, &loaded, &fault))
		return cannot_follow(&fault);
	error = tw_event_ring_want(ring, follower->settings ? TW_WANT_SETTINGS : 0);
	if (error && follower->settings) {
		tw_fault(&fault, error, "cannot ask the kernel to tell of settings: %m");
		return cannot_follow(&fault);
	}
	follower->namer = (struct tw_namer){ &tree, current, loaded, NULL, NULL };
	end = follow_ring(follower, ring);
	tw_namer_free(&follower->namer);
	/* A run that we have joined asks for them in its turn, and none is to be missed until then. */
	if (end != END_RUN)
		tw_event_ring_want(ring, 0);
	return end;
}

/* Try again in a moment: a run starts, or another reads the ring that we followed. */
static enum end wait_for_run(struct follower *follower)
{
	struct pollfd fds = { .fd = follower->signals, .events = POLLIN };

	poll(&fds, 1, LOOK_MS);
	return fds.revents ? END_ASKED : END_RUN;
}

static bool run_starts(struct follower *follower)
{
	pid_t pid = 0;

	follower->waited_ms += LOOK_MS;
	return (tw_owner_pid(&pid) || pid) && follower->waited_ms < RUN_START_MS;
}

/* Who followed before goes on; who comes new is told where there is nothing to follow. */
static enum end follow_alone(struct follower *follower)
{
	struct tw_event_ring *ring = NULL;
	struct tw_fault fault;
	enum end end;
	int error = tw_event_ring_open(on_event, follower, &ring, &fault);

	if (error == -ENOENT && run_starts(follower))
		return wait_for_run(follower);
	if (error == -ENOENT && !tw_pins_have_maps())
		return END_DETACHED;
	if (error == -EWOULDBLOCK && (follower->followed || run_starts(follower))) {
		if (follower->followed && !follower->waiting)
			fprintf(stderr,
				"tcpwarden: another process reads the kernel's ring meanwhile\n");
		follower->waiting = true;
		return wait_for_run(follower);
	}
	if (error == -EWOULDBLOCK)
		tw_fault(&fault, error,
			 "cannot follow the events: no `tcpwarden run` is here to share them out, "
			 "and "
			 "another process reads the kernel's ring, which has one reader at a time");
	if (error)
		return cannot_follow(&fault);
	follower->followed = true;
	follower->waiting = false;
	follower->waited_ms = 0;
	end = follow_named(follower, ring);
	tw_event_ring_close(ring);
	return end;
}

/* --- one after the other ----------------------------------------------------------------- */

static enum tw_exit say_detached(struct follower *follower)
{
	const struct tw_notice notice = { .at_ns = tw_clock_now(), .kind = TW_NOTICE_DETACHED };
	struct tw_fault fault;

	if (follower->followed)
		return print_notice(follower, &notice) ? TW_EXIT_FAILED : TW_EXIT_OK;
	tw_fault(&fault, -ENOENT,
		 "cannot follow the events: nothing is enforced here; start with `tcpwarden run`");
	return tw_output_fault(&fault);
}

static enum tw_exit follow(struct follower *follower)
{
	for (;;) {
		bool joined = follower->stream >= 0 || connect_run(follower) == 0;

		follower->followed |= joined;
		switch (joined ? follow_run(follower) : follow_alone(follower)) {
		case END_ASKED:
			return TW_EXIT_OK;
		case END_FAILED:
			return TW_EXIT_FAILED;
		case END_DETACHED:
			return say_detached(follower);
		case END_STREAM:
			if (follower->detached)
				return TW_EXIT_OK;
			fprintf(stderr,
				"tcpwarden: the run ended; following the kernel's ring until "
				"another comes\n");
			break;
		case END_RUN:
			break;
		}
	}
}

static int block_signals(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	sigprocmask(SIG_BLOCK, &set, NULL);
	return signalfd(-1, &set, SFD_CLOEXEC);
}

enum tw_exit tw_cmd_events(const struct tw_args *args)
{
	struct follower follower = { .json = args->json, .settings = args->settings, .stream = -1 };
	_cleanup_close_ int signals = -1;
	struct tw_fault fault;
	int len;

	len = snprintf(follower.path, sizeof(follower.path), "%s/" TW_EVENTS_SOCKET,
		       tw_events_folder(args->run_dir));
	if (len < 0 || (size_t)len >= sizeof(follower.path)) {
		tw_fault(&fault, -ENAMETOOLONG, "cannot connect to a socket in the folder %s: %m",
			 tw_events_folder(args->run_dir));
		return tw_output_fault(&fault);
	}
	signals = block_signals();
	if (signals < 0) {
		tw_fault(&fault, -errno, "cannot wait for signals: %m");
		return tw_output_fault(&fault);
	}
	follower.signals = signals;
	return follow(&follower);
}
