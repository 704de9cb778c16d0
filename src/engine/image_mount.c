/* SPDX-License-Identifier: Apache-2.0 */
/*
 * <run root>/image-mounts/ holds for each mount a record, NAME.mount: the image's id, the mount's
 * device number and its path, a line each; and NAME/, the place of those that were given none. A record
 * is written before the mount is attached, and counts while the path leads to that device: whoever
 * is killed in between, or unmounts without us, leaves a record that the next look removes.
 */
#include "engine/image_mount.h"

#include "base/fd.h"
#include "base/str.h"
#include "layer/store.h"
#include "sys/mount_api.h"

#include <limits.h>
#include <sys/file.h>
#include <sys/mount.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#define DIRECTORY   "image-mounts"
#define SUFFIX	    ".mount"
#define RECORD_SIZE (PATH_MAX + 256)

static int open_records(struct engine *engine, int *ret_fd, char **ret_path, struct hull_error *err)
{
	_cleanup_free_ char *path = str_printf("%s/" DIRECTORY, engine_run_root(engine));
	int r = path ? dir_make_parents_at(AT_FDCWD, path, 0711) : -ENOMEM;

	if (r == 0 && mkdir(path, 0700) < 0 && errno != EEXIST)
		r = -errno;
	*ret_fd = r < 0 ? -1 : open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (*ret_fd < 0)
		return error_errno(err, r < 0 ? r : errno, "%s", path ? path : DIRECTORY);
	if (ret_path)
		*ret_path = TAKE_PTR(path);
	return 0;
}

/* Who mounts or unmounts does it alone: two mounts on one place would be one too many. */
static int lock_records(int fd, struct hull_error *err)
{
	while (flock(fd, LOCK_EX) < 0)
		if (errno != EINTR)
			return error_errno(err, errno, "lock " DIRECTORY);
	return 0;
}

/* ---- Reading records ---- */

static void mount_done(struct image_mount *mount)
{
	free(mount->record);
	free(mount->id);
	free(mount->path);
}

void image_mount_list_free(struct image_mount *mounts, size_t count)
{
	for (size_t i = 0; i < count; i++)
		mount_done(&mounts[i]);
	free(mounts);
}

/* True if the path leads to the device of the record. */
static bool is_mounted(const char *path, const char *device)
{
	struct stat st;
	char text[32];

	if (lstat(path, &st) < 0)
		return false;
	snprintf(text, sizeof(text), "%u:%u", major(st.st_dev), minor(st.st_dev));
	return str_eq(text, device);
}

/* 1: a mount that is there; 0: nothing any more. */
static int read_record(int dirfd, const char *name, struct image_mount *ret)
{
	_cleanup_buf_ struct buf text = BUF_INIT;

	if (file_read_at(dirfd, name, &text, RECORD_SIZE) < 0)
		return 0;
	/* The path is last, for it may hold anything, new lines too. */
	char *device = text.data ? strchr(text.data, '\n') : NULL;
	char *path = device ? strchr(device + 1, '\n') : NULL;
	if (!path)
		return 0;
	*device++ = '\0';
	*path++ = '\0';
	if (!is_mounted(path, device))
		return 0;
	*ret = (struct image_mount){strdup(name), strdup(text.data), strdup(path)};
	if (ret->record && ret->id && ret->path)
		return 1;
	mount_done(ret);
	return -ENOMEM;
}

static void remove_record(int dirfd, const char *name)
{
	_cleanup_free_ char *place = strndup(name, strlen(name) - strlen(SUFFIX));

	unlinkat(dirfd, name, 0);
	if (place)
		unlinkat(dirfd, place, AT_REMOVEDIR);
}

int image_mount_list(
	struct engine *engine, struct image_mount **ret, size_t *ret_count, struct hull_error *err)
{
	_cleanup_close_ int fd = -1;
	struct image_mount *mounts = NULL;
	size_t n = 0;
	int r = open_records(engine, &fd, NULL, err);
	/* A record whose mount is just being attached is no leftover. */
	if (r == 0)
		r = lock_records(fd, err);
	int list_fd = r < 0 ? -1 : openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	_cleanup_closedir_ DIR *dir = list_fd < 0 ? NULL : fdopendir(list_fd);

	if (!dir) {
		cleanup_closep(&list_fd);
		return r < 0 ? r : error_errno(err, errno, "list mounted images");
	}
	for (struct dirent *e; (e = readdir(dir));) {
		struct image_mount mount;

		if (!str_ends_with(e->d_name, SUFFIX))
			continue;
		r = read_record(fd, e->d_name, &mount);
		if (r == 0)
			remove_record(fd, e->d_name);
		struct image_mount *more =
			r > 0 ? reallocarray(mounts, n + 1, sizeof(*mounts)) : NULL;
		if (r > 0 && !more)
			mount_done(&mount);
		if (r < 0 || (r > 0 && !more)) {
			image_mount_list_free(mounts, n);
			return error_no_memory(err);
		}
		if (more) {
			mounts = more;
			mounts[n++] = mount;
		}
	}
	*ret = mounts;
	*ret_count = n;
	return 0;
}

