/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Writing id maps. The kernel answers every mistake with EINVAL or EPERM, so whatever can be known
 * about a map is looked at here: before writing for what is wrong in itself, after a refusal for
 * what this process may not map.
 *
 * The order is uid_map, then gid_map; without CAP_SETGID the latter may be written only after
 * setgroups(2) has been given up (CVE-2014-8989), since dropping a group can be a way in.
 */
#include "runtime/id_map.h"
#include "base/buf.h"
#include "base/fd.h"
#include "base/str.h"
#include "sys/capability.h"

#include <inttypes.h>
#include <linux/capability.h>
#include <unistd.h>

#define SUBID_FILE_MAX ((size_t)4 << 20)

/* The two kinds of ids and all that is named after them. */
struct id_kind {
	const char *file, *own_file, *helper, *grants, *field;
	int capability;
};

static const struct id_kind uid_kind = {
	"uid_map", "/proc/self/uid_map", "newuidmap", "/etc/subuid", "uidMappings", CAP_SETUID};
static const struct id_kind gid_kind = {
	"gid_map", "/proc/self/gid_map", "newgidmap", "/etc/subgid", "gidMappings", CAP_SETGID};

/* ---- what is wrong in itself ---- */

static bool overlap(uint32_t a, uint32_t a_size, uint32_t b, uint32_t b_size)
{
	return a < (uint64_t)b + b_size && b < (uint64_t)a + a_size;
}

static int format_map(const struct oci_id_mapping *map, size_t n, struct buf *out)
{
	for (size_t i = 0; i < n; i++)
		buf_printf(out, "%u %u %u\n", map[i].container_id, map[i].host_id, map[i].size);
	return buf_error(out);
}

static int check_map(const struct oci_id_mapping *map, size_t n, const struct id_kind *kind,
	const char *what, struct hull_error *err)
{
	_cleanup_buf_ struct buf text = BUF_INIT;

	if (n > ID_MAP_RANGES_MAX)
		return error_set(err, HULL_ERROR_INVALID,
			"%s.%s: %zu ranges, the kernel takes %d at most", what, kind->field, n,
			ID_MAP_RANGES_MAX);
	for (size_t i = 0; i < n; i++) {
		for (size_t k = 0; k < i; k++) {
			bool inside = overlap(
				map[i].container_id, map[i].size, map[k].container_id, map[k].size);
			if (!inside &&
				!overlap(map[i].host_id, map[i].size, map[k].host_id, map[k].size))
				continue;
			return error_set(err, HULL_ERROR_INVALID,
				"%s.%s: the %s ids of [%zu] overlap those of [%zu]", what,
				kind->field, inside ? "container" : "host", i, k);
		}
	}
	if (format_map(map, n, &text) < 0)
		return error_no_memory(err);
	/* One write, shorter than a page. */
	if (text.len >= (size_t)sysconf(_SC_PAGESIZE))
		return error_set(err, HULL_ERROR_INVALID,
			"%s.%s: %zu ranges are %zu bytes, the kernel takes less than a page", what,
			kind->field, n, text.len);
	return 0;
}

int id_map_check(const struct op_id_map *map, const char *what, struct hull_error *err)
{
	int r = check_map(map->uid, map->n_uid, &uid_kind, what, err);

	return r < 0 ? r : check_map(map->gid, map->n_gid, &gid_kind, what, err);
}

bool id_map_has(const struct oci_id_mapping *map, size_t n, uint32_t id)
{
	for (size_t i = 0; i < n; i++) {
		if (overlap(map[i].container_id, map[i].size, id, 1))
			return true;
	}
	return false;
}

/* ---- what this process may not map ---- */

/* How much of [id, id + size) from its beginning one line of an own map covers. */
static uint32_t covered(const char *own, uint32_t id, uint32_t size)
{
	uint64_t inside, outside, count;
	int n;

	for (; sscanf(own, "%" SCNu64 "%" SCNu64 "%" SCNu64 "%n", &inside, &outside, &count, &n) ==
		3;
		own += n) {
		if (id < inside || id - inside >= count)
			continue;
		uint64_t left = count - (id - inside);
		return left < size ? (uint32_t)left : size;
	}
	return 0;
}

