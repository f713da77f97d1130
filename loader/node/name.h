/* SPDX-License-Identifier: GPL-2.0-only */
/* What this node is called. */
#ifndef TW_NODE_NAME_H
#define TW_NODE_NAME_H

#include <tcpwarden/abi.h>

#include "lib/fault.h"

/*
 * `given` (--node-name), else the environment's NODE_NAME, else the host name.
 * -EINVAL: that one is empty, or cannot be a node's name; the fault says what to do.
 */
int tw_node_name(const char *given, char ret_name[static TW_NODE_LEN], struct tw_fault *fault);

#endif
