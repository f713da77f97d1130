// SPDX-License-Identifier: GPL-2.0-only
#include "policy/compile_ports.h"

#include <errno.h>
#include <string.h>

#include "policy/set.h"

/* Where a policy's range starts, or the port behind where it ends. */
struct boundary {
	__u32 port;
	__u16 policy;
	bool start;
};

struct sweep {
	struct tw_set now;	    /* policies with a range at the port that is looked at */
	__u8 open[TW_MAX_POLICIES]; /* how many of its ranges each has there: they may overlap */
	size_t members;
};

static int boundary_compare(const void *a, const void *b)
{
	const struct boundary *x = a, *y = b;

	return x->port < y->port ? -1 : x->port > y->port;
}

static size_t collect_boundaries(const struct tw_model *model, struct boundary *boundaries)
{
	size_t count = 0;

	for (size_t i = 0; i < model->count; i++) {
		const struct tw_model_policy *policy = &model->policies[i];

		for (size_t j = 0; j < policy->port_count; j++) {
			const struct tw_port_range *range = &policy->ports[j];

			boundaries[count++] = (struct boundary){ range->first, (__u16)i, true };
			boundaries[count++] =
				(struct boundary){ range->last + 1u, (__u16)i, false };
		}
	}
	return count;
}

static size_t count_boundaries(const struct tw_model *model)
{
	size_t count = 0;

	for (size_t i = 0; i < model->count; i++)
		count += 2 * model->policies[i].port_count;
	return count;
}

static void cross_boundary(struct sweep *sweep, const struct boundary *boundary)
{
	__u8 *open = &sweep->open[boundary->policy];

	if (boundary->start && !(*open)++) {
		tw_set_add(&sweep->now, boundary->policy);
		sweep->members++;
	} else if (!boundary->start && !--(*open)) {
		tw_set_remove(&sweep->now, boundary->policy);
		sweep->members--;
	}
}

/* The class of the ports that follow: 0, the last one where nothing changed, or a new one. */
static __u16 sweep_class(const struct sweep *sweep, struct tw_compiled *compiled, __u16 last)
{
	struct tw_set set = sweep->now;

	if (!sweep->members)
		return 0;
	tw_set_join(&set, &compiled->generation->any_port);
	if (last && !memcmp(&compiled->port_sets[last - 1], &set, sizeof(set)))
		return last;
	compiled->port_sets[compiled->port_set_count++] = set;
	return (__u16)compiled->port_set_count;
}

static void sweep_ports(const struct boundary *boundaries, size_t count,
			struct tw_compiled *compiled)
{
	struct sweep sweep = { 0 };
	__u16 class = 0;
	size_t next = 0;

	for (__u32 port = 0; port < TW_PORTS; port++) {
		if (next < count && boundaries[next].port == port) {
			while (next < count && boundaries[next].port == port)
				cross_boundary(&sweep, &boundaries[next++]);
			class = sweep_class(&sweep, compiled, class);
		}
		compiled->generation->port_class[port] = class;
	}
}

int tw_compile_ports(const struct tw_model *model, struct tw_compiled *compiled)
{
	_cleanup_free_ struct boundary *boundaries = NULL;
	size_t count = count_boundaries(model);

	if (!count)
		return 0;
	boundaries = calloc(count, sizeof(*boundaries));
	/* A class starts at a boundary, so there are no more of them. */
	compiled->port_sets = calloc(count, sizeof(*compiled->port_sets));
	if (!boundaries || !compiled->port_sets)
		return -ENOMEM;
	count = collect_boundaries(model, boundaries);
	qsort(boundaries, count, sizeof(*boundaries), boundary_compare);
	sweep_ports(boundaries, count, compiled);
	return 0;
}

const struct tw_set *tw_compiled_port(const struct tw_compiled *compiled, __u16 port)
{
	__u16 class = compiled->generation->port_class[port];

	return class ? &compiled->port_sets[class - 1] : &compiled->generation->any_port;
}
