/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Of the methods that SQLite has for a database file, those about shared memory are made anew here,
 * on open file description locks instead of a process's own. All others are SQLite's.
 *
 * One lock (DEAD_MAN) says whether somebody has the index open: held shared by everybody, and taken
 * exclusively for a moment by whoever finds himself alone, to look whether the index is good and to
 * empty it otherwise. Emptied, it is made by SQLite in its usual way.
 */
#include "metadata/wal_index.h"
#include "base/cleanup.h"
#include "base/fd.h"
#include "base/str.h"

#include <endian.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/stat.h>

#define BOOT_ID_FILE "/proc/sys/kernel/random/boot_id"

/* The format of the index. */
#define INDEX_VERSION	3007000
#define INDEX_UNIT	((size_t)32768) /* it grows by */
#define LOCKS_AT	120		/* the byte of SQLite's first lock */
#define DEAD_MAN	(LOCKS_AT + SQLITE_SHM_NLOCK)
#define LOG_HEADER_SIZE 32
#define LOG_FRAME_SIZE	24

/* Two of them are at the beginning of the index; if they differ, somebody was killed in between. */
struct index_header {
	uint32_t version;
	uint32_t unused;
	uint32_t change;
	uint8_t is_init;
	uint8_t big_endian;
	uint16_t page_size; /* 1 = 65536 */
	uint32_t last_frame;
	uint32_t n_pages;
	uint32_t frame_checksum[2]; /* of the last frame, and so of all before it */
	uint32_t salt[2];	    /* as in the log, whatever the byte order */
	uint32_t checksum[2];
};

struct index_start {
	struct index_header header[2];
	uint32_t backfilled;
	uint32_t read_marks[5];
	uint8_t locks[SQLITE_SHM_NLOCK];
	uint32_t backfill_attempted;
	uint32_t mark; /* unused by SQLite: index_mark() */
};

_Static_assert(sizeof(struct index_header) == 48 && sizeof(struct index_start) == 136,
	"the layout of the index");

/* What stands behind SQLite's own structure of an open file. */
struct file {
	sqlite3_io_methods methods;
	const char *path; /* of the database; SQLite's */
	int fd;		  /* of the index, -1 = not open */
	void **units;	  /* where it is mapped */
	int n_units;
};

static size_t own_size(const sqlite3_vfs *own)
{
	return ((size_t)own->szOsFile + 15) & ~(size_t)15;
}

static struct file *file_of(sqlite3_file *f)
{
	return (struct file *)((char *)f->pMethods - offsetof(struct file, methods));
}

/* ---- Is the index good? ---- */

static uint32_t hash(uint32_t h, const void *data, size_t n)
{
	for (const unsigned char *p = data; n-- > 0; p++)
		h = (h ^ *p) * 16777619U;
	return h;
}

/*
 * Of this file in this boot of the host: what a copy of it, or one that is older, does not have. Not
 * 0, which is what SQLite leaves there; 0 if it cannot be told.
 */
static uint32_t index_mark(int fd)
{
	_cleanup_free_ char *boot = NULL;
	struct stat st;

	if (fstat(fd, &st) < 0 || file_read_line_at(AT_FDCWD, BOOT_ID_FILE, &boot) < 0)
		return 0;
	uint32_t h = hash(2166136261U, boot, strlen(boot));
	h = hash(h, &st.st_dev, sizeof(st.st_dev));
	h = hash(h, &st.st_ino, sizeof(st.st_ino));
	return h ? h : 1;
}

static bool read_at(int fd, void *data, size_t n, off_t offset)
{
	return pread(fd, data, n, offset) == (ssize_t)n;
}

/* True if the last frame that the index knows is in the log: its checksum goes over all before it. */
static bool log_has_last_frame(const char *database, const struct index_header *h)
{
	_cleanup_free_ char *path = str_printf("%s-wal", database);
	_cleanup_close_ int fd = path ? open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW) : -1;
	uint32_t log[LOG_HEADER_SIZE / 4], frame[LOG_FRAME_SIZE / 4];
	size_t page_size = h->page_size == 1 ? 65536 : h->page_size;

	if (fd < 0 || h->last_frame == 0 || !read_at(fd, log, sizeof(log), 0))
		return false;
	off_t at =
		LOG_HEADER_SIZE + (off_t)(h->last_frame - 1) * (off_t)(LOG_FRAME_SIZE + page_size);
	return read_at(fd, frame, sizeof(frame), at) && be32toh(log[2]) == page_size &&
	       memcmp(&log[4], h->salt, sizeof(h->salt)) == 0 &&
	       memcmp(&frame[2], h->salt, sizeof(h->salt)) == 0 &&
	       be32toh(frame[4]) == h->frame_checksum[0] &&
	       be32toh(frame[5]) == h->frame_checksum[1];
}

