/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A node's attributes are set after everything that would change them: the owner, then extended
 * attributes (a change of owner drops file capabilities), then the mode (so does it with set-id
 * bits), then times; a directory's after all that is made in it. A node with several names is made
 * in a directory of its own first and linked from there, which is removed in the end.
 */
#include "layer/unpack.h"

#include "base/fd.h"
#include "base/str.h"

#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>

#define COPY_BUFFER ((size_t)256 << 10)

struct unpack {
	int tar_fd;
	int links_fd; /* where nodes with several names are made */
	uint64_t n_links;
	char *buffer; /* COPY_BUFFER bytes */
	struct hull_error *err;
};

static int failed(struct unpack *u, const char *what, const char *name)
{
	return error_errno(u->err, errno, "unpack %.255s: %s", name, what);
}

/* ---- Attributes ---- */

/* What a file system cannot hold at all is left out, as every engine does. */
static int set_xattr(struct unpack *u, const char *path, const char *shown, const char *name,
	const void *value, size_t size)
{
	if (lsetxattr(path, name, value, size, 0) == 0 || errno == ENOTSUP)
		return 0;
	return failed(u, name, shown);
}

static int set_xattrs(struct unpack *u, int dirfd, const char *name, const struct tree_node *node)
{
	char path[32 + TREE_NAME_MAX + 1];
	int r = 0;

	/* lsetxattr(2) has no form with a directory fd, and an fd of a symlink takes no attribute. */
	snprintf(path, sizeof(path), "/proc/self/fd/%d/%s", dirfd, name);
	for (uint32_t i = 0; r == 0 && i < node->n_xattrs; i++)
		r = set_xattr(u, path, name, node->xattrs[i].name, node->xattrs[i].value,
			node->xattrs[i].size);
	if (r == 0 && S_ISDIR(node->mode) && node->opaque)
		r = set_xattr(u, path, name, "trusted.overlay.opaque", "y", 1);
	if (r == 0 && S_ISDIR(node->mode) && node->whiteouts)
		r = set_xattr(u, path, name, "trusted.overlay.origin", "", 0);
	return r;
}

static int set_attributes(
	struct unpack *u, int dirfd, const char *name, const struct tree_node *node)
{
	struct timespec times[2] = {{node->mtime, node->mtime_ns}, {node->mtime, node->mtime_ns}};

	if (fchownat(dirfd, name, node->uid, node->gid, AT_SYMLINK_NOFOLLOW) < 0)
		return failed(u, "set owner", name);
	int r = set_xattrs(u, dirfd, name, node);
	if (r < 0)
		return r;
	/* The name was made here a moment ago as what it is, in a place nobody else can reach. */
	if (!S_ISLNK(node->mode) && fchmodat(dirfd, name, node->mode & 07777, 0) < 0)
		return failed(u, "set mode", name);
	if (utimensat(dirfd, name, times, AT_SYMLINK_NOFOLLOW) < 0)
		return failed(u, "set time", name);
	return 0;
}

/* ---- Contents ---- */

static int copy_range(
	struct unpack *u, int fd, uint64_t from, uint64_t to, uint64_t n, const char *name)
{
	while (n > 0) {
		size_t want = n < COPY_BUFFER ? (size_t)n : COPY_BUFFER;
		ssize_t got = pread(u->tar_fd, u->buffer, want, (off_t)from);
		if (got < 0 && errno == EINTR)
			continue;
		if (got == 0)
			errno = EIO;
		if (got <= 0)
			return failed(u, "read the tar", name);
		for (ssize_t done = 0; done < got;) {
			ssize_t put = pwrite(
				fd, u->buffer + done, (size_t)(got - done), (off_t)to + done);
			if (put < 0 && errno != EINTR)
				return failed(u, "write", name);
			done += put > 0 ? put : 0;
		}
		from += (uint64_t)got;
		to += (uint64_t)got;
		n -= (uint64_t)got;
	}
	return 0;
}

