// SPDX-License-Identifier: GPL-2.0-only
#include "policy/trip.h"

#include <string.h>

#include "policy/canon.h"

const struct tw_loaded_policy *tw_trip_find(const struct tw_loaded *loaded, const char *name,
					    const __u64 digest[static 2])
{
	for (uint32_t i = 0; i < loaded->policies; i++) {
		const struct tw_loaded_policy *policy = &loaded->policy[i];

		if (!strncmp(policy->name, name, TW_NAME_LEN) &&
		    !memcmp(policy->digest, digest, sizeof(policy->digest)))
			return policy;
	}
	return NULL;
}

int tw_trip_of(const struct tw_loaded *loaded, const struct tw_model *model,
	       struct tw_set *ret_tripped)
{
	struct tw_set tripped = { 0 };

	for (size_t i = 0; i < model->count; i++) {
		const struct tw_loaded_policy *before;
		__u64 digest[2];
		int r;

		if (!model->policies[i].guarded)
			continue;
		r = tw_canon_policy_digest(&model->policies[i], model->observe, digest);
		if (r < 0)
			return r;
		before = tw_trip_find(loaded, model->policies[i].name, digest);
		if (before && before->tripped_at_ns)
			tripped.word[i / 64] |= 1ULL << i % 64;
	}
	*ret_tripped = tripped;
	return 0;
}
