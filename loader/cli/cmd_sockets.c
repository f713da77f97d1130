// SPDX-License-Identifier: GPL-2.0-only
/*
 * tcpwarden sockets: every TCP socket in every network namespace, its options,
 * its policy, and whether it is what that policy makes of it. With -c: what
 * that policy would change here. Changes nothing.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>

#include "cli/output.h"
#include "cli/policy_source.h"
#include "kernel/cgroup_names.h"
#include "kernel/generation.h"
#include "kernel/iterator.h"
#include "kernel/sockets_of.h"
#include "kernel/state.h"
#include "lib/buf.h"
#include "lib/duration.h"
#include "lib/endpoint.h"
#include "lib/grow.h"
#include "lib/path.h"
#include "node/pods.h"
#include "policy/load.h"
#include "policy/verdict.h"

/* As `ss` names them; include/net/tcp_states.h. */
static const char *const state_names[] = {
	"UNCONN", "ESTAB",	"SYN-SENT", "SYN-RECV", "FIN-WAIT-1", "FIN-WAIT-2",   "TIME-WAIT",
	"UNCONN", "CLOSE-WAIT", "LAST-ACK", "LISTEN",	"CLOSING",    "NEW-SYN-RECV",
};

/* A dead peer on an idle connection is noticed this late by the kernel's own timers. */
#define LATE_SECONDS (7200 + 9 * 75)

struct audit {
	const struct tw_args *args;
	const char *cgroup;	 /* --cgroup in normal form, or NULL */
	struct tw_sockets_of of; /* --pid */
	struct tw_cgroup_tree tree;
	struct tw_cgroup_names names;
	struct tw_pods *pods;
	struct tw_generation *generation;
	struct tw_loaded *loaded;
	struct tw_socket *rows; /* for the table only */
	size_t count;
	size_t size;
	unsigned netns;	   /* --netns */
	uint64_t attached; /* the cgroup that is enforced; 0: none */
	size_t verdicts[TW_VERDICTS];
	size_t connections;
	size_t late;	   /* of them: dead peers unnoticed for LATE_SECONDS, or for ever */
	size_t unreadable; /* namespaces that could not be entered */
};

static void audit_close(struct audit *audit)
{
	tw_sockets_of_free(&audit->of);
	tw_cgroup_names_free(&audit->names);
	tw_pods_close(audit->pods);
	tw_cgroup_tree_close(&audit->tree);
	free(audit->generation);
	free(audit->loaded);
	free(audit->rows);
}

/* --- one socket ------------------------------------------------------------------------ */

static const char *state_name(const struct tw_socket *socket)
{
	return socket->state < ARRAY_SIZE(state_names) ? state_names[socket->state] : "UNKNOWN";
}

static bool listens(const struct tw_socket *socket)
{
	return socket->direction >= TW_DIRECTIONS;
}

static const char *policy_name(const struct audit *audit, const struct tw_socket *socket)
{
	/* It may be pending: its policy is not known. */
	return !(socket->flags & TW_SOCKET_PENDING) && socket->winner < audit->loaded->policies
		       ? audit->loaded->policy[socket->winner].name
		       : NULL;
}

/* "namespace/name" of the pod that has the socket, or NULL. */
static const char *pod_name(const struct audit *audit, const char *cgroup,
			    char buf[static TW_POD_TEXT_LEN])
{
	return cgroup ? tw_pods_name(audit->pods, cgroup, buf) : NULL;
}

static const char *format(const __u8 addr[16], __u16 port, char buf[static TW_ENDPOINT_LEN])
{
	struct tw_endpoint endpoint = { .port = port };

	memcpy(endpoint.addr, addr, sizeof(endpoint.addr));
	return tw_endpoint_format(&endpoint, buf);
}

static bool selected(const struct audit *audit, const struct tw_socket *socket,
		     enum tw_socket_verdict verdict)
{
	const struct tw_args *args = audit->args;
	const char *path;

	if (args->verdict && strcmp(args->verdict, tw_verdict_names[verdict]))
		return false;
	if (args->state && strcasecmp(args->state, state_name(socket)))
		return false;
	if (args->netns && audit->netns != socket->netns)
		return false;
	if (args->pid && !tw_sockets_of_has(&audit->of, socket->inode))
		return false;
	if (!audit->cgroup)
		return true;
	path = tw_cgroup_names_find(&audit->names, socket->cgroup_id);
	return path && tw_path_is_below(path, audit->cgroup);
}

