/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/cgroup_place.h"
#include "base/buf.h"
#include "base/fd.h"
#include "base/str.h"
#include "json/json.h"

static const char *const manager_names[] = {
	"cgroupfs", "systemd", "disabled", "systemd-user", NULL};

static const struct json_field place_rows[] = {
	JSON_FIELD(struct cgroup_place, version, "version", JSON_INT),
	JSON_FIELD(struct cgroup_place, hierarchy, "hierarchy", JSON_STRING, .flags = JSON_EMIT),
	JSON_FIELD(struct cgroup_place, path, "path", JSON_STRING, .flags = JSON_REQUIRED),
	JSON_FIELD(
		struct cgroup_place, full_path, "directory", JSON_STRING, .flags = JSON_REQUIRED),
};
static const struct json_table place_table =
	JSON_TABLE("cgroup place", struct cgroup_place, place_rows);

static const struct json_field places_rows[] = {
	JSON_FIELD(struct cgroup_places, path, "path", JSON_STRING),
	JSON_FIELD(struct cgroup_places, manager, "manager", JSON_ENUM, .names = manager_names,
		.flags = JSON_REQUIRED),
	JSON_FIELD(struct cgroup_places, unit, "unit", JSON_STRING),
	JSON_FIELD(struct cgroup_places, places, "places", JSON_ARRAY,
		.count_offset = offsetof(struct cgroup_places, n_places), .table = &place_table),
};
static const struct json_table places_table =
	JSON_TABLE("cgroup", struct cgroup_places, places_rows);

static int version_of(const struct hull_cgroup_host *host, const char *hierarchy)
{
	const struct hull_cgroup_hierarchy *h;
	size_t n = hull_cgroup_host_hierarchies(host, &h);

	for (size_t i = 0; i < n; i++) {
		if (str_eq(h[i].name, hierarchy))
			return (int)h[i].version;
	}
	return 1;
}

int cgroup_places_format(const struct hull_cgroup_host *host, const struct hull_cgroup *cgroup,
	const char *path, char **ret, struct hull_error *err)
{
	_cleanup_buf_ struct buf text = BUF_INIT;
	_cleanup_arena_ struct arena arena = ARENA_INIT;
	struct json_writer w = JSON_WRITER_INIT(&text, 0);
	size_t n = hull_cgroup_n_places(cgroup);
	struct cgroup_places all = {.path = (char *)path,
		.manager = (int)hull_cgroup_manager(cgroup),
		.unit = (char *)hull_cgroup_unit(cgroup),
		.places = arena_array(&arena, n ? n : 1, sizeof(struct cgroup_place)),
		.n_places = n};

	if (!all.places)
		return error_no_memory(err);
	for (size_t i = 0; i < n; i++) {
		struct hull_cgroup_place place = hull_cgroup_place(cgroup, i);
		all.places[i] = (struct cgroup_place){.version = version_of(host, place.hierarchy),
			.hierarchy = (char *)place.hierarchy,
			.path = (char *)place.path,
			.full_path = (char *)place.full_path};
	}
	json_struct(&w, &places_table, &all);
	*ret = buf_take(&text);
	return *ret ? 0 : error_no_memory(err);
}

int cgroup_places_parse(
	struct arena *arena, const char *text, struct cgroup_places *ret, struct hull_error *err)
{
	*ret = (struct cgroup_places){0};
	return json_parse(arena, &places_table, ret, text, strlen(text), NULL, "cgroup", err);
}

int cgroup_places_open(const char *text, struct hull_cgroup_host **ret_host,
	struct hull_cgroup **ret, struct hull_error *err)
{
	_cleanup_arena_ struct arena arena = ARENA_INIT;
	struct cgroup_places all;
	int r = cgroup_places_parse(&arena, text, &all, err);

