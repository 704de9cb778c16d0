/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One pass over the tree, depth first. A directory is read whole and sorted before its members are
 * written, so the archive does not depend on the file system's order. Files with several names are
 * remembered by their inode; the first name in this order carries the data.
 */
#include "layer/pack.h"

#include "base/fd.h"
#include "base/str.h"
#include "sys/resolve.h"

#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>

#define DEPTH_MAX  512u
#define OPAQUE	   "trusted.overlay.opaque"
#define WHITEOUT   ".wh."
#define OPAQUE_DIR ".wh..wh..opq"

/* A file with more than one link that was written already. */
struct link {
	dev_t device;
	ino_t inode;
	char *path;
	struct link *next;
};

struct pack {
	const struct pack_options *options;
	const struct tar_sink *sink;
	struct buf path; /* of the member at hand, "etc/hosts" */
	struct link **buckets;
	size_t n_buckets, n_links;
	uint64_t members;
	uint64_t bytes;
};

struct xattrs {
	struct tar_xattr *items;
	size_t count;
	char *names;
	char *values;
};

static void xattrs_done(struct xattrs *x)
{
	free(x->items);
	free(x->names);
	free(x->values);
}

#define _cleanup_xattrs_ _cleanup_(xattrs_done)

bool overlay_is_whiteout(const struct stat *st)
{
	return S_ISCHR(st->st_mode) && st->st_rdev == 0;
}

bool overlay_is_opaque(int dirfd)
{
	char value = 0;

	return fgetxattr(dirfd, OPAQUE, &value, 1) == 1 && value == 'y';
}

/* ---- Extended attributes ---- */

static bool is_overlay_attribute(const char *name)
{
	return str_after(name, "trusted.overlay.") || str_after(name, "user.overlay.");
}

static int compare_xattrs(const void *a, const void *b)
{
	const struct tar_xattr *x = a, *y = b;

	return strcmp(x->name, y->name);
}

/* All values into one buffer that is large enough for what an archive's member may have. */
static int read_xattr_values(const char *path, struct xattrs *x, ssize_t names_len)
{
	size_t used = 0, n = 0;

	for (const char *name = x->names; name < x->names + names_len; name += strlen(name) + 1)
		n++;
	x->items = calloc(n ? n : 1, sizeof(*x->items));
	x->values = malloc(TAR_XATTR_TOTAL_MAX);
	if (!x->items || !x->values)
		return -ENOMEM;
	for (const char *name = x->names; name < x->names + names_len; name += strlen(name) + 1) {
		if (is_overlay_attribute(name))
			continue;
		ssize_t size = getxattr(path, name, x->values + used, TAR_XATTR_TOTAL_MAX - used);
		if (size < 0 && errno == ENODATA)
			continue;
		if (size < 0)
			return errno == ERANGE ? -E2BIG : -errno;
		x->items[x->count++] = (struct tar_xattr){name, x->values + used, (size_t)size};
		used += (size_t)size;
	}
	qsort(x->items, x->count, sizeof(*x->items), compare_xattrs);
	return 0;
}

/* path is one of /proc/self/fd, which leads to a descriptor's file and nowhere else. */
static int read_xattrs(const char *path, struct xattrs *x)
{
	ssize_t n = listxattr(path, NULL, 0);

	if (n < 0)
		return errno == EOPNOTSUPP ? 0 : -errno;
	if (n == 0)
		return 0;
	x->names = malloc((size_t)n);
	if (!x->names)
		return -ENOMEM;
	n = listxattr(path, x->names, (size_t)n);
	if (n < 0)
		return -errno;
	return read_xattr_values(path, x, n);
}

/* ---- Links ---- */

static size_t bucket_of(const struct pack *p, dev_t device, ino_t inode)
{
	return (size_t)((inode * 0x9e3779b97f4a7c15ull) ^ device) & (p->n_buckets - 1);
}

