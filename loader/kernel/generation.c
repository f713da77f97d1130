// SPDX-License-Identifier: GPL-2.0-only
#include "kernel/generation.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <string.h>

#include "kernel/current.h"
#include "kernel/rcu.h"
#include "kernel/slots.h"
#include "lib/cleanup.h"
#include "lib/clock.h"
#include "policy/canon.h"
#include "policy/trip.h"

/* The maps of a generation that is being made; they vanish with it unless it is published. */
struct build {
	const struct tw_maps *maps;
	const struct tw_generation_source *source;
	uint64_t number;
	uint32_t slot;
	int generation;
	int cgroups;
	int prefixes;
	int port_sets;
	struct tw_loaded *loaded;
};

static void build_close(struct build *build)
{
	tw_closep(&build->generation);
	tw_closep(&build->cgroups);
	tw_closep(&build->prefixes);
	tw_closep(&build->port_sets);
	free(build->loaded);
}

/* An inner map: bpf_map_meta_equal() wants type, sizes and flags as maps.bpf.h has them. */
static int make_map(enum bpf_map_type type, const char *name, __u32 key_size, __u32 value_size,
		    size_t entries, int *ret_fd)
{
	LIBBPF_OPTS(bpf_map_create_opts, opts,
		    .map_flags = type == BPF_MAP_TYPE_ARRAY ? 0 : BPF_F_NO_PREALLOC);
	int fd = bpf_map_create(type, name, key_size, value_size, entries ? (__u32)entries : 1,
				&opts);

	if (fd < 0)
		return -errno;
	*ret_fd = fd;
	return 0;
}

static int put(int map, const void *key, const void *value)
{
	return bpf_map_update_elem(map, key, value, BPF_ANY) < 0 ? -errno : 0;
}

/* --- counters: kept by name --------------------------------------------------- */

static const struct tw_loaded_policy *find_policy(const struct tw_loaded *loaded, const char *name)
{
	for (uint32_t i = 0; i < loaded->policies; i++)
		if (!strncmp(loaded->policy[i].name, name, TW_NAME_LEN))
			return &loaded->policy[i];
	return NULL;
}

/* Start a counter from nothing, in both directions and on each CPU. */
static int clear_counter(const struct tw_maps *maps, uint32_t counter, size_t cpus)
{
	_cleanup_free_ struct tw_tally *tally = calloc(cpus, sizeof(*tally));
	_cleanup_free_ struct tw_counts *zero = calloc(cpus, sizeof(*zero));
	int error = zero && tally ? put(maps->tallies, &counter, tally) : -ENOMEM;

	for (uint32_t d = 0; d < TW_DIRECTIONS && !error; d++) {
		uint32_t key = counter * TW_DIRECTIONS + d;

		error = put(maps->counters, &key, zero) ?: put(maps->swept, &key, zero);
	}
	return error;
}

/*
 * Give each policy its counter: its name's in the running generation, else one
 * that neither generation uses. There are twice as many as policies.
 */
static int assign_counters(struct build *build, const struct tw_loaded *running)
{
	struct tw_loaded *loaded = build->loaded;
	bool used[TW_MAX_COUNTERS] = { false };
	uint32_t next = 0;
	int cpus = libbpf_num_possible_cpus();

	if (cpus < 0)
		return cpus;
	for (uint32_t i = 0; i < running->policies; i++)
		used[running->policy[i].counter % TW_MAX_COUNTERS] = true;
	for (uint32_t i = 0; i < loaded->policies; i++) {
		const struct tw_loaded_policy *same = find_policy(running, loaded->policy[i].name);
		int error;

		if (same) {
			loaded->policy[i].counter = same->counter;
			continue;
		}
		while (used[next])
			next++;
		used[next] = true;
		loaded->policy[i].counter = (uint16_t)next;
		error = clear_counter(build->maps, next, (size_t)cpus);
		if (error)
			return error;
	}
	return 0;
}

