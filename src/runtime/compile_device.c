/* SPDX-License-Identifier: Apache-2.0 */
/* Device nodes, the usual symlinks of /dev, and the terminal. */
#include "runtime/op.h"
#include "base/path.h"
#include "base/str.h"

/* What every container has, whatever its spec says (runtime specification, "Default Devices"). */
static const struct oci_device default_devices[] = {
	{.path = (char *)"/dev/null", .type = (char *)"c", .major = 1, .minor = 3},
	{.path = (char *)"/dev/zero", .type = (char *)"c", .major = 1, .minor = 5},
	{.path = (char *)"/dev/full", .type = (char *)"c", .major = 1, .minor = 7},
	{.path = (char *)"/dev/random", .type = (char *)"c", .major = 1, .minor = 8},
	{.path = (char *)"/dev/urandom", .type = (char *)"c", .major = 1, .minor = 9},
	{.path = (char *)"/dev/tty", .type = (char *)"c", .major = 5, .minor = 0},
};

static const struct {
	const char *target, *path;
} default_symlinks[] = {
	{"/proc/self/fd", "/dev/fd"},
	{"/proc/self/fd/0", "/dev/stdin"},
	{"/proc/self/fd/1", "/dev/stdout"},
	{"/proc/self/fd/2", "/dev/stderr"},
	{"pts/ptmx", "/dev/ptmx"},
};

/* A /dev that comes from the host is left as it is. */
static bool dev_is_from_host(const struct plan *plan)
{
	bool bound = false;

	for (size_t i = 0; i < plan->spec->n_mounts; i++) {
		_cleanup_free_ char *clean = path_clean(plan->spec->mounts[i].destination);
		if (str_eq(clean, "/dev"))
			bound = plan->mount_flags[i].bind ||
				str_eq(plan->spec->mounts[i].type, "bind");
	}
	return bound;
}

static bool is_in_spec(const struct oci_linux *l, const char *path)
{
	for (size_t i = 0; i < l->n_devices; i++) {
		if (str_eq(l->devices[i].path, path))
			return true;
	}
	return false;
}

/*
 * In a user namespace mknod(2) makes no devices: the host's node is bound instead, opened by the
 * child, which still sees the host's tree.
 */
static int add_device(struct plan *plan, const struct oci_device *device, struct hull_error *err)
{
	struct op *op = plan_add(plan, OP_DEVICE, true, err);

	if (!op)
		return -ENOMEM;
	op->path = device->path;
	op->device = device;
	op->flags = oci_spec_namespace(plan->spec, OCI_NAMESPACE_USER) != NULL;
	return 0;
}

int compile_devices(struct plan *plan, struct hull_error *err)
{
	const struct oci_linux *l = plan->spec->linux;
	int r = 0;

	if (dev_is_from_host(plan))
		return 0;
	for (size_t i = 0; r == 0 && i < ARRAY_SIZE(default_devices); i++) {
		if (!is_in_spec(l, default_devices[i].path))
			r = add_device(plan, &default_devices[i], err);
	}
	for (size_t i = 0; r == 0 && i < l->n_devices; i++)
		r = add_device(plan, &l->devices[i], err);
	for (size_t i = 0; r == 0 && i < ARRAY_SIZE(default_symlinks); i++) {
		struct op *op = plan_add(plan, OP_SYMLINK, true, err);
		if (!op)
			return -ENOMEM;
		op->path = default_symlinks[i].path;
		op->source = default_symlinks[i].target;
	}
	return r;
}

int compile_terminal(struct plan *plan, struct hull_error *err)
{
	if (!plan->terminal)
		return 0;
	struct op *op = plan_add(plan, OP_TERMINAL, true, err);
	if (!op)
		return -ENOMEM;
	op->console_size = plan->process->console_size;
	if (!plan->exec) {
		op = plan_add(plan, OP_CONSOLE, true, err);
		if (!op)
			return -ENOMEM;
		op->path = "/dev/console";
	}
	return compile_send(plan, true, MESSAGE_CONSOLE, err);
}
