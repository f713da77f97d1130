/* SPDX-License-Identifier: GPL-2.0-only */
/* `rollout`, `cohort` and `guard`: on which nodes a policy enforces, and until when. */
#ifndef TW_POLICY_ROLL_H
#define TW_POLICY_ROLL_H

#include "policy/reader.h"

/* Readers of their keys, into reader->policy. */
int tw_roll_read_rollout(struct tw_reader *reader, const struct tw_node *value);
int tw_roll_read_cohort(struct tw_reader *reader, const struct tw_node *value);
int tw_roll_read_guard(struct tw_reader *reader, const struct tw_node *value);

#endif
