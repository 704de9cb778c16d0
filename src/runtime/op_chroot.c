/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The root without pivot_root(2), for hosts that run from an initramfs, which cannot be pivoted
 * from. The mounts of the host stay beneath the container's root. No path leads there, but a mount
 * namespace that is made inside could still find them: the kernel lets a user namespace mount proc
 * and sysfs afresh only where it sees them whole, and the host's, which has no masks, would do. So
 * every proc and sysfs that is not the container's own is taken away or covered first.
 *
 * Runs in the child: nothing is allocated.
 */
#include "runtime/perform.h"
#include "base/cleanup.h"
#include "base/str.h"
#include "sys/mount_api.h"
#include "sys/statx.h"

#include <ctype.h>
#include <fcntl.h>
#include <limits.h>
#include <sys/mount.h>
#include <sys/stat.h>

#define MOUNTS_MAX 4096
#define LINE_SIZE  (2 * PATH_MAX)

struct mount_line {
	int id, parent;
	char path[PATH_MAX];
	char type[32];
};

/* ---- mountinfo, line by line ---- */

struct line_reader {
	int fd;
	size_t begin, end;
	char data[LINE_SIZE + 1];
};

/* The next line without its end, NULL at the end of the file or on a line that is too long. */
static char *next_line(struct line_reader *r)
{
	for (;;) {
		char *line = r->data + r->begin;
		char *newline = memchr(line, '\n', r->end - r->begin);
		if (newline) {
			*newline = '\0';
			r->begin = (size_t)(newline + 1 - r->data);
			return line;
		}
		memmove(r->data, line, r->end - r->begin);
		r->end -= r->begin;
		r->begin = 0;
		ssize_t n = read(r->fd, r->data + r->end, sizeof(r->data) - 1 - r->end);
		if (n <= 0)
			return NULL;
		r->end += (size_t)n;
	}
}

/* The field that p is at, with "\040" and the like as what they stand for. */
static const char *take_field(const char *p, char *out, size_t size)
{
	size_t n = 0;

	for (; *p && *p != ' ' && n + 1 < size; n++) {
		if (p[0] == '\\' && isdigit((unsigned char)p[1]) && p[2] && p[3]) {
			out[n] = (char)((p[1] - '0') << 6 | (p[2] - '0') << 3 | (p[3] - '0'));
			p += 4;
		} else {
			out[n] = *p++;
		}
	}
	out[n] = '\0';
	return *p == ' ' ? p + 1 : p;
}

/* "36 35 98:0 /root /mount/point options tags - type source options" */
static bool parse_line(const char *line, struct mount_line *ret)
{
	char *end;

	ret->id = (int)strtol(line, &end, 10);
	ret->parent = (int)strtol(end, &end, 10);
	for (int field = 0; field < 3; field++) {
		end = strchr(end, ' ');
		if (!end)
			return false;
		end++;
	}
	take_field(end, ret->path, sizeof(ret->path));
	const char *type = strstr(end, " - ");
	if (!type)
		return false;
	take_field(type + 3, ret->type, sizeof(ret->type));
	return true;
}

/* ---- whose mount it is ---- */

struct family {
	int root; /* the id of the container's root mount */
	size_t n;
	struct {
		int id, parent;
	} mounts[MOUNTS_MAX];
};

static int parent_of(const struct family *f, int id)
{
	for (size_t i = 0; i < f->n; i++) {
		if (f->mounts[i].id == id)
			return f->mounts[i].parent;
	}
	return -1;
}

static bool is_containers(const struct family *f, int id)
{
	for (size_t depth = 0; id >= 0 && depth < f->n; depth++) {
		if (id == f->root)
			return true;
		int parent = parent_of(f, id);
		if (parent == id)
			return false;
		id = parent;
	}
	return false;
}

static int mount_id(int dirfd, const char *path)
{
	struct statx st;
	int r = file_statx(dirfd, path, AT_EMPTY_PATH | AT_SYMLINK_NOFOLLOW, STATX_MNT_ID, &st);

	if (r < 0)
		return r;
	return st.stx_mask & STATX_MNT_ID ? (int)st.stx_mnt_id : -EOPNOTSUPP;
}

static int open_mountinfo(struct performance *p, struct line_reader *r)
{
	*r = (struct line_reader){.fd = -1};
	r->fd = openat(p->proc_fd, "self/mountinfo", O_RDONLY | O_CLOEXEC);
	return r->fd < 0 ? op_step(p, -errno, "open /proc/self/mountinfo") : 0;
}

static int read_family(struct performance *p, struct family *f)
{
	struct line_reader reader;
	struct mount_line m;
	int r = open_mountinfo(p, &reader);

	if (r < 0)
		return r;
	f->n = 0;
	f->root = mount_id(p->slots[SLOT_ROOT].fd, "");
	for (char *line; (line = next_line(&reader)) && f->n < MOUNTS_MAX;) {
		if (!parse_line(line, &m))
			continue;
		f->mounts[f->n].id = m.id;
		f->mounts[f->n++].parent = m.parent;
	}
	close(reader.fd);
	if (f->root < 0)
		return op_step(p, f->root, "statx");
	return f->n == MOUNTS_MAX ? op_step(p, -E2BIG, "more than %d mounts", MOUNTS_MAX) : 0;
}

/* ---- hiding ---- */

static int cover(struct performance *p, const char *path)
{
	_cleanup_close_ int target = open(path, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (target < 0)
		return errno == ENOTDIR ? 0 : op_step(p, -errno, "open %s", path);
	_cleanup_close_ int fd = mount_simple("tmpfs",
		MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC);
	int r = fd < 0 ? fd : mount_attach(fd, target);
	return op_step(p, r, "cover %s", path);
}

/* What another mount lies over already is out of sight, and so is its path. */
static int hide(struct performance *p, const struct mount_line *m)
{
	if (mount_id(AT_FDCWD, m->path) != m->id)
		return 0;
	if (umount2(m->path, MNT_DETACH | UMOUNT_NOFOLLOW) == 0)
		return 0;
	/* The mounts that a user namespace has inherited are locked to their places. */
	return cover(p, m->path);
}

static int hide_host_mounts(struct performance *p)
{
	struct line_reader reader;
	struct family family;
	struct mount_line m;
	int r = read_family(p, &family);

	if (r == 0)
		r = open_mountinfo(p, &reader);
	if (r < 0)
		return r;
	for (char *line; r == 0 && (line = next_line(&reader));) {
		if (parse_line(line, &m) && (str_eq(m.type, "proc") || str_eq(m.type, "sysfs")) &&
			!is_containers(&family, m.id))
			r = hide(p, &m);
	}
	close(reader.fd);
	return r;
}

int perform_chroot(struct performance *p, const struct op *op)
{
	int r = hide_host_mounts(p);

	if (r < 0)
		return r;
	if (fchdir(p->slots[SLOT_ROOT].fd) < 0)
		return op_step(p, -errno, "fchdir");
	if (mount(".", "/", NULL, MS_MOVE, NULL) < 0)
		return op_step(p, -errno, "move to /");
	if (chroot(".") < 0)
		return op_step(p, -errno, "chroot");
	return chdir("/") < 0 ? -errno : 0;
}
