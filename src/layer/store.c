/* SPDX-License-Identifier: Apache-2.0 */
#include "layer/store-internal.h"

#include "base/fd.h"
#include "base/str.h"

#include <string.h>
#include <sys/stat.h>

#define RATIO_DEFAULT 250u
#define RATIO_FROM    ((uint64_t)4 << 30) /* below this much nobody asks */

static const char *const kind_names[] = {
	[LAYER_STORE_AUTO] = "auto",
	[LAYER_STORE_EROFS] = "erofs",
	[LAYER_STORE_DIR] = "dir",
};

const char *layer_store_kind_name(enum layer_store_kind kind)
{
	return kind_names[kind];
}

int layer_store_kind_parse(const char *text, enum layer_store_kind *ret, struct hull_error *err)
{
	for (size_t i = 0; i < ARRAY_SIZE(kind_names); i++) {
		if (str_eq(text, kind_names[i])) {
			*ret = (enum layer_store_kind)i;
			return 0;
		}
	}
	return error_set(
		err, HULL_ERROR_INVALID, "layer store \"%s\": want auto, erofs or dir", text);
}

enum layer_store_kind layer_store_get_kind(const struct layer_store *store)
{
	return store->kind;
}

const char *layer_path(const struct digest *digest, char path[LAYER_PATH_SIZE])
{
	char hex[DIGEST_HEX_SIZE];

	snprintf(path, LAYER_PATH_SIZE, "%s/%s", digest_algorithm_name(digest->algorithm),
		digest_format_hex(digest, hex));
	return path;
}

const char *layer_form_name(const struct layer_store *store)
{
	return store->kind == LAYER_STORE_EROFS ? LAYER_EROFS : LAYER_TREE;
}

/* ---- Opening ---- */

/* Makes base/name and opens it. */
static int open_dir(const char *base, const char *name, int *ret, struct hull_error *err)
{
	_cleanup_free_ char *path = str_printf("%s/%s", base, name);

	if (!path)
		return error_no_memory(err);
	int r = dir_make_parents_at(AT_FDCWD, path, 0700);
	if (r == 0 && mkdir(path, 0700) < 0 && errno != EEXIST)
		r = -errno;
	if (r < 0)
		return error_errno(err, r, "make %s", path);
	*ret = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return *ret < 0 ? error_errno(err, errno, "open %s", path) : 0;
}

static int make_algorithm_dirs(int dirfd, struct hull_error *err)
{
	for (int i = 0; i < DIGEST_ALGORITHM_MAX; i++)
		if (mkdirat(dirfd, digest_algorithm_name((enum digest_algorithm)i), 0700) < 0 &&
			errno != EEXIST)
			return error_errno(err, errno, "make a directory of the layer store");
	return 0;
}

static int choose_kind(struct layer_store *store, struct hull_error *err)
{
	if (store->kind == LAYER_STORE_DIR)
		return 0;
	bool works = layer_mount_erofs_works(store);
	if (!works && store->kind == LAYER_STORE_EROFS)
		return error_set(err, HULL_ERROR_UNSUPPORTED,
			"layer store erofs: cannot mount EROFS from a file here (needs Linux 6.12)");
	store->kind = works ? LAYER_STORE_EROFS : LAYER_STORE_DIR;
	return 0;
}

int layer_store_open(const char *root, const char *run, const struct layer_store_options *options,
	struct layer_store **ret, struct hull_error *err)
{
	_cleanup_layer_store_ struct layer_store *store = calloc(1, sizeof(*store));

	if (!store)
		return error_no_memory(err);
	store->layers_fd = store->chains_fd = store->ingest_fd = store->run_fd = -1;
	store->kind = options ? options->kind : LAYER_STORE_AUTO;
	store->discard_tar = options && options->discard_tar;
	store->max_ratio = options && options->max_ratio ? options->max_ratio : RATIO_DEFAULT;
	store->run = str_printf("%s/layers", run);
	store->root = strdup(root);
	if (!store->run || !store->root)
		return error_no_memory(err);
	int r = open_dir(root, "layers", &store->layers_fd, err);
	if (r == 0)
		r = open_dir(root, "chains", &store->chains_fd, err);
	if (r == 0)
		r = open_dir(root, "ingest", &store->ingest_fd, err);
	if (r == 0)
		r = open_dir(run, "layers", &store->run_fd, err);
	if (r == 0)
		r = make_algorithm_dirs(store->layers_fd, err);
	if (r == 0)
		r = make_algorithm_dirs(store->chains_fd, err);
	if (r == 0)
		r = make_algorithm_dirs(store->run_fd, err);
	if (r == 0)
		r = choose_kind(store, err);
	if (r < 0)
		return r;
	*ret = TAKE_PTR(store);
	return 0;
}

int layer_store_check_ratio(
	const struct layer_store *store, uint64_t packed, uint64_t unpacked, struct hull_error *err)
{
	if (unpacked <= RATIO_FROM || unpacked / store->max_ratio <= packed)
		return 0;
	return error_set(err, HULL_ERROR_LIMIT,
		"unpacks to more than %llu times its size, as a decompression bomb does (see "
		"--max-layer-ratio)",
		(unsigned long long)store->max_ratio);
}

struct layer_store *layer_store_close(struct layer_store *store)
{
	if (!store)
		return NULL;
	cleanup_closep(&store->layers_fd);
	cleanup_closep(&store->chains_fd);
	cleanup_closep(&store->ingest_fd);
	cleanup_closep(&store->run_fd);
	free(store->run);
	free(store->root);
	free(store);
	return NULL;
}

int layer_store_clean(struct layer_store *store, struct hull_error *err)
{
	return staging_clean(store->ingest_fd, err);
}

