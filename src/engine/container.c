/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/container.h"
#include "base/clock.h"
#include "base/fd.h"
#include "base/path.h"
#include "base/str.h"
#include "engine/name.h"
#include "engine/network.h"
#include "engine/settle.h"
#include "image/image.h"
#include "metadata/metadata.h"

#include <ctype.h>
#include <sys/stat.h>
#include <time.h>

#define NAME_ATTEMPTS 20

/* How long another process may take between two steps that follow each other at once. */
#define LOCK_PATIENCE_NS (30 * NS_PER_SECOND)

/* Columns in the order that container_from_row() reads them. */
#define COLUMNS                                                                                 \
	"id, name, image_id, image_name, config, created, state, started, finished, exit_code," \
	" oom_killed, error, run"

void container_free(struct container *c)
{
	if (!c)
		return;
	arena_done(&c->arena);
	free(c);
}

char *container_dir(const struct engine *engine, const char *id)
{
	return str_printf("%s/containers/%s", engine_root(engine), id);
}

char *container_run_dir(const struct engine *engine, const char *id)
{
	return str_printf("%s/containers/%s", engine_run_root(engine), id);
}

char *container_log_path(const struct engine *engine, const char *id)
{
	return str_printf("%s/containers/%s/%s-json.log", engine_root(engine), id, id);
}

bool container_name_is_valid(const char *name)
{
	if (!isalnum((unsigned char)name[0]) || !name[1])
		return false;
	for (const char *p = name; *p; p++)
		if (!isalnum((unsigned char)*p) && !strchr("_.-", *p))
			return false;
	return strlen(name) <= 255;
}

bool container_is_running(const struct container *c)
{
	return str_eq(c->state, "running") || str_eq(c->state, "paused");
}

int container_new(const char *name, struct container **ret, struct hull_error *err)
{
	_cleanup_container_ struct container *c = calloc(1, sizeof(*c));
	char id[CONTAINER_ID_LENGTH + 1];

	if (!c)
		return error_no_memory(err);
	if (name && !container_name_is_valid(name))
		return error_set(err, HULL_ERROR_INVALID,
			"Invalid container name (%s), only [a-zA-Z0-9][a-zA-Z0-9_.-] are allowed",
			name);
	int r = name_random_id(id);
	if (r < 0)
		return error_errno(err, r, "random id");
	c->id = arena_strdup(&c->arena, id);
	c->name = arena_strdup(&c->arena, name);
	c->config = arena_new(&c->arena, struct container_config);
	c->state = arena_strdup(&c->arena, "created");
	c->error = arena_strdup(&c->arena, "");
	c->created = clock_realtime_ns();
	if (!c->id || (name && !c->name) || !c->config || !c->state || !c->error)
		return error_no_memory(err);
	*ret = TAKE_PTR(c);
	return 0;
}

static int insert_layers(struct metadata *md, const struct container *c, struct hull_error *err)
{
	int64_t position = 0;
	int r = 0;

	for (char *const *layer = c->layers; r == 0 && layer && *layer; layer++)
		r = metadata_exec(md, err,
			"INSERT INTO container_layer (container_id, position, diff_id) VALUES (?, ?, ?)",
			"tit", c->id, position++, *layer);
	return r;
}

/* 1 if somebody has the name; *ret_id gets whose it is. */
static int find_name(struct metadata *md, const char *name, char ret_id[CONTAINER_ID_LENGTH + 1],
	struct hull_error *err)
{
	_cleanup_metadata_query_ struct metadata_query *q = NULL;
	int r = metadata_query(md, &q, err, "SELECT id FROM container WHERE name = ?", "t", name);

	if (r == 0)
		r = metadata_next(q, err);
	if (r > 0)
		snprintf(ret_id, CONTAINER_ID_LENGTH + 1, "%s", metadata_text(q, 0));
	return r;
}

static int check_name_is_free(struct metadata *md, const char *name, struct hull_error *err)
{
	char other[CONTAINER_ID_LENGTH + 1];
	int r = find_name(md, name, other, err);

	if (r <= 0)
		return r;
	return error_set(err, HULL_ERROR_EXISTS,
		"Conflict. The container name \"/%s\" is already in use by container \"%s\". You have to "
		"remove (or rename) that container to be able to reuse that name.",
		name, other);
}

