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
#define SPECIAL(name, kind, recursive)            \
	{                                         \
		name, kind, 0, 0, recursive, NULL \
	}

#define ATIME MOUNT_ATTR__ATIME

const struct mount_option mount_options[] = {
	SUPERBLOCK("async", NULL),
	ATTRIBUTE("atime", MOUNT_ATTR_RELATIME, ATIME),
	SPECIAL("bind", MOUNT_OPTION_BIND, false),
	SPECIAL("defaults", MOUNT_OPTION_IGNORED, false),
	ATTRIBUTE("dev", 0, MOUNT_ATTR_NODEV),
	ATTRIBUTE("diratime", 0, MOUNT_ATTR_NODIRATIME),
	SUPERBLOCK("dirsync", "dirsync"),
	ATTRIBUTE("exec", 0, MOUNT_ATTR_NOEXEC),
	SPECIAL("idmap", MOUNT_OPTION_IDMAP, false),
	SUPERBLOCK("iversion", "iversion"),
	SUPERBLOCK("lazytime", "lazytime"),
	SUPERBLOCK("loud", NULL),
	SUPERBLOCK("mand", "mand"),
	ATTRIBUTE("noatime", MOUNT_ATTR_NOATIME, ATIME),
	ATTRIBUTE("nodev", MOUNT_ATTR_NODEV, 0),
	ATTRIBUTE("nodiratime", MOUNT_ATTR_NODIRATIME, 0),
	ATTRIBUTE("noexec", MOUNT_ATTR_NOEXEC, 0),
	SPECIAL("nofail", MOUNT_OPTION_IGNORED, false),
	SUPERBLOCK("noiversion", NULL),
	SUPERBLOCK("nolazytime", NULL),
	SUPERBLOCK("nomand", NULL),
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
	SPECIAL("remount", MOUNT_OPTION_IGNORED, false),
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
	SUPERBLOCK("silent", NULL),
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
		return o->flag ? append_flag(arena, f, o->flag) : 0;
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
	case MOUNT_OPTION_IGNORED:
		return 0;
	}
	return 0;
}

int mount_flags_parse(struct arena *arena, char *const *options, struct mount_flags *ret)
{
	*ret = (struct mount_flags){0};
	strv_foreach (name, options) {
		const struct mount_option *o = bsearch(*name, mount_options, n_mount_options,
			sizeof(mount_options[0]), compare_name);
		int r = o ? apply(arena, ret, o) : arena_strv_append(arena, &ret->data, *name);
		if (r < 0)
			return r;
	}
	/* The access time mode is one field: setting it demands that all its bits are cleared. */
	if (ret->set & ATIME || ret->clear & ATIME)
		ret->clear |= ATIME;
	if (ret->set_recursive & ATIME || ret->clear_recursive & ATIME)
		ret->clear_recursive |= ATIME;
	return 0;
}
