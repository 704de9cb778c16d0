/* SPDX-License-Identifier: Apache-2.0 */
/* A plan in words: the templates of op.c, filled in. */
#include "runtime/op.h"
#include "base/clock.h"
#include "base/str.h"
#include "base/utf8.h"
#include "sys/capability.h"
#include "sys/mount_api.h"

#include <inttypes.h>
#include <sched.h>
#include <sys/sysmacros.h>

struct namespace_text {
	uint64_t flag;
	const char *name, *constant, *option;
};

static const struct namespace_text namespace_texts[] = {
	{CLONE_NEWUSER, "user", "CLONE_NEWUSER", " --user"},
	{CLONE_NEWPID, "pid", "CLONE_NEWPID", " --pid"},
	{CLONE_NEWNS, "mount", "CLONE_NEWNS", " --mount"},
	{CLONE_NEWNET, "network", "CLONE_NEWNET", " --net"},
	{CLONE_NEWIPC, "ipc", "CLONE_NEWIPC", " --ipc"},
	{CLONE_NEWUTS, "uts", "CLONE_NEWUTS", " --uts"},
	{CLONE_NEWCGROUP, "cgroup", "CLONE_NEWCGROUP", " --cgroup"},
	{0x80, "time", "CLONE_NEWTIME", " --time"},
};

static const char *const message_texts[MESSAGE_TYPE_MAX] = {
	[MESSAGE_MAPPED] = "id maps are written",
	[MESSAGE_CGROUP] = "the cgroup is ready",
	[MESSAGE_NAMESPACES] = "the namespaces exist",
	[MESSAGE_LINKS] = "the network devices are there",
	[MESSAGE_MOUNTED] = "the file system stands",
	[MESSAGE_HOOKS] = "the hooks have run",
	[MESSAGE_PLACED] = "only the process itself is left to do",
	[MESSAGE_LIMITS] = "the limits are set",
	[MESSAGE_FILTER] = "the seccomp filter is compiled",
	[MESSAGE_RECORDED] = "the container is recorded",
	[MESSAGE_CONSOLE] = "here is the terminal",
	[MESSAGE_LISTENER] = "here is the seccomp listener",
	[MESSAGE_AGENT] = "the seccomp agent has its listener",
	[MESSAGE_CREATED] = "the container is created",
	[MESSAGE_EXECUTING] = "the command executes",
};

static const struct {
	uint64_t bit;
	const char *name, *option;
} attribute_texts[] = {
	{MOUNT_ATTR_RDONLY, "MOUNT_ATTR_RDONLY", "ro"},
	{MOUNT_ATTR_NOSUID, "MOUNT_ATTR_NOSUID", "nosuid"},
	{MOUNT_ATTR_NODEV, "MOUNT_ATTR_NODEV", "nodev"},
	{MOUNT_ATTR_NOEXEC, "MOUNT_ATTR_NOEXEC", "noexec"},
	{MOUNT_ATTR_NOATIME, "MOUNT_ATTR_NOATIME", "noatime"},
	{MOUNT_ATTR_STRICTATIME, "MOUNT_ATTR_STRICTATIME", "strictatime"},
	{MOUNT_ATTR_NODIRATIME, "MOUNT_ATTR_NODIRATIME", "nodiratime"},
	{MOUNT_ATTR_NOSYMFOLLOW, "MOUNT_ATTR_NOSYMFOLLOW", "nosymfollow"},
};

static uint64_t namespace_flags(const struct op *op)
{
	return op->kind == OP_CLONE ? op->clone->flags : op->flags;
}

static void put_namespaces(
	const struct op *op, const char *separator, size_t field, struct buf *out)
{
	uint64_t flags = namespace_flags(op);
	bool first = true;

	for (size_t i = 0; i < ARRAY_SIZE(namespace_texts); i++) {
		const struct namespace_text *t = &namespace_texts[i];
		if (!(flags & t->flag))
			continue;
		if (!first)
			buf_puts(out, separator);
		first = false;
		buf_puts(out, field == 0 ? t->name : field == 1 ? t->constant : t->option);
	}
}

static void put_attributes(uint64_t set, bool option, const char *separator, struct buf *out)
{
	bool first = true;

	for (size_t i = 0; i < ARRAY_SIZE(attribute_texts); i++) {
		if (!(set & attribute_texts[i].bit))
			continue;
		if (!first)
			buf_puts(out, separator);
		first = false;
		buf_puts(out, option ? attribute_texts[i].option : attribute_texts[i].name);
	}
}

