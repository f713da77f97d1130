// SPDX-License-Identifier: GPL-2.0-only
#include "cli/command.h"

#include <getopt.h>
#include <stdlib.h>
#include <string.h>

#include "lib/cleanup.h"
#include "version.h"

#define MAX_OPTIONS 32
#define MAX_SECONDS 86400
#define MAX_RATE    1000000

static const struct tw_option help_option = {
	.name = "help",
	.letter = 'h',
	.type = TW_OPTION_FLAG,
	.offset = offsetof(struct tw_args, help),
	.help = "print this help",
};

/* Option `i` of a command; --help comes after its own. NULL: no more. */
static const struct tw_option *option_at(const struct tw_command *command, size_t i)
{
	size_t count = 0;

	while (command->options[count].name)
		count++;
	if (i < count)
		return &command->options[i];
	return i == count ? &help_option : NULL;
}

static const struct tw_command *find_command(const char *name)
{
	for (const struct tw_command *command = tw_commands; command->name; command++)
		if (!strcmp(command->name, name))
			return command;
	return NULL;
}

/* --- help -------------------------------------------------------------------- */

static void print_option(FILE *out, const struct tw_option *option)
{
	char left[64];

	snprintf(left, sizeof(left), "%c%c%s --%s%s%s", option->letter ? '-' : ' ',
		 option->letter ? option->letter : ' ', option->letter ? "," : " ", option->name,
		 option->argument ? " " : "", option->argument ? option->argument : "");
	fprintf(out, "  %-26s  %s\n", left, option->help);
}

static void print_command_help(FILE *out, const struct tw_command *command)
{
	const struct tw_option *option;

	fprintf(out, "Usage: tcpwarden %s [OPTION...]\n\ntcpwarden %s: %s.\n\nOptions:\n",
		command->name, command->name, command->summary);
	for (size_t i = 0; (option = option_at(command, i)); i++)
		print_option(out, option);
	fprintf(out, "\nThe manual: man tcpwarden\n");
}

static void print_help(FILE *out)
{
	fprintf(out,
		"Usage: tcpwarden COMMAND [OPTION...]\n\n"
		"Make every TCP connection of this machine notice a dead peer.\n\nCommands:\n");
	for (const struct tw_command *command = tw_commands; command->name; command++)
		fprintf(out, "  %-8s  %s\n", command->name, command->summary);
	fprintf(out, "\nOptions:\n  -h, --help     print this help\n"
		     "      --version  print the version\n\n"
		     "`tcpwarden COMMAND --help` explains one; the manual: man tcpwarden\n");
}

/* --- parsing ------------------------------------------------------------------- */

static enum tw_exit usage(const char *command, const char *what, const char *which)
{
	fprintf(stderr, "tcpwarden: %s%s; see `tcpwarden %s%s--help`\n", what, which, command,
		*command ? " " : "");
	return TW_EXIT_USAGE;
}

bool tw_command_number(const char *text, unsigned most, unsigned *ret_number)
{
	char *end;
	unsigned long value = strtoul(text, &end, 10);

	if (text[0] < '0' || text[0] > '9' || *end || value < 1 || value > most)
		return false;
	*ret_number = (unsigned)value;
	return true;
}

static bool is_choice(const char *choices, const char *text)
{
	size_t len = strlen(text);

	while (len) {
		size_t n = strcspn(choices, "|");

		if (n == len && !memcmp(choices, text, len))
			return true;
		if (!choices[n])
			return false;
		choices += n + 1;
	}
	return false;
}

static enum tw_exit store(const struct tw_command *command, const struct tw_option *option,
			  const char *text, struct tw_args *args)
{
	void *field = (char *)args + option->offset;
	char message[256];

	switch (option->type) {
	case TW_OPTION_FLAG:
		*(bool *)field = true;
		return TW_EXIT_OK;
	case TW_OPTION_TEXT:
		*(const char **)field = text;
		return TW_EXIT_OK;
	case TW_OPTION_CHOICE:
		if (is_choice(option->argument, text)) {
			*(const char **)field = text;
			return TW_EXIT_OK;
		}
		snprintf(message, sizeof(message), "--%s wants %s, got ", option->name,
			 option->argument);
		return usage(command->name, message, text);
	case TW_OPTION_SECONDS:
		if (tw_command_number(text, MAX_SECONDS, field))
			return TW_EXIT_OK;
		snprintf(message, sizeof(message), "--%s wants whole seconds, 1..%d, got ",
			 option->name, MAX_SECONDS);
		return usage(command->name, message, text);
	case TW_OPTION_RATE:
		if (tw_command_number(text, MAX_RATE, field))
			return TW_EXIT_OK;
		snprintf(message, sizeof(message), "--%s wants a number, 1..%d, got ", option->name,
			 MAX_RATE);
		return usage(command->name, message, text);
	}
	abort();
}

/* getopt_long(3)'s tables; value i + 1 stands for option i, past any letter. */
#define OPTION_BASE 1000

static void make_tables(const struct tw_command *command, struct option *longs, char *letters)
{
	const struct tw_option *option;
	size_t i;

	*letters++ = ':';
	for (i = 0; (option = option_at(command, i)) && i < MAX_OPTIONS; i++) {
		longs[i] = (struct option){
			.name = option->name,
			.has_arg = option->argument ? required_argument : no_argument,
			.val = OPTION_BASE + (int)i,
		};
		if (option->letter) {
			*letters++ = option->letter;
			if (option->argument)
				*letters++ = ':';
		}
	}
	longs[i] = (struct option){ 0 };
	*letters = '\0';
}