/* A nested user namespace can give only what it has. */
static int explain_refusal(struct performance *p, const struct id_kind *kind,
	const struct oci_id_mapping *map, size_t n, int r)
{
	_cleanup_buf_ struct buf own = BUF_INIT;

	if (file_read_at(AT_FDCWD, kind->own_file, &own, SUBID_FILE_MAX) < 0)
		return r;
	for (size_t i = 0; i < n; i++) {
		if (covered(buf_str(&own), map[i].host_id, map[i].size) == map[i].size)
			continue;
		return op_step(p, r, "%s: host ids %u to %u are not all in this user namespace",
			kind->field, map[i].host_id, map[i].host_id + map[i].size - 1);
	}
	return r;
}

/* ---- writing ---- */

static int write_file(struct performance *p, pid_t pid, const char *file, const char *text)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/%s", pid, file);
	return op_step(p, file_write_at(AT_FDCWD, path, text, strlen(text)), "write %s", path);
}

static int write_map(struct performance *p, pid_t pid, const struct id_kind *kind,
	const struct oci_id_mapping *map, size_t n)
{
	_cleanup_buf_ struct buf text = BUF_INIT;

	if (format_map(map, n, &text) < 0)
		return -ENOMEM;
	int r = write_file(p, pid, kind->file, buf_str(&text));
	return r == -EPERM ? explain_refusal(p, kind, map, n, r) : r;
}

/* Heap string, NULL if there is none. The caller's PATH counts: it runs with the caller's rights. */
static char *find_helper(const char *name)
{
	const char *path = getenv("PATH");
	_cleanup_strv_ char **dirs = strv_split(path ? path : "", ":");

	strv_foreach (dir, dirs) {
		_cleanup_free_ char *full = **dir == '/' ? str_printf("%s/%s", *dir, name) : NULL;
		if (full && access(full, X_OK) == 0)
			return TAKE_PTR(full);
	}
	_cleanup_free_ char *usual = str_printf("/usr/bin/%s", name);
	return usual && access(usual, X_OK) == 0 ? TAKE_PTR(usual) : NULL;
}

static char **helper_arguments(
	const char *name, pid_t pid, const struct oci_id_mapping *map, size_t n)
{
	_cleanup_strv_ char **args = NULL;
	int r = strv_append(&args, name);

	if (r == 0)
		r = strv_append_printf(&args, "%d", pid);
	for (size_t i = 0; r == 0 && i < n; i++) {
		r = strv_append_printf(&args, "%u", map[i].container_id);
		if (r == 0)
			r = strv_append_printf(&args, "%u", map[i].host_id);
		if (r == 0)
			r = strv_append_printf(&args, "%u", map[i].size);
	}
	return r == 0 ? TAKE_PTR(args) : NULL;
}

static int run_helper(struct performance *p, pid_t pid, const struct id_kind *kind,
	const struct oci_id_mapping *map, size_t n)
{
	static char *no_env[] = {NULL};
	struct hook_result result;
	_cleanup_free_ char *path = find_helper(kind->helper);
	_cleanup_strv_ char **args = helper_arguments(kind->helper, pid, map, n);

	if (!args)
		return -ENOMEM;
	if (!path)
		return op_step(p, -EPERM,
			"%s: more than one's own id, and %s is not installed (package uidmap)",
			kind->field, kind->helper);
	_cleanup_close_ int in = open("/dev/null", O_RDONLY | O_CLOEXEC);
	if (in < 0)
		return -errno;
	int r = hook_exec(
		&(struct oci_hook){.path = path, .args = args, .env = no_env}, in, &result);
	if (r >= 0)
		return 0;
	result.output[strcspn(result.output, "\n")] = '\0';
	if (result.output[0])
		return op_step(p, -EPERM, "%s (see %s)", result.output, kind->grants);
	return op_step(p, r, "%s", path);
}

static bool has_capability(int capability)
{
	uint64_t effective, permitted, inheritable;

	return capability_get(&effective, &permitted, &inheritable) == 0 &&
	       (effective & (UINT64_C(1) << capability));
}

static bool is_own_id(const struct oci_id_mapping *map, size_t n, uint32_t id)
{
	return n == 1 && map->size == 1 && map->host_id == id;
}

static int write_uids(struct performance *p, const struct op_id_map *m, pid_t pid)
{
	if (has_capability(uid_kind.capability) || is_own_id(m->uid, m->n_uid, geteuid()))
		return write_map(p, pid, &uid_kind, m->uid, m->n_uid);
	return run_helper(p, pid, &uid_kind, m->uid, m->n_uid);
}