/* --- for scripts: one object a line, streaming -------------------------------------------- */

/* A string as JSON; only cgroup paths can hold what needs escaping. */
static void print_json_text(const char *text)
{
	json_t *string = tw_output_text(text);

	json_dumpf(string, stdout, JSON_ENCODE_ANY);
	json_decref(string);
}

static void print_observers(const struct audit *audit, const struct tw_set *observers)
{
	const char *separator = "";

	putchar('[');
	for (uint32_t i = 0; i < audit->loaded->policies; i++) {
		if (!(observers->word[i / 64] >> i % 64 & 1))
			continue;
		printf("%s\"%s\"", separator, audit->loaded->policy[i].name);
		separator = ", ";
	}
	putchar(']');
}

static void print_json(const struct audit *audit, const struct tw_socket *socket,
		       enum tw_socket_verdict verdict)
{
	const char *policy = policy_name(audit, socket), *quote = policy ? "\"" : "";
	const char *cgroup = tw_cgroup_names_find(&audit->names, socket->cgroup_id);
	char local[TW_ENDPOINT_LEN], remote[TW_ENDPOINT_LEN], pod[TW_POD_TEXT_LEN];

	printf("{\"netns\": %u, \"family\": \"%s\", \"local\": \"%s\", ", socket->netns,
	       socket->family == AF_INET ? "ipv4" : "ipv6",
	       format(socket->local, socket->local_port, local));
	if (listens(socket))
		printf("\"remote\": null, \"state\": \"LISTEN\", \"direction\": null, ");
	else
		printf("\"remote\": \"%s\", \"state\": \"%s\", \"direction\": \"%s\", ",
		       format(socket->remote, socket->remote_port, remote), state_name(socket),
		       socket->direction == TW_IN ? "in" : "out");
	printf("\"cgroup\": ");
	print_json_text(cgroup);
	printf(", \"cgroup_id\": %llu, \"pod\": ", socket->cgroup_id);
	print_json_text(pod_name(audit, cgroup, pod));
	printf(", \"policy\": %s%s%s, \"observed_by\": ", quote, policy ?: "null", quote);
	print_observers(audit, &socket->observers);
	printf(", \"keepalive\": {\"on\": %s, \"idle\": %u, \"interval\": %u, \"probes\": %u}, "
	       "\"user_timeout_ms\": %u, \"verdict\": \"%s\"}\n",
	       socket->now.value[TW_KEEPALIVE] ? "true" : "false", socket->now.value[TW_IDLE],
	       socket->now.value[TW_INTERVAL], socket->now.value[TW_PROBES],
	       socket->now.value[TW_USER_TIMEOUT], tw_verdict_names[verdict]);
}

/* --- for people: a sorted table and what it comes to ---------------------------------------- */

static int keep(struct audit *audit, const struct tw_socket *socket)
{
	if (TW_GROW(audit->rows, audit->count, audit->size))
		return -ENOMEM;
	audit->rows[audit->count++] = *socket;
	return 0;
}

static int by_place(const void *a, const void *b)
{
	const struct tw_socket *x = a, *y = b;
	int order = (x->netns > y->netns) - (x->netns < y->netns);

	if (!order)
		order = listens(y) - listens(x);
	if (!order)
		order = memcmp(x->local, y->local, sizeof(x->local));
	if (!order)
		order = x->local_port - y->local_port;
	if (!order)
		order = memcmp(x->remote, y->remote, sizeof(x->remote));
	return order ?: x->remote_port - y->remote_port;
}

static void print_row(const struct audit *audit, const struct tw_socket *socket)
{
	const char *cgroup = tw_cgroup_names_find(&audit->names, socket->cgroup_id);
	enum tw_socket_verdict verdict = tw_verdict_of(socket, audit->generation);
	const struct tw_options *now = &socket->now;
	char local[TW_ENDPOINT_LEN], remote[TW_ENDPOINT_LEN], timeout[TW_DURATION_LEN];
	char keepalive[48], pod[TW_POD_TEXT_LEN];

	snprintf(keepalive, sizeof(keepalive), "%us:%us:%u", now->value[TW_IDLE],
		 now->value[TW_INTERVAL], now->value[TW_PROBES]);
	printf("%-7s %-10s %-3s %-24s %-24s %-15s %-8s %-16s %s\n", tw_verdict_names[verdict],
	       state_name(socket),
	       listens(socket)		    ? "-"
	       : socket->direction == TW_IN ? "in"
					    : "out",
	       format(socket->local, socket->local_port, local),
	       listens(socket) ? "-" : format(socket->remote, socket->remote_port, remote),
	       now->value[TW_KEEPALIVE] ? keepalive : "off",
	       now->value[TW_USER_TIMEOUT]
		       ? tw_duration_format(now->value[TW_USER_TIMEOUT], timeout)
		       : "off",
	       policy_name(audit, socket) ?: "-", pod_name(audit, cgroup, pod) ?: cgroup ?: "?");
}