/* A guard that tripped keeps the time at which it did; one that trips now has this generation's. */
static int describe_policy(struct build *build, size_t i, const struct tw_loaded *running)
{
	const struct tw_compiled *compiled = build->source->compiled;
	const struct tw_model *model = build->source->scope.model;
	const struct tw_model_policy *policy = &model->policies[i];
	struct tw_loaded_policy *loaded = &build->loaded->policy[i];
	const struct tw_loaded_policy *before;
	int error;

	memcpy(loaded->name, policy->name, TW_NAME_LEN);
	loaded->flags = compiled->generation->policy[i].flags;
	loaded->here = compiled->here[i];
	loaded->rollout = (__u16)policy->rollout;
	loaded->guarded = policy->guarded;
	loaded->max_deaths = policy->max_deaths;
	error = tw_canon_policy_digest(policy, model->observe, loaded->digest);
	if (error || !(loaded->here & TW_HERE_TRIPPED))
		return error;
	before = tw_trip_find(running, loaded->name, loaded->digest);
	loaded->tripped_at_ns = before && before->tripped_at_ns ? before->tripped_at_ns
								: build->loaded->at_ns;
	return 0;
}

/* What people ask of it, from the model and the running generation. */
static int describe(struct build *build)
{
	_cleanup_free_ struct tw_loaded *running = calloc(1, sizeof(*running));
	const struct tw_compiled *compiled = build->source->compiled;
	const struct tw_model *model = build->source->scope.model;
	struct tw_loaded *loaded = calloc(1, sizeof(*loaded));
	uint32_t other = (uint32_t)((build->number - 1) % TW_SLOTS);

	build->loaded = loaded;
	if (!running || !loaded)
		return -ENOMEM;
	if (bpf_map_lookup_elem(build->maps->loaded, &other, running) < 0)
		return -errno;
	if (running->number != build->number - 1)
		memset(running, 0, sizeof(*running));
	loaded->number = build->number;
	loaded->at_ns = tw_clock_now();
	memcpy(loaded->digest, compiled->digest, sizeof(loaded->digest));
	loaded->text_len = (uint32_t)compiled->text.len;
	loaded->policies = (uint32_t)model->count;
	for (size_t i = 0; i < model->count; i++) {
		int error = describe_policy(build, i, running);

		if (error)
			return error;
	}
	return assign_counters(build, running);
}

/* --- filling --------------------------------------------------------------------- */

static int fill_prefixes(struct build *build)
{
	const struct tw_compiled *compiled = build->source->compiled;
	size_t count = compiled->generation->prefixes;
	int error;

	if (!count)
		return 0;
	error = make_map(BPF_MAP_TYPE_LPM_TRIE, "tw_prefixes", sizeof(struct tw_prefix),
			 sizeof(struct tw_set), count, &build->prefixes);
	for (size_t i = 0; i < count && !error; i++)
		error = put(build->prefixes, &compiled->prefixes[i].key,
			    &compiled->prefixes[i].set);
	return error;
}

static int fill_port_sets(struct build *build)
{
	const struct tw_compiled *compiled = build->source->compiled;
	int error;

	if (!compiled->port_set_count)
		return 0;
	error = make_map(BPF_MAP_TYPE_HASH, "tw_port_sets", sizeof(uint32_t), sizeof(struct tw_set),
			 compiled->port_set_count, &build->port_sets);
	for (uint32_t i = 0; i < compiled->port_set_count && !error; i++) {
		uint32_t class = i + 1;

		error = put(build->port_sets, &class, &compiled->port_sets[i]);
	}
	return error;
}

static int fill_generation(struct build *build)
{
	struct tw_generation *generation = build->source->compiled->generation;
	uint32_t zero = 0;
	int error;

	generation->number = build->number;
	generation->attach_cgroup = build->source->attach_cgroup;
	for (uint32_t i = 0; i < build->loaded->policies; i++)
		generation->policy[i].counter = build->loaded->policy[i].counter;
	error = make_map(BPF_MAP_TYPE_ARRAY, "tw_generation", sizeof(uint32_t), sizeof(*generation),
			 1, &build->generation);
	return error ?: put(build->generation, &zero, generation);
}

static int fill_text(struct build *build)
{
	const struct tw_buf *text = &build->source->compiled->text;
	char chunk[TW_TEXT_CHUNK];
	int error = 0;

	for (uint32_t i = 0; i < TW_MAX_TEXT_CHUNKS && !error; i++) {
		uint32_t key = build->slot * TW_MAX_TEXT_CHUNKS + i;
		size_t from = (size_t)i * sizeof(chunk), len;

		if (from >= text->len) {
			/* Of a longer text that was here before. */
			if (bpf_map_delete_elem(build->maps->texts, &key) < 0)
				break;
			continue;
		}
		len = text->len - from < sizeof(chunk) ? text->len - from : sizeof(chunk);
		memset(chunk, 0, sizeof(chunk));
		memcpy(chunk, text->data + from, len);
		error = put(build->maps->texts, &key, chunk);
	}
	return error;
}

