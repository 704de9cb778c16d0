/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The life of a group, again and again, and each time another call fails: the first allocation, the
 * second, and so on until all of them went well; then the same with the system calls that touch
 * cgroup files. Whatever fails has to be told, and has to leave nothing behind: no memory, no file
 * descriptor, no directory of a creation that failed, no limit of an apply that failed, no process in a
 * group that could not be joined everywhere. Needs a cgroup file system that it may write to.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/fd.h"
#include "base/str.h"
#include <hull/cgroup.h>

#include <dirent.h>
#include <signal.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/wait.h>

/* ---- What fails: the linker leads the library's calls here (--wrap) ---- */

enum faults { NO_FAULTS, ALLOCATIONS, SYSTEM_CALLS };

static struct {
	enum faults faults;
	int countdown; /* the call that fails is the one that finds 1 */
	bool fired;
	long live; /* allocations that have not been freed */
} injected;

static bool fails(enum faults kind)
{
	if (injected.faults != kind || injected.countdown == 0 || --injected.countdown > 0)
		return false;
	injected.fired = true;
	errno = kind == ALLOCATIONS ? ENOMEM : EIO;
	return true;
}

static void *counted(void *p)
{
	injected.live += p != NULL;
	return p;
}

#define WRAP_ALLOCATION(name, parameters, arguments)                                 \
	void *__real_##name parameters;                                              \
	void *__wrap_##name parameters;                                              \
	void *__wrap_##name parameters                                               \
	{                                                                            \
		return fails(ALLOCATIONS) ? NULL : counted(__real_##name arguments); \
	}
WRAP_ALLOCATION(malloc, (size_t n), (n))
WRAP_ALLOCATION(calloc, (size_t n, size_t size), (n, size))
WRAP_ALLOCATION(strdup, (const char *s), (s))
WRAP_ALLOCATION(strndup, (const char *s, size_t n), (s, n))

#define WRAP_REALLOCATION(name, parameters, arguments, old) \
	void *__real_##name parameters;                     \
	void *__wrap_##name parameters;                     \
	void *__wrap_##name parameters                      \
	{                                                   \
		bool fresh = old == NULL;                   \
		if (fails(ALLOCATIONS))                     \
			return NULL;                        \
		void *p = __real_##name arguments;          \
		return fresh ? counted(p) : p;              \
	}
WRAP_REALLOCATION(realloc, (void *old, size_t n), (old, n), old)
WRAP_REALLOCATION(reallocarray, (void *old, size_t n, size_t size), (old, n, size), old)

int __real_vasprintf(char **ret, const char *format, va_list ap);
int __wrap_vasprintf(char **ret, const char *format, va_list ap);
int __wrap___vasprintf_chk(char **ret, int flag, const char *format, va_list ap);
int __wrap_asprintf(char **ret, const char *format, ...);
int __wrap___asprintf_chk(char **ret, int flag, const char *format, ...);
void __real_free(void *p);
void __wrap_free(void *p);

int __wrap_vasprintf(char **ret, const char *format, va_list ap)
{
	if (fails(ALLOCATIONS))
		return -1;
	int n = __real_vasprintf(ret, format, ap);
	injected.live += n >= 0;
	return n;
}

int __wrap___vasprintf_chk(char **ret, int flag, const char *format, va_list ap)
{
	return __wrap_vasprintf(ret, format, ap);
}

int __wrap_asprintf(char **ret, const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	int n = __wrap_vasprintf(ret, format, ap);
	va_end(ap);
	return n;
}

int __wrap___asprintf_chk(char **ret, int flag, const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	int n = __wrap_vasprintf(ret, format, ap);
	va_end(ap);
	return n;
}

void __wrap_free(void *p)
{
	injected.live -= p != NULL;
	__real_free(p);
}

#define WRAP_CALL(type, name, parameters, arguments)                       \
	type __real_##name parameters;                                     \
	type __wrap_##name parameters;                                     \
	type __wrap_##name parameters                                      \
	{                                                                  \
		return fails(SYSTEM_CALLS) ? -1 : __real_##name arguments; \
	}
WRAP_CALL(
	int, openat64, (int fd, const char *path, int flags, mode_t mode), (fd, path, flags, mode))
WRAP_CALL(int, __openat64_2, (int fd, const char *path, int flags), (fd, path, flags))
WRAP_CALL(ssize_t, read, (int fd, void *to, size_t n), (fd, to, n))
WRAP_CALL(ssize_t, pread64, (int fd, void *to, size_t n, off_t at), (fd, to, n, at))
WRAP_CALL(ssize_t, write, (int fd, const void *from, size_t n), (fd, from, n))
WRAP_CALL(int, mkdirat, (int fd, const char *path, mode_t mode), (fd, path, mode))
WRAP_CALL(int, unlinkat, (int fd, const char *path, int flags), (fd, path, flags))

/* ---- The life of a group ---- */

struct fixture {
	struct hull_cgroup_host *host;
	struct hull_cgroup *home;
	pid_t pid; /* a process to be moved about */
	char top[64], child[80];
	const char *name; /* of top, without the slash */
};

#define CONTROLLERS                                                                       \
	(HULL_CGROUP_BIT(HULL_CGROUP_CPU) | HULL_CGROUP_BIT(HULL_CGROUP_MEMORY) |         \
		HULL_CGROUP_BIT(HULL_CGROUP_PIDS) | HULL_CGROUP_BIT(HULL_CGROUP_CPUSET) | \
		HULL_CGROUP_BIT(HULL_CGROUP_FREEZER))

static const struct hull_cgroup_resources first = {
	.memory = {.limit = {true, 64 << 20}, .reservation = {true, 32 << 20}},
	.cpu = {.shares = {true, 512}, .quota = {true, 50000}, .period = {true, 100000}},
	.pids = {.limit = {true, 100}},
};

static const struct hull_cgroup_resources second = {
	.memory = {.limit = {true, 48 << 20}, .reservation = {true, 16 << 20}},
	.cpu = {.shares = {true, 256}, .quota = {true, 20000}, .period = {true, 50000}},
	.pids = {.limit = {true, 50}},
};

/* The limits as one text. */
static char *limits_text(const struct hull_cgroup *group)
{
	static const char *const files[] = {
		"memory.max", "memory.low", "cpu.weight", "cpu.max", "pids.max"};
	_cleanup_buf_ struct buf text = BUF_INIT;

	for (size_t i = 0; i < ARRAY_SIZE(files); i++) {
		char *value;
		assert_int_equal(hull_cgroup_get(group, files[i], &value, NULL), 0);
		buf_puts(&text, value);
		__wrap_free(value);
	}
	return buf_take(&text);
}

static char *membership(pid_t pid)
{
	char file[64];
	_cleanup_buf_ struct buf text = BUF_INIT;

	snprintf(file, sizeof(file), "/proc/%d/cgroup", (int)pid);
	assert_true(file_read_at(AT_FDCWD, file, &text, 1 << 20) >= 0);
	return buf_take(&text);
}

static bool group_exists(const struct fixture *f)
{
	const struct hull_cgroup_hierarchy *h;
	size_t n = hull_cgroup_host_hierarchies(f->host, &h);
	struct stat st;

	for (size_t i = 0; i < n; i++)
		if (fstatat(h[i].fd, f->name, &st, 0) == 0)
			return true;
	return false;
}

static size_t count_open_files(void)
{
	DIR *dir = opendir("/proc/self/fd");
	size_t n = 0;

	assert_non_null(dir);
	while (readdir(dir))
		n++;
	closedir(dir);
	return n;
}

/* One attempt, in which the n-th call fails. */
struct attempt {
	struct hull_cgroup_host *host;
	struct hull_cgroup *group;
	struct hull_cgroup_stats stats;
	struct hull_error err;
	enum faults faults;
	int n;
};

static void arm(struct attempt *a)
{
	injected.faults = a->faults;
}

static void disarm(void)
{
	injected.faults = NO_FAULTS;
}

static int attempt_create(struct attempt *a, const struct fixture *f)
{
	const struct hull_cgroup_create_options options = {
		.controllers = CONTROLLERS, .resources = &first, .pid = f->pid};
	char *before = membership(f->pid);

	arm(a);
	int r = hull_cgroup_host_open(&a->host, &a->err);
	if (r == 0)
		r = hull_cgroup_create(a->host, f->child, &options, &a->group, &a->err);
	disarm();
	if (r < 0) {
		char *after = membership(f->pid);
		assert_string_equal(after, before);
		assert_false(group_exists(f));
		assert_null(a->group);
		__wrap_free(after);
	}
	__wrap_free(before);
	return r;
}

static int attempt_apply(struct attempt *a)
{
	char *before = limits_text(a->group);

	arm(a);
	int r = hull_cgroup_apply(a->group, &second, 0, &a->err);
	disarm();
	char *after = limits_text(a->group);
	if (r < 0)
		assert_string_equal(after, before);
	else if (!injected.fired)
		assert_string_not_equal(after, before);
	__wrap_free(after);
	__wrap_free(before);
	return r;
}

static int attempt_rest(struct attempt *a, const struct fixture *f)
{
	struct hull_cgroup *child = NULL;
	pid_t *pids = NULL;
	char *value = NULL;
	size_t n;

	arm(a);
	int r = hull_cgroup_stat(a->group, 0, &a->stats, &a->err);
	if (r == 0)
		r = hull_cgroup_processes(a->group, HULL_CGROUP_RECURSIVE, &pids, &n, &a->err);
	if (r == 0)
		r = hull_cgroup_get(a->group, "cpu.max", &value, &a->err);
	if (r == 0)
		r = hull_cgroup_set(a->group, "cpu.max", "30000 60000", &a->err);
	if (r == 0)
		r = hull_cgroup_freeze(a->group, 5000, &a->err);
	if (r == 0)
		r = hull_cgroup_thaw(a->group, 5000, &a->err);
	if (r == 0)
		r = hull_cgroup_add(f->home, f->pid, 0, &a->err);
	if (r == 0)
		r = hull_cgroup_create_child(a->group, "below", &child, &a->err);
	if (r == 0)
		r = hull_cgroup_delete(a->group, HULL_CGROUP_DELETE_RECURSIVE, 5000, &a->err);
	disarm();
	hull_cgroup_free(child);
	__wrap_free(pids);
	__wrap_free(value);
	return r;
}

/* True if the fault was met. */
static bool attempt(const struct fixture *f, enum faults faults, int n)
{
	struct attempt a = {
		.stats = HULL_CGROUP_STATS_INIT, .err = HULL_ERROR_INIT, .faults = faults, .n = n};
	long live = injected.live;
	size_t files = count_open_files();

	injected.countdown = n;
	injected.fired = false;
	int r = attempt_create(&a, f);
	if (r == 0)
		r = attempt_apply(&a);
	if (r == 0)
		r = attempt_rest(&a, f);
	if (r < 0) {
		assert_true(injected.fired);
		assert_int_not_equal(a.err.kind, HULL_ERROR_NONE);
		assert_true(*hull_error_message(&a.err) != '\0');
	}
	hull_cgroup_stats_done(&a.stats);
	hull_error_done(&a.err);
	if (a.group) {
		hull_cgroup_thaw(a.group, 5000, NULL);
		hull_cgroup_add(f->home, f->pid, 0, NULL);
		assert_int_equal(
			hull_cgroup_delete(a.group, HULL_CGROUP_DELETE_RECURSIVE, 5000, NULL), 0);
	}
	hull_cgroup_free(a.group);
	hull_cgroup_host_close(a.host);
	assert_int_equal(injected.live, live);
	assert_int_equal(count_open_files(), files);

	struct hull_cgroup *top;
	if (hull_cgroup_load(f->host, f->top, 0, &top, NULL) == 0) {
		hull_cgroup_delete(top, 0, 5000, NULL);
		hull_cgroup_free(top);
	}
	assert_false(group_exists(f));
	return injected.fired;
}

static void test_faults(void **state, enum faults faults)
{
	int n = 1;

	while (attempt(*state, faults, n))
		n++;
	print_message("%d calls failed in turn\n", n - 1);
	assert_true(n > 20); /* one v2 tree needs the fewest */
}

static void test_allocations(void **state)
{
	test_faults(state, ALLOCATIONS);
}

static void test_system_calls(void **state)
{
	test_faults(state, SYSTEM_CALLS);
}

/* ---- Set-up ---- */

static void tear_down(struct fixture *f)
{
	kill(f->pid, SIGKILL);
	waitpid(f->pid, NULL, 0);
	hull_cgroup_free(f->home);
	hull_cgroup_host_close(f->host);
}

/* False if groups cannot be made here. */
static bool set_up(struct fixture *f)
{
	const struct hull_cgroup_create_options options = {.controllers = CONTROLLERS};
	struct hull_cgroup *group;

	snprintf(f->top, sizeof(f->top), "/hull-faults-%d", (int)getpid());
	snprintf(f->child, sizeof(f->child), "%s/inner", f->top);
	f->name = f->top + 1;
	if (hull_cgroup_host_open(&f->host, NULL) < 0 ||
		(~hull_cgroup_host_controllers(f->host) & CONTROLLERS) != 0 ||
		hull_cgroup_load_pid(f->host, 0, &f->home, NULL) < 0 ||
		hull_cgroup_create(f->host, f->child, &options, &group, NULL) < 0)
		return false;
	hull_cgroup_undo_create(group);
	hull_cgroup_free(group);
	return true;
}

int main(void)
{
	static struct fixture fixture;
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_prestate(test_allocations, &fixture),
		cmocka_unit_test_prestate(test_system_calls, &fixture),
	};

	if (!set_up(&fixture)) {
		print_message("groups for cpu, memory, pids and cpuset cannot be made here\n");
		return 77;
	}
	fixture.pid = fork();
	if (fixture.pid == 0)
		for (;;)
			pause();
	int failed = cmocka_run_group_tests_name("cgroup-faults", tests, NULL, NULL);
	tear_down(&fixture);
	return failed;
}
