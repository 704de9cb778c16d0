/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Runs a container by libhull-runtime: container STATE-DIRECTORY BUNDLE ID [COMMAND [ARG...]]
 *
 *	cc container.c $(pkg-config --cflags --libs libhull-runtime) -o container
 *
 * Shows what will be done, makes and starts the container of the bundle, runs the command beside
 * its first process, waits for both, and leaves nothing. The exit status is the first process's.
 */
#include <hull/runtime.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>

static void warn(void *userdata, const char *text)
{
	(void)userdata;
	fprintf(stderr, "container: warning: %s\n", text);
}

static int show_plan(const struct hull_runtime *runtime, const struct hull_bundle *bundle,
	const char *id, struct hull_error *err)
{
	struct hull_plan *plan = NULL;
	char *text = NULL;
	int r = hull_plan_new(runtime, bundle, id, NULL, &plan, err);

	if (r == 0)
		r = hull_plan_print(plan, HULL_PLAN_SHORT, &text, err);
	if (r == 0)
		fputs(text, stdout);
	free(text);
	hull_plan_free(plan);
	return r;
}

static int show_state(const struct hull_container *container, struct hull_error *err)
{
	enum hull_container_status status;
	int r = hull_container_status(container, &status, err);

	if (r == 0)
		printf("%s is %s\n", hull_container_id(container),
			hull_container_status_name(status));
	return r;
}

static int run_command(
	const struct hull_container *container, const char *const *command, struct hull_error *err)
{
	struct hull_process *process = NULL;
	int status, r = hull_container_exec(container, command, NULL, NULL, &process, err);

	if (r < 0)
		return r;
	r = hull_process_wait(process, -1, &status, err);
	if (r == 0)
		printf("%s ended with %d\n", command[0], WEXITSTATUS(status));
	hull_process_free(process);
	return r;
}

static int live(struct hull_container *container, const char *const *command, int *ret_status,
	struct hull_error *err)
{
	int r = show_state(container, err);

	if (r == 0)
		r = hull_container_start(container, err);
	if (r == 0)
		r = show_state(container, err);
	if (r == 0 && *command)
		r = run_command(container, command, err);
	if (r == 0)
		r = hull_container_kill(container, SIGTERM, false, err);
	if (r == 0)
		r = hull_process_wait(hull_container_process(container), 10000, ret_status, err);
	return r == 0 ? show_state(container, err) : r;
}

int main(int argc, char **argv, char **envp)
{
	struct hull_runtime_options options = {.warn = warn};
	struct hull_error err = HULL_ERROR_INIT;
	struct hull_runtime *runtime = NULL;
	struct hull_bundle *bundle = NULL;
	struct hull_container *container = NULL;
	int status = 0;

	if (argc < 4) {
		fprintf(stderr, "usage: container STATE-DIRECTORY BUNDLE ID [COMMAND [ARG...]]\n");
		return 2;
	}
	/* From here on no container can write to this program's file. */
	int r = hull_program_seal(argv, envp, &err);
	setbuf(stdout, NULL);
	options.root = argv[1];
	if (r == 0)
		r = hull_runtime_open(&options, &runtime, &err);
	if (r == 0)
		r = hull_bundle_load(argv[2], NULL, &bundle, &err);
	if (r == 0)
		r = show_plan(runtime, bundle, argv[3], &err);
	if (r == 0)
		r = hull_container_create(runtime, bundle, argv[3], NULL, &container, &err);
	if (r == 0)
		r = live(container, (const char *const *)argv + 4, &status, &err);
	if (container && hull_container_delete(container, true, r < 0 ? NULL : &err) < 0)
		r = -1;
	if (r < 0)
		fprintf(stderr, "container: %s\n", hull_error_message(&err));
	hull_container_free(container);
	hull_bundle_free(bundle);
	hull_runtime_close(runtime);
	hull_error_done(&err);
	return r < 0 ? 1 : WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}