static bool is_good(int fd, const char *database, uint32_t mark)
{
	struct index_start s;

	return mark && read_at(fd, &s, sizeof(s), 0) && s.mark == mark && s.header[0].is_init &&
	       s.header[0].version == INDEX_VERSION &&
	       memcmp(&s.header[0], &s.header[1], sizeof(s.header[0])) == 0 &&
	       log_has_last_frame(database, &s.header[0]);
}

/* ---- Locks ---- */

static int set_lock(int fd, short type, off_t first, off_t n, bool wait)
{
	struct flock lock = {.l_type = type, .l_whence = SEEK_SET, .l_start = first, .l_len = n};

	if (fcntl(fd, wait ? F_OFD_SETLKW : F_OFD_SETLK, &lock) == 0)
		return SQLITE_OK;
	return errno == EAGAIN || errno == EACCES || errno == EINTR ? SQLITE_BUSY
								    : SQLITE_IOERR_SHMLOCK;
}

/* Alone: SQLite finds an empty index, or a good one. */
static int prepare_index(const struct file *f)
{
	const uint32_t mark = index_mark(f->fd);
	const struct index_start empty = {.mark = mark};

	if (is_good(f->fd, f->path, mark))
		return SQLITE_OK;
	if (ftruncate(f->fd, 0) < 0 || pwrite(f->fd, &empty, sizeof(empty), 0) != sizeof(empty))
		return SQLITE_IOERR_SHMOPEN;
	return SQLITE_OK;
}

/*
 * Takes the dead man's lock shared. Somebody who has it exclusively is about to prepare the index; if he
 * dies at it, that is for the next one to do, and nobody may hold the lock before.
 */
static int enter(const struct file *f)
{
	for (;;) {
		struct flock other = {.l_type = F_WRLCK, .l_start = DEAD_MAN, .l_len = 1};
		int r = set_lock(f->fd, F_WRLCK, DEAD_MAN, 1, false);
		if (r == SQLITE_OK) {
			r = prepare_index(f);
			return r == SQLITE_OK ? set_lock(f->fd, F_RDLCK, DEAD_MAN, 1, false) : r;
		}
		if (r != SQLITE_BUSY)
			return r;
		if (fcntl(f->fd, F_OFD_GETLK, &other) < 0)
			return SQLITE_IOERR_SHMLOCK;
		if (other.l_type == F_RDLCK &&
			set_lock(f->fd, F_RDLCK, DEAD_MAN, 1, false) == SQLITE_OK)
			return SQLITE_OK;
		if (other.l_type == F_WRLCK &&
			set_lock(f->fd, F_RDLCK, DEAD_MAN, 1, true) == SQLITE_OK)
			set_lock(f->fd, F_UNLCK, DEAD_MAN, 1, false);
	}
}

/* ---- SQLite's methods ---- */

/* The index belongs to whom the database belongs to. */
static int open_index(struct file *f)
{
	_cleanup_free_ char *path = str_printf("%s-shm", f->path);
	struct stat st;

	if (!path)
		return SQLITE_NOMEM;
	if (stat(f->path, &st) < 0)
		return SQLITE_IOERR_FSTAT;
	_cleanup_close_ int fd =
		open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, st.st_mode & 0777);
	if (fd < 0)
		return SQLITE_CANTOPEN;
	if (geteuid() == 0 && fchown(fd, st.st_uid, st.st_gid) < 0)
		return SQLITE_CANTOPEN;
	f->fd = fd;
	int r = enter(f);
	if (r != SQLITE_OK) {
		f->fd = -1;
		return r;
	}
	TAKE_FD(fd);
	return SQLITE_OK;
}