static int choose_name(struct metadata *md, struct container *c, struct hull_error *err)
{
	if (c->name)
		return check_name_is_free(md, c->name, err);
	for (unsigned int attempt = 0; attempt < NAME_ATTEMPTS; attempt++) {
		char other[CONTAINER_ID_LENGTH + 1];
		_cleanup_free_ char *name = name_random(attempt > 2 ? attempt : 0);
		if (!name)
			return error_no_memory(err);
		int r = find_name(md, name, other, err);
		if (r < 0)
			return r;
		if (r == 0) {
			c->name = arena_strdup(&c->arena, name);
			return c->name ? 0 : error_no_memory(err);
		}
	}
	return error_set(err, HULL_ERROR_BUSY, "no free container name found");
}

static int insert_row(struct metadata *md, struct container *c, struct hull_error *err)
{
	_cleanup_(metadata_rollback) struct metadata_transaction t = METADATA_TRANSACTION_INIT;
	_cleanup_free_ char *config = container_config_format(c->config);

	if (!config)
		return error_no_memory(err);
	int r = metadata_begin(md, &t, err);
	if (r == 0)
		r = choose_name(md, c, err);
	if (r == 0)
		r = metadata_exec(md, err,
			"INSERT INTO container (id, name, image_id, image_name, config, created, state,"
			" started, run) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
			"tttttitii", c->id, c->name, c->image_id, c->image_name, config, c->created,
			c->state, c->started, c->run);
	if (r == 0)
		r = insert_layers(md, c, err);
	return r < 0 ? r : metadata_commit(&t, err);
}

static int make_directories(struct engine *engine, const char *id, struct hull_error *err)
{
	static const char *const parts[] = {"", "/upper", "/work"};
	_cleanup_free_ char *dir = container_dir(engine, id);

	if (!dir)
		return error_no_memory(err);
	for (size_t i = 0; i < ARRAY_SIZE(parts); i++) {
		_cleanup_free_ char *path = str_printf("%s%s", dir, parts[i]);
		if (!path)
			return error_no_memory(err);
		/* The upper directory is what "/" of the container looks like: 0755. */
		mode_t mode = i == 1 ? 0755 : 0710;
		int r = i == 0 ? dir_make_parents_at(AT_FDCWD, path, mode)
			: mkdirat(AT_FDCWD, path, mode) < 0 ? -errno
							    : 0;
		if (r < 0)
			return error_errno(err, r, "%s", path);
	}
	return 0;
}

void container_remove_run_dir(const struct engine *engine, const char *id)
{
	_cleanup_free_ char *dir = container_run_dir(engine, id);
	_cleanup_free_ char *gone =
		str_printf("%s/containers/.gone-%s", engine_run_root(engine), id);

	if (!dir || !gone)
		return;
	dir_remove_tree_at(AT_FDCWD, gone); /* of somebody who was killed at it */
	if (rename(dir, gone) == 0)
		dir_remove_tree_at(AT_FDCWD, gone);
}

static void remove_directories(struct engine *engine, const char *id)
{
	_cleanup_free_ char *dir = container_dir(engine, id);

	container_remove_run_dir(engine, id);
	if (dir)
		dir_remove_tree_at(AT_FDCWD, dir);
}

int container_insert(struct engine *engine, struct container *c, struct hull_error *err)
{
	struct metadata *md;
	int r = engine_metadata(engine, &md, err);

	if (r < 0)
		return r;
	r = make_directories(engine, c->id, err);
	if (r == 0)
		r = insert_row(md, c, err);
	if (r < 0)
		remove_directories(engine, c->id);
	return r;
}

static int container_from_row(
	struct metadata_query *q, struct container **ret, struct hull_error *err)
{
	_cleanup_container_ struct container *c = calloc(1, sizeof(*c));

	if (!c)
		return error_no_memory(err);
	struct arena *a = &c->arena;
	c->id = arena_strdup(a, metadata_text(q, 0));
	c->name = arena_strdup(a, metadata_text(q, 1));
	c->image_id = arena_strdup(a, metadata_text(q, 2));
	c->image_name = arena_strdup(a, metadata_text(q, 3));
	c->created = metadata_int(q, 5);
	c->state = arena_strdup(a, metadata_text(q, 6));
	c->started = metadata_int(q, 7);
	c->finished = metadata_int(q, 8);
	c->exit_code = metadata_int(q, 9);
	c->oom_killed = metadata_int(q, 10) != 0;
	c->error = arena_strdup(a, metadata_text(q, 11));
	c->run = metadata_int(q, 12);
	if (!c->id || !c->name || !c->image_id || !c->image_name || !c->state || !c->error)
		return error_no_memory(err);
	int r = container_config_parse(a, metadata_text(q, 4), &c->config, err);
	if (r < 0)
		return error_wrap(err, r, "container %s", c->id);
	*ret = TAKE_PTR(c);
	return 0;
}

