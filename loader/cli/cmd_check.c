// SPDX-License-Identifier: GPL-2.0-only
/* tcpwarden check: is this policy good? Looks at no machine, needs no privilege. */
#include <errno.h>
#include <string.h>

#include "cli/output.h"
#include "policy/catalogue.h"
#include "policy/compile.h"
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
	return tw_output_json(json_pack("{s:b, s:b, s:o, s:o, s:o}", "valid", valid, "truncated",
					diags->truncated, "errors", diagnostics(diags, TW_ERROR),
					"warnings", diagnostics(diags, TW_WARNING), "policies",
					names));
}

/* As `run` does it, up to where the machine comes in. */
static int load(const char *path, struct tw_diags *diags, struct tw_model *ret_model)
{
	_cleanup_compiled_ struct tw_compiled compiled = { 0 };
	struct tw_mark whole = { .file = path ?: TW_DEFAULT_POLICY_NAME };
	int error = tw_policy_load(path, diags, ret_model);

	if (!error)
		error = tw_compile(ret_model, NULL, &compiled);
	if (error == -E2BIG)
		tw_diags_add(diags, TW_ERROR, whole,
			     "the policies are more than %d bytes in their canonical form",
			     TW_MAX_TEXT_CHUNKS * TW_TEXT_CHUNK);
	else if (error && !diags->errors)
		tw_diags_add(diags, TW_ERROR, whole, "cannot be read: %s", strerror(-error));
	return error;
}

static enum tw_exit list_json(void)
{
	json_t *list = json_array();

	for (size_t i = 0; i < tw_catalogue_count; i++) {
		const struct tw_middlebox *box = &tw_catalogue[i];

		json_array_append_new(
			list,
			json_pack("{s:s, s:o, s:b, s:s, s:s}", "name", box->name, "timeout_seconds",
				  box->seconds ? json_integer(box->seconds) : json_null(),
				  "keepalive_helps", box->refreshed, "what", box->what, "source",
				  box->source));
	}
	return tw_output_json(list);
}

/* The catalogue, as a table. */
static enum tw_exit list_must_beat(bool json)
{
	if (json)
		return list_json();
	printf("%-20s  %7s  %-9s  %-53s  %s\n", "NAME", "SECONDS", "KEEPALIVE", "WHAT", "SOURCE");
	for (size_t i = 0; i < tw_catalogue_count; i++) {
		const struct tw_middlebox *box = &tw_catalogue[i];
		char seconds[16] = "set";

		if (box->seconds)
			snprintf(seconds, sizeof(seconds), "%u", box->seconds);
		printf("%-20s  %7s  %-9s  %-53s  %s\n", box->name, seconds,
		       box->refreshed ? "helps" : "does not", box->what, box->source);
	}
	return TW_EXIT_OK;
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
	if (args->list_must_beat)
		return list_must_beat(args->json);
	valid = load(args->policy, &diags, &model) == 0;
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
