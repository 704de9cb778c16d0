/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A tar may name a/b/c and not describe a or a/b. Such an implied directory shall look as it does
 * in the layers below, but overlayfs shows the attributes of the topmost layer that has it, and a
 * layer's form cannot depend on what it is stacked on. So a chain of layers with implied
 * directories gets one more, thin layer on top: the directories concerned and nothing in them,
 * each with the attributes of the topmost layer that describes it. It is made at first use, under
 * the chain id, and is a plain directory tree with both kinds of store.
 *
 *   ROOT/chains/<algorithm>/<hex of chain id>/layers   the diff ids, one a line
 *                                            /tree     missing if nothing turned out to be needed
 */
#include "layer/store-internal.h"

#include "base/fd.h"
#include "base/str.h"

#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>

#define XATTR_VALUE_MAX ((size_t)64 << 10)
#define XATTR_NAMES_MAX ((size_t)64 << 10)
#define OPAQUE		"trusted.overlay.opaque"
#define OVERLAY_PREFIX	"trusted.overlay."
#define CHAIN_LAYERS	"layers"

struct chain {
	const int *layer_fds; /* lowest first */
	struct layer_stack_file *files;
	size_t n;
	size_t lowest; /* of those that are not hidden by an opaque root */
	int tree_fd;
};

/* What a layer has to say about a path. */
enum view { VIEW_ABSENT, VIEW_HIDDEN, VIEW_DIR, VIEW_CUT_OFF_DIR };

static bool is_opaque(int fd)
{
	char value;

	return fgetxattr(fd, OPAQUE, &value, 1) == 1 && value == 'y';
}

/*
 * Looks at path in one layer, component by component: nothing is followed. A directory that is
 * opaque itself hides what lower layers have in it, but says nothing of what it looks like; below
 * one, lower layers have no say at all.
 */
