/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What a cgroup's own sockets meet whatever their address and port, noted on the
 * cgroup itself where the kernel has storage there (6.2): one look-up, whatever
 * the number of policies. Where address, port or an observer have a say, that is
 * noted, and tw_match() is asked.
 *
 * An answer holds for the moment that it is stamped with: the loader counts
 * TW_CURRENT_CHANGES up before it changes what an answer was made of, and again
 * afterwards. While that is odd, also for good where the loader was killed
 * meanwhile, nobody notes or believes anything.
 */
#ifndef TW_ANSWERS_BPF_H
#define TW_ANSWERS_BPF_H

#include "apply.bpf.h"

/* By direction, each written and read at once: TW_ANSWER_BITS of the answer below its stamp. */
struct tw_answers {
	__u64 direction[TW_DIRECTIONS];
};

#define TW_ANSWER_BITS 10
#define TW_NUMBER_BITS 10 /* of the generation's number, in the stamp */

#define TW_UNKNOWN (TW_ASK + 1)

_Static_assert(TW_UNKNOWN < 1 << TW_ANSWER_BITS, "an answer fits its bits");

struct {
	__uint(type, TW_CGRP_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, struct tw_answers);
} tw_answers SEC(".maps");

const volatile bool tw_have_answers = false;

/*
 * The moment, or 0: what is in force is being changed. The number is in it, since a program may
 * read it before a switch and the changes after.
 */
static __always_inline __u64 tw_stamp(__u64 number)
{
	__u32 key = TW_CURRENT_CHANGES;
	__u64 *count = bpf_map_lookup_elem(&tw_current, &key), changes;

	if (!count)
		return 0;
	changes = *(volatile __u64 *)count;
	if (changes & 1)
		return 0;
	return (changes << TW_NUMBER_BITS | (number & ((1 << TW_NUMBER_BITS) - 1)))
	       << TW_ANSWER_BITS;
}

/* The answer for a socket in generation `number`, or TW_UNKNOWN. */
static __always_inline __u32 tw_recall(struct sock *sk, enum tw_direction direction, __u64 number)
{
	struct cgroup *cgroup = sk->sk_cgrp_data.cgroup;
	__u64 stamp = tw_stamp(number), answer;
	struct tw_answers *answers;

	if (!stamp || !cgroup)
		return TW_UNKNOWN;
	answers = bpf_cgrp_storage_get(&tw_answers, cgroup, NULL, 0);
	if (!answers)
		return TW_UNKNOWN;
	answer = *(volatile __u64 *)&answers->direction[direction] ^ stamp;
	return answer < 1 << TW_ANSWER_BITS ? answer : TW_UNKNOWN;
}

/*
 * Note the answer for sockets of the cgroup that `sk` is in. Its element is read
 * after the count of changes, on each architecture: the slot is made to depend on
 * that. Where there is no storage, as in a cgroup that is being removed, it goes
 * on without.
 */
static __always_inline void tw_learn(struct sock *sk, enum tw_direction direction, __u64 number,
				     const struct tw_generation *generation)
{
	struct cgroup *cgroup = sk->sk_cgrp_data.cgroup;
	__u64 stamp = tw_stamp(number), answer = TW_ASK, id;
	__u32 slot = (number + (tw_opaque(stamp) & 1)) % TW_SLOTS;
	const struct tw_cgroup_sets *sets;
	struct tw_answers *answers;
	void *map;

	if (!stamp || !cgroup)
		return;
	answers = bpf_cgrp_storage_get(&tw_answers, cgroup, NULL, BPF_LOCAL_STORAGE_GET_F_CREATE);
	map = bpf_map_lookup_elem(&tw_cgroups, &slot);
	if (!answers || !map)
		return;
	id = tw_cgroup_id(cgroup);
	sets = bpf_map_lookup_elem(map, &id);
	if (sets && !generation->watches && tw_cgroup_level(cgroup) <= TW_MAX_CGROUP_DEPTH)
		answer = tw_sole_winner(sets, sets->own_may, &generation->direction[direction],
					&generation->any_remote, &generation->any_port,
					&generation->observe);
	*(volatile __u64 *)&answers->direction[direction] = stamp | answer;
}

#endif
