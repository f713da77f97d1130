/* SPDX-License-Identifier: GPL-2.0-only */
/* Sets of policies, by their places in the model. */
#ifndef TW_POLICY_SET_H
#define TW_POLICY_SET_H

#include <stddef.h>

#include <tcpwarden/abi.h>

static inline void tw_set_add(struct tw_set *set, size_t policy)
{
	set->word[policy / 64] |= 1ULL << policy % 64;
}

static inline void tw_set_remove(struct tw_set *set, size_t policy)
{
	set->word[policy / 64] &= ~(1ULL << policy % 64);
}

static inline void tw_set_join(struct tw_set *set, const struct tw_set *other)
{
	for (size_t i = 0; i < TW_SET_WORDS; i++)
		set->word[i] |= other->word[i];
}

#endif