static int view_path(int layer_fd, const char *path, enum view *ret, int *ret_fd)
{
	_cleanup_close_ int fd = openat(layer_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	bool cut_off = false;
	char name[256];

	if (fd < 0)
		return -errno;
	for (const char *p = path; *p;) {
		size_t n = strcspn(p, "/");
		if (n >= sizeof(name))
			return -ENAMETOOLONG;
		memcpy(name, p, n);
		name[n] = '\0';
		cut_off = cut_off || (p > path && is_opaque(fd));
		p += n + (p[n] == '/');
		int next = openat(fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		if (next < 0 && errno != ENOENT && errno != ENOTDIR && errno != ELOOP)
			return -errno;
		if (next < 0) {
			/* A whiteout or any other file hides what is below, and so does an
			 * opaque directory on the way. */
			*ret = errno != ENOENT || cut_off ? VIEW_HIDDEN : VIEW_ABSENT;
			return 0;
		}
		close(fd);
		fd = next;
	}
	*ret = cut_off ? VIEW_CUT_OFF_DIR : VIEW_DIR;
	*ret_fd = TAKE_FD(fd);
	return 0;
}

static int compare_strings(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static bool is_implied(const struct layer_stack_file *file, const char *path)
{
	if (!*path)
		return !file->root_described;
	return bsearch(&path, file->implied, strv_length(file->implied), sizeof(char *),
		       compare_strings) != NULL;
}

/*
 * Finds the directory that describes path: 1 with its fd and in *ret_top whether it is the one
 * that shows anyway, 0 if no layer describes it, or -errno. *ret_visible: path is a directory.
 */
static int find_described(
	struct chain *c, const char *path, bool *ret_visible, bool *ret_top, int *ret_fd)
{
	*ret_visible = false;
	*ret_top = true;
	/* An opaque root hides all but the attributes of the roots below it. */
	for (size_t i = c->n; i > (*path ? c->lowest : 0); i--) {
		_cleanup_close_ int fd = -1;
		enum view view = VIEW_ABSENT;
		int r = view_path(c->layer_fds[i - 1], path, &view, &fd);
		if (r < 0)
			return r;
		if (view == VIEW_HIDDEN)
			return 0;
		if (view == VIEW_ABSENT)
			continue;
		*ret_visible = true;
		if (!is_implied(&c->files[i - 1], path)) {
			*ret_fd = TAKE_FD(fd);
			return 1;
		}
		*ret_top = false;
		if (view == VIEW_CUT_OFF_DIR)
			return 0;
	}
	return 0;
}

static int copy_xattrs(int from, int to)
{
	_cleanup_free_ char *value = malloc(XATTR_VALUE_MAX);
	_cleanup_free_ char *names = malloc(XATTR_NAMES_MAX);
	ssize_t n = names ? flistxattr(from, names, XATTR_NAMES_MAX) : -1;

	if (!names || !value)
		return -ENOMEM;
	if (n < 0)
		return errno == ENOTSUP ? 0 : -errno;
	for (const char *p = names; p < names + n; p += strlen(p) + 1) {
		if (str_after(p, OVERLAY_PREFIX))
			continue;
		ssize_t size = fgetxattr(from, p, value, XATTR_VALUE_MAX);
		if (size < 0)
			return -errno;
		if (fsetxattr(to, p, value, (size_t)size, 0) < 0 && errno != ENOTSUP)
			return -errno;
	}
	return 0;
}

int layer_copy_attributes(int from, int to)
{
	struct stat st;

	if (fstat(from, &st) < 0 || fchown(to, st.st_uid, st.st_gid) < 0)
		return -errno;
	int r = copy_xattrs(from, to);
	if (r < 0)
		return r;
	struct timespec times[2] = {st.st_mtim, st.st_mtim};
	if (fchmod(to, st.st_mode & 07777) < 0 || futimens(to, times) < 0)
		return -errno;
	return 0;
}

/* The directory of path in the thin layer, with or without its attributes. */
static int open_made(struct chain *c, const char *path)
{
	int fd = openat(
		c->tree_fd, *path ? path : ".", O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	return fd < 0 ? -errno : fd;
}

static int settle_attributes(struct chain *c, const char *path)
{
	_cleanup_close_ int from = -1;
	struct timespec epoch[2] = {{0}, {0}};
	bool visible, top;
	int r = find_described(c, path, &visible, &top, &from);

	if (r < 0)
		return r;
	_cleanup_close_ int to = open_made(c, path);
	if (to < 0)
		return to;
	if (r == 1)
		return layer_copy_attributes(from, to);
	/* An ancestor that nobody describes stays what all layers show. */
	if (fchmod(to, 0755) < 0 || futimens(to, epoch) < 0)
		return -errno;
	return 0;
}

/* Makes path and its ancestors in the thin layer; new ones are added to made, parents first. */
static int make_path(struct chain *c, const char *path, char ***made)
{
	_cleanup_free_ char *part = strdup(path);

	if (!part)
		return -ENOMEM;
	for (char *p = part; *p;) {
		p += strcspn(p, "/");
		char end = *p;
		*p = '\0';
		if (mkdirat(c->tree_fd, part, 0700) == 0) {
			if (strv_append(made, part) < 0)
				return -ENOMEM;
		} else if (errno != EEXIST) {
			return -errno;
		}
		*p = end;
		p += end == '/';
	}
	return 0;
}

/* Makes the directories whose attributes show wrongly. */
static int make_wrong_ones(struct chain *c, char ***made)
{
	for (size_t i = c->lowest; i < c->n; i++) {
		strv_foreach (path, c->files[i].implied) {
			_cleanup_close_ int fd = -1;
			bool visible, top;
			int r = find_described(c, *path, &visible, &top, &fd);
			if (r == 1 && visible && !top)
				r = make_path(c, *path, made);
			if (r < 0)
				return r;
		}
	}
	return 0;
}

int layer_chain_root(const struct layer_stack_file *files, size_t n)
{
	for (size_t i = n; i > 0; i--)
		if (files[i - 1].root_described)
			return (int)i - 1;
	return -1;
}

/* True if the root shows with attributes other than those of the layer that describes it. */
static bool root_is_wrong(const struct chain *c)
{
	int root = layer_chain_root(c->files, c->n);

	return root >= 0 && (size_t)root + 1 < c->n && c->files[root].root_differs;
}

static int fill_tree(struct chain *c, bool *ret_needed)
{
	_cleanup_strv_ char **made = NULL;
	int r = make_wrong_ones(c, &made);

	if (r < 0)
		return r;
	*ret_needed = made || root_is_wrong(c);
	/* Children first: what is made in a directory changes its time. */
	for (size_t i = strv_length(made); r == 0 && i > 0; i--)
		r = settle_attributes(c, made[i - 1]);
	return r < 0 ? r : settle_attributes(c, "");
}

static int write_layers(int dir_fd, const struct digest *diff_ids, size_t n)
{
	_cleanup_buf_ struct buf text = BUF_INIT;
	char id[DIGEST_TEXT_SIZE];

	for (size_t i = 0; i < n; i++)
		buf_printf(&text, "%s\n", digest_format(&diff_ids[i], id));
	if (buf_error(&text) < 0)
		return buf_error(&text);
	return file_replace_at(dir_fd, CHAIN_LAYERS, text.data, text.len, 0600, true);
}

static int build(struct layer_store *store, struct chain *c, const struct digest *diff_ids,
	const char *path, struct hull_error *err)
{
	_cleanup_staging_ struct staging staging = STAGING_INIT;
	_cleanup_close_ int tree_fd = -1;
	bool needed = false;
	int r = staging_new(&staging, store->ingest_fd, err);

	if (r < 0)
		return r;
	if (mkdirat(staging.fd, LAYER_TREE, 0700) < 0)
		return error_errno(err, errno, "make the attributes of implied directories");
	tree_fd = openat(staging.fd, LAYER_TREE, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (tree_fd < 0)
		return error_errno(err, errno, "make the attributes of implied directories");
	c->tree_fd = tree_fd;
	r = fill_tree(c, &needed);
	if (r == 0)
		r = write_layers(staging.fd, diff_ids, c->n);
	if (r == 0 && !needed && unlinkat(staging.fd, LAYER_TREE, AT_REMOVEDIR) < 0)
		r = -errno;
	if (r == 0 && needed && syncfs(staging.fd) < 0)
		r = -errno;
	if (r < 0)
		return error_errno(err, r, "make the attributes of implied directories");
	/* Another process may have been faster: its is the same. */
	r = staging_publish(&staging, store->chains_fd, path, err);
	if (r == 0 && fsync(store->chains_fd) < 0)
		return error_errno(err, errno, "sync the attributes of implied directories");
	return r < 0 ? r : 0;
}

static void sort_implied(struct chain *c)
{
	for (size_t i = 0; i < c->n; i++)
		if (c->files[i].implied)
			qsort(c->files[i].implied, strv_length(c->files[i].implied), sizeof(char *),
				compare_strings);
}

static int chain_id(
	const struct digest *diff_ids, size_t n, struct digest *ret, struct hull_error *err)
{
	int r = 0;

	*ret = diff_ids[0];
	for (size_t i = 1; r == 0 && i < n; i++)
		r = digest_chain(ret, &diff_ids[i], ret, err);
	return r;
}

int layer_chain_open(struct layer_store *store, const struct digest *diff_ids, const int *layer_fds,
	struct layer_stack_file *files, size_t n, int *ret_fd, struct hull_error *err)
{
	struct chain c = {.layer_fds = layer_fds, .files = files, .n = n, .tree_fd = -1};
	char path[LAYER_PATH_SIZE], tree[LAYER_PATH_SIZE + 8];
	struct digest id;
	bool wanted = false;

	*ret_fd = -1;
	for (size_t i = 0; i < n; i++) {
		if (files[i].opaque_root)
			c.lowest = i;
		/* Nothing lies below the lowest layer; a plain root shows as it should. */
		wanted = wanted || files[i].root_differs || (i > 0 && files[i].implied);
	}
	if (!wanted)
		return 0;
	int r = chain_id(diff_ids, n, &id, err);
	if (r < 0)
		return r;
	snprintf(tree, sizeof(tree), "%s/%s", layer_path(&id, path), LAYER_TREE);
	if (faccessat(store->chains_fd, path, F_OK, AT_SYMLINK_NOFOLLOW) < 0) {
		sort_implied(&c);
		r = build(store, &c, diff_ids, path, err);
		if (r < 0)
			return r;
	}
	*ret_fd = openat(store->chains_fd, tree, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (*ret_fd < 0 && errno != ENOENT)
		return error_errno(err, errno, "open the attributes of implied directories");
	return 0;
}

/* ---- Removing ---- */

static bool chain_has(int algorithm_fd, const char *name, const char *diff_id)
{
	_cleanup_free_ char *path = str_printf("%s/%s", name, CHAIN_LAYERS);
	_cleanup_buf_ struct buf text = BUF_INIT;

	return path && file_read_at(algorithm_fd, path, &text, 0) == 0 &&
	       strstr(buf_str(&text), diff_id) != NULL;
}

int layer_chain_forget(
	struct layer_store *store, const struct digest *diff_id, struct hull_error *err)
{
	char id[DIGEST_TEXT_SIZE];

	digest_format(diff_id, id);
	for (int i = 0; i < DIGEST_ALGORITHM_MAX; i++) {
		int fd = openat(store->chains_fd, digest_algorithm_name((enum digest_algorithm)i),
			O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		_cleanup_closedir_ DIR *dir = fd < 0 ? NULL : fdopendir(fd);
		struct dirent *entry;
		if (!dir)
			return error_errno(err, errno, "list chains of layers");
		while ((entry = readdir(dir))) {
			if (entry->d_name[0] == '.' || !chain_has(fd, entry->d_name, id))
				continue;
			int r = staging_remove_tree(store->ingest_fd, fd, entry->d_name, err);
			if (r < 0)
				return r;
		}
	}
	return 0;
}
