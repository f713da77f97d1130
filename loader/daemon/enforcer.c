// SPDX-License-Identifier: GPL-2.0-only
#include "daemon/enforcer.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "kernel/caps.h"
#include "kernel/deaths.h"
#include "kernel/guard.h"
#include "kernel/owner.h"
#include "kernel/pins.h"
#include "kernel/slots.h"
#include "kernel/state.h"
#include "lib/log.h"
#include "policy/cohort.h"
#include "policy/trip.h"

int tw_enforcer_open(struct tw_enforcer *enforcer, const char *attach_path, const char *node_name,
		     const char *pod_logs, struct tw_fault *fault)
{
	int error;

	error = tw_cgroup_tree_open(&enforcer->tree, fault);
	if (error)
		return error == -ENOENT ? -ENODEV : error;
	error = tw_cgroup_open(&enforcer->tree, attach_path, &enforcer->cgroup);
	if (error)
		return tw_fault(fault, error, "cannot attach to the cgroup %s below %s: %m",
				attach_path, enforcer->tree.mount);
	error = tw_cgroup_id(enforcer->cgroup, &enforcer->attach_cgroup);
	if (error)
		return tw_fault(fault, error, "cannot find the id of the cgroup %s: %m",
				attach_path);
	enforcer->attach_path = attach_path;
	snprintf(enforcer->place.node, sizeof(enforcer->place.node), "%s", node_name);
	error = tw_pods_open(pod_logs, &enforcer->pods);
	if (error)
		return tw_fault(fault, error, "cannot know the pods of this node: %m");
	return 0;
}

/* Wait for the owner to leave, and say for whom. */
static int own(struct tw_enforcer *enforcer, bool wait, struct tw_fault *fault)
{
	int error = tw_owner_lock(false, &enforcer->lock, fault);
	pid_t pid = 0;

	if (error != -EWOULDBLOCK || !wait)
		return error;
	if (tw_owner_pid(&pid) || !pid)
		tw_info("another tcpwarden runs here; waiting for it to leave");
	else
		tw_info("another tcpwarden runs here, as process %d; waiting for it to leave",
			(int)pid);
	return tw_owner_lock(true, &enforcer->lock, fault);
}

int tw_enforcer_own(struct tw_enforcer *enforcer, bool wait, struct tw_fault *fault)
{
	const char *missing = tw_caps_missing();
	int error;

	if (missing)
		return tw_fault(
			fault, -EPERM,
			"cannot enforce: missing %s; run as root, or give it to the process "
			"(`tcpwarden doctor` lists what is needed)",
			missing);
	error = tw_pins_prepare(fault);
	return error ?: own(enforcer, wait, fault);
}

/* Refuse to move an attachment in passing; *ret_fresh: nothing is attached yet. */
static int check_link(const struct tw_enforcer *enforcer, bool *ret_fresh, struct tw_fault *fault)
{
	_cleanup_free_ struct tw_snapshot *snapshot = calloc(1, sizeof(*snapshot));
	uint64_t attached = 0;
	int error = tw_link_cgroup(&attached);

	if (error && error != -ENOENT)
		return tw_fault(fault, error, "cannot read the link at " TW_PIN_LINK ": %m");
	*ret_fresh = error || !attached;
	if (*ret_fresh && tw_link_cgroup_of_others(&attached) == 0 && attached &&
	    attached != enforcer->attach_cgroup)
		return tw_fault(fault, -EEXIST,
				"cannot attach to %s: another version of tcpwarden is attached to "
				"another cgroup, whose id is %" PRIu64
				"; to move it, `tcpwarden detach` first",
				enforcer->attach_path, attached);
	if (*ret_fresh || attached == enforcer->attach_cgroup)
		return 0;
	if (!snapshot)
		return tw_fault(fault, -ENOMEM, "cannot read the state: %m");
	error = tw_snapshot_read(snapshot, fault);
	if (error)
		return error;
	return tw_fault(fault, -EEXIST,
			"cannot attach to %s: tcpwarden is attached to %s; to move it, "
			"`tcpwarden detach` first",
			enforcer->attach_path, snapshot->state.attached_to);
}

static struct tw_cgroup_scope scope_of(const struct tw_enforcer *enforcer,
				       const struct tw_model *model)
{
	return (struct tw_cgroup_scope){
		.model = model,
		.tree = &enforcer->tree,
		.attach_path = enforcer->attach_path,
		.pod_of = tw_pods_of_fn,
		.pods = enforcer->pods,
	};
}

