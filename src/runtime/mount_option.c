/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/mount_option.h"
#include "base/str.h"
#include "sys/mount_api.h"

#include <sys/mount.h>

#define ATTRIBUTE(name, set, clear)                                   \
	{                                                             \
		name, MOUNT_OPTION_ATTRIBUTE, set, clear, false, NULL \
	}
#define RECURSIVE(name, set, clear)                                  \
	{                                                            \
		name, MOUNT_OPTION_RECURSIVE, set, clear, true, NULL \
	}
#define PROPAGATION(name, flag, recursive)                               \
	{                                                                \
		name, MOUNT_OPTION_PROPAGATION, flag, 0, recursive, NULL \
	}
#define SUPERBLOCK(name, flag)                                   \
	{                                                        \
		name, MOUNT_OPTION_SUPERBLOCK, 0, 0, false, flag \
	}
#define TAKEN_BACK(name, flag)                                  \
	{                                                       \
		name, MOUNT_OPTION_SUPERBLOCK, 0, 0, true, flag \
	}
#define CLASSIC(name, set, clear)                                   \
	{                                                           \
		name, MOUNT_OPTION_CLASSIC, set, clear, false, NULL \
	}
#define SPECIAL(name, kind, recursive)            \
	{                                         \
		name, kind, 0, 0, recursive, NULL \
	}

#define ATIME MOUNT_ATTR__ATIME

const struct mount_option mount_options[] = {
	TAKEN_BACK("async", "sync"),
	ATTRIBUTE("atime", MOUNT_ATTR_RELATIME, ATIME),
	SPECIAL("bind", MOUNT_OPTION_BIND, false),
	SPECIAL("copy-symlink", MOUNT_OPTION_COPY_SYMLINK, false),
	SPECIAL("defaults", MOUNT_OPTION_IGNORED, false),
	SPECIAL("dest-nofollow", MOUNT_OPTION_NOFOLLOW_TARGET, false),
	ATTRIBUTE("dev", 0, MOUNT_ATTR_NODEV),
	ATTRIBUTE("diratime", 0, MOUNT_ATTR_NODIRATIME),
	SUPERBLOCK("dirsync", "dirsync"),
	ATTRIBUTE("exec", 0, MOUNT_ATTR_NOEXEC),
	SPECIAL("idmap", MOUNT_OPTION_IDMAP, false),
	CLASSIC("iversion", MS_I_VERSION, 0),
	SUPERBLOCK("lazytime", "lazytime"),
	SPECIAL("loud", MOUNT_OPTION_IGNORED, false),
	SUPERBLOCK("mand", "mand"),
	ATTRIBUTE("noatime", MOUNT_ATTR_NOATIME, ATIME),
	ATTRIBUTE("nodev", MOUNT_ATTR_NODEV, 0),
	ATTRIBUTE("nodiratime", MOUNT_ATTR_NODIRATIME, 0),
	ATTRIBUTE("noexec", MOUNT_ATTR_NOEXEC, 0),
	SPECIAL("nofail", MOUNT_OPTION_IGNORED, false),
	CLASSIC("noiversion", 0, MS_I_VERSION),
	TAKEN_BACK("nolazytime", "lazytime"),
	TAKEN_BACK("nomand", "mand"),
	ATTRIBUTE("norelatime", MOUNT_ATTR_STRICTATIME, ATIME),
	ATTRIBUTE("nostrictatime", MOUNT_ATTR_RELATIME, ATIME),
	ATTRIBUTE("nosuid", MOUNT_ATTR_NOSUID, 0),
	ATTRIBUTE("nosymfollow", MOUNT_ATTR_NOSYMFOLLOW, 0),
	PROPAGATION("private", MS_PRIVATE, false),
	RECURSIVE("ratime", MOUNT_ATTR_RELATIME, ATIME),
	SPECIAL("rbind", MOUNT_OPTION_BIND, true),
	RECURSIVE("rdev", 0, MOUNT_ATTR_NODEV),
	RECURSIVE("rdiratime", 0, MOUNT_ATTR_NODIRATIME),
	ATTRIBUTE("relatime", MOUNT_ATTR_RELATIME, ATIME),
	SPECIAL("remount", MOUNT_OPTION_REMOUNT, false),
	RECURSIVE("rexec", 0, MOUNT_ATTR_NOEXEC),
	SPECIAL("ridmap", MOUNT_OPTION_IDMAP, true),
	RECURSIVE("rnoatime", MOUNT_ATTR_NOATIME, ATIME),
	RECURSIVE("rnodev", MOUNT_ATTR_NODEV, 0),
	RECURSIVE("rnodiratime", MOUNT_ATTR_NODIRATIME, 0),
	RECURSIVE("rnoexec", MOUNT_ATTR_NOEXEC, 0),
	RECURSIVE("rnorelatime", MOUNT_ATTR_STRICTATIME, ATIME),
	RECURSIVE("rnostrictatime", MOUNT_ATTR_RELATIME, ATIME),
	RECURSIVE("rnosuid", MOUNT_ATTR_NOSUID, 0),
	RECURSIVE("rnosymfollow", MOUNT_ATTR_NOSYMFOLLOW, 0),
	ATTRIBUTE("ro", MOUNT_ATTR_RDONLY, 0),
	PROPAGATION("rprivate", MS_PRIVATE, true),
	RECURSIVE("rrelatime", MOUNT_ATTR_RELATIME, ATIME),
	RECURSIVE("rro", MOUNT_ATTR_RDONLY, 0),
	RECURSIVE("rrw", 0, MOUNT_ATTR_RDONLY),
	PROPAGATION("rshared", MS_SHARED, true),
	PROPAGATION("rslave", MS_SLAVE, true),
	RECURSIVE("rstrictatime", MOUNT_ATTR_STRICTATIME, ATIME),
	RECURSIVE("rsuid", 0, MOUNT_ATTR_NOSUID),
	RECURSIVE("rsymfollow", 0, MOUNT_ATTR_NOSYMFOLLOW),
	PROPAGATION("runbindable", MS_UNBINDABLE, true),
	ATTRIBUTE("rw", 0, MOUNT_ATTR_RDONLY),
	PROPAGATION("shared", MS_SHARED, false),
	SPECIAL("silent", MOUNT_OPTION_IGNORED, false),
	PROPAGATION("slave", MS_SLAVE, false),
	SPECIAL("src-nofollow", MOUNT_OPTION_NOFOLLOW_SOURCE, false),
	ATTRIBUTE("strictatime", MOUNT_ATTR_STRICTATIME, ATIME),
	ATTRIBUTE("suid", 0, MOUNT_ATTR_NOSUID),
	ATTRIBUTE("symfollow", 0, MOUNT_ATTR_NOSYMFOLLOW),
	SUPERBLOCK("sync", "sync"),
	SPECIAL("tmpcopyup", MOUNT_OPTION_COPY_UP, false),
	PROPAGATION("unbindable", MS_UNBINDABLE, false),
};

