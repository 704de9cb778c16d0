/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From a seccomp profile to a filter, by libseccomp, behind a prologue of our own (filter_stub.c).
 * What libseccomp does not know is no part of the machine's kernel as far as it can tell: such
 * calls and architectures are passed over, and whoever wants to hear of it is told.
 */
#include "runtime/filter.h"
#include "runtime/filter_stub.h"
#include "oci/runtime_spec.h"
#include "base/fd.h"
#include "base/str.h"

#include <linux/seccomp.h>
#include <seccomp.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#define ACTION_NOTIFY "SCMP_ACT_NOTIFY"

const struct filter_name filter_actions[] = {
	{"SCMP_ACT_KILL", SCMP_ACT_KILL},
	{"SCMP_ACT_KILL_PROCESS", SCMP_ACT_KILL_PROCESS},
	{"SCMP_ACT_KILL_THREAD", SCMP_ACT_KILL_THREAD},
	{"SCMP_ACT_TRAP", SCMP_ACT_TRAP},
	{"SCMP_ACT_ERRNO", SCMP_ACT_ERRNO(0)},
	{"SCMP_ACT_TRACE", SCMP_ACT_TRACE(0)},
	{"SCMP_ACT_ALLOW", SCMP_ACT_ALLOW},
	{"SCMP_ACT_LOG", SCMP_ACT_LOG},
	{ACTION_NOTIFY, SCMP_ACT_NOTIFY},
	{NULL, 0},
};

const struct filter_name filter_operators[] = {
	{"SCMP_CMP_NE", SCMP_CMP_NE},
	{"SCMP_CMP_LT", SCMP_CMP_LT},
	{"SCMP_CMP_LE", SCMP_CMP_LE},
	{"SCMP_CMP_EQ", SCMP_CMP_EQ},
	{"SCMP_CMP_GE", SCMP_CMP_GE},
	{"SCMP_CMP_GT", SCMP_CMP_GT},
	{"SCMP_CMP_MASKED_EQ", SCMP_CMP_MASKED_EQ},
	{NULL, 0},
};

const char *const filter_architectures[] = {"SCMP_ARCH_X86", "SCMP_ARCH_X86_64", "SCMP_ARCH_X32",
	"SCMP_ARCH_ARM", "SCMP_ARCH_AARCH64", "SCMP_ARCH_MIPS", "SCMP_ARCH_MIPS64",
	"SCMP_ARCH_MIPS64N32", "SCMP_ARCH_MIPSEL", "SCMP_ARCH_MIPSEL64", "SCMP_ARCH_MIPSEL64N32",
	"SCMP_ARCH_PPC", "SCMP_ARCH_PPC64", "SCMP_ARCH_PPC64LE", "SCMP_ARCH_S390",
	"SCMP_ARCH_S390X", "SCMP_ARCH_PARISC", "SCMP_ARCH_PARISC64", "SCMP_ARCH_RISCV64",
	"SCMP_ARCH_LOONGARCH64", "SCMP_ARCH_M68K", "SCMP_ARCH_SH", "SCMP_ARCH_SHEB", NULL};

#ifndef SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV /* Linux 5.19 */
#define SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV (1UL << 5)
#endif

const struct filter_name filter_flags[] = {
	{"SECCOMP_FILTER_FLAG_TSYNC", 0}, /* a process of one thread needs none */
	{"SECCOMP_FILTER_FLAG_LOG", SECCOMP_FILTER_FLAG_LOG},
	{"SECCOMP_FILTER_FLAG_SPEC_ALLOW", SECCOMP_FILTER_FLAG_SPEC_ALLOW},
	{"SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV", SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV},
	{NULL, 0},
};

bool filter_flag_supported(uint32_t flag)
{
	/* A flag that is known fails because of the missing program, an unknown one as invalid. One
	 * flag is valid only together with a listener. */
	unsigned long probe = flag == SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV
				      ? flag | SECCOMP_FILTER_FLAG_NEW_LISTENER
				      : flag;

	return flag == 0 ||
	       (syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, probe, NULL) < 0 && errno == EFAULT);
}

void filter_library_version(char *text, size_t size)
{
	const struct scmp_version *v = seccomp_version();

	snprintf(text, size, "%u.%u.%u", v->major, v->minor, v->micro);
}

static int lookup(const struct filter_name *table, const char *name, uint32_t *ret)
{
	for (; table->name; table++) {
		if (str_eq(table->name, name)) {
			*ret = table->value;
			return 0;
		}
	}
	return -EINVAL;
}

