/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Seccomp profiles, compiled by libseccomp and kept.
 *
 * The cache is keyed on the raw bytes of the profile, the architecture and our version. The name of
 * an entry is a hash of the key, and the entry holds the whole key, which is compared: two profiles
 * never share a filter, whatever the hash does. An entry is written to a temporary name and renamed,
 * so readers see all of it or nothing; a damaged one is compiled anew.
 */
#include "runtime/perform.h"
#include "base/fd.h"
#include "base/str.h"

#include <linux/seccomp.h>
#include <seccomp.h>
#include <sys/mman.h>
#include <sys/stat.h>

#define CACHE_MAGIC   "hullbpf1"
#define CACHE_ENTRIES 256 /* more than that, and the cache is emptied */

struct cache_header {
	char magic[8];
	uint32_t arch;
	uint32_t filter_flags;
	uint32_t key_length;
	uint32_t filter_length; /* instructions */
};

struct name_value {
	const char *name;
	uint32_t value;
};

static const struct name_value actions[] = {
	{"SCMP_ACT_KILL", SCMP_ACT_KILL},
	{"SCMP_ACT_KILL_PROCESS", SCMP_ACT_KILL_PROCESS},
	{"SCMP_ACT_KILL_THREAD", SCMP_ACT_KILL_THREAD},
	{"SCMP_ACT_TRAP", SCMP_ACT_TRAP},
	{"SCMP_ACT_ERRNO", SCMP_ACT_ERRNO(0)},
	{"SCMP_ACT_TRACE", SCMP_ACT_TRACE(0)},
	{"SCMP_ACT_ALLOW", SCMP_ACT_ALLOW},
	{"SCMP_ACT_LOG", SCMP_ACT_LOG},
};

static const struct name_value operators[] = {
	{"SCMP_CMP_NE", SCMP_CMP_NE},
	{"SCMP_CMP_LT", SCMP_CMP_LT},
	{"SCMP_CMP_LE", SCMP_CMP_LE},
	{"SCMP_CMP_EQ", SCMP_CMP_EQ},
	{"SCMP_CMP_GE", SCMP_CMP_GE},
	{"SCMP_CMP_GT", SCMP_CMP_GT},
	{"SCMP_CMP_MASKED_EQ", SCMP_CMP_MASKED_EQ},
};

#ifndef SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV /* Linux 5.19 */
#define SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV (1UL << 5)
#endif

static const struct name_value filter_flags[] = {
	{"SECCOMP_FILTER_FLAG_TSYNC", 0}, /* a process of one thread needs none */
	{"SECCOMP_FILTER_FLAG_LOG", SECCOMP_FILTER_FLAG_LOG},
	{"SECCOMP_FILTER_FLAG_SPEC_ALLOW", SECCOMP_FILTER_FLAG_SPEC_ALLOW},
	{"SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV", SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV},
};

static int lookup(const struct name_value *table, size_t n, const char *name, uint32_t *ret)
{
	for (size_t i = 0; i < n; i++) {
		if (str_eq(table[i].name, name)) {
			*ret = table[i].value;
			return 0;
		}
	}
	return -EINVAL;
}

static int parse_action(
	const char *name, struct hull_opt_u32 errno_ret, uint32_t *ret, struct hull_error *err)
{
	if (str_eq(name, "SCMP_ACT_NOTIFY"))
		return error_set(err, HULL_ERROR_UNSUPPORTED,
			"linux.seccomp: SCMP_ACT_NOTIFY is not supported");
	if (lookup(actions, ARRAY_SIZE(actions), name, ret) < 0)
		return error_set(
			err, HULL_ERROR_INVALID, "linux.seccomp: unknown action \"%.100s\"", name);
	uint32_t data = errno_ret.set ? errno_ret.value : EPERM;
	if (data > UINT16_MAX)
		return error_set(err, HULL_ERROR_INVALID, "linux.seccomp: errnoRet out of range");
	if (str_eq(name, "SCMP_ACT_ERRNO"))
		*ret = SCMP_ACT_ERRNO(data);
	else if (str_eq(name, "SCMP_ACT_TRACE"))
		*ret = SCMP_ACT_TRACE(data);
	return 0;
}

static int add_architectures(scmp_filter_ctx ctx, char *const *names, struct hull_error *err)
{
	strv_foreach (name, names) {
		char lower[32];
		const char *bare = str_after(*name, "SCMP_ARCH_");
		size_t n = bare ? strlen(bare) : 0;
		if (!bare || n >= sizeof(lower))
			return error_set(err, HULL_ERROR_INVALID,
				"linux.seccomp: unknown architecture \"%.100s\"", *name);
		for (size_t i = 0; i <= n; i++)
			lower[i] =
				(char)(bare[i] >= 'A' && bare[i] <= 'Z' ? bare[i] | 0x20 : bare[i]);
		uint32_t arch = seccomp_arch_resolve_name(lower);
		/* One that this libseccomp does not know cannot be what the machine runs. */
		if (arch == 0)
			continue;
		int r = seccomp_arch_add(ctx, arch);
		if (r < 0 && r != -EEXIST)
			return error_errno(err, r, "linux.seccomp: architecture %s", *name);
	}
	return 0;
}

