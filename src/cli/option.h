/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Command lines by tables. One row per option and one struct per command drive parsing, --help,
 * the man pages' option lists and the completions of bash, zsh and fish; so they cannot disagree.
 *
 * Options are as Docker's and git's users know them: --name=value, --name value, -n value, -nvalue,
 * -abc for flags, --flag=false, -- ends options. Whether options may follow positional arguments is
 * a property of the command (CLI_STOP_AT_POSITIONAL: no, as for `run` and `exec`). --help is
 * understood by every command, -h too where no row claims the letter; --version (and -v) by the
 * top command.
 */
#pragma once

#include "base/error.h"
#include "base/str.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

enum cli_kind {
	CLI_FLAG,     /* bool; accepts =true and =false */
	CLI_STRING,   /* char * (points into argv; not owned) */
	CLI_STRV,     /* char **, repeatable, owned; freed by cli_options_done() */
	CLI_INT,      /* int */
	CLI_I64,      /* struct hull_opt_i64 */
	CLI_U64,      /* struct hull_opt_u64 */
	CLI_SIZE,     /* struct hull_opt_u64: bytes with b, k, m, g, t */
	CLI_DURATION, /* struct hull_opt_i64: nanoseconds from "10s", "1m30s" or bare seconds */
	CLI_OPTIONAL_STRING, /* char *: --name or --name=VALUE; "" without value */
	CLI_OPT_FLAG,	     /* struct hull_opt_bool: a flag that tells false from not given */
};

struct cli_option {
	const char *name; /* long name without dashes; NULL only for a heading row (text in help) */
	char letter;	  /* short name, 0 = none */
	enum cli_kind kind;
	size_t offset;	     /* into the command's options struct */
	const char *metavar; /* "string", "list", "bytes": shown in --help; NULL for flags */
	const char *help;    /* one line, no period */
	const char *values; /* completion: "a b c" words, or "@file", "@container", "@image", ... */
	unsigned int flags;
	const char *default_value; /* parsed into the struct before argv and shown; NULL = none */
};

enum {
	CLI_HIDDEN = 1 << 0,	  /* parsed, not shown */
	CLI_ALIAS = 1 << 1,	  /* another name of the row before it, whose kind and offset count:
				     parsed, shown in man only */
	CLI_UNSUPPORTED = 1 << 2, /* parsed, then refused with a clear error that names it */
	CLI_IGNORED = 1 << 3,	  /* parsed and without effect (kept for compatibility) */
	CLI_ONE_OF = 1 << 4,	  /* a value that is not among `values` is refused; "" is none */
};

enum cli_command_flags {
	CLI_STOP_AT_POSITIONAL = 1 << 0,
	CLI_COMMAND_HIDDEN = 1 << 1,
	CLI_NO_PARSE = 1 << 2,	      /* run gets all of argv unparsed */
	CLI_EXIT_BY_KIND = 1 << 3,    /* a failure exits 125, 126 or 127 by its kind, not 1 */
	CLI_EXIT_BY_COMMAND = 1 << 4, /* 126 and 127 by kind, else 1 */
};

struct cli_context;

struct cli_command {
	const char *name;
	const char *const *aliases;  /* NULL-terminated, or NULL: "ls", "list" */
	const char *arguments;	     /* "[OPTIONS] IMAGE [COMMAND] [ARG...]", for the usage line */
	const char *summary;	     /* one line, no period */
	const char *description;     /* more, for the man page (scdoc markup); NULL = none */
	const char *argument_values; /* completion of positionals, as cli_option.values */
	const struct cli_option *options;
	size_t n_options;
	size_t options_size;	/* sizeof the options struct, zeroed before parsing */
	int min_args, max_args; /* positionals; max -1 = any number */
	unsigned int flags;
	const struct cli_command *const *subcommands; /* NULL-terminated; then run may be NULL */
	/* Returns the exit status (0..255), or negative with err filled. */
	int (*run)(struct cli_context *context, void *options, int argc, char **argv,
		struct hull_error *err);
	const char *group; /* heading in the parent's --help: "Common Commands"; NULL = by shape */
	const char *version; /* the top command's --version text without the final newline; NULL =
				"NAME version X.Y.Z" */
};