static int parse_action(
	const char *name, struct hull_opt_u32 errno_ret, uint32_t *ret, struct hull_error *err)
{
	if (lookup(filter_actions, name, ret) < 0)
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

uint32_t filter_architecture(const char *name)
{
	const char *bare = str_after(name, "SCMP_ARCH_");
	char lower[32];
	size_t n = bare ? strlen(bare) : sizeof(lower);

	if (n >= sizeof(lower))
		return 0;
	for (size_t i = 0; i <= n; i++)
		lower[i] = (char)(bare[i] >= 'A' && bare[i] <= 'Z' ? bare[i] | 0x20 : bare[i]);
	return seccomp_arch_resolve_name(lower);
}

static bool is_known_architecture(const char *name)
{
	for (const char *const *known = filter_architectures; *known; known++) {
		if (str_eq(*known, name))
			return true;
	}
	return false;
}

static int add_architectures(scmp_filter_ctx ctx, char *const *names, struct hull_error *err)
{
	strv_foreach (name, names) {
		if (!is_known_architecture(*name))
			return error_set(err, HULL_ERROR_INVALID,
				"linux.seccomp: unknown architecture \"%.100s\"", *name);
		uint32_t arch = filter_architecture(*name);
		/* One that this libseccomp does not know cannot be what the machine runs. */
		if (arch == 0)
			continue;
		int r = seccomp_arch_add(ctx, arch);
		/* -EDOM: of the other byte order, so not this machine's either. */
		if (r < 0 && r != -EEXIST && r != -EDOM)
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
		if (lookup(filter_operators, a->op, &op) < 0 || a->index > 5)
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

static int add_rule(scmp_filter_ctx ctx, const struct filter *filter, uint32_t action,
	const char *name, const struct scmp_arg_cmp *args, size_t n_args, struct hull_error *err)
{
	int number = seccomp_syscall_resolve_name(name), r = 0;

	/* A call of another kernel or architecture: nothing to filter. */
	if (number == __NR_SCMP_ERROR)
		return filter->unknown ? filter->unknown(filter->userdata, name, err) : 0;
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

static int add_rules(scmp_filter_ctx ctx, const struct filter *filter, const struct oci_seccomp *s,
	uint32_t default_action, struct hull_error *err)
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
			r = add_rule(ctx, filter, action, *name, args, c->n_args, err);
			if (r < 0)
				return r;
		}
	}
	return 0;
}

static bool notifies(const struct oci_seccomp *s)
{
	for (size_t i = 0; i < s->n_syscalls; i++) {
		if (str_eq(s->syscalls[i].action, ACTION_NOTIFY))
			return true;
	}
	return false;
}

static int parse_filter_flags(const struct oci_seccomp *s, uint32_t *ret, struct hull_error *err)
{
	*ret = 0;
	strv_foreach (name, s->flags) {
		uint32_t value;
		if (lookup(filter_flags, *name, &value) < 0)
			return error_set(err, HULL_ERROR_INVALID,
				"linux.seccomp: unknown flag \"%.100s\"", *name);
		*ret |= value;
	}
	/* It is about notifications; without a listener the kernel refuses it. */
	if (!notifies(s))
		*ret &= ~(uint32_t)SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV;
	return 0;
}

static void ctx_releasep(scmp_filter_ctx *ctx)
{
	if (*ctx)
		seccomp_release(*ctx);
}

/* Behind what the filter holds already. libseccomp 2.5 writes to an fd only. */
static int export_filter(scmp_filter_ctx ctx, struct filter *filter, struct hull_error *err)
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
	if ((size_t)st.st_size > (filter->max - filter->length) * sizeof(*filter->code))
		return error_set(err, HULL_ERROR_LIMIT, "linux.seccomp: more than %zu instructions",
			filter->max);
	r = fd_read_exact(fd, filter->code + filter->length, (size_t)st.st_size);
	if (r < 0)
		return error_errno(err, r, "linux.seccomp: memfd");
	filter->length += (uint32_t)((size_t)st.st_size / sizeof(*filter->code));
	return 0;
}

int filter_compile(const char *profile, struct filter *filter, struct hull_error *err)
{
	_cleanup_arena_ struct arena arena = ARENA_INIT;
	struct oci_seccomp *s;
	uint32_t action;
	int r = oci_seccomp_parse(&arena, profile, &s, err);

	if (r == 0)
		r = parse_action(s->default_action, s->default_errno_ret, &action, err);
	if (r == 0)
		r = parse_filter_flags(s, &filter->flags, err);
	if (r < 0)
		return r;
	filter->length = (uint32_t)filter_stub(s, action, filter->code, filter->max);
	_cleanup_(ctx_releasep) scmp_filter_ctx ctx = seccomp_init(action);
	if (!ctx)
		return error_no_memory(err);
	r = add_architectures(ctx, s->architectures, err);
	if (r < 0)
		return r;
	seccomp_attr_set(ctx, SCMP_FLTATR_CTL_NNP, 0);
	r = add_rules(ctx, filter, s, action, err);
	if (r == 0)
		r = export_filter(ctx, filter, err);
	if (r == 0)
		filter_shrink(filter);
	return r;
}

int filter_listener(
	struct arena *arena, const char *profile, struct oci_seccomp **ret, struct hull_error *err)
{
	struct oci_seccomp *s;

	*ret = NULL;
	/* The text is ours, written without escapes: without the word there is no such action. */
	if (!strstr(profile, ACTION_NOTIFY))
		return 0;
	int r = oci_seccomp_parse(arena, profile, &s, err);
	if (r < 0)
		return r;
	if (str_eq(s->default_action, ACTION_NOTIFY))
		return error_set(err, HULL_ERROR_INVALID,
			"linux.seccomp: " ACTION_NOTIFY " cannot be used as default action");
	/*
	 * Nothing here would hang, since the listener is handed over by a thread without a filter. But
	 * other runtimes cannot do it, and a profile should mean the same everywhere.
	 */
	for (size_t i = 0; i < s->n_syscalls; i++) {
		if (str_eq(s->syscalls[i].action, ACTION_NOTIFY) &&
			strv_contains(s->syscalls[i].names, "write"))
			return error_set(err, HULL_ERROR_INVALID,
				"linux.seccomp: " ACTION_NOTIFY
				" cannot be used for the write syscall");
	}
	if (notifies(s))
		*ret = s;
	return 0;
}
