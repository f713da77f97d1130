// SPDX-License-Identifier: GPL-2.0-only
#include "kernel/slots.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

/* As a process may exit with it: 0, or the errno. */
static int fill(const struct tw_slot *slot)
{
	return bpf_map_update_elem(slot->outer, &slot->key, &slot->inner, BPF_ANY) < 0 ? errno : 0;
}

static int await(pid_t child)
{
	int status;

	while (waitpid(child, &status, 0) < 0)
		if (errno != EINTR)
			return errno;
	return WIFEXITED(status) ? WEXITSTATUS(status) : EIO;
}

int tw_slots_fill(const struct tw_slot *slots, size_t count)
{
	pid_t child;
	int error, other = 0;

	if (!count)
		return 0;
	child = count > 1 ? fork() : -1;
	if (child == 0)
		_exit(fill(slots));
	error = child < 0 ? fill(slots) : 0;
	if (!error)
		error = -tw_slots_fill(slots + 1, count - 1);
	if (child > 0)
		other = await(child);
	return -(error ?: other);
}
