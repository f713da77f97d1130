// SPDX-License-Identifier: GPL-2.0-only
/* tcpwarden doctor: what works here, what does not, and how to mend it. */
#include "cli/output.h"
#include "kernel/features.h"
#include "lib/cleanup.h"

static const struct {
	const char *name;
	int colour;
} statuses[] = {
	[TW_CHECK_OK] = { "ok", 32 },
	[TW_CHECK_DEGRADED] = { "degraded", 33 },
	[TW_CHECK_MISSING] = { "missing", 31 },
};

static enum tw_exit print_json(const struct tw_check *checks, size_t count, bool ok)
{
	json_t *list = json_array();

	for (size_t i = 0; i < count; i++)
		json_array_append_new(list,
				      json_pack("{s:s, s:s, s:s, s:s}", "name", checks[i].name,
						"status", statuses[checks[i].status].name, "detail",
						checks[i].detail, "remedy", checks[i].remedy));
	return tw_output_json(json_pack("{s:b, s:o}", "ok", ok, "checks", list));
}

static void print_check(const struct tw_check *check)
{
	printf("%s%-8s%s  %-16s  %s\n", tw_output_colour(statuses[check->status].colour),
	       statuses[check->status].name, tw_output_colour(0), check->name, check->detail);
	if (check->remedy[0])
		printf("%-26s  -> %s\n", "", check->remedy);
}

enum tw_exit tw_cmd_doctor(const struct tw_args *args)
{
	_cleanup_free_ struct tw_check *checks = calloc(TW_MAX_CHECKS, sizeof(*checks));
	bool ok = true;
	size_t count;

	if (!checks) {
		fprintf(stderr, "tcpwarden: error: cannot probe: no memory\n");
		return TW_EXIT_FAILED;
	}
	count = tw_features_probe(checks);
	for (size_t i = 0; i < count; i++)
		ok = ok && checks[i].status != TW_CHECK_MISSING;
	if (args->json) {
		enum tw_exit status = print_json(checks, count, ok);

		if (status != TW_EXIT_OK)
			return status;
	} else {
		for (size_t i = 0; i < count; i++)
			print_check(&checks[i]);
		printf("%s\n", ok ? "tcpwarden can enforce here" : "tcpwarden cannot enforce here");
	}
	return ok ? TW_EXIT_OK : TW_EXIT_FAILED;
}