/* Written, so that a full disk is an error here and no signal later. */
static int grow_index(int fd, off_t from, off_t to)
{
	static const char zeros[4096];

	for (off_t at = from; at < to;) {
		size_t n = sizeof(zeros) - (size_t)(at % (off_t)sizeof(zeros));
		ssize_t written = pwrite(fd, zeros, n, at);
		if (written <= 0)
			return SQLITE_IOERR_SHMSIZE;
		at += written;
	}
	return SQLITE_OK;
}

static int map_unit(sqlite3_file *file, int number, int size, int extend, void volatile **ret)
{
	struct file *f = file_of(file);
	struct stat st;

	*ret = NULL;
	if ((size_t)size != INDEX_UNIT)
		return SQLITE_IOERR_SHMMAP;
	int r = f->fd < 0 ? open_index(f) : SQLITE_OK;
	if (r != SQLITE_OK)
		return r;
	while (f->n_units <= number) {
		off_t begin = (off_t)f->n_units * size, end = begin + size;
		if (fstat(f->fd, &st) < 0)
			return SQLITE_IOERR_SHMSIZE;
		if (st.st_size < end && !extend)
			return SQLITE_OK;
		if (st.st_size < end && grow_index(f->fd, st.st_size, end) != SQLITE_OK)
			return SQLITE_IOERR_SHMSIZE;
		void **units = reallocarray(f->units, (size_t)f->n_units + 1, sizeof(*units));
		if (!units)
			return SQLITE_NOMEM;
		f->units = units;
		void *p = mmap(NULL, INDEX_UNIT, PROT_READ | PROT_WRITE, MAP_SHARED, f->fd, begin);
		if (p == MAP_FAILED)
			return SQLITE_IOERR_SHMMAP;
		f->units[f->n_units++] = p;
	}
	*ret = f->units[number];
	return SQLITE_OK;
}

static int lock_index(sqlite3_file *file, int first, int n, int flags)
{
	short type = flags & SQLITE_SHM_UNLOCK	 ? F_UNLCK
		     : flags & SQLITE_SHM_SHARED ? F_RDLCK
						 : F_WRLCK;

	return set_lock(file_of(file)->fd, type, LOCKS_AT + first, n, false);
}

static void barrier(sqlite3_file *file)
{
	atomic_thread_fence(memory_order_seq_cst);
}

static int unmap_index(sqlite3_file *file, int delete)
{
	struct file *f = file_of(file);

	for (int i = 0; i < f->n_units; i++)
		munmap(f->units[i], INDEX_UNIT);
	free(f->units);
	f->units = NULL;
	f->n_units = 0;
	if (delete &&f->fd >= 0) {
		_cleanup_free_ char *path = str_printf("%s-shm", f->path);
		if (path)
			unlink(path);
	}
	cleanup_closep(&f->fd);
	return SQLITE_OK;
}

static int open_file(
	sqlite3_vfs *vfs, const char *path, sqlite3_file *file, int flags, int *ret_flags)
{
	const struct wal_index_vfs *v = (struct wal_index_vfs *)vfs; /* its first member */
	int r = v->own->xOpen(v->own, path, file, flags, ret_flags);

	if (r != SQLITE_OK || !(flags & SQLITE_OPEN_MAIN_DB) || file->pMethods->iVersion < 2)
		return r;
	struct file *f = (struct file *)((char *)file + own_size(v->own));
	*f = (struct file){.methods = *file->pMethods, .path = path, .fd = -1};
	f->methods.xShmMap = map_unit;
	f->methods.xShmLock = lock_index;
	f->methods.xShmBarrier = barrier;
	f->methods.xShmUnmap = unmap_index;
	file->pMethods = &f->methods;
	return SQLITE_OK;
}

int wal_index_register(struct wal_index_vfs *v)
{
	v->own = sqlite3_vfs_find(NULL);
	if (!v->own)
		return SQLITE_ERROR;
	v->vfs = *v->own;
	/* SQLite knows its layers by name. */
	snprintf(v->name, sizeof(v->name), "hull-%p", (void *)v);
	v->vfs.zName = v->name;
	v->vfs.szOsFile = (int)(own_size(v->own) + sizeof(struct file));
	v->vfs.xOpen = open_file;
	return sqlite3_vfs_register(&v->vfs, 0);
}

void wal_index_unregister(struct wal_index_vfs *v)
{
	if (v->own)
		sqlite3_vfs_unregister(&v->vfs);
}
