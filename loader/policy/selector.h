/* SPDX-License-Identifier: GPL-2.0-only */
/* `match`: which connections a policy selects. */
#ifndef TW_POLICY_SELECTOR_H
#define TW_POLICY_SELECTOR_H

#include "policy/reader.h"

/*
 * Read `match` into reader->policy: cgroups, pods, remotes, ports, directions, nodes.
 * A cgroup path is brought to one slash before each component and none at the
 * end, so /a//b/ is /a/b.
 */
int tw_selector_read(struct tw_reader *reader, const struct tw_node *value);

#endif
