// SPDX-License-Identifier: GPL-2.0-only
/* tcpwarden run: attach, enforce, follow changes. */
#include <errno.h>
#include <signal.h>
#include <string.h>

#include "cli/output.h"
#include "daemon/enforcer.h"
#include "daemon/http.h"
#include "daemon/run.h"
#include "daemon/sweeper.h"
#include "kernel/pins.h"
#include "kernel/sandbox.h"
#include "lib/heap.h"
#include "lib/log.h"
#include "lib/path.h"
#include "node/name.h"
#include "policy/load.h"

/* Load the policy and print what is to be said of it. */
static int load(const char *path, struct tw_model *ret_model)
{
	_cleanup_diags_ struct tw_diags diags = TW_DIAGS_INIT;
	int error = tw_policy_load(path, &diags, ret_model);

	tw_log_diags(&diags);
	return error;
}

/* Said as the log has it, whatever its format. */
static enum tw_exit fail(const struct tw_fault *fault)
{
	tw_error("%s", fault->text);
	return TW_EXIT_FAILED;
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
		return fail(&fault);
	tw_info("ended and detached; nothing is enforced any more");
	return TW_EXIT_OK;
}

#define DEFAULT_LISTEN "127.0.0.1:9464"

/* As --listen says; none where nothing will serve on it. */
static enum tw_exit open_listener(const struct tw_args *args, int *ret_fd)
{
	const char *address = args->listen ?: DEFAULT_LISTEN;
	struct tw_fault fault = TW_FAULT_INIT;

	if (args->once || !strcmp(address, "off"))
		return TW_EXIT_OK;
	if (tw_http_listen(address, args->wait, ret_fd, &fault))
		return tw_output_fault(&fault);
	return TW_EXIT_OK;
}

static void warn_unguarded(const struct tw_model *model)
{
	for (size_t i = 0; i < model->count; i++)
		if (model->policies[i].guarded)
			tw_warning("the guard of policy \"%s\" is not watched: with --once nothing "
				   "runs that could",
				   model->policies[i].name);
}

/* Before anything is read that others wrote; the loop gives up the rest, once all is open. */
static int enter_sandbox(const struct tw_args *args, struct tw_fault *fault)
{
	const struct tw_sandbox needs = { .sweep = !args->no_sweep, .start = true };

	if (!args->no_sandbox)
		return tw_sandbox_enter(&needs, fault);
	tw_warning("--no-sandbox: this run keeps all capabilities and system calls");
	return 0;
}

static enum tw_exit run(const struct tw_args *args, const char *attach_path, const char *pod_logs)
{
	_cleanup_enforcer_ struct tw_enforcer enforcer = TW_ENFORCER_INIT;
	_cleanup_close_ int listener = -1; /* goes before the lock does */
	const struct tw_sandbox sandbox = { .sweep = !args->no_sweep };
	struct tw_run options = {
		.policy = args->policy,
		.stats = args->stats,
		.sweep = !args->no_sweep,
		.sweep_rate = args->sweep_rate ?: TW_SWEEP_RATE,
		.once = args->once,
		.detach = args->on_exit && !strcmp(args->on_exit, "detach"),
		.run_dir = args->run_dir,
		.sandbox = args->no_sandbox ? NULL : &sandbox,
	};
	_cleanup_model_ struct tw_model model = TW_MODEL_INIT;
	struct tw_fault fault = TW_FAULT_INIT;
	char node_name[TW_NODE_LEN];
	int error;

	if (enter_sandbox(args, &fault))
		return fail(&fault);
	if (load(args->policy, &model))
		return TW_EXIT_USAGE;
	if (tw_node_name(args->node_name, node_name, &fault)) {
		tw_output_fault(&fault);
		return TW_EXIT_USAGE;
	}
	error = tw_enforcer_open(&enforcer, attach_path, node_name, pod_logs, &fault);
	if (error) {
		fail(&fault);
		return error == -ENOENT || error == -ENOTDIR ? TW_EXIT_USAGE : TW_EXIT_FAILED;
	}
	if (tw_enforcer_own(&enforcer, args->wait, &fault))
		return fail(&fault);
	tw_run_hold_signals();
	if (args->wait) {
		/* It may have changed while we waited. */
		tw_model_free(&model);
		if (load(args->policy, &model))
			return TW_EXIT_USAGE;
	}
	/* A port that is taken leaves all as it was. */
	if (open_listener(args, &listener) != TW_EXIT_OK)
		return TW_EXIT_FAILED;
	options.listener = listener;
	if (tw_enforcer_start(&enforcer, &model, &fault))
		return fail(&fault);
	tw_enforcer_say(&enforcer, args->policy ?: "the embedded policy");
	tw_enforcer_settle();
	if (args->once)
		warn_unguarded(&enforcer.model);
	if (args->once && args->no_sweep)
		return finish(true, false);
	if (tw_run_loop(&enforcer, &options, &fault))
		return fail(&fault);
	return finish(args->once, options.detach);
}

/* systemd.exec(5): DEBUG_INVOCATION asks for all that there is to say. */
static void set_log(const char *format)
{
	const char *debug = getenv("DEBUG_INVOCATION");

	if (format && !strcmp(format, "json"))
		tw_log_set_format(TW_LOG_JSON);
	if (debug && !strcmp(debug, "1"))
		tw_log_set_level(TW_LOG_DEBUG);
}

enum tw_exit tw_cmd_run(const struct tw_args *args)
{
	_cleanup_free_ char *attach_path = tw_path_normal(args->attach_to ?: "/");
	enum tw_exit status;

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
	set_log(args->log_format);
	if (args->listen && strcmp(args->listen, "off") && !tw_http_address_valid(args->listen)) {
		fprintf(stderr,
			"tcpwarden: --listen wants an address and a port, such as 127.0.0.1:9464, "
			"[::]:9464 or 127.0.0.1:0, or off; got %s\n",
			args->listen);
		return TW_EXIT_USAGE;
	}
	tw_heap_frugal();
	/* Until the loop listens: a reload asked for while we start is this start. */
	signal(SIGHUP, SIG_IGN);
	/* Who follows events, or reads our log, may be gone: that is an error of the write. */
	signal(SIGPIPE, SIG_IGN);
	status = run(args, attach_path, pod_logs);
	tw_log_flush();
	return status;
}
