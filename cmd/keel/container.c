/* SPDX-License-Identifier: Apache-2.0 */
/* Finding a container by its id, and taking it away. */
#include "keel.h"
#include "base/fd.h"
#include "base/path.h"

#include <regex.h>
#include <sys/stat.h>

enum creation_rootless keel_rootless(const struct keel_globals *globals)
{
	bool value;

	if (globals->rootless && str_to_bool(globals->rootless, &value) == 0)
		return value ? CREATION_ROOTLESS_TRUE : CREATION_ROOTLESS_FALSE;
	return CREATION_ROOTLESS_AUTO;
}

int keel_root_open(
	const struct keel_globals *globals, bool create, int *ret_fd, struct hull_error *err)
{
	_cleanup_free_ char *path = NULL;
	int r = state_root_path(globals->root, &path, err);

	return r < 0 ? r : state_root_open(path, create, ret_fd, err);
}

int keel_cgroup_manager(
	const struct keel_globals *globals, enum hull_cgroup_manager *ret, struct hull_error *err)
{
	static const struct {
		const char *name;
		enum hull_cgroup_manager manager;
	} managers[] = {
		{"cgroupfs", HULL_CGROUP_MANAGER_CGROUPFS},
		{"systemd", HULL_CGROUP_MANAGER_SYSTEMD},
		{"disabled", HULL_CGROUP_MANAGER_DISABLED},
	};

	*ret = globals->systemd_cgroup ? HULL_CGROUP_MANAGER_SYSTEMD : HULL_CGROUP_MANAGER_CGROUPFS;
	if (!globals->cgroup_manager)
		return 0;
	for (size_t i = 0; i < ARRAY_SIZE(managers); i++) {
		if (str_eq(globals->cgroup_manager, managers[i].name)) {
			*ret = managers[i].manager;
			return 0;
		}
	}
	return error_set(
		err, HULL_ERROR_INVALID, "unknown cgroup manager \"%s\"", globals->cgroup_manager);
}

int keel_container_open(struct container_record *c, const struct keel_globals *globals,
	const char *id, struct hull_error *err)
{
	_cleanup_free_ char *root = NULL;

	*c = (struct container_record)CONTAINER_RECORD_INIT;
	int r = state_root_path(globals->root, &root, err);
	return r < 0 ? r : container_record_open(c, root, id, err);
}

static void warn_always(void *userdata, const char *text)
{
	fprintf(stderr, "keel: warning: %s\n", text);
}

int keel_container_remove(struct container_record *c, struct hull_error *err)
{
	return container_record_remove(c, warn_always, NULL, err);
}

static int ids_of(const struct keel_globals *globals, const char *pattern, char ***ret,
	struct hull_error *err)
{
	_cleanup_close_ int root_fd = -1;
	_cleanup_strv_ char **all = NULL;
	char reason[128];
	regex_t regex;
	int r = regcomp(&regex, pattern, REG_EXTENDED | REG_NOSUB);

	if (r != 0) {
		regerror(r, &regex, reason, sizeof(reason));
		return error_set(err, HULL_ERROR_INVALID, "invalid regular expression \"%s\": %s",
			pattern, reason);
	}
	r = keel_root_open(globals, false, &root_fd, err);
	if (r == -ENOENT) {
		hull_error_done(err);
		r = 0;
	} else if (r == 0) {
		r = state_list(root_fd, &all, err);
	}
	strv_foreach (id, all) {
		if (r == 0 && regexec(&regex, *id, 0, NULL, 0) == 0 && strv_append(ret, *id) < 0)
			r = error_no_memory(err);
	}
	regfree(&regex);
	return r;
}

int keel_container_each(const struct keel_globals *globals, const char *pattern, bool regex,
	int (*fn)(const struct keel_globals *globals, const char *id, void *data,
		struct hull_error *err),
	void *data, struct hull_error *err)
{
	_cleanup_strv_ char **ids = NULL;

	if (!regex)
		return fn(globals, pattern, data, err);
	int first = ids_of(globals, pattern, &ids, err);
	strv_foreach (id, ids) {
		int r = fn(globals, *id, data, first < 0 ? NULL : err);
		if (r < 0 && first == 0)
			first = r;
	}
	return first;
}