static int grow_links(struct pack *p)
{
	size_t n = p->n_buckets ? p->n_buckets * 2 : 256;
	struct pack larger = {.buckets = calloc(n, sizeof(struct link *)), .n_buckets = n};

	if (!larger.buckets)
		return -ENOMEM;
	for (size_t i = 0; i < p->n_buckets; i++) {
		for (struct link *l = p->buckets[i], *next; l; l = next) {
			size_t b = bucket_of(&larger, l->device, l->inode);
			next = l->next;
			l->next = larger.buckets[b];
			larger.buckets[b] = l;
		}
	}
	free(p->buckets);
	p->buckets = larger.buckets;
	p->n_buckets = n;
	return 0;
}

/* The name under which the file was written, "" if this is its first; NULL if memory is out. */
static const char *link_target(struct pack *p, const struct stat *st)
{
	if (p->n_links >= p->n_buckets && grow_links(p) < 0)
		return NULL;
	struct link **bucket = &p->buckets[bucket_of(p, st->st_dev, st->st_ino)];
	for (struct link *l = *bucket; l; l = l->next)
		if (l->inode == st->st_ino && l->device == st->st_dev)
			return l->path;
	struct link *l = calloc(1, sizeof(*l));
	if (!l || !(l->path = strdup(buf_str(&p->path)))) {
		free(l);
		return NULL;
	}
	*l = (struct link){st->st_dev, st->st_ino, l->path, *bucket};
	*bucket = l;
	p->n_links++;
	return "";
}

static void links_done(struct pack *p)
{
	for (size_t i = 0; i < p->n_buckets; i++) {
		for (struct link *l = p->buckets[i], *next; l; l = next) {
			next = l->next;
			free(l->path);
			free(l);
		}
	}
	free(p->buckets);
}

/* ---- Members ---- */

static enum tar_type type_of(mode_t mode)
{
	switch (mode & S_IFMT) {
	case S_IFDIR:
		return TAR_DIRECTORY;
	case S_IFLNK:
		return TAR_SYMLINK;
	case S_IFCHR:
		return TAR_CHAR_DEVICE;
	case S_IFBLK:
		return TAR_BLOCK_DEVICE;
	case S_IFIFO:
		return TAR_FIFO;
	default:
		return TAR_FILE;
	}
}

static int member_error(struct pack *p, int r, struct hull_error *err)
{
	return error_errno(err, r, "/%.300s", buf_str(&p->path));
}

static int count_member(struct pack *p, struct hull_error *err)
{
	p->members++;
	if (p->options->canceled && *p->options->canceled)
		return error_set(err, HULL_ERROR_CANCELED, "canceled");
	if (p->options->progress)
		p->options->progress(p->options->progress_arg, p->bytes);
	return 0;
}

/* An empty file whose name says what lower layers lose. */
static int write_mark(struct pack *p, char *name, struct hull_error *err)
{
	const struct tar_member m = {.type = TAR_FILE, .name = name, .link = ""};

	if (!name)
		return error_no_memory(err);
	int r = tar_write_header(p->sink, &m, err);
	return r < 0 ? r : count_member(p, err);
}

static int write_whiteout(struct pack *p, const char *name, struct hull_error *err)
{
	size_t parent = p->path.len - strlen(name);
	_cleanup_free_ char *mark =
		str_printf("%.*s" WHITEOUT "%s", (int)parent, buf_str(&p->path), name);

	return write_mark(p, mark, err);
}

static int write_opaque(struct pack *p, struct hull_error *err)
{
	_cleanup_free_ char *mark = str_printf("%s/" OPAQUE_DIR, buf_str(&p->path));

	return write_mark(p, mark, err);
}

/* An open file of the tree. fd is O_PATH: what it leads to cannot be exchanged any more. */
struct file {
	int fd;
	char path[32]; /* of the descriptor */
	struct stat st;
};