static int parse_args(
	const struct oci_seccomp_syscall *s, struct scmp_arg_cmp *args, struct hull_error *err)
{
	if (s->n_args > 6)
		return error_set(err, HULL_ERROR_INVALID,
			"linux.seccomp: %s: more than 6 arguments", s->names[0]);
	for (size_t i = 0; i < s->n_args; i++) {
		const struct oci_seccomp_arg *a = &s->args[i];
		uint32_t op;
		if (lookup(operators, ARRAY_SIZE(operators), a->op, &op) < 0 || a->index > 5)
			return error_set(err, HULL_ERROR_INVALID,
				"linux.seccomp: %s: bad argument comparison \"%.100s\"",
				s->names[0], a->op);
		args[i] = (struct scmp_arg_cmp){.arg = a->index,
			.op = (enum scmp_compare)op,
			.datum_a = a->value,
			.datum_b = a->value_two};
	}
	return 0;
}

/* libseccomp wants each argument at most once per rule; the specification then means "any". */
static bool has_repeated_argument(const struct scmp_arg_cmp *args, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		for (size_t k = 0; k < i; k++) {
			if (args[i].arg == args[k].arg)
				return true;
		}
	}
	return false;
}

static int add_rule(scmp_filter_ctx ctx, uint32_t action, const char *name,
	const struct scmp_arg_cmp *args, size_t n_args, struct hull_error *err)
{
	int number = seccomp_syscall_resolve_name(name), r = 0;

	/* A call of another kernel or architecture: nothing to filter. */
	if (number == __NR_SCMP_ERROR)
		return 0;
	if (!has_repeated_argument(args, n_args)) {
		r = seccomp_rule_add_array(ctx, action, number, (unsigned int)n_args, args);
	} else {
		for (size_t i = 0; r >= 0 && i < n_args; i++)
			r = seccomp_rule_add_array(ctx, action, number, 1, &args[i]);
	}
	/* -EACCES: the same action as the default's; -EEXIST: said twice. */
	if (r < 0 && r != -EACCES && r != -EEXIST)
		return error_errno(err, r, "linux.seccomp: rule for %s", name);
	return 0;
}

static int add_rules(scmp_filter_ctx ctx, const struct oci_seccomp *s, uint32_t default_action,
	struct hull_error *err)
{
	for (size_t i = 0; i < s->n_syscalls; i++) {
		const struct oci_seccomp_syscall *c = &s->syscalls[i];
		struct scmp_arg_cmp args[6];
		uint32_t action;
		if (!c->names[0])
			return error_set(err, HULL_ERROR_INVALID,
				"linux.seccomp.syscalls[%zu]: no names", i);
		int r = parse_action(c->action, c->errno_ret, &action, err);
		if (r == 0)
			r = parse_args(c, args, err);
		if (r < 0)
			return r;
		if (action == default_action)
			continue;
		strv_foreach (name, c->names) {
			r = add_rule(ctx, action, *name, args, c->n_args, err);
			if (r < 0)
				return r;
		}
	}
	return 0;
}

static int parse_filter_flags(char *const *names, uint32_t *ret, struct hull_error *err)
{
	*ret = 0;
	strv_foreach (name, names) {
		uint32_t value;
		if (lookup(filter_flags, ARRAY_SIZE(filter_flags), *name, &value) < 0)
			return error_set(err, HULL_ERROR_INVALID,
				"linux.seccomp: unknown flag \"%.100s\"", *name);
		*ret |= value;
	}
	return 0;
}

static void ctx_releasep(scmp_filter_ctx *ctx)
{
	if (*ctx)
		seccomp_release(*ctx);
}

/* libseccomp 2.5 writes to an fd only. */
static int export_filter(scmp_filter_ctx ctx, struct sock_filter *filter, size_t max,
	uint32_t *ret_length, struct hull_error *err)
{
	_cleanup_close_ int fd = memfd_create("seccomp", MFD_CLOEXEC);

	if (fd < 0)
		return error_errno(err, errno, "linux.seccomp: memfd");
	int r = seccomp_export_bpf(ctx, fd);
	if (r < 0)
		return error_errno(err, r, "linux.seccomp: compile");
	struct stat st;
	if (fstat(fd, &st) < 0 || lseek(fd, 0, SEEK_SET) < 0)
		return error_errno(err, errno, "linux.seccomp: memfd");
	if ((size_t)st.st_size > max * sizeof(*filter))
		return error_set(
			err, HULL_ERROR_LIMIT, "linux.seccomp: more than %zu instructions", max);
	r = fd_read_exact(fd, filter, (size_t)st.st_size);
	if (r < 0)
		return error_errno(err, r, "linux.seccomp: memfd");
	*ret_length = (uint32_t)((size_t)st.st_size / sizeof(*filter));
	return 0;
}

