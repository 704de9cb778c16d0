/* SPDX-License-Identifier: Apache-2.0 */
#include "metadata/metadata.h"
#include "base/clock.h"
#include "base/fd.h"
#include "base/path.h"
#include "base/str.h"
#include "metadata/reserve.h"
#include "metadata/schema.h"
#include "metadata/wal_index.h"

#include <pthread.h>
#include <stdarg.h>
#include <sys/stat.h>
#include <time.h>

#define BUSY_TIMEOUT_MS 30000
#define CACHE_SIZE	48

struct metadata {
	struct wal_index_vfs vfs;
	sqlite3 *db;
	char *path;
	/* Prepared statements by the address of their text; a statement in use is not in the cache. */
	struct {
		const char *sql;
		sqlite3_stmt *statement;
	} cache[CACHE_SIZE];
	unsigned int n_cached;
};

struct metadata_query {
	struct metadata *md;
	const char *sql;
	sqlite3_stmt *statement;
};

static enum hull_error_kind kind_of(int code)
{
	switch (code & 0xff) {
	case SQLITE_BUSY:
	case SQLITE_LOCKED:
		return HULL_ERROR_BUSY;
	case SQLITE_CONSTRAINT:
		return HULL_ERROR_EXISTS;
	case SQLITE_NOMEM:
		return HULL_ERROR_NO_MEMORY;
	case SQLITE_PERM:
	case SQLITE_READONLY:
	case SQLITE_CANTOPEN:
		return HULL_ERROR_DENIED;
	case SQLITE_FULL:
		return HULL_ERROR_LIMIT;
	default:
		return HULL_ERROR_IO;
	}
}

static int fail(struct metadata *md, int code, struct hull_error *err)
{
	return error_set(err, kind_of(code), "%s: %s", md->path, sqlite3_errmsg(md->db));
}

static int run_script(struct metadata *md, const char *sql, struct hull_error *err)
{
	int code = sqlite3_exec(md->db, sql, NULL, NULL, NULL);

	return code == SQLITE_OK ? 0 : fail(md, code, err);
}

static int read_version(struct metadata *md, int64_t *ret, struct hull_error *err)
{
	sqlite3_stmt *statement;
	int code = sqlite3_prepare_v2(md->db, "PRAGMA user_version", -1, &statement, NULL);

	if (code == SQLITE_OK)
		code = sqlite3_step(statement);
	if (code == SQLITE_ROW)
		*ret = sqlite3_column_int64(statement, 0);
	sqlite3_finalize(statement);
	return code == SQLITE_ROW ? 0 : fail(md, code, err);
}

/*
 * Only the first to open a database changes its mode; SQLite does not wait for others who are about
 * to do the same, but answers "locked" at once.
 */
static int switch_to_wal(struct metadata *md, struct hull_error *err)
{
	/* Rows are small, and a transaction writes whole pages: for a container's, four of them. */
	static const char sql[] = "PRAGMA page_size=1024; PRAGMA journal_mode=WAL";
	const struct timespec pause = {.tv_nsec = NS_PER_MS};
	int64_t since = clock_monotonic_ns();

	for (;;) {
		int code = sqlite3_exec(md->db, sql, NULL, NULL, NULL);
		if (code == SQLITE_OK)
			return 0;
		if ((code & 0xff) != SQLITE_BUSY ||
			clock_monotonic_ns() - since > BUSY_TIMEOUT_MS * NS_PER_MS)
			return fail(md, code, err);
		nanosleep(&pause, NULL);
	}
}

static int migrate(struct metadata *md, const char *root, struct hull_error *err)
{
	int64_t version = 0;
	int r = read_version(md, &version, err);

	if (r < 0)
		return r;
	if (version > (int64_t)metadata_schema_version)
		return error_set(err, HULL_ERROR_UNSUPPORTED,
			"%s: written by a newer hull (schema %lld, this one knows %zu)", md->path,
			(long long)version, metadata_schema_version);
	if (version == (int64_t)metadata_schema_version)
		return 0;

	r = switch_to_wal(md, err);
	if (r < 0)
		return r;
	metadata_make_room(root);
	_cleanup_(metadata_rollback) struct metadata_transaction t = METADATA_TRANSACTION_INIT;
	r = metadata_begin(md, &t, err);
	if (r < 0)
		return r;
	/* Another process may have been faster. */
	r = read_version(md, &version, err);
	for (size_t i = (size_t)version; r == 0 && i < metadata_schema_version; i++)
		r = run_script(md, metadata_migrations[i], err);
	if (r < 0)
		return r;
	char pragma[64];
	snprintf(pragma, sizeof(pragma), "PRAGMA user_version=%zu", metadata_schema_version);
	r = run_script(md, pragma, err);
	return r < 0 ? r : metadata_commit(&t, err);
}