static const struct tw_option *option_of(const struct tw_command *command, int value)
{
	const struct tw_option *option;

	if (value >= OPTION_BASE)
		return option_at(command, (size_t)(value - OPTION_BASE));
	for (size_t i = 0; (option = option_at(command, i)); i++)
		if (option->letter == value)
			return option;
	return NULL;
}

static enum tw_exit parse(const struct tw_command *command, int argc, char **argv,
			  struct tw_args *ret_args)
{
	struct option longs[MAX_OPTIONS + 1];
	char letters[2 * MAX_OPTIONS + 2];
	int value;

	make_tables(command, longs, letters);
	opterr = 0;
	while ((value = getopt_long(argc, argv, letters, longs, NULL)) != -1) {
		const struct tw_option *option = option_of(command, value);
		enum tw_exit status;

		if (value == ':')
			return usage(command->name, "no value given for ", argv[optind - 1]);
		if (!option)
			return usage(command->name, "unknown option ", argv[optind - 1]);
		status = store(command, option, optarg, ret_args);
		if (status != TW_EXIT_OK)
			return status;
	}
	if (optind < argc)
		return usage(command->name, "unexpected argument ", argv[optind]);
	return TW_EXIT_OK;
}

enum tw_exit tw_command_main(int argc, char **argv)
{
	const char *name = argc > 1 ? argv[1] : NULL;
	const struct tw_command *command;
	struct tw_args args = { 0 };
	enum tw_exit status;

	if (!name) {
		print_help(stderr);
		return TW_EXIT_USAGE;
	}
	if (!strcmp(name, "--help") || !strcmp(name, "-h") || !strcmp(name, "help")) {
		print_help(stdout);
		return TW_EXIT_OK;
	}
	if (!strcmp(name, "--version")) {
		printf("tcpwarden %s\n", TW_VERSION);
		return TW_EXIT_OK;
	}
	if (!strcmp(name, "--completion")) {
		tw_command_print_completion(stdout);
		return TW_EXIT_OK;
	}
	if (!strcmp(name, "--man-synopsis")) {
		tw_command_print_synopsis(stdout);
		return TW_EXIT_OK;
	}
	command = find_command(name);
	if (!command)
		return usage("", "no such command: ", name);
	status = parse(command, argc - 1, argv + 1, &args);
	if (status != TW_EXIT_OK)
		return status;
	if (args.help) {
		print_command_help(stdout, command);
		return TW_EXIT_OK;
	}
	return command->run(&args);
}

/* --- what is generated --------------------------------------------------------- */

static void print_words(FILE *out, const char *choices)
{
	for (; *choices; choices++)
		fputc(*choices == '|' ? ' ' : *choices, out);
}

static void print_value_completion(FILE *out, const struct tw_command *command)
{
	const struct tw_option *option;

	for (size_t i = 0; (option = option_at(command, i)); i++) {
		if (!option->argument)
			continue;
		fprintf(out, "\t%s--%s", command->name, option->name);
		if (option->letter)
			fprintf(out, " | %s-%c", command->name, option->letter);
		fprintf(out, ")\n\t\tCOMPREPLY=($(compgen ");
		if (option->complete) {
			fprintf(out, "-A %s", option->complete);
		} else {
			fprintf(out, "-W '");
			if (option->type == TW_OPTION_CHOICE)
				print_words(out, option->argument);
			fprintf(out, "'");
		}
		fprintf(out, " -- \"$word\"))\n\t\treturn ;;\n");
	}
}

void tw_command_print_completion(FILE *out)
{
	const struct tw_option *option;

	fprintf(out, "# bash completion of tcpwarden, generated by `tcpwarden --completion`\n\n"
		     "_tcpwarden()\n{\n"
		     "\tlocal word=${COMP_WORDS[COMP_CWORD]} command=${COMP_WORDS[1]-}\n"
		     "\tif ((COMP_CWORD == 1)); then\n\t\tCOMPREPLY=($(compgen -W '");
	for (const struct tw_command *command = tw_commands; command->name; command++)
		fprintf(out, "%s ", command->name);
	fprintf(out, "--help --version' -- \"$word\"))\n\t\treturn\n\tfi\n"
		     "\tcase $command${COMP_WORDS[COMP_CWORD - 1]} in\n");
	for (const struct tw_command *command = tw_commands; command->name; command++)
		print_value_completion(out, command);
	fprintf(out, "\tesac\n\tcase $command in\n");
	for (const struct tw_command *command = tw_commands; command->name; command++) {
		fprintf(out, "\t%s) COMPREPLY=($(compgen -W '", command->name);
		for (size_t i = 0; (option = option_at(command, i)); i++)
			fprintf(out, "%s--%s", i ? " " : "", option->name);
		fprintf(out, "' -- \"$word\")) ;;\n");
	}
	fprintf(out, "\tesac\n}\ncomplete -F _tcpwarden tcpwarden\n");
}

/* man(7) wants hyphens that are to be typed as \-. */
static void print_roff(FILE *out, const char *text)
{
	for (; *text; text++) {
		if (*text == '-' || *text == '\\')
			fputc('\\', out);
		fputc(*text, out);
	}
}

void tw_command_print_synopsis(FILE *out)
{
	const struct tw_option *option;

	for (const struct tw_command *command = tw_commands; command->name; command++) {
		fprintf(out, ".SS tcpwarden %s\n", command->name);
		fprintf(out, "%s.\n", command->summary);
		for (size_t i = 0; (option = option_at(command, i)); i++) {
			fprintf(out, ".TP\n.B ");
			if (option->letter)
				fprintf(out, "\\-%c, ", option->letter);
			fprintf(out, "\\-\\-");
			print_roff(out, option->name);
			if (option->argument)
				fprintf(out, " \\fI%s\\fR", option->argument);
			fprintf(out, "\n%s.\n", option->help);
		}
	}
}
