/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A root file system is an overlay of the layers' mounts, made by the fd-based mount API and never
 * attached here. Layers are told to overlayfs by fd (Linux 6.13), by /proc/self/fd paths one by one
 * (6.8), or all in one option string of at most a page through mount(2) before that, where the mount
 * has to be attached for a moment. Each older way goes when that kernel is the oldest supported.
 */
#include "layer/store-internal.h"

#include "base/buf.h"
#include "base/fd.h"
#include "sys/mount_api.h"

#include <fcntl.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>

#define FD_PATH_SIZE	 32
#define OPTIONS_MAX	 4095u /* of mount(2), a page */
#define MOUNT_POINTS	 "mount-points"
#define STACK_LAYERS_MAX 490u /* overlayfs takes 500; a few are ours */

/* The directories of an overlay, topmost first, and what they were made from. */
struct stack {
	size_t n_layers;
	int *layer_fds; /* lowest first */
	struct layer_stack_file *files;
	int chain_fd;
	int mount_points_fd;
	int empty_fds[2];
	int *lower; /* topmost first; borrowed from above */
	size_t n_lower;
};

static void stack_done(struct stack *s)
{
	for (size_t i = 0; i < s->n_layers; i++) {
		if (s->layer_fds)
			cleanup_closep(&s->layer_fds[i]);
		if (s->files)
			layer_stack_file_done(&s->files[i]);
	}
	free(s->layer_fds);
	free(s->files);
	free(s->lower);
	cleanup_closep(&s->chain_fd);
	cleanup_closep(&s->mount_points_fd);
	cleanup_closep(&s->empty_fds[0]);
	cleanup_closep(&s->empty_fds[1]);
}

#define _cleanup_stack_ _cleanup_(stack_done)
#define STACK_INIT                                                             \
	{                                                                      \
		.chain_fd = -1, .mount_points_fd = -1, .empty_fds = { -1, -1 } \
	}

static int open_layers(struct layer_store *store, const struct digest *diff_ids, size_t n,
	struct stack *s, struct hull_error *err)
{
	if (n > STACK_LAYERS_MAX)
		return error_set(err, HULL_ERROR_LIMIT, "more than %u layers", STACK_LAYERS_MAX);
	s->layer_fds = malloc((n + 1) * sizeof(int));
	s->files = calloc(n + 1, sizeof(*s->files));
	s->lower = calloc(n + 4, sizeof(int));
	if (!s->layer_fds || !s->files || !s->lower)
		return error_no_memory(err);
	s->n_layers = n;
	for (size_t i = 0; i < n; i++)
		s->layer_fds[i] = -1;
	for (size_t i = 0; i < n; i++) {
		_cleanup_close_ int dir_fd = -1;
		int r = layer_mount(store, &diff_ids[i], &s->layer_fds[i], err);
		if (r == 0)
			r = layer_open_dir(store, &diff_ids[i], &dir_fd, err);
		if (r == 0)
			r = layer_stack_file_read(dir_fd, &s->files[i], err);
		if (r < 0)
			return r;
	}
	return 0;
}

/* ---- Mount points ---- */

/* What every container has mounts on; a directory comes before what is in it. */
static const struct {
	const char *path;
	bool directory;
} mount_points[] = {
	{"dev", true},
	{"proc", true},
	{"sys", true},
	{"etc", true},
	{"etc/hostname", false},
	{"etc/hosts", false},
	{"etc/resolv.conf", false},
};

static int fill_mount_points(int dir_fd)
{
	for (size_t i = 0; i < ARRAY_SIZE(mount_points); i++) {
		const char *path = mount_points[i].path;
		if (mount_points[i].directory) {
			if (mkdirat(dir_fd, path, 0755) < 0 && errno != EEXIST)
				return -errno;
			continue;
		}
		_cleanup_close_ int fd =
			openat(dir_fd, path, O_WRONLY | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0644);
		if (fd < 0)
			return -errno;
	}
	return 0;
}

static int open_directory(int dir_fd, const char *name)
{
	int fd = openat(dir_fd, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);

	return fd < 0 ? -errno : fd;
}

/* All of it appears at once. Whoever is killed here leaves a directory until the next boot. */
static int make_mount_points(int run_fd)
{
	char name[48];

	snprintf(name, sizeof(name), "." MOUNT_POINTS "-%d", (int)getpid());
	if (mkdirat(run_fd, name, 0755) < 0 && errno != EEXIST)
		return -errno;
	_cleanup_close_ int fd = open_directory(run_fd, name);
	int r = fd < 0 ? fd : fill_mount_points(fd);
	if (r == 0 && renameat(run_fd, name, run_fd, MOUNT_POINTS) < 0)
		r = -errno;
	if (r < 0)
		dir_remove_tree_at(run_fd, name);
	/* Somebody else was faster. */
	return r == -EEXIST || r == -ENOTEMPTY ? 0 : r;
}