int image_mount_find(void *engine, const struct digest *id, char **ret_path, struct hull_error *err)
{
	struct image_mount *mounts = NULL;
	char text[DIGEST_TEXT_SIZE];
	size_t n = 0;
	int r = image_mount_list(engine, &mounts, &n, err);

	digest_format(id, text);
	for (size_t i = 0; r == 0 && i < n; i++)
		if (str_eq(mounts[i].id, text)) {
			*ret_path = TAKE_PTR(mounts[i].path);
			r = 1;
		}
	image_mount_list_free(mounts, n);
	return r;
}

/* ---- Mounting ---- */

static int make_root(
	struct engine *engine, const struct image *image, int *ret_fd, struct hull_error *err)
{
	struct layer_store *layers;
	int r = engine_layers(engine, &layers, err);

	return r < 0 ? r
		     : layer_stack_mount(
			       layers, image->diff_ids, image->n_layers, -1, -1, 0, ret_fd, err);
}

static int write_record(int dirfd, const char *name, const struct image *image, int mount_fd,
	const char *path, struct hull_error *err)
{
	_cleanup_free_ char *text = NULL;
	struct stat st;

	if (fstat(mount_fd, &st) < 0)
		return error_errno(err, errno, "the mount of %s", image->id_text);
	text = str_printf(
		"%s\n%u:%u\n%s", image->id_text, major(st.st_dev), minor(st.st_dev), path);
	if (!text)
		return error_no_memory(err);
	int r = file_replace_at(dirfd, name, text, strlen(text), 0600, false);
	return r < 0 ? error_errno(err, r, "record the mount") : 0;
}

static int attach(int mount_fd, const char *path, struct hull_error *err)
{
	_cleanup_close_ int target = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);

	if (target < 0)
		return error_errno(err, errno, "%s", path);
	int r = mount_attach(mount_fd, target);
	return r < 0 ? error_errno(err, r, "mount on %s", path) : 0;
}

/* The place in the run directory; 1 if the image is mounted on it already. */
static int own_place(int dirfd, const char *directory, const struct image *image, char **ret_name,
	char **ret_path, struct hull_error *err)
{
	struct image_mount mount;
	const char *hex = strchr(image->id_text, ':') + 1;

	*ret_name = str_printf("%s" SUFFIX, hex);
	*ret_path = str_printf("%s/%s", directory, hex);
	if (!*ret_name || !*ret_path)
		return error_no_memory(err);
	int r = read_record(dirfd, *ret_name, &mount);
	if (r > 0)
		mount_done(&mount);
	if (r != 0)
		return r < 0 ? error_no_memory(err) : 1;
	if (mkdirat(dirfd, hex, 0755) < 0 && errno != EEXIST)
		return error_errno(err, errno, "%s", *ret_path);
	return 0;
}

static int given_place(const char *dir, char **ret_name, char **ret_path, struct hull_error *err)
{
	uint64_t random;

	*ret_path = realpath(dir, NULL);
	if (!*ret_path)
		return error_errno(err, errno, "%s", dir);
	if (getrandom(&random, sizeof(random), 0) != sizeof(random))
		return error_errno(err, errno, "random numbers");
	*ret_name = str_printf("%016llx" SUFFIX, (unsigned long long)random);
	return *ret_name ? 0 : error_no_memory(err);
}

int image_mount(struct engine *engine, const struct image *image, const char *dir, char **ret_path,
	struct hull_error *err)
{
	_cleanup_close_ int records = -1, mount_fd = -1;
	_cleanup_free_ char *directory = NULL, *name = NULL, *path = NULL;
	int r = open_records(engine, &records, &directory, err);

	if (r == 0)
		r = lock_records(records, err);
	if (r == 0)
		r = dir ? given_place(dir, &name, &path, err)
			: own_place(records, directory, image, &name, &path, err);
	if (r == 0) {
		r = make_root(engine, image, &mount_fd, err);
		if (r == 0)
			r = write_record(records, name, image, mount_fd, path, err);
		if (r == 0)
			r = attach(mount_fd, path, err);
		if (r < 0)
			remove_record(records, name);
	}
	if (r >= 0)
		*ret_path = TAKE_PTR(path);
	return r < 0 ? r : 0;
}

int image_unmount(
	struct engine *engine, const struct image_mount *mount, bool force, struct hull_error *err)
{
	_cleanup_close_ int records = -1;
	int r = open_records(engine, &records, NULL, err);

	if (r == 0)
		r = lock_records(records, err);
	if (r < 0)
		return r;
	if (umount2(mount->path, UMOUNT_NOFOLLOW | (force ? MNT_DETACH : 0)) < 0 && errno != EINVAL)
		return error_errno_kind(err, errno == EBUSY ? HULL_ERROR_BUSY : HULL_ERROR_IO,
			errno, "unmount %s", mount->path);
	remove_record(records, mount->record);
	return 0;
}
