// SPDX-License-Identifier: GPL-2.0-only
/* tcpwarden check: is this policy good? Looks at no machine, needs no privilege. */
#include <errno.h>

#include "cli/output.h"
#include "policy/load.h"

static json_t *diagnostics(const struct tw_diags *diags, enum tw_severity severity)
{
	json_t *list = json_array();

	for (size_t i = 0; i < diags->count; i++) {
		const struct tw_diag *diag = &diags->list[i];

		if (diag->severity != severity)
			continue;
		json_array_append_new(list,
				      json_pack("{s:s?, s:i, s:i, s:s}", "file", diag->mark.file,
						"line", (int)diag->mark.line, "column",
						(int)diag->mark.column, "message", diag->message));
	}
	return list;
}

static enum tw_exit print_json(const struct tw_diags *diags, const struct tw_model *model,
			       bool valid)
{
	json_t *names = json_array();

	for (size_t i = 0; i < model->count; i++)
		json_array_append_new(names, json_string(model->policies[i].name));
	return tw_output_json(json_pack("{s:b, s:o, s:o, s:o}", "valid", valid, "errors",
					diagnostics(diags, TW_ERROR), "warnings",
					diagnostics(diags, TW_WARNING), "policies", names));
}

enum tw_exit tw_cmd_check(const struct tw_args *args)
{
	_cleanup_diags_ struct tw_diags diags = TW_DIAGS_INIT;
	_cleanup_model_ struct tw_model model = TW_MODEL_INIT;
	bool valid;

	if (args->print_default) {
		fputs(tw_default_policy, stdout);
		return TW_EXIT_OK;
	}
	valid = tw_policy_load(args->policy, &diags, &model) == 0;
	if (args->strict && diags.warnings)
		valid = false;
	tw_diags_print(&diags, stderr);
	if (args->json) {
		enum tw_exit status = print_json(&diags, &model, valid);

		if (status != TW_EXIT_OK)
			return status;
	} else if (valid) {
		printf("%s: valid, %zu %s\n", args->policy ?: TW_DEFAULT_POLICY_NAME, model.count,
		       model.count == 1 ? "policy" : "policies");
	}
	return valid ? TW_EXIT_OK : TW_EXIT_USAGE;
}