/* Commands are short: what SQLite lays in store, and counts, costs them more than it gives. */
static void configure_library(void)
{
	sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
	sqlite3_config(SQLITE_CONFIG_LOOKASIDE, 0, 0);
	sqlite3_config(SQLITE_CONFIG_PAGECACHE, NULL, 0, 0);
}

/*
 * The environment of containers is in the database, and with that people's passwords. The files
 * beside it get its mode when they are made.
 */
static int keep_private(struct metadata *md, struct hull_error *err)
{
	static const char *const suffixes[] = {"-wal", "-shm"};
	struct stat st;

	if (stat(md->path, &st) < 0)
		return error_errno(err, errno, "%s", md->path);
	if ((st.st_mode & 077) == 0)
		return 0;
	if (chmod(md->path, 0600) < 0)
		return error_errno(err, errno, "mode of %s", md->path);
	for (size_t i = 0; i < ARRAY_SIZE(suffixes); i++) {
		_cleanup_free_ char *path = str_printf("%s%s", md->path, suffixes[i]);

		if (!path)
			return error_no_memory(err);
		if (chmod(path, 0600) < 0 && errno != ENOENT)
			return error_errno(err, errno, "mode of %s", path);
	}
	return 0;
}

int metadata_open(const char *root, struct metadata **ret, struct hull_error *err)
{
	static pthread_once_t configured = PTHREAD_ONCE_INIT;
	_cleanup_(metadata_closep) struct metadata *md = calloc(1, sizeof(*md));

	if (!md)
		return error_no_memory(err);
	pthread_once(&configured, configure_library);
	md->path = path_join(root, "hull.db");
	if (!md->path)
		return error_no_memory(err);
	int r = dir_make_parents_at(AT_FDCWD, root, 0711);
	if (r < 0)
		return error_errno(err, r, "%s", root);
	int code = wal_index_register(&md->vfs);
	if (code != SQLITE_OK)
		return error_set(err, HULL_ERROR_INTERNAL, "SQLite: %s", sqlite3_errstr(code));
	code = sqlite3_open_v2(md->path, &md->db,
		SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX |
			SQLITE_OPEN_NOFOLLOW | SQLITE_OPEN_EXRESCODE,
		md->vfs.name);
	if (!md->db)
		return error_no_memory(err);
	if (code != SQLITE_OK)
		return fail(md, code, err);
	r = keep_private(md, err);
	if (r < 0)
		return r;
	sqlite3_busy_timeout(md->db, BUSY_TIMEOUT_MS);
	/* Checkpoints belong to writers that pass the size limit, not to every command's end. */
	sqlite3_db_config(md->db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
	sqlite3_db_config(md->db, SQLITE_DBCONFIG_ENABLE_FKEY, 1, NULL);
	r = run_script(md, "PRAGMA synchronous=NORMAL", err);
	if (r == 0)
		r = migrate(md, root, err);
	if (r < 0)
		return r;
	*ret = TAKE_PTR(md);
	return 0;
}

void metadata_close(struct metadata *md)
{
	if (!md)
		return;
	for (unsigned int i = 0; i < md->n_cached; i++)
		sqlite3_finalize(md->cache[i].statement);
	sqlite3_close(md->db);
	wal_index_unregister(&md->vfs);
	free(md->path);
	free(md);
}

static int statement_take(
	struct metadata *md, const char *sql, sqlite3_stmt **ret, struct hull_error *err)
{
	for (unsigned int i = 0; i < md->n_cached; i++) {
		if (md->cache[i].sql == sql) {
			*ret = md->cache[i].statement;
			md->cache[i] = md->cache[--md->n_cached];
			return 0;
		}
	}
	int code = sqlite3_prepare_v2(md->db, sql, -1, ret, NULL);
	return code == SQLITE_OK ? 0 : fail(md, code, err);
}

static void statement_give(struct metadata *md, const char *sql, sqlite3_stmt *statement)
{
	sqlite3_reset(statement);
	sqlite3_clear_bindings(statement);
	if (md->n_cached == CACHE_SIZE) {
		sqlite3_finalize(statement);
		return;
	}
	md->cache[md->n_cached].sql = sql;
	md->cache[md->n_cached++].statement = statement;
}

static int bind(struct metadata *md, sqlite3_stmt *statement, const char *types, va_list ap,
	struct hull_error *err)
{
	int code = SQLITE_OK;

	for (int i = 1; *types && code == SQLITE_OK; types++, i++) {
		if (*types == 't') {
			const char *text = va_arg(ap, const char *);
			code = sqlite3_bind_text(statement, i, text, -1, SQLITE_TRANSIENT);
		} else if (*types == 'i') {
			code = sqlite3_bind_int64(statement, i, va_arg(ap, int64_t));
		} else {
			const void *data = va_arg(ap, const void *);
			code = sqlite3_bind_blob64(
				statement, i, data, va_arg(ap, size_t), SQLITE_TRANSIENT);
		}
	}
	return code == SQLITE_OK ? 0 : fail(md, code, err);
}

static int query_start(struct metadata *md, struct metadata_query **ret, struct hull_error *err,
	const char *sql, const char *types, va_list ap)
{
	_cleanup_metadata_query_ struct metadata_query *q = calloc(1, sizeof(*q));

	if (!q)
		return error_no_memory(err);
	q->md = md;
	q->sql = sql;
	int r = statement_take(md, sql, &q->statement, err);
	if (r == 0)
		r = bind(md, q->statement, types, ap, err);
	if (r < 0)
		return r;
	*ret = TAKE_PTR(q);
	return 0;
}

int metadata_query(struct metadata *md, struct metadata_query **ret, struct hull_error *err,
	const char *sql, const char *types, ...)
{
	va_list ap;

	va_start(ap, types);
	int r = query_start(md, ret, err, sql, types, ap);
	va_end(ap);
	return r;
}

int metadata_next(struct metadata_query *q, struct hull_error *err)
{
	int code = sqlite3_step(q->statement);

	if (code == SQLITE_ROW)
		return 1;
	return code == SQLITE_DONE ? 0 : fail(q->md, code, err);
}

const char *metadata_text(struct metadata_query *q, int column)
{
	return (const char *)sqlite3_column_text(q->statement, column);
}

const void *metadata_blob(struct metadata_query *q, int column, size_t *ret_size)
{
	const void *data = sqlite3_column_blob(q->statement, column);

	*ret_size = (size_t)sqlite3_column_bytes(q->statement, column);
	return data;
}

int64_t metadata_int(struct metadata_query *q, int column)
{
	return sqlite3_column_int64(q->statement, column);
}

bool metadata_is_null(struct metadata_query *q, int column)
{
	return sqlite3_column_type(q->statement, column) == SQLITE_NULL;
}

void metadata_query_done(struct metadata_query *q)
{
	if (!q)
		return;
	if (q->statement)
		statement_give(q->md, q->sql, q->statement);
	free(q);
}

int metadata_exec(
	struct metadata *md, struct hull_error *err, const char *sql, const char *types, ...)
{
	_cleanup_metadata_query_ struct metadata_query *q = NULL;
	va_list ap;

	va_start(ap, types);
	int r = query_start(md, &q, err, sql, types, ap);
	va_end(ap);
	if (r < 0)
		return r;
	do {
		r = metadata_next(q, err);
	} while (r > 0);
	return r;
}

int64_t metadata_changes(struct metadata *md)
{
	return sqlite3_changes64(md->db);
}

int64_t metadata_last_id(struct metadata *md)
{
	return sqlite3_last_insert_rowid(md->db);
}

int metadata_get_int(struct metadata *md, int64_t *ret, struct hull_error *err, const char *sql,
	const char *types, ...)
{
	_cleanup_metadata_query_ struct metadata_query *q = NULL;
	va_list ap;

	va_start(ap, types);
	int r = query_start(md, &q, err, sql, types, ap);
	va_end(ap);
	if (r < 0)
		return r;
	r = metadata_next(q, err);
	if (r > 0)
		*ret = metadata_int(q, 0);
	return r;
}

int metadata_begin(struct metadata *md, struct metadata_transaction *t, struct hull_error *err)
{
	if (!sqlite3_get_autocommit(md->db))
		return 0;
	int r = metadata_exec(md, err, "BEGIN IMMEDIATE", "");

	if (r == 0)
		t->md = md;
	return r;
}

int metadata_commit(struct metadata_transaction *t, struct hull_error *err)
{
	if (!t->md)
		return 0;
	int r = metadata_exec(t->md, err, "COMMIT", "");

	if (r == 0)
		t->md = NULL;
	return r;
}

void metadata_rollback(struct metadata_transaction *t)
{
	if (t->md)
		sqlite3_exec(t->md->db, "ROLLBACK", NULL, NULL, NULL);
	t->md = NULL;
}

/*
 * The log is what commits are written to. If there is none, a checkpoint has put everything into the
 * database file, which SQLite syncs before it removes the log. SQLite has no lock on the log's file
 * that closing it here could take away.
 */
int metadata_sync(struct metadata *md, struct hull_error *err)
{
	_cleanup_free_ char *path = str_printf("%s-wal", md->path);

	if (!path)
		return error_no_memory(err);
	_cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0)
		return errno == ENOENT ? 0 : error_errno(err, errno, "%s", path);
	return fdatasync(fd) < 0 ? error_errno(err, errno, "%s", path) : 0;
}