static int write_data(struct pack *p, const struct file *f, struct hull_error *err)
{
	_cleanup_close_ int fd = open(f->path, O_RDONLY | O_CLOEXEC | O_NOCTTY);

	if (fd < 0)
		return member_error(p, -errno, err);
	int r = tar_write_file(p->sink, fd, 0, (uint64_t)f->st.st_size, err);
	if (r < 0)
		return r;
	p->bytes += (uint64_t)f->st.st_size;
	return 0;
}

/* The member's header, filled in but for its name. link holds the target of a symlink. */
static int describe(struct pack *p, const struct file *f, struct tar_member *m,
	struct xattrs *xattrs, char link[TAR_NAME_MAX + 1], struct hull_error *err)
{
	*m = (struct tar_member){
		.type = type_of(f->st.st_mode),
		.link = "",
		.mode = f->st.st_mode & 07777,
		.uid = f->st.st_uid,
		.gid = f->st.st_gid,
		.major = major(f->st.st_rdev),
		.minor = minor(f->st.st_rdev),
		.mtime = f->st.st_mtim.tv_sec,
		.mtime_ns = (uint32_t)f->st.st_mtim.tv_nsec,
		.size = S_ISREG(f->st.st_mode) ? (uint64_t)f->st.st_size : 0,
	};
	if (m->type == TAR_SYMLINK) {
		ssize_t n = readlinkat(f->fd, "", link, TAR_NAME_MAX + 1);
		if (n < 0 || n > (ssize_t)TAR_NAME_MAX)
			return member_error(p, n < 0 ? -errno : -ENAMETOOLONG, err);
		link[n] = '\0';
		m->link = link;
	}
	int r = read_xattrs(f->path, xattrs);
	if (r < 0)
		return member_error(p, r, err);
	m->xattrs = xattrs->items;
	m->n_xattrs = xattrs->count;
	return 0;
}

static int write_member(
	struct pack *p, const struct file *f, const char *name, struct hull_error *err)
{
	_cleanup_xattrs_ struct xattrs xattrs = {0};
	char link[TAR_NAME_MAX + 1];
	struct tar_member m;
	int r = describe(p, f, &m, &xattrs, link, err);

	m.name = name;
	if (r < 0)
		return r;
	if (f->st.st_nlink > 1 && m.type != TAR_DIRECTORY) {
		const char *target = link_target(p, &f->st);
		if (!target)
			return error_no_memory(err);
		if (*target) {
			m.type = TAR_HARD_LINK;
			m.link = target;
			m.n_xattrs = 0;
		}
	}
	r = tar_write_header(p->sink, &m, err);
	if (r == 0 && m.type == TAR_FILE)
		r = write_data(p, f, err);
	return r < 0 ? r : count_member(p, err);
}

/* overlayfs calls new directories opaque wherever they are; it means something where one was before. */
static bool hides_something(struct pack *p, int dirfd)
{
	if (!p->options->upper || !overlay_is_opaque(dirfd))
		return false;
	if (p->options->lower_fd < 0)
		return true;
	_cleanup_close_ int fd = resolve_openat2(p->options->lower_fd, buf_str(&p->path),
		O_PATH | O_DIRECTORY | O_CLOEXEC, 0, RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS);
	return fd >= 0;
}

static int write_directory(struct pack *p, int dirfd, unsigned int depth, struct hull_error *err);

static int write_subdirectory(
	struct pack *p, const struct file *f, unsigned int depth, struct hull_error *err)
{
	_cleanup_free_ char *name = str_printf("%s/", buf_str(&p->path));
	_cleanup_close_ int fd = open(f->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (!name)
		return error_no_memory(err);
	if (fd < 0)
		return member_error(p, -errno, err);
	int r = write_member(p, f, name, err);
	if (r == 0 && hides_something(p, fd))
		r = write_opaque(p, err);
	return r < 0 ? r : write_directory(p, fd, depth + 1, err);
}

/* What no archive holds, and what a layer would mean something else by. */
static int is_left_out(
	struct pack *p, const struct file *f, const char *name, struct hull_error *err)
{
	const struct pack_options *o = p->options;