static void put_list(char *const *list, const char *separator, struct buf *out)
{
	bool first = true;

	strv_foreach (s, list) {
		if (!first)
			buf_puts(out, separator);
		first = false;
		buf_puts(out, *s);
	}
}

static void put_mount_options(
	const struct op_mount *m, const char *before, const char *after, struct buf *out)
{
	if (!m->attributes && !m->data)
		return;
	buf_puts(out, before);
	put_attributes(m->attributes, true, ",", out);
	if (m->attributes && m->data)
		buf_putc(out, ',');
	put_list(m->data, ",", out);
	buf_puts(out, after);
}

static void put_id_map(const struct op_id_map *map, const char *separator, struct buf *out)
{
	for (size_t i = 0; i < map->n_uid; i++)
		buf_printf(out, " %u%s%u%s%u", map->uid[i].container_id, separator,
			map->uid[i].host_id, separator, map->uid[i].size);
}

static void put_hooks(const struct oci_hook_list *hooks, struct buf *out)
{
	for (size_t i = 0; i < hooks->count; i++)
		buf_printf(out, " %s", hooks->items[i].path);
}

static void put_capabilities(uint64_t set, struct buf *out)
{
	for (int i = 0; i < 64; i++) {
		if (set & UINT64_C(1) << i)
			buf_printf(out, " %s", capability_name(i) ? capability_name(i) : "CAP_?");
	}
}

static void put_command(char *const *args, struct buf *out)
{
	bool first = true;

	strv_foreach (arg, args) {
		if (!first)
			buf_putc(out, ' ');
		first = false;
		if (**arg && !strpbrk(*arg, " \t\n'\"\\$`;&|<>*?()[]{}#~"))
			buf_puts(out, *arg);
		else
			json_quote(out, *arg, strlen(*arg));
	}
}

static void put_device(const struct oci_device *d, struct buf *out)
{
	buf_printf(out, " %s", d->type);
	if (d->type[0] != 'p')
		buf_printf(out, " %" PRId64 " %" PRId64, d->major, d->minor);
}

/* As the specification writes them: which files they go to depends on the machine's cgroups. */
static void put_limits(const struct plan *plan, struct buf *out)
{
	struct json_writer w = JSON_WRITER_INIT(out, 0);

	if (!plan->resources)
		return;
	buf_puts(out, ", write(");
	json_struct(&w, &oci_resources_table, plan->spec->linux->resources);
	buf_putc(out, ')');
}

static bool expand_plain(
	const struct plan *plan, const struct op *op, const char *name, struct buf *out)
{
	if (str_eq(name, "path"))
		buf_puts(out, op->path ? op->path : "");
	else if (str_eq(name, "source"))
		buf_puts(out, op->source ? op->source : "");
	else if (str_eq(name, "number"))
		buf_printf(out, "%" PRId64, op->number);
	else if (str_eq(name, "octal"))
		buf_printf(out, "%04o", (unsigned int)op->flags);
	else if (str_eq(name, "message"))
		buf_puts(out, message_texts[op->number] ? message_texts[op->number] : "?");
	else if (str_eq(name, "root"))
		buf_puts(out, plan->options.rootfs_fd >= 0 ? "$root" : "rootfs");
	else if (str_eq(name, "cgroup"))
		buf_puts(out, plan->cgroup_path ? plan->cgroup_path : "");
	else if (str_eq(name, "limits"))
		buf_puts(out, plan->resources ? " with its limits" : "");
	else if (str_eq(name, "limit-values"))
		put_limits(plan, out);
	else if (str_eq(name, "listener"))
		buf_puts(out, op->flags ? " and hand its listener over" : "");
	else if (str_eq(name, "listener-flag"))
		buf_puts(out, op->flags ? ", SECCOMP_FILTER_FLAG_NEW_LISTENER" : "");
	else if (str_eq(name, "in-path"))
		buf_printf(out, "%s%s", op->path ? " " : "", op->path ? op->path : "");
	else
		return false;
	return true;
}

