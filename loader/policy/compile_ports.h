/* SPDX-License-Identifier: GPL-2.0-only */
/* The part of a generation that is looked up by port; tw_compiled_port() of policy/compile.h asks it. */
#ifndef TW_POLICY_COMPILE_PORTS_H
#define TW_POLICY_COMPILE_PORTS_H

#include "policy/compile.h"

/*
 * Ports that the same policies select are one class: give each port its class, and
 * each class its set. `any_port` of the generation is there already. -ENOMEM.
 */
int tw_compile_ports(const struct tw_model *model, struct tw_compiled *compiled);

#endif
