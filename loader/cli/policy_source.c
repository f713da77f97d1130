// SPDX-License-Identifier: GPL-2.0-only
#include "cli/policy_source.h"

#include <errno.h>
#include <string.h>

#include "kernel/state.h"
#include "lib/buf.h"
#include "lib/cleanup.h"
#include "node/name.h"
#include "policy/load.h"
#include "policy/trip.h"

int tw_policy_source_file(const char *path, struct tw_model *ret_model)
{
	_cleanup_diags_ struct tw_diags diags = TW_DIAGS_INIT;
	int error = tw_policy_load(path, &diags, ret_model);

	tw_diags_print(&diags, stderr);
	if (error == -ENOMEM)
		fprintf(stderr, "tcpwarden: error: cannot load the policy: no memory\n");
	return error;
}

static int parse_canonical(const struct tw_buf *text, struct tw_model *ret_model,
			   struct tw_fault *fault)
{
	_cleanup_diags_ struct tw_diags diags = TW_DIAGS_INIT;
	int error =
		tw_policy_parse("(in force)", tw_buf_string(text), text->len, &diags, ret_model);

	if (error)
		return tw_fault(fault, error,
				"cannot read the policy in force: %s; it was loaded by another "
				"version of tcpwarden",
				diags.count ? diags.list[0].message : strerror(-error));
	return 0;
}

int tw_policy_source_kernel(struct tw_model *ret_model, char **ret_attached_to,
			    struct tw_place *ret_place, struct tw_fault *fault)
{
	_cleanup_free_ struct tw_snapshot *snapshot = calloc(1, sizeof(*snapshot));
	_cleanup_model_ struct tw_model model = TW_MODEL_INIT;
	_cleanup_buf_ struct tw_buf text = TW_BUF_INIT;
	struct tw_place place = { 0 };
	char *attached_to;
	int error;

	if (!snapshot)
		return tw_fault(fault, -ENOMEM, "cannot read the policy in force: %m");
	error = tw_snapshot_read(snapshot, fault);
	if (error)
		return error;
	if (!snapshot->attached || !snapshot->number)
		return tw_fault(
			fault, -ENOENT,
			"not attached: nothing is enforced here; start with `tcpwarden run`, "
			"or name a policy file with -c");
	error = tw_text_read(&text, fault);
	if (!error)
		error = parse_canonical(&text, &model, fault);
	if (error)
		return error;
	memcpy(place.node, snapshot->state.node, sizeof(place.node));
	attached_to = strdup(snapshot->state.attached_to);
	if (!attached_to || tw_trip_of(&snapshot->loaded, &model, &place.tripped)) {
		free(attached_to);
		return tw_fault(fault, -ENOMEM, "cannot read the policy in force: %m");
	}
	*ret_place = place;
	*ret_attached_to = attached_to;
	*ret_model = model;
	model = TW_MODEL_INIT;
	return 0;
}

int tw_policy_source_place(const char *node_name, struct tw_place *ret_place,
			   struct tw_fault *fault)
{
	_cleanup_free_ struct tw_snapshot *snapshot = calloc(1, sizeof(*snapshot));
	struct tw_place place = { 0 };
	struct tw_fault ignored;

	if (!snapshot)
		return tw_fault(fault, -ENOMEM, "cannot read the state: %m");
	/* Without privilege or anything attached it cannot be read: then as `run` would find it. */
	if (!node_name && !tw_snapshot_read(snapshot, &ignored) && snapshot->state.node[0])
		memcpy(place.node, snapshot->state.node, sizeof(place.node));
	else if (tw_node_name(node_name, place.node, fault))
		return -EINVAL;
	*ret_place = place;
	return 0;
}
