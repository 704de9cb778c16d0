/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A helper may ask its user to unlock a key ring, so it has a minute; it is killed after that. Its
 * standard error is ours: that is where it talks to people.
 */
#include "registry/credential_helper.h"

#include "base/clock.h"
#include "base/fd.h"
#include "base/str.h"
#include "json/json.h"
#include "sys/process.h"

#include <poll.h>
#include <spawn.h>
#include <sys/mman.h>
#include <sys/wait.h>

#define TIMEOUT_NS (60 * NS_PER_SECOND)
#define ANSWER_MAX ((size_t)256 << 10)

extern char **environ;

struct helper_answer {
	char *user;
	char *secret;
};

static const struct json_field answer_fields[] = {
	JSON_FIELD(struct helper_answer, user, "Username", JSON_STRING),
	JSON_FIELD(struct helper_answer, secret, "Secret", JSON_STRING),
};
static const struct json_table answer_table =
	JSON_TABLE("credentials", struct helper_answer, answer_fields);

static bool is_not_found(const char *text)
{
	return strstr(text, "credentials not found") != NULL;
}

/* A name becomes part of a program's name: it must not lead elsewhere. */
static bool is_name(const char *name)
{
	return *name && !strchr(name, '/');
}

/* Its input is a file in memory: nobody has to wait for it to be read, nor minds if it is not. */
static int start(
	const char *program, const char *action, const char *input, int output, pid_t *ret_pid)
{
	_cleanup_close_ int in = memfd_create("credentials", MFD_CLOEXEC);
	char *argv[] = {(char *)program, (char *)action, NULL};
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attributes;
	sigset_t none;

	if (in < 0)
		return -errno;
	int r = fd_write_all(in, input, strlen(input));
	if (r < 0 || lseek(in, 0, SEEK_SET) < 0)
		return r < 0 ? r : -errno;
	sigemptyset(&none);
	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_adddup2(&actions, in, STDIN_FILENO);
	posix_spawn_file_actions_adddup2(&actions, output, STDOUT_FILENO);
	posix_spawnattr_init(&attributes);
	posix_spawnattr_setsigmask(&attributes, &none);
	posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK);
	r = posix_spawnp(ret_pid, program, &actions, &attributes, argv, environ);
	posix_spawnattr_destroy(&attributes);
	posix_spawn_file_actions_destroy(&actions);
	return -r;
}

/* Reads until the end of its output; -ETIMEDOUT. */
static int read_answer(int fd, struct buf *answer)
{
	int64_t end = clock_monotonic_ns() + TIMEOUT_NS;

	for (;;) {
		struct pollfd p = {fd, POLLIN, 0};
		int64_t left = end - clock_monotonic_ns();
		char *room;

		if (left <= 0)
			return -ETIMEDOUT;
		if (poll(&p, 1, (int)(left / NS_PER_MS) + 1) <= 0)
			continue;
		room = buf_reserve(answer, 4096);
		if (!room)
			return buf_error(answer);
		ssize_t n = read(fd, room, 4096);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n < 0 ? -errno : 0;
		answer->len += (size_t)n;
		answer->data[answer->len] = '\0';
	}
}

/* What it says goes to `answer`; *ret_status as wait(2) gives it. */
static int talk(const char *program, const char *action, const char *input, struct buf *answer,
	int *ret_status, struct hull_error *err)
{
	int out[2];
	pid_t pid;

	if (pipe2(out, O_CLOEXEC) < 0)
		return error_errno(err, errno, "pipe");
	_cleanup_close_ int from = out[0], to = out[1];
	int r = start(program, action, input, to, &pid);
	if (r < 0)
		return error_errno(err, r, "credential helper %s", program);
	cleanup_closep(&to);
	r = read_answer(from, answer);
	if (r < 0)
		process_kill_child(pid, -1);
	else
		process_wait(pid, ret_status);
	if (r == -ETIMEDOUT)
		return error_set(err, HULL_ERROR_REMOTE,
			"credential helper %s: no answer to \"%s\" within a minute", program,
			action);
	return r < 0 ? error_errno(err, r, "credential helper %s", program) : 0;
}