/* Below all layers, so that whatever an image has comes first. */
static int add_mount_points(struct layer_store *store, struct stack *s, struct hull_error *err)
{
	int fd = open_directory(store->run_fd, MOUNT_POINTS);

	if (fd == -ENOENT) {
		int r = make_mount_points(store->run_fd);
		fd = r < 0 ? r : open_directory(store->run_fd, MOUNT_POINTS);
	}
	if (fd < 0)
		return error_errno(err, fd, "mount points");
	s->lower[s->n_lower++] = s->mount_points_fd = fd;
	return 0;
}

/*
 * An overlay without an upper directory wants two lower ones at least, one with it wants one. They
 * must not be the same.
 */
static int add_empty(
	struct layer_store *store, struct stack *s, size_t wanted, struct hull_error *err)
{
	char name[16];

	for (size_t i = 0; s->n_lower < wanted; i++) {
		snprintf(name, sizeof(name), "empty-%zu", i);
		if (mkdirat(store->run_fd, name, 0755) < 0 && errno != EEXIST)
			return error_errno(err, errno, "make an empty layer");
		s->empty_fds[i] = openat(
			store->run_fd, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
		if (s->empty_fds[i] < 0)
			return error_errno(err, errno, "open an empty layer");
		s->lower[s->n_lower++] = s->empty_fds[i];
	}
	return 0;
}

/* True if the layer is in the stack a second time further up. */
static bool comes_again(const struct digest *diff_ids, size_t n, size_t i)
{
	for (size_t k = i + 1; k < n; k++)
		if (digest_equal(&diff_ids[k], &diff_ids[i]))
			return true;
	return false;
}

/* top is a directory above all layers, or -1. */
static int collect(struct layer_store *store, const struct digest *diff_ids, size_t n, int top,
	bool writable, unsigned int flags, struct stack *s, struct hull_error *err)
{
	int r = open_layers(store, diff_ids, n, s, err);

	if (r == 0 && n > 0)
		r = layer_chain_open(store, diff_ids, s->layer_fds, s->files, n, &s->chain_fd, err);
	if (r < 0)
		return r;
	if (top >= 0)
		s->lower[s->n_lower++] = top;
	if (s->chain_fd >= 0)
		s->lower[s->n_lower++] = s->chain_fd;
	for (size_t i = n; i > 0; i--) {
		/*
		 * Images do have a layer twice, empty ones above all, and overlayfs takes no
		 * directory twice. All that the lower one says, the upper one says again.
		 */
		if (!comes_again(diff_ids, n, i - 1))
			s->lower[s->n_lower++] = s->layer_fds[i - 1];
		/* overlayfs does not look whether a layer's root is opaque. */
		if (s->files[i - 1].opaque_root)
			break;
	}
	r = flags & LAYER_STACK_MOUNT_POINTS ? add_mount_points(store, s, err) : 0;
	return r < 0 ? r : add_empty(store, s, writable ? 1 : 2, err);
}

/* ---- The overlay ---- */

/*
 * Gives a directory by fd, or by a path to the fd where that is not known yet (before 6.13). Before
 * 6.5 overlayfs has no parser of its own: any string is taken here and refused when the mount is
 * made, while an fd is -EOPNOTSUPP at once.
 */
static int set_directory(int fs_fd, const char *key, int fd)
{
	char path[FD_PATH_SIZE];
	int r = mount_fsconfig_fd(fs_fd, key, fd);

	if (r == 0 || r == -EOPNOTSUPP)
		return r;
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	return mount_fsconfig_string(fs_fd, key, path);
}

static int configure_failed(int fs_fd, int r, const char *what, struct hull_error *err)
{
	char text[256];

	if (mount_fs_message(fs_fd, text, sizeof(text)) == 0)
		return error_errno(err, r, "root file system: %s: %s", what, text);
	return error_errno(err, r, "root file system: %s", what);
}

/*
 * The layers differ in their superblocks, so inode numbers are made unique (xino). Nothing may
 * redirect: the layers are clean of overlayfs's attributes, and the upper directory belongs to a
 * container. A kernel that does not know an option does not have the feature either.
 */
static void set_options(int fs_fd, unsigned int flags)
{
	mount_fsconfig_string(fs_fd, "xino", "on");
	mount_fsconfig_string(fs_fd, "index", "off");
	mount_fsconfig_string(fs_fd, "metacopy", "off");
	mount_fsconfig_string(fs_fd, "redirect_dir", "nofollow");
	if (flags & LAYER_STACK_VOLATILE)
		mount_fsconfig_flag(fs_fd, "volatile");
	if (flags & LAYER_STACK_USERXATTR)
		mount_fsconfig_flag(fs_fd, "userxattr");
}

/* 1 if this kernel has no "lowerdir+" (before 6.8). */
static int mount_by_fds(const struct stack *s, int upper, int work, unsigned int flags, int *ret_fd,
	struct hull_error *err)
{
	_cleanup_close_ int fs_fd = mount_fsopen("overlay");

