// SPDX-License-Identifier: GPL-2.0-only
/* tcpwarden detach: stop enforcing and leave nothing behind. */
#include <errno.h>

#include "cli/output.h"
#include "kernel/detach.h"

enum tw_exit tw_cmd_detach(const struct tw_args *args)
{
	struct tw_fault fault = TW_FAULT_INIT;
	struct tw_detached detached;

	if (tw_detach(args->restore, &detached, &fault))
		return tw_output_fault(&fault);
	if (!detached.found) {
		printf("nothing to detach: tcpwarden is not attached here\n");
		return TW_EXIT_OK;
	}
	if (detached.ended)
		printf("ended the tcpwarden that ran as process %d\n", (int)detached.ended);
	if (!args->restore) {
		printf("detached: new connections are left alone; those that are open keep their "
		       "values\n");
		return TW_EXIT_OK;
	}
	printf("detached: %llu open connections have their own values back\n", detached.restored);
	if (!detached.left)
		return TW_EXIT_OK;
	tw_fault(&fault, -EIO,
		 "%llu sockets keep values of ours: they could not be reached (not connected any "
		 "more, or in a network namespace that neither a process nor /run/netns names)",
		 detached.left);
	return tw_output_fault(&fault);
}
