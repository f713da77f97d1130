// SPDX-License-Identifier: GPL-2.0-only
#include "node/name.h"

#include <errno.h>
#include <limits.h>
#include <string.h>
#include <unistd.h>

#include "lib/cleanup.h"
#include "policy/cohort.h"

int tw_node_name(const char *given, char ret_name[static TW_NODE_LEN], struct tw_fault *fault)
{
	char host[HOST_NAME_MAX + 1] = "";
	const char *variable = getenv("NODE_NAME");
	const char *source = given ? "--node-name" : variable ? "NODE_NAME" : "the host name";
	const char *name = given ?: variable ?: host;

	if (name == host && gethostname(host, sizeof(host) - 1) < 0)
		return tw_fault(fault, -errno, "cannot read the host name: %m");
	if (!*name)
		return tw_fault(fault, -EINVAL,
				"cannot tell this node's name: %s is empty; give one with "
				"--node-name NAME or in the environment's NODE_NAME",
				source);
	if (!tw_node_name_valid(name))
		return tw_fault(fault, -EINVAL,
				"cannot take %s for this node's name: it must be " TW_NODE_NAME_RULE
				"; give one with --node-name NAME",
				source);
	strcpy(ret_name, name);
	return 0;
}