static int load_layers(struct metadata *md, struct container *c, struct hull_error *err)
{
	_cleanup_metadata_query_ struct metadata_query *q = NULL;
	int r = metadata_query(md, &q, err,
		"SELECT diff_id FROM container_layer WHERE container_id = ? ORDER BY position", "t",
		c->id);

	while (r == 0) {
		r = metadata_next(q, err);
		if (r <= 0)
			return r;
		r = arena_strv_append(&c->arena, &c->layers, metadata_text(q, 0));
		if (r < 0)
			return error_no_memory(err);
	}
	return r;
}

int container_load_id(
	struct engine *engine, const char *id, struct container **ret, struct hull_error *err)
{
	_cleanup_metadata_query_ struct metadata_query *q = NULL;
	_cleanup_container_ struct container *c = NULL;
	struct metadata *md;

	int r = engine_metadata(engine, &md, err);
	if (r == 0)
		r = metadata_query(
			md, &q, err, "SELECT " COLUMNS " FROM container WHERE id = ?", "t", id);
	if (r == 0)
		r = metadata_next(q, err);
	if (r == 0)
		return error_set(err, HULL_ERROR_NOT_FOUND, "No such container: %s", id);
	if (r > 0)
		r = container_from_row(q, &c, err);
	if (r == 0)
		r = load_layers(md, c, err);
	if (r == 0)
		*ret = TAKE_PTR(c);
	return r;
}

/* The full id that the text names: a name first, then a prefix of one id. */
static int find_id(struct metadata *md, const char *text, char ret[CONTAINER_ID_LENGTH + 1],
	struct hull_error *err)
{
	const char *name = text[0] == '/' ? text + 1 : text;
	int r = find_name(md, name, ret, err);

	if (r != 0)
		return r < 0 ? r : 0;
	size_t n = strlen(text);
	if (n == 0 || n > CONTAINER_ID_LENGTH || strspn(text, "0123456789abcdef") != n)
		return error_set(err, HULL_ERROR_NOT_FOUND, "No such container: %s", text);

	_cleanup_metadata_query_ struct metadata_query *q = NULL;
	/* ids are hex, so 'g' is above every continuation of the prefix. */
	r = metadata_query(md, &q, err,
		"SELECT id FROM container WHERE id >= ?1 AND id < ?1 || 'g' LIMIT 2", "t", text);
	if (r == 0)
		r = metadata_next(q, err);
	if (r == 0)
		return error_set(err, HULL_ERROR_NOT_FOUND, "No such container: %s", text);
	if (r < 0)
		return r;
	snprintf(ret, CONTAINER_ID_LENGTH + 1, "%s", metadata_text(q, 0));
	r = metadata_next(q, err);
	if (r > 0)
		return error_set(err, HULL_ERROR_INVALID,
			"multiple IDs found with provided prefix: %s", text);
	return r;
}

int container_load(
	struct engine *engine, const char *text, struct container **ret, struct hull_error *err)
{
	_cleanup_container_ struct container *c = NULL;
	char id[CONTAINER_ID_LENGTH + 1];
	struct metadata *md;

	int r = engine_metadata(engine, &md, err);
	if (r == 0)
		r = find_id(md, text, id, err);
	if (r == 0)
		r = container_load_id(engine, id, &c, err);
	if (r == 0)
		r = settle_if_abandoned(engine, &c, err);
	if (r < 0)
		return r;
	if (!c)
		return error_set(err, HULL_ERROR_NOT_FOUND, "No such container: %s", text);
	*ret = TAKE_PTR(c);
	return 0;
}

void container_list_free(struct container **list, size_t count)
{
	for (size_t i = 0; list && i < count; i++)
		container_free(list[i]);
	free(list);
}

static int list_rows(struct metadata *md, bool all, struct container ***list, size_t *count,
	struct hull_error *err)
{
	_cleanup_metadata_query_ struct metadata_query *q = NULL;
	int r = metadata_query(md, &q, err,
		"SELECT " COLUMNS " FROM container WHERE ? OR state IN ('running', 'paused')"
		" ORDER BY created DESC, id",
		"i", (int64_t)all);

