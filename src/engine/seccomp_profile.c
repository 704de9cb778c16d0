/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The default profile is printed from seccomp_rules.c at every start, which costs less than
 * reading a file would; the order of the rows is the order of the text. Profiles of users are read
 * into structs, what does not apply here is left out, and the rest is written by the runtime spec's
 * own table.
 */
#include "engine/seccomp_profile.h"
#include "base/fd.h"
#include "base/str.h"
#include "engine/seccomp_rules.h"
#include "oci/runtime_spec.h"
#include "sys/capability.h"

#include <ctype.h>
#include <stdlib.h>
#include <sys/utsname.h>

#define PROFILE_MAX ((size_t)4 << 20)

static uint64_t capabilities_as_set(char *const *names)
{
	uint64_t set = 0;

	strv_foreach (name, names) {
		int c = capability_parse(*name);
		if (c >= 0)
			set |= UINT64_C(1) << c;
	}
	return set;
}

/* "a b" as "a","b" */
static void put_words(struct buf *out, const char *words)
{
	char *p = buf_reserve(out, 4 * strlen(words) + 2);

	if (!p)
		return;
	char *start = p;
	while (*words) {
		*p++ = '"';
		while (*words && *words != ' ')
			*p++ = *words++;
		*p++ = '"';
		while (*words == ' ')
			words++;
		if (*words)
			*p++ = ',';
	}
	*p = '\0';
	out->len += (size_t)(p - start);
}

static bool has_word(const char *list, const char *word)
{
	char padded[32];

	snprintf(padded, sizeof(padded), " %s ", word);
	return strstr(list, padded) != NULL;
}

static bool rule_applies(const struct seccomp_rule *rule, const char *arch, uint64_t capabilities)
{
	if (rule->arches && !has_word(rule->arches, arch))
		return false;
	if (rule->not_arches && has_word(rule->not_arches, arch))
		return false;
	if (rule->capability >= 0 && !(capabilities & (UINT64_C(1) << rule->capability)))
		return false;
	return rule->without_capability < 0 ||
	       !(capabilities & (UINT64_C(1) << rule->without_capability));
}

static void put_rule(struct buf *out, const struct seccomp_rule *rule, const uint64_t *value)
{
	static const char *const operators[] = {
		[SECCOMP_TEST_EQUAL] = "SCMP_CMP_EQ",
		[SECCOMP_TEST_BELOW] = "SCMP_CMP_LT",
		[SECCOMP_TEST_NO_BITS_OF] = "SCMP_CMP_MASKED_EQ",
	};

	buf_puts(out, "{\"names\":[");
	put_words(out, rule->names);
	if (rule->errno_ret)
		buf_printf(out, "],\"action\":\"SCMP_ACT_ERRNO\",\"errnoRet\":%d", rule->errno_ret);
	else
		buf_puts(out, "],\"action\":\"SCMP_ACT_ALLOW\"");
	if (value)
		buf_printf(out, ",\"args\":[{\"index\":%u,\"value\":%llu,\"op\":\"%s\"}]",
			rule->argument, (unsigned long long)*value, operators[rule->test]);
	buf_puts(out, "},");
}

int seccomp_profile_default(
	struct arena *arena, char *const *capabilities, char **ret_json, struct hull_error *err)
{
	_cleanup_buf_ struct buf out = BUF_INIT;
	uint64_t set = capabilities_as_set(capabilities);
	const struct seccomp_arch *arch = seccomp_rules_arch_native();

