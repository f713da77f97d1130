/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The command line as data: one table gives parsing, --help, the completion
 * and the man page's synopsis. A command adds its file and one entry.
 */
#ifndef TW_CLI_COMMAND_H
#define TW_CLI_COMMAND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

enum tw_exit {
	TW_EXIT_OK = 0,
	TW_EXIT_FAILED = 1,
	TW_EXIT_USAGE = 2,    /* bad usage or a bad policy */
	TW_EXIT_DETACHED = 3, /* status: not attached */
};

/* The values of all options of all commands; a command reads those in its table. */
struct tw_args {
	const char *policy;    /* NULL: the embedded one; of explain and doctor: that in force */
	const char *attach_to; /* NULL: the root of the tree */
	const char *on_exit;   /* "keep" or "detach"; NULL: keep */
	const char *pod_logs;  /* NULL: TW_POD_LOGS */
	const char *cgroup;    /* NULL: the root of the tree */
	const char *pid;
	const char *remote;
	const char *local;
	const char *direction; /* "out" or "in"; NULL: out */
	const char *verdict;
	const char *state;
	const char *netns;
	const char *listen;	/* ADDR:PORT or "off"; NULL: the default */
	const char *run_dir;	/* NULL: see tw_events_folder() */
	const char *log_format; /* "text" or "json"; NULL: text */
	const char *node_name;	/* NULL: NODE_NAME, else the host name */
	const char *nodes;
	const char *share;
	unsigned stats;	     /* seconds; 0: no line of counts */
	unsigned sweep_rate; /* writes a second; 0: the default */
	bool no_sweep;
	bool no_sandbox;
	bool once;
	bool wait;
	bool strict;
	bool json;
	bool restore;
	bool settings;
	bool print_default;
	bool list_must_beat;
	bool help;
};

enum tw_option_type {
	TW_OPTION_FLAG,	   /* bool */
	TW_OPTION_TEXT,	   /* const char * */
	TW_OPTION_CHOICE,  /* const char *, one of `argument` split at | */
	TW_OPTION_SECONDS, /* unsigned, 1..86400 */
	TW_OPTION_RATE,	   /* unsigned, 1..1000000, a second */
};

struct tw_option {
	const char *name;     /* without dashes */
	char letter;	      /* or 0 */
	const char *argument; /* as shown: POLICY, keep|detach; NULL for a flag */
	enum tw_option_type type;
	size_t offset; /* in struct tw_args */
	const char *help;
	const char *complete; /* bash: a `compgen` action such as "file", or NULL */
};

struct tw_command {
	const char *name;
	const char *summary;
	const struct tw_option *options; /* ends with a NULL name; --help is everyone's */
	enum tw_exit (*run)(const struct tw_args *args);
};

extern const struct tw_command tw_commands[]; /* ends with a NULL name */

/* A number that is the whole of `text` and at most `most`; 0 is none. */
bool tw_command_number(const char *text, unsigned most, unsigned *ret_number);

/* Parse and run; the status to exit with. */
enum tw_exit tw_command_main(int argc, char **argv);

/* From the table: the bash completion, and man(7) text of each command's options. */
void tw_command_print_completion(FILE *out);
void tw_command_print_synopsis(FILE *out);

enum tw_exit tw_cmd_run(const struct tw_args *args);
enum tw_exit tw_cmd_check(const struct tw_args *args);
enum tw_exit tw_cmd_explain(const struct tw_args *args);
enum tw_exit tw_cmd_status(const struct tw_args *args);
enum tw_exit tw_cmd_detach(const struct tw_args *args);
enum tw_exit tw_cmd_sockets(const struct tw_args *args);
enum tw_exit tw_cmd_events(const struct tw_args *args);
enum tw_exit tw_cmd_rollout(const struct tw_args *args);
enum tw_exit tw_cmd_doctor(const struct tw_args *args);

#endif