	while (r == 0) {
		r = metadata_next(q, err);
		if (r <= 0)
			return r;
		struct container **larger = reallocarray(*list, *count + 1, sizeof(*larger));
		if (!larger)
			return error_no_memory(err);
		*list = larger;
		r = container_from_row(q, &larger[*count], err);
		if (r == 0)
			(*count)++;
	}
	return r;
}

int container_list(struct engine *engine, bool all, struct container ***ret, size_t *ret_count,
	struct hull_error *err)
{
	struct container **list = NULL;
	size_t count = 0, kept = 0;
	struct metadata *md;

	int r = engine_metadata(engine, &md, err);
	if (r == 0)
		r = list_rows(md, all, &list, &count, err);
	for (size_t i = 0; r == 0 && i < count; i++) {
		/* One that cannot be settled (now) must not hide the others. */
		(void)settle_if_abandoned(engine, &list[i], NULL);
		if (list[i] && !all && !container_is_running(list[i])) {
			container_free(list[i]);
			list[i] = NULL;
		}
	}
	if (r < 0) {
		container_list_free(list, count);
		return r;
	}
	for (size_t i = 0; i < count; i++)
		if (list[i])
			list[kept++] = list[i];
	*ret = list;
	*ret_count = kept;
	return 0;
}

int container_set_running(struct engine *engine, struct container *c, struct hull_error *err)
{
	struct metadata *md;
	int r = engine_metadata(engine, &md, err);

	if (r < 0)
		return r;
	c->run++;
	c->started = clock_realtime_ns();
	c->finished = 0;
	c->state = arena_strdup(&c->arena, "running");
	return metadata_exec(md, err,
		"UPDATE container SET state = 'running', started = ?, run = ?, error = '', exit_code = 0,"
		" oom_killed = 0 WHERE id = ?",
		"iit", c->started, c->run, c->id);
}

int container_set_ended(struct engine *engine, struct container *c, struct hull_error *err)
{
	struct metadata *md;
	int r = engine_metadata(engine, &md, err);

	if (r < 0)
		return r;
	return metadata_exec(md, err,
		"UPDATE container SET state = ?, started = ?, finished = ?, exit_code = ?, oom_killed = ?,"
		" error = ? WHERE id = ? AND run = ?",
		"tiiiitti", c->state, c->started, c->finished, c->exit_code, (int64_t)c->oom_killed,
		c->error, c->id, c->run);
}

int container_set_state(
	struct engine *engine, struct container *c, const char *state, struct hull_error *err)
{
	struct metadata *md;
	int r = engine_metadata(engine, &md, err);

	if (r < 0)
		return r;
	r = metadata_exec(md, err,
		"UPDATE container SET state = ? WHERE id = ? AND run = ?"
		" AND state IN ('running', 'paused')",
		"tti", state, c->id, c->run);
	if (r == 0 && metadata_changes(md) == 0)
		return error_set(err, HULL_ERROR_CONFLICT, "Container %s is not running", c->id);
	if (r == 0)
		c->state = arena_strdup(&c->arena, state);
	return r;
}

int container_rename(
	struct engine *engine, struct container *c, const char *name, struct hull_error *err)
{
	_cleanup_(metadata_rollback) struct metadata_transaction t = METADATA_TRANSACTION_INIT;
	struct metadata *md;

	if (!container_name_is_valid(name))
		return error_set(err, HULL_ERROR_INVALID,
			"Invalid container name (%s), only [a-zA-Z0-9][a-zA-Z0-9_.-] are allowed",
			name);
	if (str_eq(name, c->name))
		return error_set(err, HULL_ERROR_INVALID,
			"Renaming a container with the same name as its current name");
	int r = engine_metadata(engine, &md, err);
	if (r == 0)
		r = metadata_begin(md, &t, err);
	if (r == 0)
		r = check_name_is_free(md, name, err);
	if (r == 0)
		r = metadata_exec(
			md, err, "UPDATE container SET name = ? WHERE id = ?", "tt", name, c->id);
	if (r == 0 && metadata_changes(md) == 0)
		r = error_set(err, HULL_ERROR_NOT_FOUND, "No such container: %s", c->name);
	if (r == 0)
		r = metadata_commit(&t, err);
	return r < 0 ? r : container_network_renamed(engine, c, err);
}

