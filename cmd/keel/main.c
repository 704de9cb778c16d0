/* SPDX-License-Identifier: Apache-2.0 */
/*
 * keel, the OCI runtime: runc's and crun's command line. Errors go to stderr as one line and, with
 * --log, as exactly one record to the log: callers decode the whole file.
 */
#include "keel.h"
#include "commit.h"
#include "log.h"
#include "wording.h"
#include "base/path.h"
#include "sys/process.h"
#include "sys/seal.h"

#define O(member) offsetof(struct keel_globals, member)

#define PATH_SIZE 64 /* of the words that name a command */

static const struct cli_option global_options[] = {
	{"root", 0, CLI_STRING, O(root), "directory", "Where the state of containers is kept",
		"@file", 0},
	{"log", 0, CLI_STRING, O(log), "destination",
		"Write errors also to [file:]PATH, journald:IDENTIFIER or syslog:IDENTIFIER",
		"@file", 0},
	{"log-format", 0, CLI_STRING, O(log_format), "format", "Format of the log: text or json",
		"text json", 0},
	{"log-level", 0, CLI_STRING, O(log_level), "level",
		"Least level to log: error, warning, debug", "error warning debug", 0},
	{"debug", 0, CLI_FLAG, O(debug), NULL, "Log what is done, and tell more about errors", NULL,
		0},
	{"systemd-cgroup", 0, CLI_FLAG, O(systemd_cgroup), NULL, "Let systemd manage cgroups", NULL,
		0},
	{"cgroup-manager", 0, CLI_STRING, O(cgroup_manager), "manager",
		"Who manages cgroups: cgroupfs, systemd or disabled", "cgroupfs systemd disabled",
		0},
	{"rootless", 0, CLI_STRING, O(rootless), "value",
		"Tolerate missing privileges: true, false or auto", "true false auto", 0},
	{"criu", 0, CLI_STRING, O(criu), "path", "The criu program; found in PATH if not given",
		"@file", 0},
	{"systemd-log", 0, CLI_FLAG, O(systemd_log), NULL, "", NULL, CLI_HIDDEN},
	{"version", 'V', CLI_FLAG, O(version), NULL, "Print the version", NULL, 0},
	{"usage", '?', CLI_FLAG, O(usage), NULL, "Print the usage", NULL, 0},
};

static const struct cli_command *const commands[] = {&keel_checkpoint_command, &keel_create_command,
	&keel_delete_command, &keel_events_command, &keel_exec_command, &keel_explain_command,
	&keel_features_command, &keel_kill_command, &keel_list_command, &keel_mounts_command,
	&keel_pause_command, &keel_ps_command, &keel_restore_command, &keel_resume_command,
	&keel_run_command, &keel_spec_command, &keel_start_command, &keel_state_command,
	&keel_update_command, &cli_completion_command, &cli_man_command, &cli_commands_command,
	NULL};

static const struct cli_command keel_command = {
	.name = "keel",
	.arguments = "[OPTIONS] COMMAND",
	.summary = "OCI container runtime",
	CLI_OPTIONS(global_options),
	.options_size = sizeof(struct keel_globals),
	.max_args = -1,
	.flags = CLI_STOP_AT_POSITIONAL,
	.subcommands = commands,
};

/* ---- telling ---- */

static int tell_error(
	const struct keel_globals *globals, const char *command, const struct hull_error *err)
{
	_cleanup_free_ char *words = wording_message(err);
	_cleanup_free_ char *text = command && words ? str_printf("%s: %s", command, words) : NULL;
	const char *message = text ? text : words ? words : hull_error_message(err);

	fprintf(stderr, "keel: %s\n", message);
	if (globals->debug && err->file)
		fprintf(stderr, "keel: made at %s:%d (%s)\n", err->file, err->line,
			hull_error_kind_name(err->kind));
	keel_log(globals, "error", message);
	return 1;
}

/* ---- the way to a command ---- */

static int check_count(
	const struct cli_command *command, const char *path, int argc, struct hull_error *err)
{
	if (argc >= command->min_args && (command->max_args < 0 || argc <= command->max_args))
		return 0;
	return error_set(err, HULL_ERROR_INVALID, "\"keel %s\" requires %s %d argument%s", path,
		command->min_args == command->max_args ? "exactly"
		: argc < command->min_args	       ? "a minimum of"
						       : "a maximum of",
		argc < command->min_args ? command->min_args : command->max_args,
		(argc < command->min_args ? command->min_args : command->max_args) == 1 ? "" : "s");
}

/* path: "" = keel itself */
static int print_help(const struct cli_command *command, const char *path)
{
	_cleanup_free_ char *full = str_printf("keel%s%s", *path ? " " : "", path);

	cli_print_help(&keel_command, command, full ? full : "keel", stdout);
	return 0;
}

static int run_command(struct cli_context *context, const struct cli_command *command,
	const char *path, int argc, char **argv, struct hull_error *err)
{
	_cleanup_free_ void *options = calloc(1, command->options_size + 1);
	int n = argc;

	if (!options)
		return error_no_memory(err);
	context->command = command;
	int r = cli_parse(command, options, argc, argv, &n, err);
	bool help = r == CLI_HELP;
	if (help)
		r = print_help(command, path);
	else if (r == 0)
		r = check_count(command, path, n, err);
	if (r == 0 && !help)
		r = command->run(context, options, n, argv, err);
	cli_options_done(command, options);
	return r;
}

