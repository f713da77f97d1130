// SPDX-License-Identifier: GPL-2.0-only
#include "kernel/checks.h"

#include <inttypes.h>

#include "kernel/neighbours.h"
#include "lib/buf.h"

const char *tw_check_status_name(enum tw_check_status status)
{
	static const char *const names[] = {
		[TW_CHECK_OK] = "ok",
		[TW_CHECK_DEGRADED] = "degraded",
		[TW_CHECK_MISSING] = "missing",
	};

	return names[status];
}

static void check_policy(const struct tw_check_subject *subject, struct tw_check *ret_check)
{
	tw_check_set(ret_check, "policy", TW_CHECK_OK, "",
		     "what follows compares this node with %s (%zu %s)", subject->which,
		     subject->model->count, subject->model->count == 1 ? "policy" : "policies");
}

static void check_errors(const struct tw_error_counts *errors, struct tw_check *ret_check)
{
	_cleanup_buf_ struct tw_buf text = TW_BUF_INIT;
	char name[TW_ERRNO_LEN];

	for (size_t i = 0; i < errors->count; i++)
		tw_buf_addf(&text, "%s%s %s %" PRIu64, i ? ", " : "",
			    tw_site_name(errors->list[i].error.site),
			    tw_errno_name(errors->list[i].error.error, name),
			    errors->list[i].count);
	if (errors->count)
		tw_check_set(ret_check, "bpf-errors", TW_CHECK_DEGRADED,
			     "see whether they grow: tcpwarden_bpf_errors_total, or `tcpwarden "
			     "status --json`",
			     "failures in the BPF programs so far: %s", tw_buf_string(&text));
	else
		tw_check_set(ret_check, "bpf-errors", TW_CHECK_OK, "",
			     "nothing failed in the BPF programs");
}

size_t tw_checks_run(const struct tw_check_subject *subject,
		     struct tw_check ret_checks[static TW_MAX_ALL_CHECKS])
{
	size_t count = tw_features_probe(ret_checks);
	struct tw_node_limits limits;

	check_policy(subject, &ret_checks[count++]);
	tw_node_limits_read(&limits);
	count += tw_node_limits_check(&limits, subject->model, ret_checks + count);
	count += tw_neighbours_check(&ret_checks[count]);
	if (subject->errors)
		check_errors(subject->errors, &ret_checks[count++]);
	return count;
}