static bool expand_namespace(const struct op *op, const char *name, struct buf *out)
{
	if (str_eq(name, "namespaces")) {
		put_namespaces(op, ", ", 0, out);
	} else if (str_eq(name, "namespaces-with")) {
		if (namespace_flags(op)) {
			buf_puts(out, " in new namespaces: ");
			put_namespaces(op, ", ", 0, out);
		}
	} else if (str_eq(name, "namespace-flags")) {
		put_namespaces(op, "|", 1, out);
	} else if (str_eq(name, "clone-flags")) {
		put_namespaces(op, "|", 1, out);
		if (namespace_flags(op))
			buf_putc(out, '|');
	} else if (str_eq(name, "unshare-options") || str_eq(name, "nsenter-options")) {
		put_namespaces(op, "", 2, out);
	} else {
		return false;
	}
	return true;
}

static bool expand_mount(const struct op *op, const char *name, struct buf *out)
{
	if (str_eq(name, "type"))
		buf_puts(out, op->mount->type);
	else if (str_eq(name, "mount-source"))
		buf_puts(out, op->mount->source);
	else if (str_eq(name, "data"))
		put_list(op->mount->data, ", ", out);
	else if (str_eq(name, "attributes"))
		put_attributes(op->mount->attributes, false, "|", out);
	else if (str_eq(name, "mount-options"))
		put_mount_options(op->mount, " (", ")", out);
	else if (str_eq(name, "shell-options"))
		put_mount_options(op->mount, " -o ", "", out);
	else
		return false;
	return true;
}

static bool expand_bind(const struct op *op, const char *name, struct buf *out)
{
	if (str_eq(name, "bind-options")) {
		if (op->bind->set | op->bind->set_recursive) {
			buf_puts(out, " (");
			put_attributes(op->bind->set | op->bind->set_recursive, true, ",", out);
			buf_putc(out, ')');
		}
	} else if (str_eq(name, "bind-recursive")) {
		buf_puts(out, op->bind->recursive ? "|AT_RECURSIVE" : "");
	} else if (str_eq(name, "bind-attributes")) {
		put_attributes(op->bind->set | op->bind->set_recursive, false, "|", out);
	} else {
		return false;
	}
	return true;
}

static void put_limit(uint64_t limit, struct buf *out)
{
	if (limit == UINT64_MAX)
		buf_puts(out, "unlimited");
	else
		buf_printf(out, "%" PRIu64, limit);
}

static void put_rlimit(const struct oci_rlimit *limit, struct buf *out)
{
	buf_printf(out, "%s=", limit->type);
	put_limit(limit->soft, out);
	buf_putc(out, ':');
	put_limit(limit->hard, out);
}

static void expand_data(const struct op *op, const char *name, struct buf *out)
{
	if (str_eq(name, "id-map"))
		put_id_map(op->id_map, ":", out);
	else if (str_eq(name, "id-map-arguments"))
		put_id_map(op->id_map, " ", out);
	else if (str_eq(name, "hook-paths"))
		put_hooks(op->hooks, out);
	else if (str_eq(name, "device"))
		put_device(op->device, out);
	else if (str_eq(name, "device-mode"))
		buf_printf(out, "%03o",
			op->device->file_mode.set ? op->device->file_mode.value & 07777 : 0666);
	else if (str_eq(name, "rlimit"))
		put_rlimit(op->rlimit, out);
	else if (str_eq(name, "network-words"))
		buf_puts(out, op->network->step->words);
	else if (str_eq(name, "network-calls"))
		buf_puts(out, op->network->step->calls);
	else if (str_eq(name, "network-shell"))
		buf_puts(out, op->network->step->shell);
	else if (str_eq(name, "uid"))
		buf_printf(out, "%u", op->user->uid);
	else if (str_eq(name, "gid"))
		buf_printf(out, "%u", op->user->gid);
	else if (str_eq(name, "capabilities"))
		put_capabilities(op->capabilities->permitted, out);
	else if (str_eq(name, "candidates"))
		put_list(op->exec->candidates, ", ", out);
	else if (str_eq(name, "command"))
		put_command(op->exec->args, out);
	else if (str_eq(name, "groups"))
		for (size_t i = 0; i < op->user->n_groups; i++)
			buf_printf(out, " %u", op->user->groups[i]);
}

/*
 * Names in braces are looked up in the operation; everything else is copied. Paths and arguments may
 * be an image's, and are made printable.
 */