	if (fs_fd < 0)
		return error_errno(err, fs_fd, "root file system: overlay");
	mount_fsconfig_string(fs_fd, "source", "overlay");
	for (size_t i = 0; i < s->n_lower; i++) {
		int r = set_directory(fs_fd, "lowerdir+", s->lower[i]);
		if ((r == -EINVAL || r == -EOPNOTSUPP) && i == 0)
			return 1;
		if (r < 0)
			return configure_failed(fs_fd, r, "layer", err);
	}
	if (upper >= 0) {
		int r = set_directory(fs_fd, "upperdir", upper);
		if (r == 0)
			r = set_directory(fs_fd, "workdir", work);
		if (r < 0)
			return configure_failed(fs_fd, r, "upper directory", err);
	}
	set_options(fs_fd, flags);
	int r = mount_fsconfig_create(fs_fd);
	if (r < 0)
		return configure_failed(fs_fd, r, "mount", err);
	r = mount_fsmount(fs_fd, upper < 0 ? MOUNT_ATTR_RDONLY : 0);
	if (r < 0)
		return configure_failed(fs_fd, r, "mount", err);
	*ret_fd = r;
	return 0;
}

static int format_options(const struct stack *s, int upper, int work, unsigned int flags,
	struct buf *text, struct hull_error *err)
{
	buf_puts(text, "index=off,metacopy=off,redirect_dir=nofollow,xino=on");
	for (size_t i = 0; i < s->n_lower; i++)
		buf_printf(text, "%s/proc/self/fd/%d", i ? ":" : ",lowerdir=", s->lower[i]);
	if (upper >= 0)
		buf_printf(
			text, ",upperdir=/proc/self/fd/%d,workdir=/proc/self/fd/%d", upper, work);
	if (flags & LAYER_STACK_VOLATILE)
		buf_puts(text, ",volatile");
	if (flags & LAYER_STACK_USERXATTR)
		buf_puts(text, ",userxattr");
	return buf_error(text) < 0
		       ? error_set(err, HULL_ERROR_LIMIT, "too many layers for this kernel")
		       : 0;
}

/* Before Linux 6.8: mounts on a directory of our own, takes the mount from there and detaches it. */
static int mount_by_string(struct layer_store *store, const struct stack *s, int upper, int work,
	unsigned int flags, int *ret_fd, struct hull_error *err)
{
	_cleanup_buf_ struct buf options = BUF_INIT_MAX(OPTIONS_MAX);
	_cleanup_staging_ struct staging place = STAGING_INIT;
	char target[FD_PATH_SIZE];
	int r = format_options(s, upper, work, flags, &options, err);

	if (r == 0)
		r = staging_new(&place, store->ingest_fd, err);
	if (r < 0)
		return r;
	snprintf(target, sizeof(target), "/proc/self/fd/%d", place.fd);
	if (mount("overlay", target, "overlay", upper < 0 ? MS_RDONLY : 0, buf_str(&options)) < 0)
		return error_errno(err, errno, "root file system: mount");
	/* The fd of the directory stays below the mount; the name leads onto it. */
	*ret_fd = mount_open_tree(store->ingest_fd, place.name, OPEN_TREE_CLONE);
	r = *ret_fd < 0 ? *ret_fd : 0;
	_cleanup_free_ char *path = NULL;
	if (asprintf(&path, "%s/ingest/%s", store->root, place.name) < 0) {
		path = NULL;
		r = -ENOMEM;
	} else if (umount2(path, MNT_DETACH | UMOUNT_NOFOLLOW) < 0 && r == 0) {
		r = -errno;
	}
	if (r < 0) {
		cleanup_closep(ret_fd);
		return error_errno(err, r, "root file system: take the mount");
	}
	return 0;
}

int layer_stack_mount(struct layer_store *store, const struct digest *diff_ids, size_t n, int upper,
	int work, unsigned int flags, int *ret_mount_fd, struct hull_error *err)
{
	_cleanup_stack_ struct stack s = STACK_INIT;
	bool writable = upper >= 0 && work >= 0;
	int r = collect(store, diff_ids, n, writable ? -1 : upper, writable, flags, &s, err);

	if (!writable)
		upper = work = -1;
	if (r == 0)
		r = mount_by_fds(&s, upper, work, flags, ret_mount_fd, err);
	if (r == 1)
		r = mount_by_string(store, &s, upper, work, flags, ret_mount_fd, err);
	return r;
}

int layer_stack_prepare_upper(struct layer_store *store, const struct digest *diff_ids, size_t n,
	int upper, struct hull_error *err)
{
	_cleanup_stack_ struct stack s = STACK_INIT;
	int r = open_layers(store, diff_ids, n, &s, err);

	if (r < 0)
		return r;
	int root = layer_chain_root(s.files, n);
	if (root >= 0)
		r = layer_copy_attributes(s.layer_fds[root], upper);
	else if (fchown(upper, 0, 0) < 0 || fchmod(upper, 0755) < 0)
		r = -errno;
	return r < 0 ? error_errno(err, r, "set the attributes of the root directory") : 0;
}