/*
 * A command that puts a process of ours into a container runs from a file that cannot be written
 * through it. With all the words as they were: parsing reorders them.
 */
static int seal(const struct cli_command *command, char *const *words, struct hull_error *err)
{
	static const struct cli_command *const sealed[] = {&keel_run_command, &keel_create_command,
		&keel_exec_command, &keel_mounts_add_command, &keel_mounts_remove_command};
	bool found = false;

	for (size_t i = 0; i < ARRAY_SIZE(sealed); i++)
		found |= command == sealed[i];
	if (!found)
		return 0;
	int r = program_seal(words, environ);
	return r < 0 ? error_errno(err, r, "protect the runtime's own file") : 0;
}

/*
 * The command that the first words name; they are passed over, and path becomes "mounts add". NULL
 * if there is none of that name.
 */
static const struct cli_command *find_command(int *argc, char ***argv, char path[PATH_SIZE])
{
	const struct cli_command *command = &keel_command;

	path[0] = '\0';
	while (*argc > 0 && command->subcommands && (*argv)[0][0] != '-') {
		command = cli_find(command, (*argv)[0]);
		if (!command)
			return NULL;
		size_t n = strlen(path);
		snprintf(path + n, PATH_SIZE - n, "%s%s", n ? " " : "", command->name);
		(*argc)--;
		(*argv)++;
	}
	return command;
}

static int no_topic(const char *word, struct hull_error *err)
{
	return error_set(err, HULL_ERROR_INVALID, "No help topic for '%s'", word);
}

static int help(int argc, char **argv, struct hull_error *err)
{
	char path[PATH_SIZE];
	const struct cli_command *command = find_command(&argc, &argv, path);

	return command ? print_help(command, path) : no_topic(argv[0], err);
}

/*
 * Callers tell runtimes apart by the first word: go-runc reads on only after "runc version ", and
 * crun's tests want theirs. So the word is runc or crun if keel is called by such a name. The last
 * line is crun's: what it was built with.
 */
static int print_version(const char *program)
{
	static const char *const families[] = {"runc", "crun"};
	const char *base = path_base(program), *family = "keel";

	for (size_t i = 0; i < ARRAY_SIZE(families); i++) {
		if (str_after(base, families[i]))
			family = families[i];
	}
	printf("%s version %s\n", family, HULL_VERSION);
	if (*KEEL_COMMIT)
		printf("commit: %s\n", KEEL_COMMIT);
	printf("spec: %s\n+SYSTEMD +SELINUX +APPARMOR +CAP +SECCOMP +EBPF +CRIU\n", OCI_VERSION);
	return 0;
}

/* youki's name for the journal. */
static void apply_log_aliases(struct keel_globals *globals)
{
	static char journal[] = "journald:keel";

	if (globals->systemd_log && !globals->log)
		globals->log = journal;
}

static int check_rootless(const struct keel_globals *globals, struct hull_error *err)
{
	bool value;

	if (!globals->rootless || str_eq(globals->rootless, "auto") ||
		str_to_bool(globals->rootless, &value) == 0)
		return 0;
	return error_set(err, HULL_ERROR_INVALID, "invalid --rootless \"%s\": true, false or auto",
		globals->rootless);
}

static int dispatch(struct keel_globals *globals, char *const *words, int argc, char **argv,
	char path[PATH_SIZE], struct hull_error *err)
{
	struct cli_context context = {.program = "keel", .root = &keel_command, .globals = globals};
	int n = argc;
	int r = cli_parse(&keel_command, globals, argc, argv, &n, err);

	if (r < 0)
		return r;
	if (r == CLI_VERSION || globals->version)
		return print_version(words[0]);
	if (r == CLI_HELP || globals->usage || n == 0)
		return print_help(&keel_command, "");
	apply_log_aliases(globals);
	r = log_check(globals, err);
	if (r == 0)
		r = check_rootless(globals, err);
	if (r < 0)
		return r;
	context.debug = globals->debug;
	if (str_eq(argv[0], "help") || str_eq(argv[0], "h"))
		return help(n - 1, argv + 1, err);
	const struct cli_command *command = find_command(&n, &argv, path);
	if (!command)
		return no_topic(argv[0], err);
	if (!command->run)
		return print_help(command, path);
	r = seal(command, words, err);
	return r < 0 ? r : run_command(&context, command, path, n, argv, err);
}

int main(int argc, char **argv)
{
	_cleanup_error_ struct hull_error err = HULL_ERROR_INIT;
	struct keel_globals globals = {0};
	char path[PATH_SIZE] = "";
	_cleanup_free_ char **words = calloc((size_t)argc + 1, sizeof(*words));

	int begun = process_begin();
	if (!words || begun < 0) {
		fprintf(stderr, "keel: %s\n", error_text(words ? -begun : ENOMEM));
		return 1;
	}
	memcpy(words, argv, (size_t)argc * sizeof(*words));
	int r = dispatch(&globals, words, argc - 1, argv + 1, path, &err);

	/* What was to be printed is the whole point of some commands. */
	if (r >= 0 && (fflush(stdout) != 0 || ferror(stdout)))
		r = error_errno(&err, errno, "write output");
	if (r < 0) {
		tell_error(&globals, *path ? path : NULL, &err);
		/* runc's: an exec that fails itself is told from a command that fails. */
		r = str_eq(path, "exec") ? 255 : 1;
	}
	cli_options_done(&keel_command, &globals);
	return r;
}