static void print_table(struct audit *audit)
{
	const char *separator = "";

	if (audit->count)
		qsort(audit->rows, audit->count, sizeof(*audit->rows), by_place);
	printf("%-7s %-10s %-3s %-24s %-24s %-15s %-8s %-16s %s\n", "VERDICT", "STATE", "DIR",
	       "LOCAL", "REMOTE", "KEEPALIVE", "TIMEOUT", "POLICY", "POD OR CGROUP");
	for (size_t i = 0; i < audit->count; i++)
		print_row(audit, &audit->rows[i]);
	printf("%zu sockets: ", audit->count);
	for (int v = 0; v < TW_VERDICTS; v++) {
		printf("%s%zu %s", separator, audit->verdicts[v], tw_verdict_names[v]);
		separator = ", ";
	}
	printf("\nof %zu connections, %zu would wait 2 h 11 min or for ever for a dead peer\n",
	       audit->connections, audit->late);
}

/* --- the walk --------------------------------------------------------------------------------- */

static bool is_late(const struct tw_options *now)
{
	return !now->value[TW_KEEPALIVE] ||
	       now->value[TW_IDLE] + now->value[TW_INTERVAL] * now->value[TW_PROBES] >=
		       LATE_SECONDS;
}

static int visit(const struct tw_socket *socket, void *data)
{
	struct audit *audit = data;
	enum tw_socket_verdict verdict = tw_verdict_of(socket, audit->generation);

	if (!selected(audit, socket, verdict))
		return 0;
	audit->verdicts[verdict]++;
	if (!listens(socket)) {
		audit->connections++;
		audit->late += is_late(&socket->now);
	}
	if (!audit->args->json)
		return keep(audit, socket);
	print_json(audit, socket, verdict);
	return ferror(stdout) ? -EPIPE : 0;
}

static int walk(struct audit *audit, struct tw_iterator *iterator, struct tw_fault *fault)
{
	_cleanup_netns_list_ struct tw_netns_list list = TW_NETNS_LIST_INIT;
	int error = tw_netns_find(&list);

	if (error)
		return tw_fault(fault, error, "cannot find the network namespaces: %m");
	for (size_t i = 0; i < list.count; i++) {
		error = tw_iterator_list(iterator, &list.list[i], visit, audit);
		if (error == -EPERM)
			audit->unreadable++;
		else if (error < 0)
			return tw_fault(fault, error, "cannot list sockets: %m");
	}
	audit->unreadable += list.refused;
	return 0;
}

/* --- the policy ----------------------------------------------------------------------------------- */

/*
 * Put the policy of -c into the iterator's own maps: nothing that enforces sees
 * it. As it would be enforced here: where we are attached, else at the root.
 */
static int publish(struct audit *audit, struct tw_iterator *iterator, struct tw_model *model,
		   struct tw_fault *fault)
{
	_cleanup_compiled_ struct tw_compiled compiled = { 0 };
	const char *path = tw_cgroup_names_find(&audit->names, audit->attached) ?: "/";
	struct tw_generation_live live = TW_GENERATION_LIVE_INIT;
	struct tw_generation_source source = {
		.compiled = &compiled,
		.scope = { model, &audit->tree, path, tw_pods_of_fn, audit->pods },
	};
	struct tw_place place;
	int error = tw_policy_source_place(NULL, &place, fault), cgroup;

	if (error)
		return error;
	error = tw_compile(model, &place, &compiled);
	if (error)
		return tw_fault(fault, error, "cannot compile the policy: %m");
	error = tw_cgroup_open(&audit->tree, path, &cgroup);
	if (error)
		return tw_fault(fault, error, "cannot open the cgroup2 tree: %m");
	error = tw_cgroup_id(cgroup, &source.attach_cgroup);
	close(cgroup);
	if (!error)
		error = tw_generation_publish(&iterator->maps, &source, &live, fault);
	tw_generation_live_close(&live);
	return error;
}

