/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One function of libhull-runtime per run: step STATE-DIRECTORY OPERATION [ID [ARGUMENT...]]. Errors
 * are told as "KIND: MESSAGE". With HULL_STEP_UNSEALED in the environment the program does not
 * protect its file, and if the value is "answered" it says that it answers for it.
 */
#include <hull/runtime.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static struct hull_error err = HULL_ERROR_INIT;
static struct hull_runtime *runtime;
static struct hull_container *container;

static int code(int status)
{
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

static int do_create(const char *id, char **argv)
{
	struct hull_bundle *bundle = NULL;
	int r = hull_bundle_load(argv[0], NULL, &bundle, &err);

	if (r == 0)
		r = hull_container_create(runtime, bundle, id, NULL, &container, &err);
	hull_bundle_free(bundle);
	return r;
}

static int do_run_terminal(const char *id, char **argv)
{
	struct hull_bundle *bundle = NULL;
	char block[512];
	ssize_t n;
	int status, r = hull_bundle_load(argv[0], NULL, &bundle, &err);

	if (r == 0)
		r = hull_container_run(runtime, bundle, id, NULL, &container, &err);
	hull_bundle_free(bundle);
	if (r < 0)
		return r;
	struct hull_process *process = hull_container_process(container);
	int master = hull_process_take_console(process);
	if (master < 0 || hull_process_take_console(process) != -1)
		return -1;
	while ((n = read(master, block, sizeof(block))) > 0)
		fwrite(block, 1, (size_t)n, stdout);
	close(master);
	r = hull_process_wait(process, 10000, &status, &err);
	return r < 0 ? r : code(status);
}

static int do_exec(const char *const *args, const char *json)
{
	struct hull_process *process = NULL;
	int status = 0, r = hull_container_exec(container, args, json, NULL, &process, &err);

	if (r == 0)
		r = hull_process_wait(process, 10000, &status, &err);
	/* Again: the same answer. */
	if (r == 0)
		r = hull_process_wait(process, 0, &status, &err);
	hull_process_free(process);
	return r < 0 ? r : code(status);
}

static int do_list(void)
{
	char **ids = NULL;
	size_t n = 0;
	int r = hull_container_list(runtime, &ids, &n, &err);

	for (size_t i = 0; r == 0 && i < n; i++)
		puts(ids[i]);
	free(ids);
	return r;
}

static int do_status(void)
{
	enum hull_container_status status;
	int r = hull_container_status(container, &status, &err);

	if (r == 0)
		puts(hull_container_status_name(status));
	return r;
}

static int do_state(void)
{
	char *text = NULL;
	int r = hull_container_state(container, &text, &err);

	if (r == 0)
		fputs(text, stdout);
	free(text);
	return r;
}

static int do_pids(void)
{
	pid_t *pids = NULL;
	size_t n = 0;
	int r = hull_container_pids(container, &pids, &n, &err);

	for (size_t i = 0; r == 0 && i < n; i++)
		printf("%d\n", pids[i]);
	free(pids);
	return r;
}

static int do_update(const char *limit)
{
	struct hull_cgroup_resources resources = {
		.memory = {.limit = {true, strtoll(limit, NULL, 10)}}};

	return hull_container_update(container, &resources, &err);
}

/* A thread's container: made, entered, ended. */
struct life {
	const char *id;
	const struct hull_bundle *bundle;
	struct hull_error err;
	int result;
};

static void *live(void *data)
{
	static const char *const command[] = {"sh", "-c", "exit 4", NULL};
	struct life *life = data;
	struct hull_container *own = NULL;
	struct hull_process *process = NULL;
	int status = 0, r = 0;

	for (int round = 0; r == 0 && round < 5; round++) {
		r = hull_container_create(runtime, life->bundle, life->id, NULL, &own, &life->err);
		if (r == 0)
			r = hull_container_start(own, &life->err);
		if (r == 0)
			r = hull_container_exec(own, command, NULL, NULL, &process, &life->err);
		if (r == 0)
			r = hull_process_wait(process, 10000, &status, &life->err);
		if (r == 0 && code(status) != 4)
			r = -1;
		hull_process_free(process);
		process = NULL;
		if (own && hull_container_delete(own, true, r ? NULL : &life->err) < 0)
			r = -1;
		if (own)
			hull_process_wait(hull_container_process(own), 10000, NULL, NULL);
		hull_container_free(own);
		own = NULL;
	}
	life->result = r;
	return NULL;
}

static int count_files(void)
{
	int n = 0;

	for (int fd = 0; fd < 256; fd++)
		n += fcntl(fd, F_GETFD) >= 0;
	return n;
}

static int do_threads(const char *id, char **argv)
{
	struct hull_bundle *bundle = NULL;
	struct life lives[2] = {{.err = HULL_ERROR_INIT}, {.err = HULL_ERROR_INIT}};
	pthread_t threads[2];
	char names[2][256];
	int r = hull_bundle_load(argv[0], NULL, &bundle, &err), files = count_files();

	for (int i = 0; r == 0 && i < 2; i++) {
		snprintf(names[i], sizeof(names[i]), "%s-%d", id, i);
		lives[i].id = names[i];
		lives[i].bundle = bundle;
		if (pthread_create(&threads[i], NULL, live, &lives[i]) != 0)
			abort();
	}
	for (int i = 0; r == 0 && i < 2; i++)
		pthread_join(threads[i], NULL);
	for (int i = 0; i < 2; i++) {
		if (lives[i].result < 0) {
			fprintf(stderr, "thread %d: %s\n", i, hull_error_message(&lives[i].err));
			r = lives[i].result;
		}
		hull_error_done(&lives[i].err);
	}
	hull_bundle_free(bundle);
	if (r == 0 && count_files() != files) {
		fprintf(stderr, "%d files open instead of %d\n", count_files(), files);
		r = -1;
	}
	if (r == 0 && waitpid(-1, NULL, WNOHANG) >= 0) {
		fprintf(stderr, "a child is left\n");
		r = -1;
	}
	return r;
}

static int do_features(void)
{
	char *text = NULL;
	int r = hull_runtime_features(&text, &err);

	if (r == 0)
		puts(text);
	free(text);
	return r;
}

/* The plan as JSON, from a document in memory. */
static int do_plan(const char *id, char **argv)
{
	struct hull_bundle *bundle = NULL;
	struct hull_plan *plan = NULL;
	char *text = NULL;
	int r = hull_bundle_parse(argv[0], argv[1], strlen(argv[1]), &bundle, &err);

	if (r == 0 && strcmp(hull_bundle_path(bundle), argv[0]) != 0)
		r = -1;
	if (r == 0)
		r = hull_plan_new(runtime, bundle, id, NULL, &plan, &err);
	if (r == 0)
		r = hull_plan_print(plan, HULL_PLAN_JSON, &text, &err);
	if (r == 0)
		fputs(text, stdout);
	free(text);
	hull_plan_free(plan);
	hull_bundle_free(bundle);
	return r;
}

static int do_record(void)
{
	const char *mark = hull_container_annotation(container, "mark");

	printf("%s %s %s %s %s\n%s\n", hull_container_id(container),
		hull_container_bundle(container), hull_container_rootfs(container),
		hull_container_owner(container), mark ? mark : "none",
		hull_container_created(container));
	return hull_container_annotation(container, "none") ? -1 : 0;
}

/* Waits for a process that is somebody else's child. */
static int do_wait(void)
{
	int status, r = hull_process_wait(hull_container_process(container), 10000, &status, &err);

	if (r == 0 && status == -1)
		puts("unknown");
	else if (r == 0)
		printf("%d\n", code(status));
	return r;
}

static int perform(const char *operation, const char *id, char **argv)
{
	if (strcmp(operation, "list") == 0)
		return do_list();
	if (strcmp(operation, "features") == 0)
		return do_features();
	if (strcmp(operation, "plan") == 0)
		return do_plan(id, argv);
	if (strcmp(operation, "create") == 0)
		return do_create(id, argv);
	if (strcmp(operation, "run-terminal") == 0)
		return do_run_terminal(id, argv);
	if (strcmp(operation, "threads") == 0)
		return do_threads(id, argv);
	int r = hull_container_load(runtime, id, &container, &err);
	if (r < 0)
		return r;
	if (strcmp(operation, "status") == 0)
		return do_status();
	if (strcmp(operation, "record") == 0)
		return do_record();
	if (strcmp(operation, "state") == 0)
		return do_state();
	if (strcmp(operation, "start") == 0)
		return hull_container_start(container, &err);
	if (strcmp(operation, "exec") == 0)
		return do_exec((const char *const *)argv, NULL);
	if (strcmp(operation, "exec-json") == 0)
		return do_exec(NULL, argv[0]);
	if (strcmp(operation, "pause") == 0)
		return hull_container_pause(container, &err);
	if (strcmp(operation, "resume") == 0)
		return hull_container_resume(container, &err);
	if (strcmp(operation, "update") == 0)
		return do_update(argv[0]);
	if (strcmp(operation, "pids") == 0)
		return do_pids();
	if (strcmp(operation, "kill") == 0)
		return hull_container_kill(container, (int)strtol(argv[0], NULL, 10), false, &err);
	if (strcmp(operation, "wait") == 0)
		return do_wait();
	if (strcmp(operation, "delete") == 0)
		return hull_container_delete(container, false, &err);
	return -1;
}

int main(int argc, char **argv)
{
	struct hull_runtime_options options = {.root = argc > 1 ? argv[1] : NULL};
	const char *unsealed = getenv("HULL_STEP_UNSEALED");
	int r = unsealed ? 0 : hull_program_seal(NULL, NULL, &err);

	if (argc < 3)
		return 2;
	options.unsealed = unsealed && strcmp(unsealed, "answered") == 0;
	if (r == 0)
		r = hull_runtime_open(&options, &runtime, &err);
	if (r == 0)
		r = perform(argv[2], argc > 3 ? argv[3] : "", argv + (argc > 4 ? 4 : argc));
	if (r < 0)
		fprintf(stderr, "%s: %s\n", hull_error_kind_name(err.kind),
			hull_error_message(&err));
	hull_container_free(container);
	hull_runtime_close(runtime);
	hull_error_done(&err);
	return r < 0 ? 1 : r;
}