/* What only this container kept of an image that was removed under it goes now. */
static void collect_orphans(struct engine *engine, struct metadata *md, const char *image_id)
{
	struct image_store *images;
	int64_t one;

	if (metadata_get_int(md, &one, NULL, "SELECT 1 FROM image WHERE id = ?", "t", image_id) ==
			0 &&
		engine_images(engine, &images, NULL) == 0)
		image_collect_garbage(images, NULL, NULL);
}

int container_delete(struct engine *engine, const struct container *c, struct hull_error *err)
{
	struct metadata *md;
	int r = engine_metadata(engine, &md, err);

	if (r == 0)
		r = metadata_exec(md, err, "DELETE FROM container WHERE id = ?", "t", c->id);
	if (r == 0) {
		remove_directories(engine, c->id);
		collect_orphans(engine, md, c->image_id);
	}
	return r;
}

static char *lock_path(const struct engine *engine, const char *id)
{
	return str_printf("%s/containers/%s/lock", engine_run_root(engine), id);
}

/* True if the lock file that fd has open is still the one at path. */
static bool lock_is_current(int fd, const char *path)
{
	struct stat mine, current;

	return fstat(fd, &mine) == 0 && stat(path, &current) == 0 &&
	       mine.st_ino == current.st_ino && mine.st_dev == current.st_dev;
}

/*
 * Open file description locks: inherited over fork and exec, gone with the last holder, and a look
 * (F_OFD_GETLK) does not take them.
 */
int container_lock(
	const struct engine *engine, const char *id, bool wait, int *ret_fd, struct hull_error *err)
{
	_cleanup_free_ char *path = lock_path(engine, id), *dir = container_run_dir(engine, id);

	if (!path || !dir)
		return error_no_memory(err);
	/* The directory goes with the container, so a lock won on a removed file is tried again. */
	for (;;) {
		_cleanup_close_ int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
		if (fd < 0 && errno == ENOENT) {
			int r = dir_make_parents_at(AT_FDCWD, dir, 0711);
			if (r < 0)
				return error_errno(err, r, "%s", dir);
			fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
		}
		if (fd < 0)
			return error_errno(err, errno, "%s", path);
		struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
		if (fcntl(fd, wait ? F_OFD_SETLKW : F_OFD_SETLK, &lock) < 0) {
			if (errno == EAGAIN || errno == EACCES)
				return 0;
			return error_errno(err, errno, "lock %s", path);
		}
		if (lock_is_current(fd, path)) {
			*ret_fd = TAKE_FD(fd);
			return 1;
		}
	}
}

bool container_is_locked(const struct engine *engine, const char *id)
{
	_cleanup_free_ char *path = lock_path(engine, id);
	_cleanup_close_ int fd = path ? open(path, O_RDWR | O_CLOEXEC) : -1;
	struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};

	return fd >= 0 && fcntl(fd, F_OFD_GETLK, &lock) == 0 && lock.l_type != F_UNLCK;
}

int container_look(struct engine *engine, const char *id, int64_t *ret_run, bool *ret_running,
	struct hull_error *err)
{
	_cleanup_metadata_query_ struct metadata_query *q = NULL;
	struct metadata *md;

	int r = engine_metadata(engine, &md, err);
	if (r == 0)
		r = metadata_query(md, &q, err,
			"SELECT run, state IN ('running', 'paused') FROM container WHERE id = ?",
			"t", id);
	if (r == 0)
		r = metadata_next(q, err);
	if (r > 0) {
		*ret_run = metadata_int(q, 0);
		*ret_running = metadata_int(q, 1) != 0;
	}
	return r;
}

/* The next look at what another process is about to finish; error when that takes too long. */
static int look_again(int64_t since, const struct container *c, struct hull_error *err)
{
	const struct timespec pause = {.tv_nsec = NS_PER_MS};

	if (clock_monotonic_ns() - since > LOCK_PATIENCE_NS)
		return error_set(err, HULL_ERROR_BUSY,
			"container %s: another command has been working on it for too long",
			c->name);
	nanosleep(&pause, NULL);
	return 0;
}

int container_lock_idle(
	struct engine *engine, struct container *c, int *ret_fd, struct hull_error *err)
{
	int64_t since = clock_monotonic_ns();