/* What is compiled, and for which node; in force only once it is published. */
struct candidate {
	struct tw_compiled compiled;
	struct tw_place place;
};

static void candidate_free(struct candidate *candidate)
{
	tw_compiled_free(&candidate->compiled);
}
#define _cleanup_candidate_ _cleanup_(candidate_free)

/* The guards that tripped are those of the generation in force, whoever published it. */
static int find_tripped(const struct tw_enforcer *enforcer, const struct tw_model *model,
			struct tw_set *ret_tripped)
{
	const struct tw_maps *maps = &enforcer->program.maps;
	_cleanup_free_ struct tw_loaded *loaded = calloc(1, sizeof(*loaded));
	int error = loaded ? tw_loaded_read(maps->current, maps->loaded, loaded) : -ENOMEM;

	if (error && error != -ENOENT)
		return error;
	return tw_trip_of(loaded, model, ret_tripped);
}

static int compile(const struct tw_enforcer *enforcer, const struct tw_model *model,
		   const struct tw_set *more, struct candidate *candidate, struct tw_fault *fault)
{
	int error;

	candidate->place = enforcer->place;
	error = find_tripped(enforcer, model, &candidate->place.tripped);
	if (error)
		return tw_fault(fault, error, "cannot read which guards tripped: %m");
	for (size_t i = 0; more && i < TW_SET_WORDS; i++)
		candidate->place.tripped.word[i] |= more->word[i];
	error = tw_compile(model, &candidate->place, &candidate->compiled);
	if (error)
		return tw_fault(fault, error, "cannot compile the policy: %m");
	return 0;
}

/* Another model was loaded: it is ours now. */
static int take_over(struct tw_enforcer *enforcer, struct tw_model *model, struct tw_fault *fault)
{
	int error;

	tw_model_free(&enforcer->model);
	enforcer->model = *model;
	*model = TW_MODEL_INIT;
	error = tw_state_refused(&enforcer->program.maps, NULL);
	if (error)
		return tw_fault(fault, error, "cannot note the policy's load: %m");
	return 0;
}

/* `model` may be the enforcer's own. */
static int publish_generation(struct tw_enforcer *enforcer, struct tw_model *model,
			      struct candidate *candidate, struct tw_fault *fault)
{
	struct tw_generation_source source = {
		.compiled = &candidate->compiled,
		.scope = scope_of(enforcer, model),
		.attach_cgroup = enforcer->attach_cgroup,
	};
	int error;

	error = tw_generation_publish(&enforcer->program.maps, &source, &enforcer->live, fault);
	if (error)
		return error;
	memcpy(enforcer->digest, candidate->compiled.digest, sizeof(enforcer->digest));
	enforcer->place = candidate->place;
	return model == &enforcer->model ? 0 : take_over(enforcer, model, fault);
}

/*
 * The setsockopt hook is there before the first policy that needs it, and goes
 * after the last: what sockets carry is held from the moment they carry it.
 * `renew`: one that is attached is of the program that we take over from.
 */
static int publish(struct tw_enforcer *enforcer, struct tw_model *model,
		   struct candidate *candidate, bool renew, struct tw_fault *fault)
{
	bool needed = tw_guard_needed(candidate->compiled.generation);
	bool attached = tw_guard_attached();
	struct tw_fault second;
	int error = 0;

	if (needed && (renew || !attached))
		error = tw_guard_attach(enforcer->cgroup, fault);
	if (!error)
		error = publish_generation(enforcer, model, candidate, fault);
	if (error && !attached)
		tw_guard_remove(&second);
	if (!error && !needed && tw_guard_remove(&second))
		tw_warning("%s; the setsockopt hook stays, and holds nothing", second.text);
	return error;
}

static int republish(struct tw_enforcer *enforcer, struct tw_model *model,
		     struct candidate *candidate, struct tw_fault *fault)
{
	int error = publish(enforcer, model, candidate, false, fault);

	tw_slots_settle();
	return error;
}

static int start(struct tw_enforcer *enforcer, struct tw_model *model, struct tw_fault *fault)
{
	_cleanup_candidate_ struct candidate candidate = { 0 };
	int error;

	error = tw_program_load(&enforcer->program, fault);
	if (!error)
		error = compile(enforcer, model, NULL, &candidate, fault);
	if (!error)
		error = publish(enforcer, model, &candidate, true, fault);
	if (!error)
		error = tw_program_attach(&enforcer->program, enforcer->cgroup, fault);
	if (error)
		return error;
	error = tw_state_attached(&enforcer->program.maps, enforcer->attach_path,
				  enforcer->attach_cgroup, enforcer->place.node);
	if (error)
		return tw_fault(fault, error, "cannot note where we are attached: %m");
	return 0;
}

