// SPDX-License-Identifier: GPL-2.0-only
#include "kernel/sweep.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <string.h>

#include "kernel/iterator.h"
#include "kernel/sweep_fd.h"
#include "lib/cleanup.h"

struct tw_sweep {
	struct tw_iterator iterator;
	struct tw_sweep_fd *fds;       /* where the iterator may not write */
	int walk;		       /* the pass in progress */
	struct tw_sweep_counts before; /* of passes that do not count any more */
};

int tw_sweep_open(enum tw_sweep_mode mode, struct tw_sweep **ret_sweep, struct tw_fault *fault)
{
	const char *how = getenv("TCPWARDEN_SWEEP");
	struct tw_iterator_options options = {
		.pinned = true,
		.restore = mode == TW_SWEEP_RESTORE,
		.read_only = how && !strcmp(how, "descriptors"),
	};
	struct tw_sweep *sweep = calloc(1, sizeof(*sweep));
	int error;

	if (!sweep)
		return tw_fault(fault, -ENOMEM, "cannot sweep: %m");
	*sweep = (struct tw_sweep){ .iterator = TW_ITERATOR_INIT, .walk = -1 };
	error = tw_iterator_open(&options, &sweep->iterator, fault);
	if (!error && !sweep->iterator.writes)
		error = tw_sweep_fd_open(&sweep->iterator, options.restore, &sweep->fds, fault);
	if (error)
		tw_sweep_close(sweep);
	else
		*ret_sweep = sweep;
	return error;
}

void tw_sweep_close(struct tw_sweep *sweep)
{
	if (!sweep)
		return;
	tw_closep(&sweep->walk);
	tw_sweep_fd_close(sweep->fds);
	tw_iterator_close(&sweep->iterator);
	free(sweep);
}

bool tw_sweep_by_fds(const struct tw_sweep *sweep)
{
	return sweep->fds;
}

/* It would hold the network namespace. */
static void end_walk(struct tw_sweep *sweep)
{
	tw_closep(&sweep->walk);
	sweep->walk = -1;
}

int tw_sweep_begin(struct tw_sweep *sweep, const struct tw_netns *ns, bool first)
{
	if (sweep->fds)
		return tw_sweep_fd_begin(sweep->fds, ns, first);
	end_walk(sweep);
	tw_iterator_first_pass(&sweep->iterator, first);
	return tw_iterator_walk(&sweep->iterator, TW_ITERATOR_SWEEP, ns, &sweep->walk);
}

/* The program emits a byte for each socket it wrote, and the kernel stops when the buffer is full. */
int tw_sweep_step(struct tw_sweep *sweep, unsigned writes, unsigned *ret_written)
{
	char bytes[1024];
	ssize_t len;
	int error;

	if (sweep->fds)
		return tw_sweep_fd_step(sweep->fds, writes, ret_written);
	len = read(sweep->walk, bytes, writes < sizeof(bytes) ? writes : sizeof(bytes));
	/* A million sockets without a write: the kernel wants a rest. */
	if (len < 0 && (errno == EAGAIN || errno == EINTR))
		return 1;
	error = len < 0 ? -errno : 0;
	if (len <= 0) {
		end_walk(sweep);
		return error;
	}
	*ret_written = (unsigned)len;
	return 1;
}

static struct tw_sweep_counts all_counts(const struct tw_sweep *sweep)
{
	return sweep->fds ? tw_sweep_fd_counts(sweep->fds)
			  : tw_iterator_sweep_counts(&sweep->iterator);
}

struct tw_sweep_counts tw_sweep_counts(const struct tw_sweep *sweep)
{
	struct tw_sweep_counts counts = all_counts(sweep);

	counts.seen -= sweep->before.seen;
	counts.written -= sweep->before.written;
	counts.failed -= sweep->before.failed;
	counts.orphans -= sweep->before.orphans;
	return counts;
}

int tw_sweep_restart(struct tw_sweep *sweep)
{
	end_walk(sweep);
	sweep->before = all_counts(sweep);
	return tw_iterator_begin(&sweep->iterator);
}

int tw_sweep_remaining(struct tw_sweep *sweep, __u64 *ret_sockets)
{
	return tw_iterator_remaining(&sweep->iterator, ret_sockets);
}
