/* SPDX-License-Identifier: Apache-2.0 */
/* That the index of the log is kept, and that no bad one ever is. */
#include "metadata/wal_index.h"
#include "base/fd.h"
#include "base/path.h"
#include "base/str.h"

#include <setjmp.h>
#include <stdarg.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <cmocka.h>

#define MARK_AT	    132 /* in the index: which file in which boot it is */
#define FRAME_AT    32	/* in the log: the first frame */
#define CHECKSUM_AT 16	/* in a frame */

struct place {
	char *dir, *database, *log, *index, *saved_log;
};

static int make_place(void **state)
{
	static struct place p;

	p.dir = strdup("/tmp/hull-test-XXXXXX");
	if (!mkdtemp(p.dir))
		return -1;
	p.database = path_join(p.dir, "a.db");
	p.log = path_join(p.dir, "a.db-wal");
	p.index = path_join(p.dir, "a.db-shm");
	p.saved_log = path_join(p.dir, "saved");
	*state = &p;
	return 0;
}

static int remove_place(void **state)
{
	struct place *p = *state;
	int r = dir_remove_tree_at(AT_FDCWD, p->dir);

	free(p->dir);
	free(p->database);
	free(p->log);
	free(p->index);
	free(p->saved_log);
	return r;
}

/* ---- Connections ---- */

struct connection {
	struct wal_index_vfs vfs;
	sqlite3 *db;
};

static void run(sqlite3 *db, const char *sql)
{
	assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
}

static void set_up(sqlite3 *db)
{
	sqlite3_busy_timeout(db, 10000);
	run(db, "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL");
	run(db, "CREATE TABLE IF NOT EXISTS t (a INTEGER PRIMARY KEY, b TEXT)");
}

