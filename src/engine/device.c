/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/device.h"
#include "base/path.h"
#include "base/str.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#define HOST_DEVICES_MAX  4096
#define HOST_DEVICE_DEPTH 4

/* What every container may touch: any node may be made, these may be used. */
static const struct {
	const char *type;
	int64_t major, minor; /* -1 = any */
	const char *access;
} default_rules[] = {
	{"c", -1, -1, "m"}, {"b", -1, -1, "m"}, {"c", 1, 3, "rwm"}, /* null */
	{"c", 1, 5, "rwm"},					    /* zero */
	{"c", 1, 7, "rwm"},					    /* full */
	{"c", 1, 8, "rwm"},					    /* random */
	{"c", 1, 9, "rwm"},					    /* urandom */
	{"c", 5, 0, "rwm"},					    /* tty */
	{"c", 5, 1, "rwm"},					    /* console */
	{"c", 5, 2, "rwm"},					    /* ptmx */
	{"c", 136, -1, "rwm"},					    /* pts */
};

struct devices {
	struct arena *arena;
	struct oci_device *nodes;
	size_t n_nodes, nodes_size;
	struct hull_cgroup_device *rules;
	size_t n_rules, rules_size;
	struct hull_error *err;
};

/* Room for one more item in an arena array that doubles. */
static void *grow(struct arena *arena, void *items, size_t n, size_t *size, size_t item)
{
	if (n < *size)
		return items;
	size_t larger = *size ? 2 * *size : 16;
	void *copy = arena_array(arena, larger, item);
	if (!copy)
		return NULL;
	if (n)
		memcpy(copy, items, n * item);
	*size = larger;
	return copy;
}

static int add_rule(struct devices *d, bool allow, const char *type, int64_t major, int64_t minor,
	const char *access)
{
	d->rules = grow(d->arena, d->rules, d->n_rules, &d->rules_size, sizeof(*d->rules));
	if (!d->rules)
		return error_no_memory(d->err);
	struct hull_cgroup_device *rule = &d->rules[d->n_rules++];
	*rule = (struct hull_cgroup_device){.allow = allow,
		.type = arena_strdup(d->arena, type),
		.major = {major >= 0, major},
		.minor = {minor >= 0, minor},
		.access = arena_strdup(d->arena, access)};
	return rule->type && rule->access ? 0 : error_no_memory(d->err);
}

static int add_node(struct devices *d, const char *path, const struct stat *st)
{
	d->nodes = grow(d->arena, d->nodes, d->n_nodes, &d->nodes_size, sizeof(*d->nodes));
	if (!d->nodes)
		return error_no_memory(d->err);
	struct oci_device *node = &d->nodes[d->n_nodes++];
	*node = (struct oci_device){.path = arena_strdup(d->arena, path),
		.type = arena_strdup(d->arena, S_ISBLK(st->st_mode) ? "b" : "c"),
		.major = major(st->st_rdev),
		.minor = minor(st->st_rdev),
		.file_mode = {true, st->st_mode & 07777},
		.uid = {true, st->st_uid},
		.gid = {true, st->st_gid}};
	return node->path && node->type ? 0 : error_no_memory(d->err);
}

static bool is_device(const struct stat *st)
{
	return S_ISCHR(st->st_mode) || S_ISBLK(st->st_mode);
}

/* What the container has of its own, whatever the host has there. */
static bool is_own(const char *path)
{
	static const char *const own[] = {"/dev/pts", "/dev/shm", "/dev/mqueue", "/dev/console",
		"/dev/ptmx", "/dev/fd", "/dev/stdin", "/dev/stdout", "/dev/stderr", "/dev/null",
		"/dev/zero", "/dev/full", "/dev/random", "/dev/urandom", "/dev/tty"};

	for (size_t i = 0; i < ARRAY_SIZE(own); i++)
		if (str_eq(path, own[i]))
			return true;
	return false;
}

static int add_node_and_rule(
	struct devices *d, const char *path, const struct stat *st, const char *access)
{
	int r = add_node(d, path, st);

	return r < 0 || !access ? r
				: add_rule(d, true, S_ISBLK(st->st_mode) ? "b" : "c",
					  major(st->st_rdev), minor(st->st_rdev), access);
}

/* The device nodes below a directory of the host, to be at `inside`. */
static int add_directory(struct devices *d, const char *path, const char *inside,
	const char *access, unsigned int depth)
{
	_cleanup_closedir_ DIR *dir = opendir(path);

	if (!dir || depth == 0)
		return 0; /* gone, or not for us to see */
	for (;;) {
		struct stat st;
		struct dirent *e = readdir(dir);
		if (!e)
			return 0;
		if (e->d_name[0] == '.')
			continue;
		_cleanup_free_ char *child = path_join(path, e->d_name);
		_cleanup_free_ char *child_inside = path_join(inside, e->d_name);
		if (!child || !child_inside)
			return error_no_memory(d->err);
		if (is_own(child_inside) ||
			fstatat(dirfd(dir), e->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0)
			continue;
		int r = 0;
		if (S_ISDIR(st.st_mode))
			r = add_directory(d, child, child_inside, access, depth - 1);
		else if (is_device(&st) && d->n_nodes < HOST_DEVICES_MAX)
			r = add_node_and_rule(d, child_inside, &st, access);
		if (r < 0)
			return r;
	}
}

/* --device HOST[:PATH[:rwm]]; a directory stands for the device nodes in it. */
static int add_asked(struct devices *d, const struct container_device *asked)
{
	struct stat st;
	size_t before = d->n_nodes;
	int r = 0;

	if (stat(asked->host, &st) < 0)
		return error_errno(d->err, errno, "--device %s", asked->host);
	if (S_ISDIR(st.st_mode))
		r = add_directory(
			d, asked->host, asked->path, asked->permissions, HOST_DEVICE_DEPTH);
	else if (is_device(&st))
		r = add_node_and_rule(d, asked->path, &st, asked->permissions);
	if (r == 0 && d->n_nodes == before)
		r = error_set(
			d->err, HULL_ERROR_INVALID, "--device %s: not a device node", asked->host);
	return r;
}

int device_add(struct oci_spec *spec, const struct container_config *config, struct arena *arena,
	struct hull_error *err)
{
	struct devices d = {.arena = arena, .err = err};
	int r = 0;

	if (config->privileged) {
		r = add_rule(&d, true, "a", -1, -1, "rwm");
		if (r == 0)
			r = add_directory(&d, "/dev", "/dev", NULL, HOST_DEVICE_DEPTH);
	} else {
		r = add_rule(&d, false, "a", -1, -1, "rwm");
		for (size_t i = 0; r == 0 && i < ARRAY_SIZE(default_rules); i++)
			r = add_rule(&d, true, default_rules[i].type, default_rules[i].major,
				default_rules[i].minor, default_rules[i].access);
	}
	for (size_t i = 0; r == 0 && i < config->n_devices; i++)
		r = add_asked(&d, &config->devices[i]);
	if (r < 0)
		return r;
	spec->linux->devices = d.nodes;
	spec->linux->n_devices = d.n_nodes;
	spec->linux->resources->devices = d.rules;
	spec->linux->resources->n_devices = d.n_rules;
	return 0;
}
