// SPDX-License-Identifier: GPL-2.0-only
/* The table: every command and option there is. */
#include "cli/command.h"

#define ARG(field) offsetof(struct tw_args, field)

#define OPTION_POLICY                                                                              \
	{                                                                                          \
		"policy", 'c', "POLICY", TW_OPTION_TEXT, ARG(policy),                              \
			"policy file, or a folder of *.yaml; default: the embedded policy", "file" \
	}
#define OPTION_POD_LOGS                                                                     \
	{                                                                                   \
		"pod-logs", 0, "DIR", TW_OPTION_TEXT, ARG(pod_logs),                        \
			"where the kubelet keeps the logs of pods; default: /var/log/pods", \
			"directory"                                                         \
	}
#define OPTION_JSON                                                  \
	{                                                            \
		"json", 0, NULL, TW_OPTION_FLAG, ARG(json),          \
			"print one JSON document, for scripts", NULL \
	}
#define OPTION_RUN_DIR                                                                \
	{                                                                             \
		"run-dir", 0, "DIR", TW_OPTION_TEXT, ARG(run_dir),                    \
			"folder of the socket that events are followed by; default: " \
			"/run/tcpwarden",                                             \
			"directory"                                                   \
	}
#define OPTION_END           \
	{                    \
		.name = NULL \
	}

static const struct tw_option run_options[] = {
	OPTION_POLICY,
	{ "attach-to", 0, "CGROUP", TW_OPTION_TEXT, ARG(attach_to),
	  "enforce at and below this cgroup; default: /, the root of the cgroup2 tree", NULL },
	{ "listen", 0, "ADDR:PORT|off", TW_OPTION_TEXT, ARG(listen),
	  "serve metrics and a page here; port 0: any; default: 127.0.0.1:9464", NULL },
	{ "on-exit", 0, "keep|detach", TW_OPTION_CHOICE, ARG(on_exit),
	  "what becomes of enforcement when run ends; default: keep", NULL },
	{ "once", 0, NULL, TW_OPTION_FLAG, ARG(once), "attach, sweep and exit; enforcement stays",
	  NULL },
	{ "wait", 0, NULL, TW_OPTION_FLAG, ARG(wait),
	  "where another run owns this node, wait for it to leave and take over", NULL },
	{ "no-sweep", 0, NULL, TW_OPTION_FLAG, ARG(no_sweep),
	  "leave connections alone that are open already", NULL },
	{ "no-sandbox", 0, NULL, TW_OPTION_FLAG, ARG(no_sandbox),
	  "keep all capabilities and system calls: to find out what the sandbox forbids", NULL },
	{ "sweep-rate", 0, "N", TW_OPTION_RATE, ARG(sweep_rate),
	  "open connections to change a second; default: 5000", NULL },
	{ "node-name", 0, "NAME", TW_OPTION_TEXT, ARG(node_name),
	  "what match.node and rollout go by; default: NODE_NAME, else the host name", NULL },
	OPTION_POD_LOGS,
	{ "stats", 0, "SECONDS", TW_OPTION_SECONDS, ARG(stats),
	  "print a line of counts every SECONDS", NULL },
	OPTION_RUN_DIR,
	{ "log-format", 0, "text|json", TW_OPTION_CHOICE, ARG(log_format),
	  "how messages are written to standard error; default: text", NULL },
	OPTION_END,
};

static const struct tw_option check_options[] = {
	OPTION_POLICY,
	{ "strict", 0, NULL, TW_OPTION_FLAG, ARG(strict), "fail on warnings too", NULL },
	{ "print-default", 0, NULL, TW_OPTION_FLAG, ARG(print_default),
	  "print the embedded policy and exit", NULL },
	{ "list-must-beat", 0, NULL, TW_OPTION_FLAG, ARG(list_must_beat),
	  "print the middleboxes that must_beat knows, and exit", NULL },
	OPTION_JSON,
	OPTION_END,
};