	for (;;) {
		_cleanup_close_ int fd = -1;
		bool running = false;
		int taken = container_lock(engine, c->id, false, &fd, err);
		if (taken < 0)
			return taken;
		int r = container_look(engine, c->id, &c->run, &running, err);
		if (r == 0) {
			if (taken)
				container_remove_run_dir(engine, c->id); /* we made it just now */
			return error_set(
				err, HULL_ERROR_NOT_FOUND, "No such container: %s", c->name);
		}
		if (r < 0 || running)
			return r < 0 ? r : 0;
		if (taken) {
			*ret_fd = TAKE_FD(fd);
			return 1;
		}
		r = look_again(since, c, err);
		if (r < 0)
			return r;
	}
}

/* Waits until nobody holds the lock on the file, removed or not. */
static int await_unlocked(int fd, const struct container *c, struct hull_error *err)
{
	struct flock lock = {.l_type = F_RDLCK, .l_whence = SEEK_SET};

	while (fcntl(fd, F_OFD_SETLKW, &lock) < 0)
		if (errno != EINTR)
			return error_errno(err, errno, "lock of container %s", c->name);
	return 0;
}

/*
 * Every run has a lock file of its own, which goes with its end. One that was opened before the row
 * still told of our run is our run's, or an older one that nobody holds.
 */
int container_wait_settled(struct engine *engine, const struct container *c, struct hull_error *err)
{
	_cleanup_free_ char *path = lock_path(engine, c->id);
	int64_t since = clock_monotonic_ns();

	if (!path)
		return error_no_memory(err);
	for (;;) {
		_cleanup_close_ int fd = open(path, O_RDWR | O_CLOEXEC);
		struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
		bool running = false;
		int64_t run = 0;
		if (fd < 0 && errno != ENOENT)
			return error_errno(err, errno, "%s", path);
		if (fd < 0 || fcntl(fd, F_OFD_GETLK, &lock) < 0 || lock.l_type == F_UNLCK)
			return 0;
		int r = container_look(engine, c->id, &run, &running, err);
		if (r < 0)
			return r;
		if (r > 0 && running)
			return run == c->run ? await_unlocked(fd, c, err) : 0;
		/* Settled in the database: its directories are about to go. */
		r = look_again(since, c, err);
		if (r < 0)
			return r;
	}
}

static void collect_one(struct engine *engine, const char *id)
{
	_cleanup_close_ int lock = -1;
	bool running;
	int64_t run;

	if (container_look(engine, id, &run, &running, NULL) != 0 ||
		container_lock(engine, id, false, &lock, NULL) <= 0)
		return;
	/* It may have got its row before we got the lock; without one it never will. */
	if (container_look(engine, id, &run, &running, NULL) == 0)
		remove_directories(engine, id);
}

void container_collect_garbage(struct engine *engine)
{
	_cleanup_free_ char *path = container_dir(engine, "");
	_cleanup_closedir_ DIR *dir = path ? opendir(path) : NULL;

	for (struct dirent *e; dir && (e = readdir(dir));)
		if (strlen(e->d_name) == CONTAINER_ID_LENGTH)
			collect_one(engine, e->d_name);
}

int container_find_image_user(struct engine *engine, const char *image_id, char **ret_user,
	bool *ret_running, struct hull_error *err)
{
	_cleanup_metadata_query_ struct metadata_query *q = NULL;
	struct metadata *md;

	int r = engine_metadata(engine, &md, err);
	if (r == 0)
		r = metadata_query(md, &q, err,
			"SELECT id, state IN ('running', 'paused') AS active FROM container"
			" WHERE image_id = ? ORDER BY active DESC, created LIMIT 1",
			"t", image_id);
	if (r == 0)
		r = metadata_next(q, err);
	if (r <= 0)
		return r;
	*ret_running = metadata_int(q, 1) != 0;
	*ret_user = strndup(metadata_text(q, 0), CONTAINER_SHORT_LENGTH);
	return *ret_user ? 1 : error_no_memory(err);
}

bool container_layer_in_use(struct engine *engine, const char *diff_id)
{
	struct metadata *md;
	int64_t one = 0;

	if (engine_metadata(engine, &md, NULL) < 0)
		return true;
	int r = metadata_get_int(md, &one, NULL,
		"SELECT 1 FROM container_layer l JOIN container c ON c.id = l.container_id"
		" WHERE l.diff_id = ? AND c.state IN ('running', 'paused') LIMIT 1",
		"t", diff_id);
	return r != 0;
}