	if (r < 0)
		return r;
	struct hull_cgroup_place *places =
		arena_array(&arena, all.n_places ? all.n_places : 1, sizeof(*places));
	if (!places)
		return error_no_memory(err);
	for (size_t i = 0; i < all.n_places; i++)
		places[i] = (struct hull_cgroup_place){
			all.places[i].hierarchy ? all.places[i].hierarchy : "", all.places[i].path,
			all.places[i].full_path};
	_cleanup_cgroup_host_ struct hull_cgroup_host *host = NULL;
	r = hull_cgroup_host_open(&host, err);
	if (r < 0)
		return r;
	r = hull_cgroup_load_places(host, places, all.n_places,
		(enum hull_cgroup_manager)all.manager, str_empty(all.unit) ? NULL : all.unit, ret,
		err);
	if (r < 0)
		return r;
	*ret_host = TAKE_PTR(host);
	return 0;
}

/* All hierarchies hold the same processes, so the first one tells whether there are any. */
bool cgroup_places_remove_empty(const char *text)
{
	_cleanup_arena_ struct arena arena = ARENA_INIT;
	struct cgroup_places all;

	if (cgroup_places_parse(&arena, text, &all, NULL) < 0 ||
		all.manager != HULL_CGROUP_MANAGER_CGROUPFS)
		return false;
	for (size_t i = 0; i < all.n_places; i++)
		if (rmdir(all.places[i].full_path) < 0 && errno != ENOENT && errno != ENODEV)
			return false;
	return true;
}

/* "freezer" in "cpu,freezer" */
static bool has_freezer(const char *hierarchy)
{
	static const char name[] = "freezer";
	const char *at = hierarchy ? strstr(hierarchy, name) : NULL;

	return at && (at == hierarchy || at[-1] == ',') &&
	       (at[strlen(name)] == '\0' || at[strlen(name)] == ',');
}

/* On v2 every group can be frozen; beside a v1 freezer the v2 tree has none. */
static const struct cgroup_place *freezer_place(const struct cgroup_places *all)
{
	const struct cgroup_place *unified = NULL;

	for (size_t i = 0; i < all->n_places; i++) {
		if (all->places[i].version == 2)
			unified = &all->places[i];
		else if (has_freezer(all->places[i].hierarchy))
			return &all->places[i];
	}
	return unified;
}

/* The path of that file of the freezer in the arena, by version; NULL without an error: there is none. */
static int freezer_file(struct arena *arena, const char *text, const char *v1, const char *v2,
	bool *ret_v1, const char **ret, struct hull_error *err)
{
	struct cgroup_places all;
	int r = cgroup_places_parse(arena, text, &all, err);

	*ret = NULL;
	if (r < 0)
		return r;
	const struct cgroup_place *place = freezer_place(&all);
	if (!place)
		return 0;
	*ret_v1 = place->version == 1;
	*ret = arena_printf(arena, "%s/%s", place->full_path, *ret_v1 ? v1 : v2);
	return *ret ? 0 : error_no_memory(err);
}

int cgroup_places_frozen(const char *text, struct hull_error *err)
{
	_cleanup_arena_ struct arena arena = ARENA_INIT;
	_cleanup_buf_ struct buf state = BUF_INIT;
	const char *path;
	bool v1;
	int r = freezer_file(&arena, text, "freezer.state", "cgroup.events", &v1, &path, err);

	if (r < 0 || !path)
		return r;
	r = file_read_at(AT_FDCWD, path, &state, 4096);
	if (r < 0)
		return error_errno(err, r, "%s", path);
	return v1 ? str_eq(buf_str(&state), "FROZEN\n")
		  : strstr(buf_str(&state), "frozen 1\n") != NULL;
}

int cgroup_places_open_thaw(
	const char *text, int *ret_fd, const char **ret_value, struct hull_error *err)
{
	_cleanup_arena_ struct arena arena = ARENA_INIT;
	const char *path;
	bool v1;
	int r = freezer_file(&arena, text, "freezer.state", "cgroup.freeze", &v1, &path, err);

	if (r < 0)
		return r;
	if (!path)
		return error_set(err, HULL_ERROR_UNSUPPORTED, "the cgroup has no freezer");
	*ret_fd = open(path, O_WRONLY | O_CLOEXEC);
	*ret_value = v1 ? "THAWED" : "0";
	return *ret_fd < 0 ? error_errno(err, errno, "%s", path) : 0;
}
