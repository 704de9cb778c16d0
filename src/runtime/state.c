/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/state.h"
#include "base/fd.h"
#include "base/path.h"
#include "base/str.h"

#include <ctype.h>
#include <sys/stat.h>

#define STATE_FILE "state.json"
#define ID_MAX	   1024

#define F(member, name, kind, ...) JSON_FIELD(struct runtime_state, member, name, kind, __VA_ARGS__)
static const struct json_field state_rows[] = {
	F(oci_version, "ociVersion", JSON_STRING, .flags = JSON_EMIT),
	F(id, "id", JSON_STRING, .flags = JSON_REQUIRED),
	F(pid, "pid", JSON_INT, .flags = JSON_EMIT),
	F(start_time, "startTime", JSON_U64),
	F(bundle, "bundle", JSON_STRING, .flags = JSON_EMIT),
	F(rootfs, "rootfs", JSON_STRING),
	F(created, "created", JSON_STRING),
	F(owner, "owner", JSON_STRING, .flags = JSON_EMIT),
	F(own_pid_namespace, "ownPidNamespace", JSON_BOOL),
	F(rootless, "rootless", JSON_BOOL),
	F(has_poststart, "hasPoststart", JSON_BOOL),
	F(has_poststop, "hasPoststop", JSON_BOOL),
	F(cgroup, "cgroup", JSON_RAW),
	F(resctrl, "resctrl", JSON_STRV),
	F(annotations, "annotations", JSON_MAP,
		.count_offset = offsetof(struct runtime_state, n_annotations)),
};
static const struct json_table state_table = JSON_TABLE("state", struct runtime_state, state_rows);

int container_id_check(const char *id, struct hull_error *err)
{
	bool ok = *id && *id != '.' && strlen(id) <= ID_MAX;

	for (const char *p = id; ok && *p; p++)
		ok = isalnum((unsigned char)*p) || strchr("_+.-", *p);
	if (!ok)
		return error_set(
			err, HULL_ERROR_INVALID, "invalid container id format: \"%.100s\"", id);
	return 0;
}

/* A login's own directory, where a system makes one for logins. */
static char *login_directory(void)
{
	struct stat st;
	_cleanup_free_ char *path = str_printf("/run/user/%u", geteuid());

	if (!path || stat(path, &st) < 0 || !S_ISDIR(st.st_mode) || st.st_uid != geteuid())
		return NULL;
	return TAKE_PTR(path);
}

static char *default_root(void)
{
	const char *runtime = getenv("XDG_RUNTIME_DIR");
	bool xdg = runtime && runtime[0] == '/';

	/* The root of a user namespace may be root of nothing there. */
	if (geteuid() == 0 && (!xdg || access("/run", W_OK) == 0))
		return strdup("/run/keel");
	if (xdg)
		return path_join(runtime, "keel");
	_cleanup_free_ char *login = login_directory();
	return login ? path_join(login, "keel") : str_printf("/tmp/keel-%u", geteuid());
}

int state_root_path(const char *root, char **ret, struct hull_error *err)
{
	char *path;

	if (str_empty(root)) {
		path = default_root();
	} else if (root[0] == '/') {
		path = strdup(root);
	} else {
		_cleanup_free_ char *here = getcwd(NULL, 0);
		if (!here)
			return error_errno(err, errno, "%s", root);
		path = path_join(here, root);
	}
	if (!path)
		return error_no_memory(err);
	*ret = path;
	return 0;
}

/* In /tmp anybody could have been there first. */
static int check_root(int fd, const char *root, struct hull_error *err)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return error_errno(err, errno, "%s", root);
	if (st.st_uid != geteuid() && st.st_uid != 0)
		return error_set(
			err, HULL_ERROR_DENIED, "state directory %s belongs to another user", root);
	if (st.st_mode & S_IWOTH)
		return error_set(err, HULL_ERROR_DENIED,
			"state directory %s is writable to everybody", root);
	/* Directories for the time of a login are cleaned of what is old, unless it is sticky. */
	if (st.st_uid == geteuid() && !(st.st_mode & S_ISVTX))
		fchmod(fd, 01700);
	return 0;
}