static int compile(const char *profile, struct sock_filter *filter, size_t max,
	uint32_t *ret_length, uint32_t *ret_flags, struct hull_error *err)
{
	_cleanup_arena_ struct arena arena = ARENA_INIT;
	struct oci_seccomp *s;
	uint32_t action;
	int r = oci_seccomp_parse(&arena, profile, &s, err);

	if (r == 0)
		r = parse_action(s->default_action, s->default_errno_ret, &action, err);
	if (r == 0)
		r = parse_filter_flags(s->flags, ret_flags, err);
	if (r < 0)
		return r;
	_cleanup_(ctx_releasep) scmp_filter_ctx ctx = seccomp_init(action);
	if (!ctx)
		return error_no_memory(err);
	r = add_architectures(ctx, s->architectures, err);
	if (r < 0)
		return r;
	seccomp_attr_set(ctx, SCMP_FLTATR_CTL_NNP, 0);
	/* A tree instead of a list, once there is something to search in. */
	if (s->n_syscalls > 32)
		seccomp_attr_set(ctx, SCMP_FLTATR_CTL_OPTIMIZE, 2);
	r = add_rules(ctx, s, action, err);
	return r < 0 ? r : export_filter(ctx, filter, max, ret_length, err);
}

/* ---- the cache ---- */

static uint64_t hash(const char *key, size_t n)
{
	uint64_t h = UINT64_C(14695981039346656037);

	for (size_t i = 0; i < n; i++)
		h = (h ^ (unsigned char)key[i]) * UINT64_C(1099511628211);
	return h;
}

static void cache_name(const char *profile, size_t n, char name[32])
{
	snprintf(name, 32, "%016llx", (unsigned long long)hash(profile, n));
}

static bool cache_load(int cache_fd, const char *profile, size_t n, struct sock_filter *filter,
	size_t max, uint32_t *ret_length, uint32_t *ret_flags)
{
	struct cache_header h;
	char name[32];

	cache_name(profile, n, name);
	_cleanup_close_ int fd = openat(cache_fd, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0 || fd_read_exact(fd, &h, sizeof(h)) < 0)
		return false;
	if (memcmp(h.magic, CACHE_MAGIC, sizeof(h.magic)) != 0 || h.key_length != n ||
		h.arch != seccomp_arch_native() || h.filter_length == 0 || h.filter_length > max)
		return false;
	size_t size = n + h.filter_length * sizeof(*filter);
	_cleanup_free_ char *content = malloc(size);
	if (!content || fd_read_exact(fd, content, size) < 0 || memcmp(content, profile, n) != 0)
		return false;
	memcpy(filter, content + n, h.filter_length * sizeof(*filter));
	*ret_length = h.filter_length;
	*ret_flags = h.filter_flags;
	return true;
}

/* Profiles are few. If something makes them by the thousand, all are dropped and begin again. */
static void cache_trim(int cache_fd)
{
	_cleanup_close_ int fd = openat(cache_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	_cleanup_closedir_ DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	size_t n = 0;

	if (!dir)
		return;
	TAKE_FD(fd);
	for (struct dirent *e; (e = readdir(dir));)
		n += e->d_name[0] != '.';
	if (n < CACHE_ENTRIES)
		return;
	rewinddir(dir);
	for (struct dirent *e; (e = readdir(dir));) {
		if (e->d_name[0] != '.')
			unlinkat(cache_fd, e->d_name, 0);
	}
}

/* Not being able to keep a filter is no reason not to use it. */
static void cache_store(int cache_fd, const char *profile, size_t n,
	const struct sock_filter *filter, uint32_t length, uint32_t flags)
{
	struct cache_header h = {.arch = seccomp_arch_native(),
		.filter_flags = flags,
		.key_length = (uint32_t)n,
		.filter_length = length};
	_cleanup_buf_ struct buf content = BUF_INIT;
	char name[32];

	memcpy(h.magic, CACHE_MAGIC, sizeof(h.magic));
	cache_name(profile, n, name);
	buf_append(&content, &h, sizeof(h));
	buf_append(&content, profile, n);
	buf_append(&content, filter, length * sizeof(*filter));
	if (buf_error(&content))
		return;
	cache_trim(cache_fd);
	file_replace_at(cache_fd, name, content.data, content.len, 0600, false);
}

int seccomp_filter(const char *profile, int cache_fd, struct sock_filter *filter, size_t max,
	uint32_t *ret_length, uint32_t *ret_flags, plan_warning_fn *warn, void *userdata,
	struct hull_error *err)
{
	size_t n = strlen(profile);

	if (cache_fd >= 0 && cache_load(cache_fd, profile, n, filter, max, ret_length, ret_flags))
		return 0;
	int r = compile(profile, filter, max, ret_length, ret_flags, err);
	if (r == 0 && cache_fd >= 0)
		cache_store(cache_fd, profile, n, filter, *ret_length, *ret_flags);
	return r;
}
