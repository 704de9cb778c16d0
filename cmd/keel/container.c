/* SPDX-License-Identifier: Apache-2.0 */
/* Finding a container by its id, and taking it away. */
#include "keel.h"
#include "base/fd.h"
#include "base/path.h"

#include <sys/stat.h>

#define DESTROY_TIMEOUT_MS 10000

bool keel_is_rootless(const struct keel_globals *globals)
{
	bool value;

	if (globals->rootless && str_to_bool(globals->rootless, &value) == 0)
		return value;
	return geteuid() != 0;
}

char *keel_root_path(const struct keel_globals *globals)
{
	const char *runtime = getenv("XDG_RUNTIME_DIR");

	if (!str_empty(globals->root)) {
		if (globals->root[0] == '/')
			return strdup(globals->root);
		_cleanup_free_ char *here = getcwd(NULL, 0);
		return here ? path_join(here, globals->root) : NULL;
	}
	if (geteuid() != 0 && !str_empty(runtime))
		return path_join(runtime, "keel");
	return strdup("/run/keel");
}

int keel_root_open(
	const struct keel_globals *globals, bool create, int *ret_fd, struct hull_error *err)
{
	_cleanup_free_ char *path = keel_root_path(globals);

	if (!path)
		return error_no_memory(err);
	return state_root_open(path, create, ret_fd, err);
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

void keel_container_done(struct keel_container *c)
{
	cleanup_closep(&c->root_fd);
	cleanup_closep(&c->dir_fd);
	free(c->root);
	arena_done(&c->arena);
}

int keel_container_open(struct keel_container *c, const struct keel_globals *globals,
	const char *id, struct hull_error *err)
{
	*c = (struct keel_container){.root_fd = -1, .dir_fd = -1};
	c->root = keel_root_path(globals);
	if (!c->root)
		return error_no_memory(err);
	int r = container_id_check(id, err);
	if (r < 0)
		return r;
	r = state_root_open(c->root, false, &c->root_fd, err);
	if (r == -ENOENT)
		return error_set(err, HULL_ERROR_NOT_FOUND, "container \"%s\" does not exist", id);
	if (r == 0)
		r = state_load(&c->arena, c->root_fd, id, &c->state, &c->dir_fd, err);
	if (r == 0)
		state_ref(c->state, &c->ref);
	return r;
}

int keel_container_spec(struct keel_container *c, struct oci_spec **ret, struct hull_error *err)
{
	int r = oci_spec_load_at(&c->arena, c->dir_fd, "config.json", ret, err);

	return r < 0 ? error_wrap(err, r, "%s", c->state->id) : 0;
}

/* The socket is there until somebody has started the container. */
int keel_container_status(
	const struct keel_container *c, enum container_status *ret, struct hull_error *err)
{
	bool started = faccessat(c->dir_fd, "start.sock", F_OK, 0) < 0;

	return container_status(&c->ref, started, ret, err);
}

void keel_oci_state(
	const struct keel_container *c, enum container_status status, struct oci_state *ret)
{
	const struct runtime_state *s = c->state;

	*ret = (struct oci_state){.oci_version = s->oci_version,
		.id = s->id,
		.status = (char *)container_status_names[status],
		.pid = status == CONTAINER_STOPPED ? 0 : s->pid,
		.bundle = s->bundle,
		.annotations = s->annotations,
		.n_annotations = s->n_annotations};
}

int keel_container_remove(struct keel_container *c, struct hull_error *err)
{
	struct oci_state state;
	struct oci_spec *spec = NULL;
	int r = container_destroy(&c->ref, DESTROY_TIMEOUT_MS, err);

	if (r < 0)
		return r;
	/* A container whose spec cannot be read any more is removed all the same. */
	if (c->state->has_poststop && keel_container_spec(c, &spec, NULL) == 0) {
		_cleanup_error_ struct hull_error failed = HULL_ERROR_INIT;
		keel_oci_state(c, CONTAINER_STOPPED, &state);
		if (hooks_run(spec, HOOK_POSTSTOP, &state, &failed) < 0)
			fprintf(stderr, "keel: warning: %s\n", hull_error_message(&failed));
	}
	return state_remove(c->root_fd, c->state->id, err);
}