static void open_kept(const struct place *p, struct connection *c)
{
	*c = (struct connection){0};
	assert_int_equal(wal_index_register(&c->vfs), SQLITE_OK);
	assert_int_equal(sqlite3_open_v2(p->database, &c->db,
				 SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, c->vfs.name),
		SQLITE_OK);
	sqlite3_db_config(c->db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
	set_up(c->db);
}

static void close_kept(struct connection *c)
{
	assert_int_equal(sqlite3_close(c->db), SQLITE_OK);
	wal_index_unregister(&c->vfs);
}

/* As the sqlite3 shell does. */
static sqlite3 *open_plain(const struct place *p)
{
	sqlite3 *db;

	assert_int_equal(sqlite3_open(p->database, &db), SQLITE_OK);
	set_up(db);
	return db;
}

static int64_t get(sqlite3 *db, const char *sql)
{
	sqlite3_stmt *statement;
	int64_t n = -1;

	assert_int_equal(sqlite3_prepare_v2(db, sql, -1, &statement, NULL), SQLITE_OK);
	if (sqlite3_step(statement) == SQLITE_ROW)
		n = sqlite3_column_int64(statement, 0);
	sqlite3_finalize(statement);
	return n;
}

static int64_t count(sqlite3 *db)
{
	return get(db, "SELECT count(*) FROM t");
}

static int64_t count_again(const struct place *p)
{
	struct connection c;

	open_kept(p, &c);
	int64_t n = count(c.db);
	assert_int_equal(get(c.db, "SELECT integrity_check = 'ok' FROM pragma_integrity_check"), 1);
	close_kept(&c);
	return n;
}

static void add_rows(const struct place *p, int n)
{
	struct connection c;

	open_kept(p, &c);
	for (int i = 0; i < n; i++)
		run(c.db, "INSERT INTO t (b) VALUES (hex(randomblob(100)))");
	close_kept(&c);
}

/* ---- Damage ---- */

static void flip_byte(const char *path, off_t at)
{
	_cleanup_close_ int fd = open(path, O_RDWR | O_CLOEXEC);
	unsigned char byte;

	assert_int_equal(pread(fd, &byte, 1, at), 1);
	byte ^= 0xff;
	assert_int_equal(pwrite(fd, &byte, 1, at), 1);
}

static void copy_file(const char *from, const char *to)
{
	_cleanup_buf_ struct buf b = BUF_INIT;

	assert_int_equal(file_read_at(AT_FDCWD, from, &b, 1 << 24), 0);
	_cleanup_close_ int fd = open(to, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	assert_int_equal(fd_write_all(fd, b.data, b.len), 0);
}

/* SQLite ignores a log from the first frame on that does not add up, if it looks at it. */
static void a_good_index_is_kept(void **state)
{
	struct place *p = *state;

	add_rows(p, 5);
	flip_byte(p->log, FRAME_AT + CHECKSUM_AT);
	assert_int_equal(count_again(p), 5);
	add_rows(p, 2);
	assert_int_equal(count_again(p), 7);
}

static void an_index_of_another_boot_is_made_anew(void **state)
{
	struct place *p = *state;

	add_rows(p, 5);
	flip_byte(p->index, MARK_AT);
	assert_int_equal(count_again(p), 5);
	flip_byte(p->log, FRAME_AT + CHECKSUM_AT);
	flip_byte(p->index, MARK_AT);
	assert_int_equal(count_again(p), 0);
}

static void a_copied_index_is_made_anew(void **state)
{
	struct place *p = *state;

	add_rows(p, 5);
	copy_file(p->index, p->saved_log);
	assert_int_equal(rename(p->saved_log, p->index), 0);
	flip_byte(p->log, FRAME_AT + CHECKSUM_AT);
	assert_int_equal(count_again(p), 0);
}

static void an_index_of_another_log_is_made_anew(void **state)
{
	struct place *p = *state;

	add_rows(p, 5);
	copy_file(p->log, p->saved_log);
	add_rows(p, 5);
	copy_file(p->saved_log, p->log);
	assert_int_equal(count_again(p), 5);
	assert_int_equal(unlink(p->log), 0);
	assert_int_equal(count_again(p), 0);
}

static void a_damaged_index_is_made_anew(void **state)
{
	struct place *p = *state;

	add_rows(p, 5);
	for (off_t at = 0; at < 96; at++) {
		flip_byte(p->index, at);
		assert_int_equal(count_again(p), 5);
	}
	assert_int_equal(truncate(p->index, 3), 0);
	assert_int_equal(count_again(p), 5);
	assert_int_equal(unlink(p->index), 0);
	assert_int_equal(count_again(p), 5);
}

static void the_log_may_be_written_back(void **state)
{
	struct place *p = *state;
	struct connection c;

	add_rows(p, 5);
	for (int i = 0; i < 3; i++) {
		open_kept(p, &c);
		run(c.db, i == 1 ? "PRAGMA wal_checkpoint(TRUNCATE)" : "PRAGMA wal_checkpoint");
		close_kept(&c);
		assert_int_equal(count_again(p), 5 + i);
		add_rows(p, 1);
		assert_int_equal(count_again(p), 6 + i);
	}
}

/* The shell makes its own index, and throws away log and index when it is the last to leave. */
static void others_open_it_as_usual(void **state)
{
	struct place *p = *state;
	struct connection c;

	add_rows(p, 3);
	open_kept(p, &c);
	sqlite3 *plain = open_plain(p);
	run(plain, "INSERT INTO t (b) VALUES ('plain')");
	run(c.db, "INSERT INTO t (b) VALUES ('kept')");
	assert_int_equal(count(plain), 5);
	assert_int_equal(count(c.db), 5);
	sqlite3_close(plain);
	run(c.db, "INSERT INTO t (b) VALUES ('kept')");
	close_kept(&c);
	plain = open_plain(p);
	assert_int_equal(count(plain), 6);
	run(plain, "INSERT INTO t (b) VALUES ('plain')");
	sqlite3_close(plain);
	assert_int_equal(access(p->log, F_OK), -1);
	assert_int_equal(count_again(p), 7);
	add_rows(p, 1);
	assert_int_equal(count_again(p), 8);
}

/* Two rows at a time, for ever; now and then into the database itself. */
static void write_pairs(const struct place *p)
{
	struct connection c;

	for (;;) {
		open_kept(p, &c);
		run(c.db, "PRAGMA wal_autocheckpoint=20");
		for (int i = 0; i < 5; i++)
			run(c.db, "BEGIN IMMEDIATE;"
				  "INSERT INTO t (b) VALUES (hex(randomblob(2000)));"
				  "INSERT INTO t (b) VALUES (hex(randomblob(2000)));"
				  "COMMIT");
		close_kept(&c);
	}
}

static void killed_at_any_moment(void **state)
{
	enum { ROUNDS = 40, WRITERS = 2 };
	struct place *p = *state;
	int64_t last = 0;

	add_rows(p, 2);
	for (int i = 0; i < ROUNDS; i++) {
		const struct timespec pause = {.tv_nsec = 3000000 + i * 200000};
		pid_t pids[WRITERS];
		for (int w = 0; w < WRITERS; w++) {
			pids[w] = fork();
			if (pids[w] == 0)
				write_pairs(p);
		}
		nanosleep(&pause, NULL);
		for (int w = 0; w < WRITERS; w++) {
			kill(pids[w], SIGKILL);
			waitpid(pids[w], NULL, 0);
		}
		int64_t now = count_again(p);
		assert_true(now >= last);
		assert_int_equal(now % 2, 0);
		last = now;
	}
	assert_true(last > 2);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, make_place, remove_place)
	const struct CMUnitTest tests[] = {
		TEST(a_good_index_is_kept),
		TEST(an_index_of_another_boot_is_made_anew),
		TEST(a_copied_index_is_made_anew),
		TEST(an_index_of_another_log_is_made_anew),
		TEST(a_damaged_index_is_made_anew),
		TEST(the_log_may_be_written_back),
		TEST(others_open_it_as_usual),
		TEST(killed_at_any_moment),
	};
#undef TEST

	return cmocka_run_group_tests(tests, NULL, NULL);
}