	buf_reserve(&out, 16384);
	buf_printf(&out, "{\"defaultAction\":\"SCMP_ACT_ERRNO\",\"defaultErrnoRet\":%d,", EPERM);
	if (*arch->all) {
		buf_puts(&out, "\"architectures\":[");
		put_words(&out, arch->all);
		buf_puts(&out, "],");
	}
	buf_puts(&out, "\"syscalls\":[");
	for (size_t i = 0; i < seccomp_rules_count; i++) {
		const struct seccomp_rule *rule = &seccomp_rules[i];
		if (!rule_applies(rule, arch->name, set))
			continue;
		for (size_t v = 0; v < rule->n_values; v++)
			put_rule(&out, rule, &rule->values[v]);
		if (rule->n_values == 0)
			put_rule(&out, rule, NULL);
	}
	if (buf_error(&out) < 0)
		return error_no_memory(err);
	out.data[out.len - 1] = ']'; /* the last rule's comma */
	buf_putc(&out, '}');
	if (buf_error(&out) < 0)
		return error_no_memory(err);
	char *json = arena_strndup(arena, out.data, out.len);
	if (!json)
		return error_no_memory(err);
	*ret_json = json;
	return 0;
}

/* A profile as users write it. */
struct profile_filter {
	char **caps;
	char **arches;
	char *min_kernel;
};

struct profile_rule {
	char *name; /* the older form of names */
	char **names;
	char *action;
	struct hull_opt_u32 errno_ret;
	struct oci_seccomp_arg *args;
	size_t n_args;
	struct profile_filter includes;
	struct profile_filter excludes;
};

struct profile_arch {
	char *architecture;
	char **sub_architectures;
};

struct profile {
	char *default_action;
	struct hull_opt_u32 default_errno_ret;
	char **architectures;
	struct profile_arch *arch_map;
	size_t n_arch_map;
	char **flags;
	char *listener_path;
	char *listener_metadata;
	struct profile_rule *syscalls;
	size_t n_syscalls;
};

static const struct json_field filter_fields[] = {
	JSON_FIELD(struct profile_filter, caps, "caps", JSON_STRV),
	JSON_FIELD(struct profile_filter, arches, "arches", JSON_STRV),
	JSON_FIELD(struct profile_filter, min_kernel, "minKernel", JSON_STRING),
};
static const struct json_table filter_table =
	JSON_TABLE("filter", struct profile_filter, filter_fields);

static const struct json_field argument_fields[] = {
	JSON_FIELD(struct oci_seccomp_arg, index, "index", JSON_U32),
	JSON_FIELD(struct oci_seccomp_arg, value, "value", JSON_U64),
	JSON_FIELD(struct oci_seccomp_arg, value_two, "valueTwo", JSON_U64),
	JSON_FIELD(struct oci_seccomp_arg, op, "op", JSON_STRING, .flags = JSON_REQUIRED),
};
static const struct json_table argument_table =
	JSON_TABLE("argument", struct oci_seccomp_arg, argument_fields);

static const struct json_field rule_fields[] = {
	JSON_FIELD(struct profile_rule, name, "name", JSON_STRING),
	JSON_FIELD(struct profile_rule, names, "names", JSON_STRV),
	JSON_FIELD(struct profile_rule, action, "action", JSON_STRING, .flags = JSON_REQUIRED),
	JSON_FIELD(struct profile_rule, errno_ret, "errnoRet", JSON_OPT_U32),
	JSON_FIELD(struct profile_rule, args, "args", JSON_ARRAY, .table = &argument_table,
		.count_offset = offsetof(struct profile_rule, n_args)),
	JSON_FIELD(struct profile_rule, includes, "includes", JSON_STRUCT, .table = &filter_table),
	JSON_FIELD(struct profile_rule, excludes, "excludes", JSON_STRUCT, .table = &filter_table),
};
static const struct json_table rule_table = JSON_TABLE("rule", struct profile_rule, rule_fields);

static const struct json_field arch_fields[] = {
	JSON_FIELD(struct profile_arch, architecture, "architecture", JSON_STRING,
		.flags = JSON_REQUIRED),
	JSON_FIELD(struct profile_arch, sub_architectures, "subArchitectures", JSON_STRV),
};
static const struct json_table arch_table =
	JSON_TABLE("architecture", struct profile_arch, arch_fields);