const size_t n_mount_options = ARRAY_SIZE(mount_options);

static int compare_name(const void *name, const void *row)
{
	return strcmp(name, ((const struct mount_option *)row)->name);
}

static void remove_flag(struct mount_flags *f, const char *flag)
{
	char **to = f->data;

	for (char **from = f->data; from && *from; from++) {
		if (!str_eq(*from, flag))
			*to++ = *from;
	}
	if (to)
		*to = NULL;
	/* No option is no list. */
	if (to == f->data)
		f->data = NULL;
}

/* ---- "idmap=uids=0-100000-10#@10-0-1;gids=...": crun's ---- */

/* An id of the container as the host knows it; the whole range must lie in one mapping. */
static bool map_to_host(const struct oci_id_mapping *map, size_t n, uint32_t size, uint32_t *id)
{
	for (size_t i = 0; i < n; i++) {
		uint64_t offset = (uint64_t)*id - map[i].container_id;
		if (*id >= map[i].container_id && offset + size <= map[i].size) {
			*id = map[i].host_id + (uint32_t)offset;
			return true;
		}
	}
	return false;
}

static bool parse_number(const char **text, char end, uint32_t *ret)
{
	char digits[16];
	size_t n = strcspn(*text, "-#");

	if (n >= sizeof(digits) || (*text)[n] != end)
		return false;
	memcpy(digits, *text, n);
	digits[n] = '\0';
	*text += n + (end != '\0');
	return str_to_u32(digits, ret) == 0;
}

/* FILE-HOST-SIZE, once or more, with "#" between; "@" before: HOST is an id of the container. */
static int parse_ranges(struct arena *arena, const char *text, const struct oci_id_mapping *own,
	size_t n_own, struct oci_id_mapping **ret, size_t *ret_n)
{
	size_t max = 1;

	for (const char *c = text; *c; c++)
		max += *c == '#';
	*ret = arena_array(arena, max, sizeof(**ret));
	*ret_n = 0;
	if (!*ret)
		return -ENOMEM;
	for (;;) {
		struct oci_id_mapping *m = &(*ret)[(*ret_n)++];
		bool relative = *text == '@';
		text += relative;
		size_t n = strcspn(text, "#");
		bool last = text[n] == '\0';
		if (!parse_number(&text, '-', &m->container_id) ||
			!parse_number(&text, '-', &m->host_id) ||
			!parse_number(&text, last ? '\0' : '#', &m->size) || m->size == 0)
			return -EINVAL;
		if (relative && !map_to_host(own, n_own, m->size, &m->host_id))
			return -EINVAL;
		if (last)
			return 0;
	}
}