static int write_contents(struct unpack *u, int fd, const struct tree_node *node, const char *name)
{
	uint64_t packed = node->file.offset;

	if (!node->sparse)
		return copy_range(u, fd, packed, 0, node->file.size, name);
	for (size_t i = 0; i < node->file.n_extents; i++) {
		const struct tar_extent *e = &node->file.extents[i];
		int r = copy_range(u, fd, packed, e->offset, e->size, name);
		if (r < 0)
			return r;
		packed += e->size;
	}
	if (ftruncate(fd, (off_t)node->file.size) < 0)
		return failed(u, "set size", name);
	return 0;
}

/* ---- Nodes ---- */

static int make_file(struct unpack *u, int dirfd, const char *name, const struct tree_node *node)
{
	_cleanup_close_ int fd =
		openat(dirfd, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);

	if (fd < 0)
		return failed(u, "create", name);
	return write_contents(u, fd, node, name);
}

static int make_leaf(struct unpack *u, int dirfd, const char *name, const struct tree_node *node)
{
	dev_t device = 0;
	int r = 0;

	switch (node->mode & S_IFMT) {
	case S_IFREG:
		r = make_file(u, dirfd, name, node);
		break;
	case S_IFLNK:
		if (symlinkat(node->symlink.target, dirfd, name) < 0)
			r = failed(u, "make symlink", name);
		break;
	case S_IFCHR:
	case S_IFBLK:
		device = makedev(node->device.major, node->device.minor);
		__attribute__((fallthrough));
	default:
		if (mknodat(dirfd, name, (node->mode & S_IFMT) | 0600, device) < 0)
			r = failed(u, "make device or FIFO", name);
		break;
	}
	return r < 0 ? r : set_attributes(u, dirfd, name, node);
}

static int make_linked(struct unpack *u, int dirfd, const char *name, struct tree_node *node)
{
	char number[24];

	if (node->number == 0) {
		node->number = ++u->n_links;
		snprintf(number, sizeof(number), "%llu", (unsigned long long)node->number);
		int r = make_leaf(u, u->links_fd, number, node);
		if (r < 0)
			return r;
	}
	snprintf(number, sizeof(number), "%llu", (unsigned long long)node->number);
	if (linkat(u->links_fd, number, dirfd, name, 0) < 0)
		return failed(u, "make hard link", name);
	return 0;
}

static int make_dir(struct unpack *u, int dirfd, const char *name, struct tree_node *dir);

static int make_entry(struct unpack *u, int dirfd, const struct tree_entry *e)
{
	if (!e->node)
		return mknodat(dirfd, e->name, S_IFCHR, 0) < 0 ? failed(u, "make whiteout", e->name)
							       : 0;
	if (S_ISDIR(e->node->mode))
		return make_dir(u, dirfd, e->name, e->node);
	if (e->node->nlink > 1)
		return make_linked(u, dirfd, e->name, e->node);
	return make_leaf(u, dirfd, e->name, e->node);
}

static int make_dir(struct unpack *u, int dirfd, const char *name, struct tree_node *dir)
{
	if (mkdirat(dirfd, name, 0700) < 0)
		return failed(u, "make directory", name);
	_cleanup_close_ int fd =
		openat(dirfd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return failed(u, "open directory", name);
	for (size_t i = 0; i < dir->dir.n_entries; i++) {
		int r = make_entry(u, fd, dir->dir.entries[i]);
		if (r < 0)
			return r;
	}
	return set_attributes(u, dirfd, name, dir);
}

int unpack_tree(struct tree *tree, int tar_fd, int dirfd, const char *name, struct hull_error *err)
{
	_cleanup_free_ char *buffer = malloc(COPY_BUFFER);
	_cleanup_free_ char *links = str_printf("%s.links", name);
	struct unpack u = {.tar_fd = tar_fd, .buffer = buffer, .err = err};

	if (!buffer || !links)
		return error_no_memory(err);
	if (mkdirat(dirfd, links, 0700) < 0)
		return failed(&u, "make directory", links);
	_cleanup_close_ int links_fd =
		openat(dirfd, links, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (links_fd < 0)
		return failed(&u, "open directory", links);
	u.links_fd = links_fd;
	int r = make_dir(&u, dirfd, name, tree_root(tree));
	if (r < 0)
		return r;
	r = dir_remove_tree_at(dirfd, links);
	return r < 0 ? error_errno(err, r, "remove %s", links) : 0;
}