static int prepare(struct audit *audit, struct tw_iterator *iterator, struct tw_model *model,
		   struct tw_fault *fault)
{
	int error = tw_cgroup_names_read(&audit->tree, &audit->names);

	if (error)
		return tw_fault(fault, error, "cannot read the cgroup2 tree: %m");
	if (model)
		error = publish(audit, iterator, model, fault);
	if (error)
		return error;
	error = tw_loaded_read(iterator->maps.current, iterator->maps.loaded, audit->loaded);
	if (!error)
		error = tw_generation_read(&iterator->maps, audit->generation);
	if (error && error != -ENOENT)
		return tw_fault(fault, error, "cannot read the policies in force: %m%s",
				error == -EPERM ? "; needs CAP_SYS_ADMIN" : "");
	return 0;
}

static enum tw_exit audit_sockets(struct audit *audit, struct tw_model *model)
{
	bool enforced = tw_link_cgroup(&audit->attached) == 0;
	struct tw_iterator_options options = {
		.pinned = !model && enforced,
		.read_only = true,
	};
	struct tw_iterator iterator = TW_ITERATOR_INIT;
	struct tw_fault fault = TW_FAULT_INIT;
	int error;

	if (!audit->generation || !audit->loaded ||
	    tw_pods_open(audit->args->pod_logs ?: TW_POD_LOGS, &audit->pods))
		error = tw_fault(&fault, -ENOMEM, "cannot list sockets: %m");
	else
		error = tw_cgroup_tree_open(&audit->tree, &fault);
	if (!error)
		error = tw_iterator_open(&options, &iterator, &fault);
	if (!error)
		error = prepare(audit, &iterator, model, &fault);
	if (!error)
		error = walk(audit, &iterator, &fault);
	tw_iterator_close(&iterator);
	if (error)
		return tw_output_fault(&fault);
	if (!audit->args->json)
		print_table(audit);
	if (audit->unreadable)
		fprintf(stderr,
			"tcpwarden: warning: %zu network namespaces or processes could not be "
			"looked "
			"at; needs CAP_SYS_ADMIN and CAP_SYS_PTRACE\n",
			audit->unreadable);
	return TW_EXIT_OK;
}

/* --- options ---------------------------------------------------------------------------------------- */

static enum tw_exit refuse(const char *what, const char *which)
{
	fprintf(stderr, "tcpwarden: %s%s; see `tcpwarden sockets --help`\n", what, which);
	return TW_EXIT_USAGE;
}

static bool is_state(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(state_names); i++)
		if (!strcasecmp(name, state_names[i]))
			return true;
	return false;
}

enum tw_exit tw_cmd_sockets(const struct tw_args *args)
{
	_cleanup_(audit_close) struct audit audit = {
		.args = args,
		.tree = TW_CGROUP_TREE_INIT,
		.names = TW_CGROUP_NAMES_INIT,
		.generation = calloc(1, sizeof(*audit.generation)),
		.loaded = calloc(1, sizeof(*audit.loaded)),
	};
	_cleanup_free_ char *cgroup = args->cgroup ? tw_path_normal(args->cgroup) : NULL;
	_cleanup_model_ struct tw_model model = TW_MODEL_INIT;
	_cleanup_diags_ struct tw_diags diags = TW_DIAGS_INIT;
	unsigned pid;
	int error;

	if (args->cgroup && !cgroup)
		return refuse("--cgroup wants an absolute path in the cgroup2 tree, got ",
			      args->cgroup);
	if (args->state && !is_state(args->state))
		return refuse("--state wants a state as ss names it, such as ESTAB, got ",
			      args->state);
	if (args->netns && !tw_command_number(args->netns, UINT_MAX, &audit.netns))
		return refuse("--netns wants an inode, as in net:[4026531840], got ", args->netns);
	if (args->pid &&
	    (!tw_command_number(args->pid, INT_MAX, &pid) || tw_sockets_of_read(pid, &audit.of)))
		return refuse("--pid: no such process, or not ours to look into: ", args->pid);
	audit.cgroup = cgroup;
	if (!args->policy)
		return audit_sockets(&audit, NULL);
	error = tw_policy_load(args->policy, &diags, &model);
	tw_diags_print(&diags, stderr);
	return error ? TW_EXIT_USAGE : audit_sockets(&audit, &model);
}
