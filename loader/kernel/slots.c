// SPDX-License-Identifier: GPL-2.0-only
#include "kernel/slots.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <stdbool.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "kernel/process.h"
#include "lib/clock.h"

#define DEADLINE (30 * TW_NS_PER_SECOND)

/* The processes that fill slots. */
static struct {
	pid_t pid[TW_MAX_FILLERS];
	size_t count;
} fillers;

/* As a process may exit with it: 0, or the errno. */
static int fill(const struct tw_slot *slot)
{
	return bpf_map_update_elem(slot->outer, &slot->key, &slot->inner, BPF_ANY) < 0 ? errno : 0;
}

/* `flags` as of waitpid(2). 0: it has filled its slot, or with WNOHANG it is at it. */
static int ask(pid_t *filler, int flags)
{
	int status;
	pid_t pid;

	if (!*filler)
		return 0;
	do {
		pid = waitpid(*filler, &status, flags);
	} while (pid < 0 && errno == EINTR);
	if (pid == 0)
		return 0;
	*filler = 0;
	if (pid < 0)
		return -errno;
	return WIFEXITED(status) ? -WEXITSTATUS(status) : -EIO;
}

/* Whether programs find there what they are to. */
static bool is_filled(const struct tw_slot *slot, __u32 inner)
{
	__u32 id;

	return bpf_map_lookup_elem(slot->outer, &slot->key, &id) == 0 && id == inner;
}

static int await(const struct tw_slot *slot, pid_t *filler)
{
	const struct timespec moment = { .tv_nsec = 20 * 1000 };
	uint64_t end = tw_clock_monotonic() + DEADLINE;
	struct bpf_map_info info = { 0 };
	__u32 len = sizeof(info);

	if (bpf_obj_get_info_by_fd(slot->inner, &info, &len) < 0)
		return -errno;
	while (!is_filled(slot, info.id)) {
		int error = *filler ? ask(filler, WNOHANG) : -EIO;

		if (error)
			return is_filled(slot, info.id) ? 0 : error;
		if (tw_clock_monotonic() > end)
			return -ETIMEDOUT;
		nanosleep(&moment, NULL);
	}
	return 0;
}

int tw_slots_fill(const struct tw_slot *slots, size_t count)
{
	int error = 0;

	if (count > TW_MAX_FILLERS)
		return -E2BIG;
	tw_slots_settle();
	for (; fillers.count < count && !error; fillers.count++) {
		pid_t pid = tw_process_fork();

		if (pid == 0)
			_exit(fill(&slots[fillers.count]));
		if (pid < 0)
			error = -fill(&slots[fillers.count]);
		fillers.pid[fillers.count] = pid < 0 ? 0 : pid;
	}
	for (size_t i = 0; i < count && !error; i++)
		error = await(&slots[i], &fillers.pid[i]);
	return error;
}

void tw_slots_settle(void)
{
	for (size_t i = 0; i < fillers.count; i++)
		ask(&fillers.pid[i], 0);
	fillers.count = 0;
}
