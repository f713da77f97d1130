// SPDX-License-Identifier: GPL-2.0-only
#include "daemon/enforcer.h"

#include <errno.h>
#include <string.h>

#include "kernel/caps.h"
#include "kernel/owner.h"
#include "kernel/pins.h"
#include "kernel/state.h"
#include "lib/log.h"

int tw_enforcer_open(struct tw_enforcer *enforcer, const char *attach_path, const char *pod_logs,
		     struct tw_fault *fault)
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
	error = tw_pods_open(pod_logs, &enforcer->pods);
	if (error)
		return tw_fault(fault, error, "cannot know the pods of this node: %m");
	return 0;
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
	return error ?: tw_owner_lock(wait, &enforcer->lock, fault);
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

static int publish(struct tw_enforcer *enforcer, struct tw_model *model,
		   struct tw_compiled *compiled, struct tw_fault *fault)
{
	struct tw_generation_source source = {
		.compiled = compiled,
		.scope = scope_of(enforcer, model),
		.attach_cgroup = enforcer->attach_cgroup,
	};
	int error;

	error = tw_generation_publish(&enforcer->program.maps, &source, &enforcer->live, fault);
	if (error)
		return error;
	memcpy(enforcer->digest, compiled->digest, sizeof(enforcer->digest));
	tw_model_free(&enforcer->model);
	enforcer->model = *model;
	*model = TW_MODEL_INIT;
	error = tw_state_refused(&enforcer->program.maps, NULL);
	if (error)
		return tw_fault(fault, error, "cannot note the policy's load: %m");
	return 0;
}

static int compile(const struct tw_model *model, struct tw_compiled *ret_compiled,
		   struct tw_fault *fault)
{
	int error = tw_compile(model, ret_compiled);

	if (error)
		return tw_fault(fault, error, "cannot compile the policy: %m");
	return 0;
}

static int start(struct tw_enforcer *enforcer, struct tw_model *model, struct tw_fault *fault)
{
	_cleanup_compiled_ struct tw_compiled compiled = { 0 };
	int error;

	error = compile(model, &compiled, fault);
	if (!error)
		error = tw_program_load(&enforcer->program, fault);
	if (!error)
		error = publish(enforcer, model, &compiled, fault);
	if (!error)
		error = tw_program_attach(&enforcer->program, enforcer->cgroup, fault);
	if (error)
		return error;
	error = tw_state_attached(&enforcer->program.maps, enforcer->attach_path,
				  enforcer->attach_cgroup);
	if (error)
		return tw_fault(fault, error, "cannot note where we are attached: %m");
	return 0;
}

int tw_enforcer_start(struct tw_enforcer *enforcer, struct tw_model *model, struct tw_fault *fault)
{
	struct tw_fault second;
	bool fresh;
	int error = check_link(enforcer, &fresh, fault);

	if (error)
		return error;
	/* It may be long since they were read: we waited for the lock. */
	tw_pods_read(enforcer->pods);
	error = start(enforcer, model, fault);
	if (error && fresh)
		tw_pins_remove(&second);
	return error;
}

int tw_enforcer_switch(struct tw_enforcer *enforcer, struct tw_model *model, struct tw_fault *fault)
{
	_cleanup_compiled_ struct tw_compiled compiled = { 0 };
	int error;

	error = compile(model, &compiled, fault);
	if (error)
		return error;
	if (!memcmp(compiled.digest, enforcer->digest, sizeof(enforcer->digest)))
		return -EALREADY;
	return publish(enforcer, model, &compiled, fault);
}

void tw_enforcer_say(const struct tw_enforcer *enforcer, const char *what)
{
	const struct tw_model *model = &enforcer->model;

	tw_info("%s: generation %llu, %zu %s, at and below cgroup %s%s", what,
		(unsigned long long)enforcer->live.number, model->count,
		model->count == 1 ? "policy" : "policies", enforcer->attach_path,
		model->observe ? "; mode: observe, so no socket is changed" : "");
}

struct tw_cgroup_scope tw_enforcer_scope(const struct tw_enforcer *enforcer)
{
	return scope_of(enforcer, &enforcer->model);
}

void tw_enforcer_close(struct tw_enforcer *enforcer)
{
	tw_closep(&enforcer->live.cgroups);
	tw_pods_close(enforcer->pods);
	tw_model_free(&enforcer->model);
	tw_program_close(&enforcer->program);
	tw_cgroup_tree_close(&enforcer->tree);
	tw_closep(&enforcer->cgroup);
	tw_closep(&enforcer->lock);
	*enforcer = TW_ENFORCER_INIT;
}