/* 1: done, its answer in *answer; 0: it says that there are no such credentials. */
static int run_helper(const char *name, const char *action, const char *input, struct buf *answer,
	struct hull_error *err)
{
	_cleanup_free_ char *program = str_printf("docker-credential-%s", name);
	int status = 0;

	if (!is_name(name))
		return error_set(
			err, HULL_ERROR_INVALID, "\"%s\" is no name of a credential helper", name);
	if (!program)
		return error_no_memory(err);
	int r = talk(program, action, input, answer, &status, err);
	if (r < 0)
		return r;
	if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
		return 1;
	if (is_not_found(buf_str(answer)))
		return 0;
	if (WIFSIGNALED(status))
		return error_set(err, HULL_ERROR_REMOTE,
			"credential helper %s: killed by signal %d", program, WTERMSIG(status));
	size_t n = strcspn(buf_str(answer), "\n");
	return error_set(err, HULL_ERROR_REMOTE,
		"credential helper %s: \"%s\" failed with status %d%s%.*s", program, action,
		WEXITSTATUS(status), n ? ": " : "", (int)(n < 300 ? n : 300), buf_str(answer));
}

static void wipe(struct buf *b)
{
	if (b->data)
		explicit_bzero(b->data, b->size);
	buf_done(b);
}

int credential_helper_get(
	const char *name, const char *server, struct auth_credentials *ret, struct hull_error *err)
{
	_cleanup_(wipe) struct buf answer = BUF_INIT_MAX(ANSWER_MAX);
	_cleanup_arena_ struct arena arena = ARENA_INIT;
	struct json_limits limits = {ANSWER_MAX, 8};
	struct helper_answer found = {0};
	_cleanup_free_ char *what = str_printf("answer of docker-credential-%s", name);
	int r = run_helper(name, "get", server, &answer, err);

	if (r <= 0)
		return r;
	if (!what)
		return error_no_memory(err);
	r = json_parse(
		&arena, &answer_table, &found, buf_str(&answer), answer.len, &limits, what, err);
	if (r < 0)
		return r;
	if (str_empty(found.user) && str_empty(found.secret))
		return 0;
	ret->user = strdup(found.user ? found.user : "");
	ret->secret = strdup(found.secret ? found.secret : "");
	if (found.secret)
		explicit_bzero(found.secret, strlen(found.secret));
	return ret->user && ret->secret ? 1 : error_no_memory(err);
}

int credential_helper_store(const char *name, const char *server, const struct auth_credentials *c,
	struct hull_error *err)
{
	_cleanup_(wipe) struct buf input = BUF_INIT_MAX(ANSWER_MAX);
	_cleanup_(wipe) struct buf answer = BUF_INIT_MAX(ANSWER_MAX);
	struct json_writer w = JSON_WRITER_INIT(&input, 0);

	json_begin_object(&w);
	json_key(&w, "ServerURL");
	json_string(&w, server);
	json_key(&w, "Username");
	json_string(&w, c->user);
	json_key(&w, "Secret");
	json_string(&w, c->secret);
	json_end_object(&w);
	if (buf_error(&input) < 0)
		return error_no_memory(err);
	int r = run_helper(name, "store", buf_str(&input), &answer, err);
	if (r == 0)
		return error_set(err, HULL_ERROR_REMOTE,
			"credential helper docker-credential-%s did not store the login", name);
	return r < 0 ? r : 0;
}

int credential_helper_erase(const char *name, const char *server, struct hull_error *err)
{
	_cleanup_(wipe) struct buf answer = BUF_INIT_MAX(ANSWER_MAX);

	return run_helper(name, "erase", server, &answer, err);
}