static int write_gids(struct performance *p, const struct op_id_map *m, pid_t pid)
{
	if (has_capability(gid_kind.capability))
		return write_map(p, pid, &gid_kind, m->gid, m->n_gid);
	if (!is_own_id(m->gid, m->n_gid, getegid()))
		return run_helper(p, pid, &gid_kind, m->gid, m->n_gid);
	int r = write_file(p, pid, "setgroups", "deny");
	return r < 0 ? r : write_map(p, pid, &gid_kind, m->gid, m->n_gid);
}

int id_map_write(struct performance *p, const struct op_id_map *map, pid_t pid)
{
	int r = write_uids(p, map, pid);

	return r < 0 ? r : write_gids(p, map, pid);
}

/* ---- a map for those who gave none ---- */

/* "NAME:START:COUNT" or "UID:START:COUNT": the first of the user's that fits above id 0. */
static bool find_grant(
	const char *file, const char *name, uid_t uid, uint32_t *start, uint32_t *count)
{
	_cleanup_buf_ struct buf text = BUF_INIT;
	char number[16];

	snprintf(number, sizeof(number), "%u", uid);
	if (file_read_at(AT_FDCWD, file, &text, SUBID_FILE_MAX) < 0)
		return false;
	_cleanup_strv_ char **lines = strv_split(buf_str(&text), "\n");
	strv_foreach (line, lines) {
		char *first = strchr(*line, ':');
		char *second = first ? strchr(first + 1, ':') : NULL;
		if (!second)
			continue;
		*first = *second = '\0';
		if ((str_eq(*line, number) || (name && str_eq(*line, name))) &&
			str_to_u32(first + 1, start) == 0 && str_to_u32(second + 1, count) == 0 &&
			*count > 0 && (uint64_t)*start + *count < UINT32_MAX)
			return true;
	}
	return false;
}

/*
 * The name of the user in /etc/passwd, "NAME:PASSWORD:UID:...", NULL if there is none. Not
 * getpwuid(3), which would load modules of glibc's: this is part of a static program.
 */
static char *user_name(uid_t uid)
{
	_cleanup_buf_ struct buf text = BUF_INIT;

	if (file_read_at(AT_FDCWD, "/etc/passwd", &text, SUBID_FILE_MAX) < 0)
		return NULL;
	for (const char *line = buf_str(&text); *line;) {
		size_t n = strcspn(line, "\n"), name = strcspn(line, ":\n");
		const char *password = line + name + (line[name] == ':');
		const char *number = password + strcspn(password, ":\n");
		char *end;
		unsigned long value = *number == ':' ? strtoul(number + 1, &end, 10) : 0;
		if (*number == ':' && end != number + 1 && *end == ':' && value == uid)
			return strndup(line, name);
		line += n + (line[n] == '\n');
	}
	return NULL;
}

static size_t make_default(const struct id_kind *kind, uint32_t own, struct oci_id_mapping map[2])
{
	uint32_t start, count;
	_cleanup_free_ char *helper = find_helper(kind->helper);

	map[0] = (struct oci_id_mapping){.container_id = 0, .host_id = own, .size = 1};
	if (!helper)
		return 1;
	_cleanup_free_ char *user = user_name(geteuid());
	if (!find_grant(kind->grants, user, geteuid(), &start, &count) ||
		overlap(start, count, own, 1))
		return 1;
	map[1] = (struct oci_id_mapping){.container_id = 1, .host_id = start, .size = count};
	return 2;
}

int id_map_add_default(struct arena *arena, struct oci_spec *spec, struct hull_error *err)
{
	struct oci_linux *l = spec->linux;

	if (!l || oci_spec_namespace(spec, OCI_NAMESPACE_USER))
		return 0;
	struct oci_namespace *all = arena_array(arena, l->n_namespaces + 1, sizeof(*all));
	struct oci_id_mapping *maps = arena_array(arena, 4, sizeof(*maps));
	if (!all || !maps)
		return error_no_memory(err);
	if (l->n_namespaces)
		memcpy(all, l->namespaces, l->n_namespaces * sizeof(*all));
	all[l->n_namespaces] = (struct oci_namespace){.type = OCI_NAMESPACE_USER};
	l->namespaces = all;
	l->n_namespaces++;
	l->uid_mappings = maps;
	l->gid_mappings = maps + 2;
	l->n_uid_mappings = make_default(&uid_kind, geteuid(), l->uid_mappings);
	l->n_gid_mappings = make_default(&gid_kind, getegid(), l->gid_mappings);
	return 0;
}