/* ---- What is there ---- */

int layer_open_dir(struct layer_store *store, const struct digest *diff_id, int *ret_fd,
	struct hull_error *err)
{
	char path[LAYER_PATH_SIZE], text[DIGEST_TEXT_SIZE];

	*ret_fd = openat(store->layers_fd, layer_path(diff_id, path),
		O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (*ret_fd >= 0)
		return 0;
	if (errno == ENOENT)
		return error_set(err, HULL_ERROR_NOT_FOUND, "layer %s is not in the store",
			digest_format(diff_id, text));
	return error_errno(err, errno, "open layer %s", digest_format(diff_id, text));
}

bool layer_store_has(struct layer_store *store, const struct digest *diff_id)
{
	char path[LAYER_PATH_SIZE], file[LAYER_PATH_SIZE + 16];

	layer_path(diff_id, path);
	snprintf(file, sizeof(file), "%s/%s", path, layer_form_name(store));
	if (faccessat(store->layers_fd, file, F_OK, AT_SYMLINK_NOFOLLOW) == 0)
		return true;
	/* A layer of the other kind of store is as good if this form can be made from its tar. */
	snprintf(file, sizeof(file), "%s/%s", path, LAYER_TAR);
	return faccessat(store->layers_fd, file, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

int layer_open_tar(struct layer_store *store, const struct digest *diff_id, int *ret_fd,
	struct hull_error *err)
{
	_cleanup_close_ int fd = -1;
	char text[DIGEST_TEXT_SIZE];
	int r = layer_open_dir(store, diff_id, &fd, err);

	if (r < 0)
		return r;
	*ret_fd = openat(fd, LAYER_TAR, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	if (*ret_fd >= 0)
		return 0;
	if (errno == ENOENT)
		return error_set(err, HULL_ERROR_NOT_FOUND, "the tar of layer %s was not kept",
			digest_format(diff_id, text));
	return error_errno(err, errno, "open layer %s", digest_format(diff_id, text));
}

static int read_info(int fd, struct layer_info *info, struct hull_error *err)
{
	_cleanup_buf_ struct buf text = BUF_INIT;
	unsigned long long content, entries;
	int r = file_read_at(fd, LAYER_INFO, &text, 4096);

	if (r < 0)
		return error_errno(err, r, "read the layer's sizes");
	if (sscanf(buf_str(&text), "content-bytes %llu\nentries %llu\n", &content, &entries) != 2)
		return error_set(err, HULL_ERROR_IO, "the layer's sizes are damaged");
	info->content_bytes = content;
	info->entries = entries;
	return 0;
}

/* Bytes allocated to a tree of files; a hard-linked file counts once per name. */
static int disk_usage(int dirfd, const char *name, uint64_t *bytes)
{
	struct stat st;

	if (fstatat(dirfd, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return -errno;
	*bytes += (uint64_t)st.st_blocks * 512 / (S_ISREG(st.st_mode) ? st.st_nlink : 1);
	if (!S_ISDIR(st.st_mode))
		return 0;
	int fd = openat(dirfd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	_cleanup_closedir_ DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *entry;
	if (!dir)
		return -errno;
	while ((entry = readdir(dir))) {
		if (str_eq(entry->d_name, ".") || str_eq(entry->d_name, ".."))
			continue;
		int r = disk_usage(fd, entry->d_name, bytes);
		if (r < 0)
			return r;
	}
	return 0;
}

int layer_store_info(struct layer_store *store, const struct digest *diff_id,
	struct layer_info *ret, struct hull_error *err)
{
	_cleanup_close_ int fd = -1;
	struct layer_info info = {0};
	struct stat st;
	int r = layer_open_dir(store, diff_id, &fd, err);

	if (r == 0)
		r = read_info(fd, &info, err);
	if (r < 0)
		return r;
	if (fstatat(fd, LAYER_TAR, &st, AT_SYMLINK_NOFOLLOW) == 0)
		info.tar_bytes = (uint64_t)st.st_size;
	r = disk_usage(fd, ".", &info.disk_bytes);
	if (r < 0)
		return error_errno(err, r, "measure the layer");
	*ret = info;
	return 0;
}

static int list_algorithm(struct layer_store *store, enum digest_algorithm algorithm,
	int (*func)(const struct digest *diff_id, void *arg), void *arg, struct hull_error *err)
{
	const char *name = digest_algorithm_name(algorithm);
	int fd = openat(store->layers_fd, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	_cleanup_closedir_ DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *entry;

	if (!dir)
		return error_errno(err, errno, "list layers");
	while ((entry = readdir(dir))) {
		char text[DIGEST_TEXT_SIZE];
		struct digest id;
		if ((size_t)snprintf(text, sizeof(text), "%s:%s", name, entry->d_name) >=
				sizeof(text) ||
			digest_parse(text, &id, NULL) < 0)
			continue;
		int r = func(&id, arg);
		if (r != 0)
			return r;
	}
	return 0;
}

int layer_store_list(struct layer_store *store,
	int (*func)(const struct digest *diff_id, void *arg), void *arg, struct hull_error *err)
{
	for (int i = 0; i < DIGEST_ALGORITHM_MAX; i++) {
		int r = list_algorithm(store, (enum digest_algorithm)i, func, arg, err);
		if (r != 0)
			return r;
	}
	return 0;
}

int layer_store_remove(
	struct layer_store *store, const struct digest *diff_id, struct hull_error *err)
{
	_cleanup_layer_trash_ struct layer_trash *trash = NULL;
	int r = layer_trash_new(store, &trash, err);

	return r < 0 ? r : layer_trash_add(trash, diff_id, err);
}