static const struct tw_option explain_options[] = {
	{ "policy", 'c', "POLICY", TW_OPTION_TEXT, ARG(policy),
	  "policy file, or a folder of *.yaml; default: what the kernel enforces now", "file" },
	{ "cgroup", 0, "PATH", TW_OPTION_TEXT, ARG(cgroup),
	  "the connection's cgroup in the cgroup2 tree; default: /", NULL },
	{ "pid", 0, "N", TW_OPTION_TEXT, ARG(pid),
	  "the cgroup of this process, and each of its TCP sockets", NULL },
	{ "remote", 0, "A:P", TW_OPTION_TEXT, ARG(remote),
	  "the remote address and port: 192.0.2.1:5432, [2001:db8::1]:443", NULL },
	{ "local", 0, "A:P", TW_OPTION_TEXT, ARG(local),
	  "the local address and port; with --remote, and no -c: the live connection", NULL },
	{ "direction", 0, "out|in", TW_OPTION_CHOICE, ARG(direction),
	  "who opened it: out, we did; in, we accepted; default: out", NULL },
	{ "node-name", 0, "NAME", TW_OPTION_TEXT, ARG(node_name),
	  "with -c: on the node of this name; default: this one", NULL },
	OPTION_POD_LOGS,
	OPTION_JSON,
	OPTION_END,
};

static const struct tw_option doctor_options[] = {
	{ "policy", 'c', "POLICY", TW_OPTION_TEXT, ARG(policy),
	  "policy to compare with this node; default: that in force, else the embedded one",
	  "file" },
	OPTION_POD_LOGS,
	OPTION_JSON,
	OPTION_END,
};

static const struct tw_option sockets_options[] = {
	{ "policy", 'c', "POLICY", TW_OPTION_TEXT, ARG(policy),
	  "what this policy would change here; default: what is enforced now", "file" },
	{ "cgroup", 0, "PATH", TW_OPTION_TEXT, ARG(cgroup), "sockets at and below this cgroup",
	  NULL },
	{ "pid", 0, "N", TW_OPTION_TEXT, ARG(pid), "sockets that this process has open", NULL },
	{ "verdict", 0, "ok|app|differs|exempt|pending|none", TW_OPTION_CHOICE, ARG(verdict),
	  "sockets with this verdict", NULL },
	{ "state", 0, "STATE", TW_OPTION_TEXT, ARG(state),
	  "sockets in this state, as ss names it: ESTAB, LISTEN, ...", NULL },
	{ "netns", 0, "N", TW_OPTION_TEXT, ARG(netns),
	  "sockets of the network namespace with this inode", NULL },
	OPTION_POD_LOGS,
	{ "json", 0, NULL, TW_OPTION_FLAG, ARG(json), "print one JSON object a line, for scripts",
	  NULL },
	OPTION_END,
};

static const struct tw_option events_options[] = {
	{ "settings", 0, NULL, TW_OPTION_FLAG, ARG(settings),
	  "tell of each value that an application sets under precedence strictest or policy",
	  NULL },
	{ "json", 0, NULL, TW_OPTION_FLAG, ARG(json), "print one JSON object a line, for scripts",
	  NULL },
	OPTION_RUN_DIR,
	OPTION_END,
};

static const struct tw_option detach_options[] = {
	{ "restore", 0, NULL, TW_OPTION_FLAG, ARG(restore),
	  "give open connections their own values back", NULL },
	OPTION_END,
};

static const struct tw_option rollout_options[] = {
	OPTION_POLICY,
	{ "nodes", 0, "FILE", TW_OPTION_TEXT, ARG(nodes),
	  "the fleet: a node's name on each line, # begins a comment; - is standard input",
	  "file" },
	{ "share", 0, "SHARE", TW_OPTION_TEXT, ARG(share),
	  "compare with this share, such as 25%; default: the next of 0.1, 1, 5, 25, 50, 100 %",
	  NULL },
	OPTION_JSON,
	OPTION_END,
};

static const struct tw_option json_options[] = { OPTION_JSON, OPTION_END };

const struct tw_command tw_commands[] = {
	{ "run", "attach, enforce the policy, follow changes", run_options, tw_cmd_run },
	{ "check", "validate a policy; needs no privilege", check_options, tw_cmd_check },
	{ "explain", "which policy a connection has, why, and when a dead peer is noticed",
	  explain_options, tw_cmd_explain },
	{ "status", "what the kernel enforces now, with or without a daemon", json_options,
	  tw_cmd_status },
	{ "sockets", "every TCP socket: its options, its policy, its verdict", sockets_options,
	  tw_cmd_sockets },
	{ "events", "follow dead connections and policy changes", events_options, tw_cmd_events },
	{ "detach", "end a running run, stop enforcing, remove every pin", detach_options,
	  tw_cmd_detach },
	{ "rollout", "which nodes enforce each policy, and which the next share would add",
	  rollout_options, tw_cmd_rollout },
	{ "doctor", "what this kernel and these privileges allow, and how to mend the rest",
	  doctor_options, tw_cmd_doctor },
	{ .name = NULL },
};