static void expand(
	const struct plan *plan, const struct op *op, const char *template, struct buf *out)
{
	size_t start = out->len;
	char name[32];

	for (const char *p = template; *p; p++) {
		const char *end = *p == '{' ? strchr(p, '}') : NULL;
		if (!end || (size_t)(end - p) > sizeof(name)) {
			buf_putc(out, *p);
			continue;
		}
		size_t n = (size_t)(end - p - 1);
		memcpy(name, p + 1, n);
		name[n] = '\0';
		if (!expand_plain(plan, op, name, out) && !expand_namespace(op, name, out) &&
			!expand_mount(op, name, out) && !expand_bind(op, name, out))
			expand_data(op, name, out);
		p = end;
	}
	buf_make_printable(out, start, "");
}

void plan_describe(const struct plan *plan, const struct op *op, struct buf *out)
{
	expand(plan, op, op_class(op->kind)->words, out);
}

static int64_t op_begin(const struct plan *plan, size_t i)
{
	return plan->times ? plan->times[2 * i] : 0;
}

static int64_t op_duration(const struct plan *plan, size_t i)
{
	return plan->times && plan->times[2 * i + 1] ? plan->times[2 * i + 1] - plan->times[2 * i]
						     : 0;
}

static int64_t first_begin(const struct plan *plan)
{
	int64_t first = 0;

	for (size_t i = 0; i < plan->n_ops; i++) {
		if (op_begin(plan, i) && (!first || op_begin(plan, i) < first))
			first = op_begin(plan, i);
	}
	return first;
}

static void print_text(const struct plan *plan, struct buf *out)
{
	int64_t first = first_begin(plan);

	for (size_t i = 0; i < plan->n_ops; i++) {
		const struct op *op = &plan->ops[i];
		const struct op_class *class = op_class(op->kind);
		buf_printf(out, "%3zu. %s  ", i + 1, op->child ? "container" : "runtime  ");
		if (plan->times)
			buf_printf(out, "%8.1f us +%7.1f us  ",
				op_begin(plan, i) ? (double)(op_begin(plan, i) - first) / 1e3 : 0.0,
				(double)op_duration(plan, i) / 1e3);
		expand(plan, op, class->words, out);
		buf_putc(out, '\n');
		if (class->calls) {
			buf_puts(out, "       call:  ");
			expand(plan, op, class->calls, out);
			buf_putc(out, '\n');
		}
		if (class->shell) {
			buf_puts(out, "       shell: ");
			expand(plan, op, class->shell, out);
			buf_putc(out, '\n');
		}
	}
}

static void print_short(const struct plan *plan, struct buf *out)
{
	for (size_t i = 0; i < plan->n_ops; i++) {
		const struct op *op = &plan->ops[i];
		buf_printf(out, "%s %s: ", op->child ? "c" : "r", op_class(op->kind)->name);
		plan_describe(plan, op, out);
		buf_putc(out, '\n');
	}
}

static void json_text(struct json_writer *w, const struct plan *plan, const struct op *op,
	const char *key, const char *template)
{
	_cleanup_buf_ struct buf text = BUF_INIT;

	if (!template)
		return;
	expand(plan, op, template, &text);
	json_key(w, key);
	json_string(w, buf_str(&text));
}

static void print_json(const struct plan *plan, struct buf *out)
{
	struct json_writer w = JSON_WRITER_INIT(out, 2);
	int64_t first = first_begin(plan);

	json_begin_array(&w);
	for (size_t i = 0; i < plan->n_ops; i++) {
		const struct op *op = &plan->ops[i];
		const struct op_class *class = op_class(op->kind);
		json_begin_object(&w);
		json_key(&w, "side");
		json_string(&w, op->child ? "container" : "runtime");
		json_key(&w, "operation");
		json_string(&w, class->name);
		json_text(&w, plan, op, "description", class->words);
		json_text(&w, plan, op, "calls", class->calls);
		json_text(&w, plan, op, "shell", class->shell);
		if (plan->times) {
			json_key(&w, "beginNs");
			json_i64(&w, op_begin(plan, i) ? op_begin(plan, i) - first : 0);
			json_key(&w, "durationNs");
			json_i64(&w, op_duration(plan, i));
		}
		json_end_object(&w);
	}
	json_end_array(&w);
	buf_putc(out, '\n');
}

void plan_print(const struct plan *plan, enum plan_format format, struct buf *out)
{
	if (format == PLAN_FORMAT_JSON)
		print_json(plan, out);
	else if (format == PLAN_FORMAT_SHORT)
		print_short(plan, out);
	else
		print_text(plan, out);
}
