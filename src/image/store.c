/* SPDX-License-Identifier: Apache-2.0 */
#include "image/store.h"

#include "base/clock.h"
#include "base/fd.h"
#include "base/path.h"
#include "base/str.h"

#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>

#define LOCK_FILE "lock"

int image_store_open(const char *root, struct metadata *metadata, struct layer_store *layers,
	struct image_store **ret, struct hull_error *err)
{
	_cleanup_image_store_ struct image_store *store = calloc(1, sizeof(*store));

	if (!store)
		return error_no_memory(err);
	store->blobs_fd = -1;
	store->root = strdup(root);
	_cleanup_free_ char *blobs = path_join(root, "blobs");
	if (!store->root || !blobs)
		return error_no_memory(err);
	store->blobs_fd = open(blobs, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (store->blobs_fd < 0 && errno == ENOENT) {
		int r = dir_make_parents_at(AT_FDCWD, blobs, 0700);
		if (r < 0)
			return error_errno(err, r, "%s", blobs);
		store->blobs_fd = open(blobs, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	}
	if (store->blobs_fd < 0)
		return error_errno(err, errno, "%s", blobs);
	store->md = metadata;
	store->layers = layers;
	*ret = TAKE_PTR(store);
	return 0;
}

struct image_store *image_store_close(struct image_store *store)
{
	if (!store)
		return NULL;
	cleanup_closep(&store->blobs_fd);
	free(store->root);
	free(store);
	return NULL;
}

void blob_path(const struct digest *digest, char path[DIGEST_TEXT_SIZE])
{
	digest_format(digest, path);
	*strchr(path, ':') = '/';
}

/* True if the file is there with exactly these bytes. */
static bool is_written(struct image_store *store, const char *path, const void *data, size_t n)
{
	_cleanup_buf_ struct buf there = BUF_INIT_MAX(n + 1);

	return file_read_at(store->blobs_fd, path, &there, n) == 0 && there.len == n &&
	       memcmp(buf_str(&there), data, n) == 0;
}

int blob_write(struct image_store *store, const struct digest *digest, const void *data, size_t n,
	struct hull_error *err)
{
	char path[DIGEST_TEXT_SIZE];
	const char *directory = digest_algorithm_name(digest->algorithm);

	blob_path(digest, path);
	if (is_written(store, path, data, n))
		return 0;
	if (mkdirat(store->blobs_fd, directory, 0700) < 0 && errno != EEXIST)
		return error_errno(err, errno, "%s/blobs/%s", store->root, directory);
	int r = file_replace_at(store->blobs_fd, path, data, n, 0600, true);
	return r < 0 ? error_errno(err, r, "%s/blobs/%s", store->root, path) : 0;
}

/* The documents themselves were synced when they were written. */
int blob_names_sync(struct image_store *store, struct hull_error *err)
{
	for (int i = 0; i < DIGEST_ALGORITHM_MAX; i++) {
		const char *name = digest_algorithm_name((enum digest_algorithm)i);
		_cleanup_close_ int fd = openat(
			store->blobs_fd, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);

		if (fd < 0 && errno == ENOENT)
			continue;
		if (fd < 0 || fsync(fd) < 0)
			return error_errno(err, errno, "%s/blobs/%s", store->root, name);
	}
	return 0;
}

int blob_read(struct image_store *store, const struct digest *digest, size_t max, struct buf *ret,
	struct hull_error *err)
{
	char path[DIGEST_TEXT_SIZE];

	blob_path(digest, path);
	ret->max = max + 1;
	int r = file_read_at(store->blobs_fd, path, ret, max);
	return r < 0 ? error_errno(err, r, "%s/blobs/%s", store->root, path) : 0;
}

int blob_read_verified(struct image_store *store, const struct digest *digest, size_t max,
	struct buf *ret, struct hull_error *err)
{
	char path[DIGEST_TEXT_SIZE];
	struct digest is;

	if (!blob_exists(store, digest))
		return 0;
	int r = blob_read(store, digest, max, ret, err);
	if (r == 0)
		r = digest_of(digest->algorithm, buf_str(ret), ret->len, &is, err);
	if (r < 0)
		return r;
	if (digest_equal(digest, &is))
		return 1;
	buf_done(ret);
	blob_path(digest, path);
	if (unlinkat(store->blobs_fd, path, 0) < 0 && errno != ENOENT)
		return error_errno(err, errno, "%s/blobs/%s", store->root, path);
	return 0;
}

bool blob_exists(struct image_store *store, const struct digest *digest)
{
	char path[DIGEST_TEXT_SIZE];

	blob_path(digest, path);
	return faccessat(store->blobs_fd, path, F_OK, 0) == 0;
}

static int lock_open(struct image_store *store, struct hull_error *err)
{
	int fd =
		openat(store->blobs_fd, LOCK_FILE, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);

	return fd < 0 ? error_errno(err, errno, "%s/blobs/" LOCK_FILE, store->root) : fd;
}

/* flock() that starts again after a signal. */
static int lock_fd(int fd, int operation)
{
	while (flock(fd, operation) < 0)
		if (errno != EINTR)
			return -errno;
	return 0;
}

int image_hold(struct image_store *store, int *ret_fd, struct hull_error *err)
{
	_cleanup_close_ int fd = lock_open(store, err);

	if (fd < 0)
		return fd;
	int r = lock_fd(fd, LOCK_SH);
	if (r < 0)
		return error_errno(err, r, "%s/blobs/" LOCK_FILE, store->root);
	*ret_fd = TAKE_FD(fd);
	return 0;
}

int image_hold_alone(struct image_store *store, int *ret_fd, struct hull_error *err)
{
	_cleanup_close_ int fd = lock_open(store, err);

	if (fd < 0)
		return fd;
	int r = lock_fd(fd, LOCK_EX | LOCK_NB);
	if (r == -EWOULDBLOCK)
		return 0;
	if (r < 0)
		return error_errno(err, r, "%s/blobs/" LOCK_FILE, store->root);
	*ret_fd = TAKE_FD(fd);
	return 1;
}

static void pull_lock_name(const struct digest *digest, char name[DIGEST_HEX_SIZE + 5])
{
	memcpy(name, "pull-", sizeof("pull-"));
	digest_format_hex(digest, name + 5);
}

/* True if the name still leads to the file that is open: its last holder did not remove it. */
static bool is_same_file(int dirfd, const char *name, int fd)
{
	struct stat there, here;

	return fstat(fd, &here) == 0 && fstatat(dirfd, name, &there, AT_SYMLINK_NOFOLLOW) == 0 &&
	       here.st_dev == there.st_dev && here.st_ino == there.st_ino;
}

int pull_lock(struct image_store *store, const struct digest *digest,
	const struct http_cancel *cancel, int *ret_fd, struct hull_error *err)
{
	char name[DIGEST_HEX_SIZE + 5];

	pull_lock_name(digest, name);
	for (;;) {
		struct timespec pause = {0, 20 * NS_PER_MS};
		_cleanup_close_ int fd = openat(
			store->blobs_fd, name, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);

		if (fd < 0)
			return error_errno(err, errno, "%s/blobs/%s", store->root, name);
		int r = lock_fd(fd, LOCK_EX | LOCK_NB);
		if (r == 0 && is_same_file(store->blobs_fd, name, fd)) {
			*ret_fd = TAKE_FD(fd);
			return 0;
		}
		if (r < 0 && r != -EWOULDBLOCK)
			return error_errno(err, r, "%s/blobs/%s", store->root, name);
		if (cancel->canceled && cancel->canceled(cancel->data))
			return error_set(err, HULL_ERROR_CANCELED, "canceled");
		if (r < 0)
			nanosleep(&pause, NULL);
	}
}

void pull_unlock(struct image_store *store, const struct digest *digest, int fd)
{
	char name[DIGEST_HEX_SIZE + 5];

	if (fd < 0)
		return;
	pull_lock_name(digest, name);
	unlinkat(store->blobs_fd, name, 0);
	close(fd);
}

void progress_event(const struct image_progress *progress, const char *id, const char *status,
	int64_t current, int64_t total)
{
	struct image_progress_event event = {id, status, current, total};

	if (progress->event)
		progress->event(progress->data, &event);
}

void progress_eventf(const struct image_progress *progress, const char *id, const char *format, ...)
{
	_cleanup_buf_ struct buf text = BUF_INIT_MAX(4096);
	va_list ap;

	va_start(ap, format);
	buf_vprintf(&text, format, ap);
	va_end(ap);
	progress_event(progress, id, buf_str(&text), 0, 0);
}

void short_id(const struct digest *digest, char text[13])
{
	char hex[DIGEST_HEX_SIZE];

	memcpy(text, digest_format_hex(digest, hex), 12);
	text[12] = '\0';
}