static int parse_id_map(
	struct arena *arena, const char *text, const struct oci_linux *linux, struct mount_flags *f)
{
	static const struct oci_linux none;
	_cleanup_strv_ char **parts = strv_split(text, ";");
	const struct oci_linux *l = linux ? linux : &none;
	int r = parts ? 0 : -EINVAL;

	f->idmap = true;
	strv_foreach (part, parts) {
		const char *uids = str_after(*part, "uids="), *gids = str_after(*part, "gids=");
		if (r < 0)
			break;
		if (uids && !f->uid_map)
			r = parse_ranges(arena, uids, l->uid_mappings, l->n_uid_mappings,
				&f->uid_map, &f->n_uid_map);
		else if (gids && !f->gid_map)
			r = parse_ranges(arena, gids, l->gid_mappings, l->n_gid_mappings,
				&f->gid_map, &f->n_gid_map);
		else
			r = -EINVAL;
	}
	return r == 0 && (!f->uid_map || !f->gid_map) ? -EINVAL : r;
}

/* ---- one option after the other ---- */

static int append_flag(struct arena *arena, struct mount_flags *f, const char *flag)
{
	strv_foreach (have, f->data) {
		if (str_eq(*have, flag))
			return 0;
	}
	return arena_strv_append(arena, &f->data, flag);
}

static int apply(struct arena *arena, struct mount_flags *f, const struct mount_option *o)
{
	switch (o->kind) {
	case MOUNT_OPTION_ATTRIBUTE:
		f->set = (f->set & ~o->clear) | o->set;
		f->clear = (f->clear & ~o->set) | o->clear;
		return 0;
	case MOUNT_OPTION_RECURSIVE:
		f->set_recursive = (f->set_recursive & ~o->clear) | o->set;
		f->clear_recursive = (f->clear_recursive & ~o->set) | o->clear;
		return 0;
	case MOUNT_OPTION_PROPAGATION:
		f->propagation = o->set;
		f->propagation_recursive = o->recursive;
		return 0;
	case MOUNT_OPTION_SUPERBLOCK:
		if (!o->recursive)
			return append_flag(arena, f, o->flag);
		remove_flag(f, o->flag);
		return 0;
	case MOUNT_OPTION_CLASSIC:
		f->classic = (f->classic & ~o->clear) | o->set;
		return 0;
	case MOUNT_OPTION_BIND:
		f->bind = true;
		f->bind_recursive = o->recursive;
		return 0;
	case MOUNT_OPTION_IDMAP:
		f->idmap = true;
		f->idmap_recursive = o->recursive;
		return 0;
	case MOUNT_OPTION_COPY_UP:
		f->copy_up = true;
		return 0;
	case MOUNT_OPTION_NOFOLLOW_SOURCE:
		f->nofollow_source = true;
		return 0;
	case MOUNT_OPTION_NOFOLLOW_TARGET:
		f->nofollow_target = true;
		return 0;
	case MOUNT_OPTION_COPY_SYMLINK:
		f->copy_symlink = true;
		return 0;
	case MOUNT_OPTION_REMOUNT:
		f->remount = true;
		return 0;
	case MOUNT_OPTION_IGNORED:
		return 0;
	}
	return 0;
}

/* Not in the table: the file system may know it. */
static int apply_unknown(struct arena *arena, const char *option, const struct oci_linux *linux,
	struct mount_flags *f)
{
	const char *map = str_after(option, "idmap=");

	if (map)
		return parse_id_map(arena, map, linux, f);
	if (!f->unknown)
		f->unknown = option;
	return arena_strv_append(arena, &f->data, option);
}

int mount_flags_parse(struct arena *arena, char *const *options, const struct oci_linux *linux,
	struct mount_flags *ret, struct hull_error *err)
{
	*ret = (struct mount_flags){0};
	strv_foreach (name, options) {
		const struct mount_option *o = bsearch(*name, mount_options, n_mount_options,
			sizeof(mount_options[0]), compare_name);
		int r = o ? apply(arena, ret, o) : apply_unknown(arena, *name, linux, ret);
		if (r == -EINVAL)
			return error_set(
				err, HULL_ERROR_INVALID, "invalid option \"%.200s\"", *name);
		if (r < 0)
			return error_no_memory(err);
	}
	/* The access time mode is one field: setting it demands that all its bits are cleared. */
	if (ret->set & ATIME || ret->clear & ATIME)
		ret->clear |= ATIME;
	if (ret->set_recursive & ATIME || ret->clear_recursive & ATIME)
		ret->clear_recursive |= ATIME;
	return 0;
}
