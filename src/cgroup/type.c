/* SPDX-License-Identifier: Apache-2.0 */
/* v2: the type of a group, and giving a group away. */
#include "cgroup/file.h"

#include "base/fd.h"
#include "base/str.h"

#include <sys/stat.h>

static const char *const type_names[HULL_CGROUP_TYPE_MAX] = {
	[HULL_CGROUP_TYPE_DOMAIN] = "domain",
	[HULL_CGROUP_TYPE_DOMAIN_THREADED] = "domain threaded",
	[HULL_CGROUP_TYPE_DOMAIN_INVALID] = "domain invalid",
	[HULL_CGROUP_TYPE_THREADED] = "threaded",
};

const char *hull_cgroup_type_name(enum hull_cgroup_type type)
{
	return (size_t)type < ARRAY_SIZE(type_names) ? type_names[type] : "unknown";
}

static int need_v2(
	const struct hull_cgroup *cgroup, const struct group_place **ret, struct hull_error *err)
{
	*ret = group_place_v2(cgroup);
	if (*ret)
		return 0;
	return error_errno(err, EOPNOTSUPP, "cgroup.type: the cgroup is not in a v2 tree");
}

int hull_cgroup_type(
	const struct hull_cgroup *cgroup, enum hull_cgroup_type *ret, struct hull_error *err)
{
	const struct group_place *place;
	char text[64];
	int r = need_v2(cgroup, &place, err);

	if (r < 0)
		return r;
	if (str_eq(place->path, ".")) {
		*ret = HULL_CGROUP_TYPE_DOMAIN; /* the root has no such file */
		return 0;
	}
	ssize_t n = place_get(place, "cgroup.type", text, sizeof(text));
	if (n < 0)
		return place_error(place, "cgroup.type", NULL, (int)n, err);
	for (size_t i = 0; i < ARRAY_SIZE(type_names); i++) {
		if (!str_eq(text, type_names[i]))
			continue;
		*ret = (enum hull_cgroup_type)i;
		return 0;
	}
	return error_set(err, HULL_ERROR_UNSUPPORTED, "cgroup.type: %s: unknown", text);
}

int hull_cgroup_set_threaded(struct hull_cgroup *cgroup, struct hull_error *err)
{
	const struct group_place *place;
	int r = need_v2(cgroup, &place, err);

	return r < 0 ? r : place_write(place, "cgroup.type", "threaded", err);
}

/* ---- Delegation ---- */

static int place_chown(const struct group_place *place, const char *file, uid_t uid, gid_t gid,
	struct hull_error *err)
{
	_cleanup_close_ int fd = place_open(place, file, *file ? O_PATH : O_PATH | O_DIRECTORY);

	/* A file of a controller that the group does not have, or of a newer kernel. */
	if (fd == -ENOENT && *file)
		return 0;
	if (fd < 0 || fchownat(fd, "", uid, gid, AT_EMPTY_PATH) < 0)
		return error_errno(err, fd < 0 ? fd : errno, "chown %s%s%s", place->full_path,
			*file ? "/" : "", file);
	return 0;
}

static int delegate_v2(
	const struct group_place *place, uid_t uid, gid_t gid, struct hull_error *err)
{
	_cleanup_buf_ struct buf text = BUF_INIT;

	/* The kernel's own list of what may be given away, since Linux 4.15. */
	int r = file_read_at(AT_FDCWD, "/sys/kernel/cgroup/delegate", &text, CGROUP_FILE_MAX);
	if (r < 0)
		buf_puts(&text, "cgroup.procs\ncgroup.threads\ncgroup.subtree_control\n");
	_cleanup_strv_ char **files = strv_split(buf_str(&text), "\n");
	if (!files)
		return error_no_memory(err);
	strv_foreach (file, files) {
		/* Pressure thresholds and memory.oom.group among them are files of the group too. */
		r = place_chown(place, *file, uid, gid, err);
		if (r < 0)
			return r;
	}
	return 0;
}

int hull_cgroup_delegate(struct hull_cgroup *cgroup, uid_t uid, gid_t gid, struct hull_error *err)
{
	static const char *const v1_files[] = {"tasks", "cgroup.procs"};

	for (size_t i = 0; i < cgroup->n_places; i++) {
		const struct group_place *place = &cgroup->places[i];
		int r = 0;

		if (str_eq(place->path, "."))
			return error_set(err, HULL_ERROR_INVALID,
				"chown %s: it is the root of its hierarchy", place->full_path);
		for (size_t k = 0;
			r == 0 && place->hierarchy->version == 1 && k < ARRAY_SIZE(v1_files); k++)
			r = place_chown(place, v1_files[k], uid, gid, err);
		if (r == 0 && place->hierarchy->version == 2)
			r = delegate_v2(place, uid, gid, err);
		if (r == 0)
			r = place_chown(place, "", uid, gid, err);
		if (r < 0)
			return r;
	}
	return 0;
}