int state_root_open(const char *root, bool create, int *ret_fd, struct hull_error *err)
{
	bool own = geteuid() != 0;

	if (create) {
		int r = dir_make_parents_at(AT_FDCWD, root, own ? 0700 : 0711);
		if (r < 0)
			return error_errno(err, r, "%s", root);
	}
	_cleanup_close_ int fd = open(root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return error_errno(err, errno, "%s", root);
	int r = own ? check_root(fd, root, err) : 0;
	if (r < 0)
		return r;
	*ret_fd = TAKE_FD(fd);
	return 0;
}

static int open_dir(int root_fd, const char *id, struct hull_error *err)
{
	int fd = openat(root_fd, id, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	return fd < 0 ? error_errno(err, errno, "%s", id) : fd;
}

int state_create(int root_fd, const char *id, int *ret_dir_fd, struct hull_error *err)
{
	int r = container_id_check(id, err);

	if (r < 0)
		return r;
	if (mkdirat(root_fd, id, 0711) < 0) {
		if (errno == EEXIST)
			return error_set(err, HULL_ERROR_EXISTS,
				"container with given ID already exists: %s", id);
		return error_errno(err, errno, "%s", id);
	}
	int fd = open_dir(root_fd, id, err);
	if (fd < 0) {
		unlinkat(root_fd, id, AT_REMOVEDIR);
		return fd;
	}
	*ret_dir_fd = fd;
	return 0;
}

int state_save(int dir_fd, const struct runtime_state *state, struct hull_error *err)
{
	_cleanup_buf_ struct buf text = BUF_INIT;
	struct json_writer w = JSON_WRITER_INIT(&text, 0);

	json_struct(&w, &state_table, state);
	if (buf_error(&text))
		return error_no_memory(err);
	/* What is under /run does not outlive a crash of the machine: no fsync. */
	int r = file_replace_at(dir_fd, STATE_FILE, text.data, text.len, 0600, false);
	return r < 0 ? error_errno(err, r, "%s", STATE_FILE) : 0;
}

int state_load(struct arena *arena, int root_fd, const char *id, struct runtime_state **ret,
	int *ret_dir_fd, struct hull_error *err)
{
	_cleanup_buf_ struct buf text = BUF_INIT;
	int r = container_id_check(id, err);

	if (r < 0)
		return r;
	_cleanup_close_ int dir_fd =
		openat(root_fd, id, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (dir_fd < 0 && errno == ENOENT)
		return error_set(err, HULL_ERROR_NOT_FOUND, "container \"%s\" does not exist", id);
	if (dir_fd < 0)
		return error_errno(err, errno, "%s", id);
	r = file_read_at(dir_fd, STATE_FILE, &text, (size_t)4 << 20);
	if (r == -ENOENT)
		return error_set(err, HULL_ERROR_NOT_FOUND,
			"container \"%s\" does not exist (it is being created or was not finished)",
			id);
	if (r < 0)
		return error_errno(err, r, "%s/%s", id, STATE_FILE);
	struct runtime_state *state = arena_new(arena, struct runtime_state);
	if (!state)
		return error_no_memory(err);
	r = json_parse(arena, &state_table, state, buf_str(&text), text.len, NULL, STATE_FILE, err);
	if (r < 0)
		return error_wrap(err, r, "%s", id);
	if (ret_dir_fd)
		*ret_dir_fd = TAKE_FD(dir_fd);
	*ret = state;
	return 0;
}

int state_remove(int root_fd, const char *id, struct hull_error *err)
{
	int r = container_id_check(id, err);

	if (r < 0)
		return r;
	r = dir_remove_tree_at(root_fd, id);
	return r < 0 ? error_errno(err, r, "%s", id) : 0;
}

static int compare(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

int state_list(int root_fd, char ***ret, struct hull_error *err)
{
	_cleanup_strv_ char **ids = NULL;
	int fd = openat(root_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0)
		return error_errno(err, errno, "state directory");
	_cleanup_closedir_ DIR *dir = fdopendir(fd);
	if (!dir) {
		close(fd);
		return error_no_memory(err);
	}
	for (struct dirent *e; (e = readdir(dir));) {
		if (container_id_check(e->d_name, NULL) < 0 ||
			faccessat(root_fd, e->d_name, X_OK, 0) < 0)
			continue;
		if (strv_append(&ids, e->d_name) < 0)
			return error_no_memory(err);
	}
	if (ids)
		qsort(ids, strv_length(ids), sizeof(char *), compare);
	*ret = TAKE_PTR(ids);
	return 0;
}

void state_ref(const struct runtime_state *state, struct container_ref *ret)
{
	*ret = (struct container_ref){.id = state->id,
		.pid = state->pid,
		.start_time = state->start_time,
		.cgroup = state->cgroup,
		.resctrl = state->resctrl,
		.own_pid_namespace = state->own_pid_namespace};
}