/* Leave no pins, but those of another version that goes on enforcing. */
static void undo_start(struct tw_fault *fault)
{
	uint64_t cgroup;

	if (tw_link_cgroup_of_others(&cgroup) == 0)
		tw_pins_remove_own(fault);
	else
		tw_pins_remove(fault);
}

int tw_enforcer_start(struct tw_enforcer *enforcer, struct tw_model *model, struct tw_fault *fault)
{
	struct tw_fault second;
	bool fresh = false;
	int error = check_link(enforcer, &fresh, fault);

	if (error)
		return error;
	/* It may be long since they were read: we waited for the lock. */
	tw_pods_read(enforcer->pods);
	error = start(enforcer, model, fault);
	if (!error)
		return 0;
	tw_slots_settle();
	if (fresh)
		undo_start(&second);
	return error;
}

void tw_enforcer_settle(void)
{
	struct tw_fault fault = TW_FAULT_INIT;

	if (tw_deaths_attach(&fault))
		tw_warning("%s; dead connections are neither counted nor told of", fault.text);
	if (tw_pins_remove_others(&fault))
		tw_warning("%s; `tcpwarden detach` and a new start mend it", fault.text);
	tw_slots_settle();
}

int tw_enforcer_switch(struct tw_enforcer *enforcer, struct tw_model *model, struct tw_fault *fault)
{
	_cleanup_candidate_ struct candidate candidate = { 0 };
	int error;

	error = compile(enforcer, model, NULL, &candidate, fault);
	if (error)
		return error;
	if (!memcmp(candidate.compiled.digest, enforcer->digest, sizeof(enforcer->digest)))
		return -EALREADY;
	return republish(enforcer, model, &candidate, fault);
}

int tw_enforcer_trip(struct tw_enforcer *enforcer, const struct tw_set *more,
		     struct tw_fault *fault)
{
	_cleanup_candidate_ struct candidate candidate = { 0 };
	int error = compile(enforcer, &enforcer->model, more, &candidate, fault);

	return error ?: republish(enforcer, &enforcer->model, &candidate, fault);
}

/* What is in force, but not as it is written. */
static void say_here(const struct tw_enforcer *enforcer, size_t i)
{
	const struct tw_model_policy *policy = &enforcer->model.policies[i];
	__u8 here = tw_compile_here(policy, i, &enforcer->place);
	char share[TW_SHARE_LEN];

	if (here & TW_HERE_TRIPPED)
		tw_warning(
			"policy \"%s\" observes on node %s: its guard tripped; it enforces again "
			"once it is changed",
			policy->name, enforcer->place.node);
	else if (here && policy->rollout != TW_WHOLE_SHARE)
		tw_info("policy \"%s\": node %s is %s its rollout of %s%s", policy->name,
			enforcer->place.node, here & TW_HERE_IN_SHARE ? "inside" : "outside",
			tw_share_format(policy->rollout, share),
			here & TW_HERE_IN_SHARE ? "" : ", so it observes here");
}

void tw_enforcer_say(const struct tw_enforcer *enforcer, const char *what)
{
	const struct tw_model *model = &enforcer->model;

	tw_info("%s: generation %llu, %zu %s, at and below cgroup %s%s", what,
		(unsigned long long)enforcer->live.number, model->count,
		model->count == 1 ? "policy" : "policies", enforcer->attach_path,
		model->observe ? "; mode: observe, so no socket is changed" : "");
	for (size_t i = 0; i < model->count; i++)
		say_here(enforcer, i);
}

struct tw_cgroup_scope tw_enforcer_scope(const struct tw_enforcer *enforcer)
{
	return scope_of(enforcer, &enforcer->model);
}

void tw_enforcer_close(struct tw_enforcer *enforcer)
{
	tw_generation_live_close(&enforcer->live);
	tw_pods_close(enforcer->pods);
	tw_model_free(&enforcer->model);
	tw_program_close(&enforcer->program);
	tw_cgroup_tree_close(&enforcer->tree);
	tw_closep(&enforcer->cgroup);
	tw_closep(&enforcer->lock);
	*enforcer = TW_ENFORCER_INIT;
}
