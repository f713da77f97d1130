// SPDX-License-Identifier: GPL-2.0-only
/* tcpwarden run: attach, enforce, follow changes. */
#include <errno.h>
#include <signal.h>
#include <string.h>

#include "cli/output.h"
#include "daemon/enforcer.h"
#include "daemon/run.h"
#include "daemon/sweeper.h"
#include "kernel/pins.h"
#include "lib/log.h"
#include "lib/path.h"
#include "policy/load.h"

/* Load the policy and print what is to be said of it. */
static int load(const char *path, struct tw_model *ret_model)
{
	_cleanup_diags_ struct tw_diags diags = TW_DIAGS_INIT;
	int error = tw_policy_load(path, &diags, ret_model);

	tw_diags_print(&diags, stderr);
	return error;
}

static enum tw_exit finish(bool once, bool detach)
{
	struct tw_fault fault = TW_FAULT_INIT;

	if (!detach) {
		tw_info("%s; enforcement goes on in the kernel, `tcpwarden detach` ends it",
			once ? "attached" : "ended");
		return TW_EXIT_OK;
	}
	if (tw_pins_remove(&fault))
		return tw_output_fault(&fault);
	tw_info("ended and detached; nothing is enforced any more");
	return TW_EXIT_OK;
}

static enum tw_exit run(const struct tw_args *args, const char *attach_path, const char *pod_logs)
{
	_cleanup_enforcer_ struct tw_enforcer enforcer = TW_ENFORCER_INIT;
	struct tw_run options = {
		.policy = args->policy,
		.stats = args->stats,
		.sweep = !args->no_sweep,
		.sweep_rate = args->sweep_rate ?: TW_SWEEP_RATE,
		.once = args->once,
	};
	bool detach = args->on_exit && !strcmp(args->on_exit, "detach");
	_cleanup_model_ struct tw_model model = TW_MODEL_INIT;
	struct tw_fault fault = TW_FAULT_INIT;
	int error;

	if (load(args->policy, &model))
		return TW_EXIT_USAGE;
	error = tw_enforcer_open(&enforcer, attach_path, pod_logs, &fault);
	if (error) {
		tw_output_fault(&fault);
		return error == -ENOENT || error == -ENOTDIR ? TW_EXIT_USAGE : TW_EXIT_FAILED;
	}
	if (tw_enforcer_own(&enforcer, args->wait, &fault))
		return tw_output_fault(&fault);
	tw_run_hold_signals();
	if (args->wait) {
		/* It may have changed while we waited. */
		tw_model_free(&model);
		if (load(args->policy, &model))
			return TW_EXIT_USAGE;
	}
	if (tw_enforcer_start(&enforcer, &model, &fault))
		return tw_output_fault(&fault);
	tw_enforcer_say(&enforcer, args->policy ?: "the embedded policy");
	if (args->once && args->no_sweep)
		return finish(true, false);
	if (tw_run_loop(&enforcer, &options, &fault))
		return tw_output_fault(&fault);
	return finish(args->once, detach);
}

enum tw_exit tw_cmd_run(const struct tw_args *args)
{
	_cleanup_free_ char *attach_path = tw_path_normal(args->attach_to ?: "/");

	_cleanup_free_ char *pod_logs = tw_path_normal(args->pod_logs ?: TW_POD_LOGS);

	if (!pod_logs) {
		fprintf(stderr, "tcpwarden: --pod-logs wants an absolute path, got %s\n",
			args->pod_logs);
		return TW_EXIT_USAGE;
	}
	if (!attach_path) {
		fprintf(stderr,
			"tcpwarden: --attach-to wants an absolute path in the cgroup2 tree, "
			"such as /system.slice, got %s\n",
			args->attach_to);
		return TW_EXIT_USAGE;
	}
	if (args->once && args->on_exit && !strcmp(args->on_exit, "detach")) {
		fprintf(stderr,
			"tcpwarden: --once leaves enforcement on, --on-exit detach ends it: "
			"give one of them\n");
		return TW_EXIT_USAGE;
	}
	/* Until the loop listens: a reload asked for while we start is this start. */
	signal(SIGHUP, SIG_IGN);
	return run(args, attach_path, pod_logs);
}