/* What a command may need of the program it belongs to. */
struct cli_context {
	const char *program;		   /* "hull" */
	const struct cli_command *root;	   /* the top command; its options are the global ones */
	const struct cli_command *command; /* the command being run */
	void *globals;			   /* the global options struct */
	const char *path;		   /* "hull container ls": the command being run */
	bool debug;
};

#define CLI_OPTIONS(rows) .options = (rows), .n_options = sizeof(rows) / sizeof((rows)[0])

/*
 * Runs a whole program: parses global options, finds the command, parses its options, runs it,
 * prints an error as one line "program: message" and returns the exit status. A bad option gives
 * usage_status; an unknown command, a wrong number of arguments and a failure give 1 (see
 * CLI_EXIT_BY_KIND). `globals` points to the zeroed (or defaulted) struct of root's options;
 * `debug` (may be NULL) into it. With *debug the line says where the error was made.
 */
int cli_main(const struct cli_command *root, void *globals, bool *debug, int usage_status, int argc,
	char **argv);

/*
 * Parses argv[0..argc) (without the command's own name) into dest, which the caller zeroed.
 * Positionals are moved, in order, to the front of argv and end with a NULL if argv did; *ret_argc
 * gets their number, which is not checked against min_args and max_args. Returns 0, CLI_HELP or
 * CLI_VERSION when that was asked for (*ret_argc is then 0), or negative. dest is released with
 * cli_options_done() whatever the result.
 */
int cli_parse(const struct cli_command *command, void *dest, int argc, char **argv, int *ret_argc,
	struct hull_error *err);

enum { CLI_HELP = 1, CLI_VERSION = 2 };

/* Frees the vectors (CLI_STRV) that parsing allocated. */
void cli_options_done(const struct cli_command *command, void *dest);

/* The subcommand with that name or alias, NULL if there is none. */
const struct cli_command *cli_find(const struct cli_command *command, const char *name);

/* The row whose kind and offset count for this one: itself, or for an alias the row it renames. */
const struct cli_option *cli_option_target(
	const struct cli_command *command, const struct cli_option *option);

/* True if the option may stand without a value: flags and CLI_OPTIONAL_STRING. */
bool cli_kind_is_flag(enum cli_kind kind);

/*
 * --help of one command, with its full path ("hull image ls"). The other names of the command are
 * found in the tree below root: a command with the same run and options is the same command.
 */
void cli_print_help(const struct cli_command *root, const struct cli_command *command,
	const char *path, FILE *out);

/* Every name of a command below root ("hull container ls", "hull ps"); to be freed, NULL if none. */
char **cli_command_names(const struct cli_command *root, const struct cli_command *command);

/* The words after the path in the usage line: command->arguments or what the tables imply. */
const char *cli_usage_arguments(const struct cli_command *command);

/*
 * Generated documents. cli_print_man() writes an scdoc page of the command with that path below
 * root ("" or NULL = root itself); `extra` (may be NULL) is hand-written scdoc text put after the
 * options. Returns negative if there is no such command.
 */
int cli_print_man(const struct cli_command *root, const char *path, const char *extra, FILE *out,
	struct hull_error *err);

/*
 * A completion script for "bash", "zsh" or "fish". It asks `PROGRAM completion --candidates` at
 * each use. A "@kind" in the tables other than @file, @directory and @none is completed by the
 * program's hidden command `__complete kind` ("@container" by `__complete container`), which prints
 * one candidate per line, optionally with a tab and a description.
 */
int cli_print_completion(
	const struct cli_command *root, const char *shell, FILE *out, struct hull_error *err);

/*
 * Ready-made commands for a program's table: `completion SHELL`, and the hidden `__man [--extra
 * FILE] [COMMAND...]` and `__commands` (one line per page, "image ls"), which the build uses.
 */
extern const struct cli_command cli_completion_command;
extern const struct cli_command cli_man_command;
extern const struct cli_command cli_commands_command;