static const struct json_field profile_fields[] = {
	JSON_FIELD(struct profile, default_action, "defaultAction", JSON_STRING,
		.flags = JSON_REQUIRED),
	JSON_FIELD(struct profile, default_errno_ret, "defaultErrnoRet", JSON_OPT_U32),
	JSON_FIELD(struct profile, architectures, "architectures", JSON_STRV),
	JSON_FIELD(struct profile, arch_map, "archMap", JSON_ARRAY, .table = &arch_table,
		.count_offset = offsetof(struct profile, n_arch_map)),
	JSON_FIELD(struct profile, flags, "flags", JSON_STRV),
	JSON_FIELD(struct profile, listener_path, "listenerPath", JSON_STRING),
	JSON_FIELD(struct profile, listener_metadata, "listenerMetadata", JSON_STRING),
	JSON_FIELD(struct profile, syscalls, "syscalls", JSON_ARRAY, .table = &rule_table,
		.count_offset = offsetof(struct profile, n_syscalls)),
};
static const struct json_table profile_table =
	JSON_TABLE("seccomp profile", struct profile, profile_fields);

/* "5.14" with anything after it ("5.14.0-rc1"): 0 or -EINVAL. */
static int parse_kernel(const char *text, unsigned long *ret_major, unsigned long *ret_minor)
{
	char *end;
	unsigned long major = strtoul(text, &end, 10);

	if (!isdigit((unsigned char)*text) || *end != '.' || !isdigit((unsigned char)end[1]))
		return -EINVAL;
	*ret_minor = strtoul(end + 1, NULL, 10);
	*ret_major = major;
	return 0;
}

/* 1 = the running kernel is that old or newer, 0 = it is not, or -EINVAL. */
static int kernel_reaches(const char *text)
{
	struct utsname u;
	unsigned long major, minor, have_major = 0, have_minor = 0;

	if (parse_kernel(text, &major, &minor) < 0)
		return -EINVAL;
	uname(&u);
	(void)parse_kernel(u.release, &have_major, &have_minor);
	return have_major > major || (have_major == major && have_minor >= minor);
}

/* What a profile is judged by. */
struct surroundings {
	const struct seccomp_arch *arch;
	char *const *capabilities;
};

static bool has_capability(const struct surroundings *s, const char *name)
{
	return strv_contains(s->capabilities, name);
}

/* 1 = the rule counts here, 0 = it does not, or -EINVAL for a bad minKernel. */
static int user_rule_applies(const struct surroundings *s, const struct profile_rule *rule)
{
	const struct profile_filter *in = &rule->includes, *ex = &rule->excludes;
	int in_kernel = in->min_kernel && *in->min_kernel ? kernel_reaches(in->min_kernel) : 1;
	int ex_kernel = ex->min_kernel && *ex->min_kernel ? kernel_reaches(ex->min_kernel) : 0;

	if (in_kernel < 0 || ex_kernel < 0)
		return -EINVAL;
	if (strv_contains(ex->arches, s->arch->name) || ex_kernel || !in_kernel)
		return 0;
	strv_foreach (name, ex->caps) {
		if (has_capability(s, *name))
			return 0;
	}
	if (strv_length(in->arches) > 0 && !strv_contains(in->arches, s->arch->name))
		return 0;
	strv_foreach (name, in->caps) {
		if (!has_capability(s, *name))
			return 0;
	}
	return 1;
}

static int convert_rule(struct arena *arena, const struct profile_rule *rule, const char *what,
	struct oci_seccomp_syscall *ret, struct hull_error *err)
{
	char **names = rule->names;

	if (rule->name && *rule->name) {
		if (strv_length(names) > 0)
			return error_set(err, HULL_ERROR_INVALID,
				"%s: a rule has both 'name' (%s) and 'names'", what, rule->name);
		names = NULL;
		if (arena_strv_append(arena, &names, rule->name) < 0)
			return error_no_memory(err);
	}
	if (strv_length(names) == 0)
		return error_set(
			err, HULL_ERROR_INVALID, "%s: a rule without names of system calls", what);
	*ret = (struct oci_seccomp_syscall){
		.names = names,
		.action = rule->action,
		.errno_ret = rule->errno_ret,
		.args = rule->args,
		.n_args = rule->n_args,
	};
	return 0;
}

