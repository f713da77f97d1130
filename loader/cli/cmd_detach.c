// SPDX-License-Identifier: GPL-2.0-only
/* tcpwarden detach: stop enforcing and leave nothing behind. */
#include "cli/output.h"
#include "kernel/detach.h"

enum tw_exit tw_cmd_detach(const struct tw_args *args)
{
	struct tw_fault fault = TW_FAULT_INIT;
	bool found;
	pid_t ended;

	(void)args;
	if (tw_detach(&found, &ended, &fault))
		return tw_output_fault(&fault);
	if (!found) {
		printf("nothing to detach: tcpwarden is not attached here\n");
		return TW_EXIT_OK;
	}
	if (ended)
		printf("ended the tcpwarden that ran as process %d\n", (int)ended);
	printf("detached: new connections are left alone; those that are open keep their values\n");
	return TW_EXIT_OK;
}