/* Put the new maps into the slot that no program looks at. */
static int fill_slot(struct build *build)
{
	const struct tw_maps *maps = build->maps;
	const struct tw_slot all[] = {
		{ maps->prefixes, build->slot, build->prefixes },
		{ maps->port_sets, build->slot, build->port_sets },
		{ maps->cgroups, build->slot, build->cgroups },
		{ maps->generations, build->slot, build->generation },
	};
	struct tw_slot made[TW_MAX_FILLERS];
	size_t count = 0;
	int error;

	_Static_assert(ARRAY_SIZE(all) <= ARRAY_SIZE(made), "all can be filled at once");
	for (size_t i = 0; i < ARRAY_SIZE(all); i++)
		if (all[i].inner >= 0)
			made[count++] = all[i];
	error = tw_slots_fill(made, count);
	return error ?: put(maps->loaded, &build->slot, build->loaded);
}

static int step(int error, const char *what, struct tw_fault *fault)
{
	if (!error)
		return 0;
	return tw_fault(fault, error, "cannot %s: %m; what was enforced before stays", what);
}

static int switch_over(const struct build *build)
{
	struct tw_change change;
	int error = tw_change_begin(build->maps->current, &change);

	if (error)
		return error;
	tw_change_number(&change, build->number);
	tw_change_end(&change);
	return 0;
}

static int publish(struct build *build, struct tw_fault *fault)
{
	int error;

	if (build->number > 1) {
		error = step(tw_rcu_wait(), "wait for a grace period", fault);
		if (error)
			return error;
	}
	error = step(describe(build), "give the policies their counters", fault);
	if (!error)
		error = step(tw_cgroup_sets_make(&build->source->scope, &build->cgroups),
			     "fill the map of cgroups", fault);
	if (!error)
		error = step(fill_prefixes(build), "fill the map of prefixes", fault);
	if (!error)
		error = step(fill_port_sets(build), "fill the map of ports", fault);
	if (!error)
		error = step(fill_generation(build), "fill the map of policies", fault);
	if (!error)
		error = step(fill_text(build), "store the policy's text", fault);
	if (!error)
		error = step(fill_slot(build), "put the new maps into place", fault);
	if (!error)
		error = step(switch_over(build), "switch to the new policy", fault);
	return error;
}

int tw_generation_publish(const struct tw_maps *maps, const struct tw_generation_source *source,
			  struct tw_generation_live *live, struct tw_fault *fault)
{
	_cleanup_(build_close) struct build build = {
		.maps = maps,
		.source = source,
		.generation = -1,
		.cgroups = -1,
		.prefixes = -1,
		.port_sets = -1,
	};
	uint64_t current;
	int error;

	error = step(tw_current_number(maps->current, &current), "read the running generation",
		     fault);
	if (error)
		return error;
	build.number = current + 1;
	build.slot = (uint32_t)(build.number % TW_SLOTS);
	error = publish(&build, fault);
	if (error)
		return error;
	tw_generation_live_close(live);
	live->generation = TAKE_FD(build.generation);
	live->cgroups.map = TAKE_FD(build.cgroups);
	live->cgroups.current = maps->current;
	live->number = build.number;
	return 0;
}

void tw_generation_live_close(struct tw_generation_live *live)
{
	tw_closep(&live->generation);
	tw_closep(&live->cgroups.map);
	*live = TW_GENERATION_LIVE_INIT;
}

int tw_generation_read(const struct tw_maps *maps, struct tw_generation *ret_generation)
{
	_cleanup_close_ int map = -1;
	uint64_t number;
	uint32_t zero = 0, slot, id;
	int error = tw_current_number(maps->current, &number);

	if (error)
		return error;
	slot = (uint32_t)(number % TW_SLOTS);
	if (bpf_map_lookup_elem(maps->generations, &slot, &id) < 0)
		return -errno;
	map = bpf_map_get_fd_by_id(id);
	if (map < 0 || bpf_map_lookup_elem(map, &zero, ret_generation) < 0)
		return -errno;
	return 0;
}

int tw_generation_read_live(const struct tw_generation_live *live,
			    struct tw_generation *ret_generation)
{
	uint32_t zero = 0;

	return bpf_map_lookup_elem(live->generation, &zero, ret_generation) < 0 ? -errno : 0;
}
