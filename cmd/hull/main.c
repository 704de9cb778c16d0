/* SPDX-License-Identifier: Apache-2.0 */
#include "hull.h"
#include "container_commands.h"
#include "image_commands.h"
#include "network_commands.h"
#include "cgroup.h"
#include "system_commands.h"

#include "base/path.h"
#include "base/str.h"
#include "engine/program.h"
#include "sys/library.h"
#include "sys/process.h"
#include "sys/seal.h"

#include <limits.h>
#include <signal.h>
#include <string.h>
#include <sys/stat.h>

extern char **environ;

#define TRANSFER_PROGRAM "hull-transfer"

volatile int hull_interrupted;

static void on_interrupt(int signal)
{
	(void)signal;
	hull_interrupted = 1;
}

void hull_catch_interrupt(void)
{
	struct sigaction action = {.sa_handler = on_interrupt, .sa_flags = (int)SA_RESETHAND};

	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
}

void hull_warn(void *data, const char *text)
{
	_cleanup_error_ struct hull_error warning = HULL_ERROR_INIT;

	/* As an error it is one printable line, whoever had a say in it. */
	error_set(&warning, HULL_ERROR_NONE, "%s", text);
	fprintf(stderr, "hull: warning: %s\n", hull_error_message(&warning));
}

int hull_seal(struct cli_context *context, struct hull_error *err)
{
	const struct hull_globals *globals = context->globals;

	/* Said before anything fails for it in some other way. */
	if (geteuid() != 0)
		return error_set(err, HULL_ERROR_DENIED, "hull needs root");
	int r = program_seal(globals->words, environ);
	return r < 0 ? error_errno(err, r, "protect hull's own file") : 0;
}

int hull_use_libraries(const struct hull_globals *globals, struct hull_error *err)
{
	_cleanup_free_ char *path = NULL;

	if (library_can_load())
		return 0;
	int r = program_find(globals->words[0], TRANSFER_PROGRAM, &path, err);
	if (r < 0)
		return r;
	execve(path, globals->words, environ);
	return error_errno(err, errno, "%s", path);
}

int hull_engine_open(struct cli_context *context, struct engine **ret, struct hull_error *err)
{
	const struct hull_globals *globals = context->globals;
	const uint64_t ratio = globals->max_layer_ratio.value;
	const struct engine_options options = {
		.root = globals->root,
		.run_root = globals->run_root,
		.layer_store = globals->layer_store,
		.max_layer_ratio = ratio ? ratio : UINT64_MAX,
		.program = globals->words[0],
	};

	return engine_open(&options, ret, err);
}

static const struct cli_option global_options[] = {
	{"root", 0, CLI_STRING, offsetof(struct hull_globals, root), "directory",
		"Where images and containers are kept (default \"/var/lib/hull\")", "@directory"},
	{"run-root", 0, CLI_STRING, offsetof(struct hull_globals, run_root), "directory",
		"Where run-time state is kept (default \"/run/hull\", or below /run/hull-roots)",
		"@directory"},
	{"layer-store", 0, CLI_STRING, offsetof(struct hull_globals, layer_store), "string",
		"How layers are kept: erofs, dir or auto (default \"auto\")", "erofs dir auto"},
	{"max-layer-ratio", 0, CLI_U64, offsetof(struct hull_globals, max_layer_ratio), "number",
		"Refuse a layer that unpacks to more than 4 GiB and to more than this many times "
		"its size; 0: never",
		NULL, 0, "250"},
	{"config", 0, CLI_STRING, offsetof(struct hull_globals, config), "directory",
		"Where the client's config.json is (default \"~/.docker\")", "@directory"},
	{"insecure-registry", 0, CLI_STRV, offsetof(struct hull_globals, insecure_registries),
		"list",
		"Registries that need no valid certificate and may speak HTTP: host[:port] or a "
		"network such as 10.0.0.0/8"},
	{"log-level", 'l', CLI_STRING, 0, "string", "Set the logging level",
		"debug info warn error fatal", CLI_IGNORED | CLI_ONE_OF, "info"},
	{"debug", 'D', CLI_FLAG, offsetof(struct hull_globals, debug), NULL,
		"Say where an error was made"},
};

static const struct cli_command *const commands[] = {
	&hull_run_command,
	&hull_exec_command,
	&hull_ps_command,
	&hull_pull_command,
	&hull_images_command,
	&hull_explain_command,

	&hull_container_command,
	&hull_image_command,
	&hull_manifest_command,
	&hull_network_command,
	&hull_cgroup_command,
	&hull_system_command,

	&hull_attach_command,
	&hull_commit_command,
	&hull_create_command,
	&hull_diff_command,
	&hull_export_command,
	&hull_history_command,
	&hull_import_command,
	&hull_info_command,
	&hull_inspect_command,
	&hull_kill_command,
	&hull_load_command,
	&hull_login_command,
	&hull_logout_command,
	&hull_logs_command,
	&hull_pause_command,
	&hull_port_command,
	&hull_push_command,
	&hull_rename_command,
	&hull_restart_command,
	&hull_rm_command,
	&hull_rmi_command,
	&hull_save_command,
	&hull_start_command,
	&hull_stop_command,
	&hull_tag_command,
	&hull_top_command,
	&hull_unpause_command,
	&hull_version_command,
	&hull_wait_command,

	&hull_settle_command,
	&hull_complete_command,
	&cli_completion_command,
	&cli_man_command,
	&cli_commands_command,
	NULL,
};

static const struct cli_command root = {
	.name = "hull",
	.arguments = "[OPTIONS] COMMAND",
	.summary = "Run containers without a daemon",
	CLI_OPTIONS(global_options),
	.options_size = sizeof(struct hull_globals),
	.subcommands = commands,
};

int main(int argc, char **argv)
{
	_cleanup_free_ char **words = calloc((size_t)argc + 1, sizeof(*words));
	struct hull_globals globals = {.words = words};

	if (!words || argc < 1 || process_begin() < 0)
		return 125;
	memcpy(words, argv, (size_t)argc * sizeof(*words));
	/*
	 * Once sealed the link says nothing ("/", or "/memfd:..."); but then argv[0] is what we put
	 * there before, as it is when hull goes on as hull-transfer.
	 */
	char self[PATH_MAX] = "";
	ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);
	if (n > 1 && !str_after(self, "/memfd:") && !str_eq(path_base(self), TRANSFER_PROGRAM))
		words[0] = self;
	/* What is made for a container is for its users, not for ours: modes are meant as given. */
	umask(022);
	return cli_main(&root, &globals, &globals.debug, 125, argc, argv);
}