static int convert_architectures(struct arena *arena, const struct profile *profile,
	const struct seccomp_arch *arch, const char *what, char ***ret, struct hull_error *err)
{
	*ret = profile->architectures;
	if (profile->n_arch_map == 0)
		return 0;
	if (strv_length(profile->architectures) > 0)
		return error_set(err, HULL_ERROR_INVALID,
			"%s: use either 'architectures' or 'archMap'", what);
	for (size_t i = 0; i < profile->n_arch_map; i++) {
		const struct profile_arch *map = &profile->arch_map[i];
		if (!str_eq(map->architecture, arch->native))
			continue;
		if (arena_strv_append(arena, ret, map->architecture) < 0)
			return error_no_memory(err);
		strv_foreach (sub, map->sub_architectures) {
			if (arena_strv_append(arena, ret, *sub) < 0)
				return error_no_memory(err);
		}
		break;
	}
	return 0;
}

static int format_profile(struct arena *arena, const struct oci_seccomp *seccomp, char **ret_json,
	struct hull_error *err)
{
	_cleanup_buf_ struct buf out = BUF_INIT;
	struct json_writer w = JSON_WRITER_INIT(&out, 0);

	json_struct(&w, &oci_seccomp_table, seccomp);
	char *json = buf_error(&out) < 0 ? NULL : arena_strndup(arena, out.data, out.len);
	if (!json)
		return error_no_memory(err);
	*ret_json = json;
	return 0;
}

int seccomp_profile_convert(struct arena *arena, const char *text, size_t len, const char *what,
	char *const *capabilities, char **ret_json, struct hull_error *err)
{
	const struct json_limits limits = {.bytes = PROFILE_MAX, .depth = 16};
	const struct surroundings here = {seccomp_rules_arch_native(), capabilities};
	struct profile profile = {0};
	struct oci_seccomp out = {0};

	int r = json_parse(arena, &profile_table, &profile, text, len, &limits, what, err);
	if (r < 0)
		return r;
	out.default_action = profile.default_action;
	out.default_errno_ret = profile.default_errno_ret;
	out.flags = profile.flags;
	out.listener_path = profile.listener_path;
	out.listener_metadata = profile.listener_metadata;
	r = convert_architectures(arena, &profile, here.arch, what, &out.architectures, err);
	if (r < 0)
		return r;
	out.syscalls = arena_array(arena, profile.n_syscalls + 1, sizeof(*out.syscalls));
	if (!out.syscalls)
		return error_no_memory(err);
	for (size_t i = 0; i < profile.n_syscalls; i++) {
		const struct profile_rule *rule = &profile.syscalls[i];
		r = user_rule_applies(&here, rule);
		if (r < 0)
			return error_set(err, HULL_ERROR_INVALID,
				"%s: a rule has a 'minKernel' that is no kernel version", what);
		if (r == 0)
			continue;
		r = convert_rule(arena, rule, what, &out.syscalls[out.n_syscalls], err);
		if (r < 0)
			return r;
		out.n_syscalls++;
	}
	return format_profile(arena, &out, ret_json, err);
}

int seccomp_profile_load(struct arena *arena, const char *path, char *const *capabilities,
	char **ret_json, struct hull_error *err)
{
	_cleanup_buf_ struct buf text = BUF_INIT;

	int r = file_read_at(AT_FDCWD, path, &text, PROFILE_MAX);
	if (r == -E2BIG)
		return error_set(err, HULL_ERROR_LIMIT, "seccomp profile %s: larger than %zu bytes",
			path, PROFILE_MAX);
	if (r < 0)
		return error_errno(err, r, "opening seccomp profile (%s) failed", path);
	return seccomp_profile_convert(
		arena, buf_str(&text), text.len, path, capabilities, ret_json, err);
}