	if (S_ISSOCK(f->st.st_mode) || (o->skip && o->skip(o->skip_arg, buf_str(&p->path), &f->st)))
		return 1;
	if (o->upper && str_after(name, WHITEOUT))
		return error_set(err, HULL_ERROR_UNSUPPORTED,
			"/%.300s: a layer cannot hold a name that begins with " WHITEOUT,
			buf_str(&p->path));
	return 0;
}

static int write_entry(
	struct pack *p, int dirfd, const char *name, unsigned int depth, struct hull_error *err)
{
	_cleanup_close_ int fd = openat(dirfd, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	struct file f = {.fd = fd};

	if (fd < 0 && errno == ENOENT)
		return 0;
	if (fd < 0 || fstat(fd, &f.st) < 0)
		return member_error(p, -errno, err);
	snprintf(f.path, sizeof(f.path), "/proc/self/fd/%d", fd);
	int r = is_left_out(p, &f, name, err);
	if (r != 0)
		return r < 0 ? r : 0;
	if (p->options->upper && overlay_is_whiteout(&f.st))
		return write_whiteout(p, name, err);
	if (S_ISDIR(f.st.st_mode))
		return write_subdirectory(p, &f, depth, err);
	return write_member(p, &f, buf_str(&p->path), err);
}

static int compare_names(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static int list_names(struct pack *p, int dirfd, char ***ret, struct hull_error *err)
{
	int fd = openat(dirfd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	_cleanup_closedir_ DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	_cleanup_strv_ char **names = NULL;
	size_t n = 0, size = 0;

	if (!dir)
		return member_error(p, -errno, err);
	for (struct dirent *e; (e = readdir(dir));) {
		if (str_eq(e->d_name, ".") || str_eq(e->d_name, ".."))
			continue;
		if (n + 1 >= size) {
			size = size ? size * 2 : 64;
			char **more = reallocarray(names, size, sizeof(*names));
			if (!more)
				return error_no_memory(err);
			names = more;
		}
		names[n] = strdup(e->d_name);
		names[n + 1] = NULL;
		if (!names[n++])
			return error_no_memory(err);
	}
	if (n > 0)
		qsort(names, n, sizeof(*names), compare_names);
	*ret = TAKE_PTR(names);
	return 0;
}

static int write_directory(struct pack *p, int dirfd, unsigned int depth, struct hull_error *err)
{
	_cleanup_strv_ char **names = NULL;
	size_t parent = p->path.len;
	int r = depth > DEPTH_MAX ? member_error(p, -ELOOP, err)
				  : list_names(p, dirfd, &names, err);

	strv_foreach (name, names) {
		if (r < 0)
			break;
		if (parent > 0)
			buf_putc(&p->path, '/');
		buf_puts(&p->path, *name);
		r = buf_error(&p->path) < 0 ? member_error(p, -ENAMETOOLONG, err)
					    : write_entry(p, dirfd, *name, depth, err);
		p->path.len = parent;
		if (p->path.data)
			p->path.data[parent] = '\0';
	}
	return r;
}

static int write_root(struct pack *p, int dirfd, struct hull_error *err)
{
	struct file f = {.fd = dirfd};

	if (fstat(dirfd, &f.st) < 0)
		return member_error(p, -errno, err);
	snprintf(f.path, sizeof(f.path), "/proc/self/fd/%d", dirfd);
	return write_member(p, &f, "./", err);
}

int pack_tree(int dirfd, const struct pack_options *options, const struct tar_sink *sink,
	uint64_t *ret_members, struct hull_error *err)
{
	struct pack p = {
		.options = options,
		.sink = sink,
		.path = BUF_INIT_MAX(TAR_NAME_MAX),
	};
	int r = options->root ? write_root(&p, dirfd, err) : 0;

	if (r == 0)
		r = write_directory(&p, dirfd, 0, err);
	links_done(&p);
	buf_done(&p.path);
	if (r == 0 && ret_members)
		*ret_members = p.members;
	return r;
}
