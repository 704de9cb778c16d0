/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A layer's EROFS image is mounted once per host, at RUN/layers/<algorithm>/<hex>, and that mount
 * serves all containers: each mount of the same image would be a superblock with a page cache of
 * its own. Who mounts or unmounts holds the lock of the run directory; looking whether a mount is
 * there needs none, for an unmount that is not forced fails while somebody has it open.
 */
#include "layer/store-internal.h"

#include "base/fd.h"
#include "base/str.h"
#include "layer/erofs-format.h"
#include "layer/erofs.h"
#include "sys/mount_api.h"
#include "sys/statx.h"

#include <string.h>
#include <sys/file.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/statfs.h>

#define LOCK_NAME     "lock"
#define PROBE_NAME    "erofs"
#define FSCONFIG_TEXT 256 /* what the kernel takes, with the NUL */
#define FD_PATH_SIZE  32
#ifndef STATX_DIOALIGN /* Linux 6.1 */
#define STATX_DIOALIGN 0x00002000U
#endif

static int lock_run(struct layer_store *store, int *ret, struct hull_error *err)
{
	_cleanup_close_ int fd =
		openat(store->run_fd, LOCK_NAME, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	int r;

	if (fd < 0)
		return error_errno(err, errno, "open the lock of the layer mounts");
	do
		r = flock(fd, LOCK_EX);
	while (r < 0 && errno == EINTR);
	if (r < 0)
		return error_errno(err, errno, "lock the layer mounts");
	*ret = TAKE_FD(fd);
	return 0;
}

/*
 * EROFS reads the tar in units of 512 bytes. With `directio` (Linux 6.13) its pages are not cached
 * a second time, as pages of the tar, but the disk must take requests as fine as that.
 */
static bool direct_reads_work(int tar_fd)
{
	struct statx stx;

	return file_statx(tar_fd, "", AT_EMPTY_PATH, STATX_DIOALIGN, &stx) == 0 &&
	       stx.stx_mask & STATX_DIOALIGN && stx.stx_dio_offset_align > 0 &&
	       stx.stx_dio_offset_align <= EROFS_BLOCK;
}

static int fs_error(int fs_fd, int r, const char *what, struct hull_error *err)
{
	char text[256];

	if (mount_fs_message(fs_fd, text, sizeof(text)) == 0)
		return error_errno(err, r, "%s: %s", what, text);
	return error_errno(err, r, "%s", what);
}

/* Makes the superblock. source is a path of image_fd, which the mount table will show; NULL or long: none. */
static int erofs_create(int image_fd, int tar_fd, const char *source, bool direct, int *ret_fs,
	struct hull_error *err)
{
	char image[FD_PATH_SIZE], device[FD_PATH_SIZE];
	_cleanup_close_ int fs_fd = mount_fsopen("erofs");

	if (fs_fd < 0)
		return error_errno(err, fs_fd, "open file system type erofs");
	snprintf(image, sizeof(image), "/proc/self/fd/%d", image_fd);
	snprintf(device, sizeof(device), "/proc/self/fd/%d", tar_fd);
	bool shown = source && strlen(source) < FSCONFIG_TEXT;
	int r = mount_fsconfig_string(fs_fd, "source", shown ? source : image);
	if (r == 0)
		r = mount_fsconfig_string(fs_fd, "device", device);
	if (r < 0)
		return fs_error(fs_fd, r, "prepare the mount of a layer", err);
	if (direct)
		mount_fsconfig_flag(fs_fd, "directio"); /* fails before 6.13, which is fine */
	r = mount_fsconfig_create(fs_fd);
	if (r < 0)
		return fs_error(fs_fd, r, "mount a layer", err);
	*ret_fs = TAKE_FD(fs_fd);
	return 0;
}

/* ---- Can it be done at all ---- */

static int write_empty_image(int fd)
{
	_cleanup_tree_ struct tree *tree = NULL;
	struct erofs_source source = {.tar_fd = -1};
	uint64_t bytes;

	if (tree_new(0, &tree, NULL) < 0 || tree_finish(tree, NULL) < 0)
		return -1;
	return erofs_write(tree, &source, fd, &bytes, NULL);
}

/* With files where layers will be: the kernel refuses some file systems as backing. */
static bool probe(struct layer_store *store)
{
	_cleanup_close_ int image =
		openat(store->ingest_fd, ".", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	_cleanup_close_ int tar =
		openat(store->ingest_fd, ".", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	_cleanup_close_ int fs_fd = -1;

	if (image < 0 || tar < 0 || write_empty_image(image) < 0)
		return false;
	return erofs_create(image, tar, NULL, false, &fs_fd, NULL) == 0;
}

/* The answer is kept in the run directory: it can only change with a reboot. */
bool layer_mount_erofs_works(struct layer_store *store)
{
	_cleanup_buf_ struct buf text = BUF_INIT;

	if (file_read_at(store->run_fd, PROBE_NAME, &text, 16) == 0 && text.len > 0)
		return text.data[0] == 'y';
	bool works = probe(store);
	file_replace_at(
		store->run_fd, PROBE_NAME, works ? "yes\n" : "no\n", works ? 4 : 3, 0600, false);
	return works;
}

/* ---- Mounting ---- */

/* Opens the mount point of a layer if the layer is mounted on it: 1, or 0, or -errno. */
static int open_mounted(struct layer_store *store, const char *path, int *ret)
{
	_cleanup_close_ int fd =
		openat(store->run_fd, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	struct statfs fs;

	if (fd < 0)
		return errno == ENOENT ? 0 : -errno;
	if (fstatfs(fd, &fs) < 0)
		return -errno;
	if ((uint32_t)fs.f_type != EROFS_MAGIC)
		return 0;
	*ret = TAKE_FD(fd);
	return 1;
}

static int mount_locked(
	struct layer_store *store, int layer_fd, const char *path, struct hull_error *err)
{
	_cleanup_close_ int image =
		openat(layer_fd, LAYER_EROFS, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	_cleanup_close_ int tar = openat(layer_fd, LAYER_TAR, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	_cleanup_close_ int fs_fd = -1, mount_fd = -1, target = -1;
	_cleanup_free_ char *source = str_printf("%s/layers/%s/%s", store->root, path, LAYER_EROFS);

	if (image < 0 || tar < 0)
		return error_errno(err, errno, "open the layer's files");
	if (!source)
		return error_no_memory(err);
	if (mkdirat(store->run_fd, path, 0700) < 0 && errno != EEXIST)
		return error_errno(err, errno, "make the layer's mount point");
	int r = erofs_create(image, tar, source, direct_reads_work(tar), &fs_fd, err);
	if (r < 0)
		return r;
	/* Nothing is ever executed or opened through this mount; stacks have flags of their own. */
	mount_fd = mount_fsmount(fs_fd, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_RDONLY);
	if (mount_fd < 0)
		return error_errno(err, mount_fd, "mount a layer");
	target = openat(store->run_fd, path, O_PATH | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	if (target < 0)
		return error_errno(err, errno, "open the layer's mount point");
	r = mount_attach(mount_fd, target);
	return r < 0 ? error_errno(err, r, "attach the mount of a layer") : 0;
}

static int mount_erofs(struct layer_store *store, int layer_fd, const char *path, int *ret_fd,
	struct hull_error *err)
{
	_cleanup_close_ int lock = -1;
	int r = open_mounted(store, path, ret_fd);

	if (r == 0) {
		r = lock_run(store, &lock, err);
		if (r < 0)
			return r;
		r = open_mounted(store, path, ret_fd);
	}
	if (r == 0) {
		r = mount_locked(store, layer_fd, path, err);
		if (r < 0)
			return r;
		r = open_mounted(store, path, ret_fd);
	}
	if (r < 0)
		return error_errno(err, r, "open the layer's mount");
	return r == 1 ? 0 : error_set(err, HULL_ERROR_INTERNAL, "a mounted layer is not there");
}

int layer_mount(struct layer_store *store, const struct digest *diff_id, int *ret_fd,
	struct hull_error *err)
{
	_cleanup_close_ int layer_fd = -1;
	char path[LAYER_PATH_SIZE];
	int r = layer_open_dir(store, diff_id, &layer_fd, err);

	if (r == 0)
		r = layer_form_ensure(store, layer_fd, diff_id, err);
	if (r < 0)
		return r;
	if (store->kind == LAYER_STORE_EROFS)
		return mount_erofs(store, layer_fd, layer_path(diff_id, path), ret_fd, err);
	*ret_fd = openat(layer_fd, LAYER_TREE, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	return *ret_fd < 0 ? error_errno(err, errno, "open the layer's tree") : 0;
}

/* ---- Unmounting ---- */

/* 0, or 1 if it is busy and flags do not detach it. */
static int unmount_locked(
	struct layer_store *store, const char *path, int flags, struct hull_error *err)
{
	_cleanup_free_ char *target = str_printf("%s/%s", store->run, path);

	if (!target)
		return error_no_memory(err);
	if (umount2(target, flags | UMOUNT_NOFOLLOW) < 0) {
		if (errno == EBUSY)
			return 1;
		/* Not mounted, or no mount point. */
		if (errno != EINVAL && errno != ENOENT)
			return error_errno(err, errno, "unmount %s", target);
	}
	unlinkat(store->run_fd, path, AT_REMOVEDIR);
	return 0;
}

int layer_unmount(struct layer_store *store, const struct digest *diff_id, struct hull_error *err)
{
	_cleanup_close_ int lock = -1;
	char path[LAYER_PATH_SIZE];

	if (faccessat(store->run_fd, layer_path(diff_id, path), F_OK, AT_SYMLINK_NOFOLLOW) < 0)
		return 0;
	int r = lock_run(store, &lock, err);
	return r < 0 ? r : unmount_locked(store, path, MNT_DETACH, err);
}

struct release {
	struct layer_store *store;
	bool (*in_use)(const struct digest *diff_id, void *arg);
	void *arg;
};

static int release_algorithm(
	const struct release *rel, enum digest_algorithm algorithm, struct hull_error *err)
{
	const char *name = digest_algorithm_name(algorithm);
	int fd = openat(rel->store->run_fd, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	_cleanup_closedir_ DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *entry;

	if (!dir)
		return error_errno(err, errno, "list layer mounts");
	while ((entry = readdir(dir))) {
		char text[DIGEST_TEXT_SIZE], path[LAYER_PATH_SIZE];
		struct digest id;
		if ((size_t)snprintf(text, sizeof(text), "%s:%s", name, entry->d_name) >=
				sizeof(text) ||
			digest_parse(text, &id, NULL) < 0 || rel->in_use(&id, rel->arg))
			continue;
		int r = unmount_locked(rel->store, layer_path(&id, path), 0, err);
		if (r < 0)
			return r;
	}
	return 0;
}

int layer_release_unused(struct layer_store *store,
	bool (*in_use)(const struct digest *diff_id, void *arg), void *arg, struct hull_error *err)
{
	const struct release rel = {store, in_use, arg};
	_cleanup_close_ int lock = -1;
	int r = lock_run(store, &lock, err);

	for (int i = 0; r == 0 && i < DIGEST_ALGORITHM_MAX; i++)
		r = release_algorithm(&rel, (enum digest_algorithm)i, err);
	return r;
}
