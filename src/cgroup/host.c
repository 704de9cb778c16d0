/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Finding the hierarchies.
 *
 * mountinfo tells everything, but the kernel takes its time to print it where there are thousands
 * of mounts, and a container start should not pay for other people's mounts. So the places where
 * every distribution mounts cgroups are tried first: /proc/self/cgroup names all hierarchies that
 * exist, and if each one's directory below /sys/fs/cgroup is the root of a cgroup file system
 * (inode 1 of kernfs), and we are in the first cgroup namespace, there is nothing that mountinfo
 * could add. In every other case mountinfo is read, once, in large pieces.
 */
#include "cgroup/host.h"

#include "base/fd.h"
#include "base/str.h"

#include <sys/stat.h>
#include <sys/vfs.h>

#define USUAL_ROOT	 "/sys/fs/cgroup"
#define MAGIC_V1	 0x27e0eb
#define MAGIC_V2	 0x63677270
#define KERNFS_ROOT_INO	 1
#define CGROUP_INIT_INO	 0xeffffffbU /* of /proc/PID/ns/cgroup in the first namespace */
#define MEMBERSHIP_MAX	 ((size_t)1 << 20)
#define MOUNTINFO_BUFFER 65536

/* v2 has these for every group, without a switch in cgroup.subtree_control. */
#define V2_ALWAYS                                                                      \
	(HULL_CGROUP_BIT(HULL_CGROUP_CPUACCT) | HULL_CGROUP_BIT(HULL_CGROUP_DEVICES) | \
		HULL_CGROUP_BIT(HULL_CGROUP_FREEZER) | HULL_CGROUP_BIT(HULL_CGROUP_PERF_EVENT))

void hull_cgroup_host_close(struct hull_cgroup_host *host)
{
	if (!host)
		return;
	for (size_t i = 0; i < host->n_hierarchies; i++) {
		struct hull_cgroup_hierarchy *h = &host->hierarchies[i];

		free((char *)h->name);
		free((char *)h->mount_point);
		free((char *)h->own_path);
		free(host->roots[i]);
		cleanup_closep(&h->fd);
	}
	free(host);
}

DEFINE_CLEANUP(struct hull_cgroup_host *, host_closep, hull_cgroup_host_close)

static int host_new(struct hull_cgroup_host **ret, struct hull_error *err)
{
	struct hull_cgroup_host *host = calloc(1, sizeof(*host));

	if (!host)
		return error_no_memory(err);
	host->v2 = -1;
	*ret = host;
	return 0;
}

char *cgroup_membership_path(const struct hull_cgroup_host *host, size_t i, const char *text)
{
	const char *root = host->roots[i], *path;
	size_t skip = str_eq(root, "/") ? 0 : strlen(root);
	ssize_t found = cgroup_membership_find(text, host->hierarchies[i].name, &path);

	if (found < 0)
		return NULL;
	size_t n = (size_t)found;
	const char *deleted = memmem(path, n, " (deleted)", 10);
	if (deleted)
		n = (size_t)(deleted - path);
	if (n < skip || memcmp(path, root, skip) != 0 || (skip && n > skip && path[skip] != '/'))
		return strdup("/");
	path += skip;
	n -= skip;
	/* "/../x": the process is outside of our cgroup namespace. */
	if (n == 0 || (n >= 3 && memcmp(path, "/..", 3) == 0))
		return strdup("/");
	return strndup(path, n);
}

static ssize_t host_find(
	const struct hull_cgroup_host *host, unsigned int version, const char *name)
{
	for (size_t i = 0; i < host->n_hierarchies; i++)
		if (host->hierarchies[i].version == version &&
			str_eq(host->hierarchies[i].name, name))
			return (ssize_t)i;
	return -1;
}

/* Takes fd. root is where in the hierarchy the mount starts. */
static int host_add(struct hull_cgroup_host *host, unsigned int version, const char *name,
	const char *mount_point, const char *root, const char *membership, int fd,
	struct hull_error *err)
{
	_cleanup_close_ int owned = fd;

	if (host->n_hierarchies == CGROUP_HIERARCHIES_MAX)
		return error_set(err, HULL_ERROR_LIMIT, "more than %d cgroup hierarchies",
			CGROUP_HIERARCHIES_MAX);
	struct hull_cgroup_hierarchy *h = &host->hierarchies[host->n_hierarchies];
	*h = (struct hull_cgroup_hierarchy){
		.version = version,
		.name = strdup(name),
		.mount_point = strdup(mount_point),
		.controllers = version == 1 ? cgroup_controllers_parse(name, ",") : 0,
		.fd = TAKE_FD(owned),
	};
	host->roots[host->n_hierarchies++] = strdup(root);
	if (!h->name || !h->mount_point || !host->roots[host->n_hierarchies - 1])
		return error_no_memory(err);
	h->own_path = cgroup_membership_path(host, host->n_hierarchies - 1, membership);
	if (!h->own_path)
		h->own_path = strdup("/");
	return h->own_path ? 0 : error_no_memory(err);
}

/* An fd of the directory if it is on a cgroup file system of that version, or -errno. */
static int open_mount(const char *path, unsigned int version, bool any_filesystem)
{
	_cleanup_close_ int fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	struct statfs fs;

	if (fd < 0)
		return -errno;
	if (any_filesystem)
		return TAKE_FD(fd);
	if (fstatfs(fd, &fs) < 0)
		return -errno;
	if ((uint64_t)fs.f_type != (version == 2 ? MAGIC_V2 : MAGIC_V1))
		return -EMEDIUMTYPE;
	return TAKE_FD(fd);
}

/* What v2 offers, less what a v1 hierarchy has taken; and who has what. */
static int host_finish(struct hull_cgroup_host *host, struct hull_error *err)
{
	uint32_t v1 = 0;

	for (size_t i = 0; i < host->n_hierarchies; i++) {
		if (host->hierarchies[i].version == 2)
			host->v2 = (int)i;
		else
			v1 |= host->hierarchies[i].controllers;
	}
	/* v2 is told last, whatever the order of mounting. */
	if (host->v2 >= 0 && (size_t)host->v2 != host->n_hierarchies - 1) {
		size_t from = (size_t)host->v2, last = host->n_hierarchies - 1;
		struct hull_cgroup_hierarchy v2 = host->hierarchies[from];
		char *root = host->roots[from];

		memmove(&host->hierarchies[from], &host->hierarchies[from + 1],
			(last - from) * sizeof(v2));
		memmove(&host->roots[from], &host->roots[from + 1], (last - from) * sizeof(root));
		host->hierarchies[last] = v2;
		host->roots[last] = root;
		host->v2 = (int)last;
	}
	if (host->v2 >= 0) {
		struct hull_cgroup_hierarchy *h = &host->hierarchies[host->v2];
		_cleanup_free_ char *list = NULL;

		int r = file_read_line_at(h->fd, "cgroup.controllers", &list);
		if (r < 0)
			return error_errno(err, r, "%s/cgroup.controllers", h->mount_point);
		host->v2_switchable = cgroup_controllers_parse(list, " ") & ~v1;
		h->controllers = host->v2_switchable | (V2_ALWAYS & ~v1);
	}
	for (size_t c = 0; c < HULL_CGROUP_CONTROLLER_MAX; c++) {
		host->by_controller[c] = -1;
		for (size_t i = 0; i < host->n_hierarchies; i++)
			if (host->hierarchies[i].controllers & HULL_CGROUP_BIT(c))
				host->by_controller[c] = (int8_t)i;
	}
	return 0;
}

static int read_membership(const char *path, struct buf *text, struct hull_error *err)
{
	int r = file_read_at(AT_FDCWD, path, text, MEMBERSHIP_MAX);

	return r < 0 ? error_errno(err, r, "%s", path) : 0;
}

/* ---- The usual places ---- */

/* Where a hierarchy is by custom: "cpu,cpuacct", "systemd" for "name=systemd", "unified". */
static int usual_open(int root, const char *name, unsigned int version, const char **ret_place)
{
	const char *named = str_after(name, "name=");
	const char *place = version == 2 ? "unified" : named ? named : name;
	_cleanup_close_ int fd = openat(root, place, O_PATH | O_DIRECTORY | O_CLOEXEC);
	struct statfs fs;
	struct stat st;

	if (fd < 0 || fstatfs(fd, &fs) < 0 || fstat(fd, &st) < 0)
		return -ENOENT;
	if ((uint64_t)fs.f_type != (version == 2 ? MAGIC_V2 : MAGIC_V1) ||
		st.st_ino != KERNFS_ROOT_INO)
		return -ENOENT;
	*ret_place = place;
	return TAKE_FD(fd);
}

/* Adds the hierarchy of one line of /proc/self/cgroup; 1 if it was where it usually is. */
static int usual_add(struct hull_cgroup_host *host, int root, const char *line, size_t n,
	const char *membership, struct hull_error *err)
{
	const char *colon = memchr(line, ':', n);
	const char *slash = memmem(line, n, ":/", 2);
	if (!colon || !slash || slash < colon)
		return 0;
	unsigned int version = slash == colon + 1 || slash == colon ? 2 : 1;
	_cleanup_free_ char *name =
		version == 2 ? strdup("") : strndup(colon + 1, (size_t)(slash - colon - 1));
	if (!name)
		return error_no_memory(err);
	if (strchr(name, '/'))
		return 0;

	const char *place;
	int fd = usual_open(root, name, version, &place);
	if (fd < 0)
		return 0;
	_cleanup_free_ char *mount_point = str_printf(USUAL_ROOT "/%s", place);
	if (!mount_point) {
		close(fd);
		return error_no_memory(err);
	}
	int r = host_add(host, version, name, mount_point, "/", membership, fd, err);
	return r < 0 ? r : 1;
}

int cgroup_host_open_usual(struct hull_cgroup_host **ret, struct hull_error *err)
{
	_cleanup_(host_closep) struct hull_cgroup_host *host = NULL;
	_cleanup_buf_ struct buf membership = BUF_INIT;
	_cleanup_close_ int root = open(USUAL_ROOT, O_PATH | O_DIRECTORY | O_CLOEXEC);
	struct statfs fs;
	struct stat st;
	int r;

	if (root < 0 || fstatfs(root, &fs) < 0 || stat("/proc/self/ns/cgroup", &st) < 0 ||
		st.st_ino != CGROUP_INIT_INO)
		return 0;
	if ((r = host_new(&host, err)) < 0 ||
		(r = read_membership("/proc/self/cgroup", &membership, err)) < 0)
		return r;

	if ((uint64_t)fs.f_type == MAGIC_V2) {
		/* Only if there is nothing but v2 ("0::/x" is the only line). */
		const char *text = buf_str(&membership);
		if (!str_after(text, "0::") || strchr(text, '\n') != strrchr(text, '\n') ||
			fstat(root, &st) < 0 || st.st_ino != KERNFS_ROOT_INO)
			return 0;
		r = host_add(host, 2, "", USUAL_ROOT, "/", text, TAKE_FD(root), err);
		if (r < 0)
			return r;
	} else {
		for (const char *line = buf_str(&membership); *line;) {
			size_t n = strcspn(line, "\n");

			r = usual_add(host, root, line, n, buf_str(&membership), err);
			if (r <= 0)
				return r;
			line += n + (line[n] == '\n');
		}
	}
	r = host_finish(host, err);
	if (r < 0)
		return r;
	*ret = TAKE_PTR(host);
	return 1;
}

/* ---- Mountinfo ---- */

/* Removes the i-th hierarchy: a mount of the whole takes the place of one that shows a part. */
static void host_drop(struct hull_cgroup_host *host, size_t i)
{
	struct hull_cgroup_hierarchy *h = &host->hierarchies[i];

	free((char *)h->name);
	free((char *)h->mount_point);
	free((char *)h->own_path);
	free(host->roots[i]);
	cleanup_closep(&h->fd);
	host->n_hierarchies--;
	memmove(h, h + 1, (host->n_hierarchies - i) * sizeof(*h));
	memmove(&host->roots[i], &host->roots[i + 1],
		(host->n_hierarchies - i) * sizeof(host->roots[0]));
}

static int host_add_mount(struct hull_cgroup_host *host, const struct cgroup_sources *sources,
	const struct cgroup_mount *mount, const char *membership, struct hull_error *err)
{
	const char *name = mount->version == 2 ? "" : cgroup_mount_hierarchy_name(mount->options);
	ssize_t known = host_find(host, mount->version, name);

	/* Of two mounts of the whole the first stays; of a part and the whole, the whole. */
	if (known >= 0 && (!str_eq(mount->root, "/") || str_eq(host->roots[known], "/")))
		return 0;
	int fd = open_mount(mount->mount_point, mount->version, sources->any_filesystem);
	if (fd < 0)
		return 0; /* over-mounted or out of reach: not usable, and not ours to complain */
	if (known >= 0)
		host_drop(host, (size_t)known);
	return host_add(
		host, mount->version, name, mount->mount_point, mount->root, membership, fd, err);
}

/* Goes through the whole lines in text[0..n); returns how many bytes they are, or an error. */
static ssize_t scan_lines(struct hull_cgroup_host *host, const struct cgroup_sources *sources,
	char *text, size_t n, const char *membership, struct hull_error *err)
{
	char *line = text, *newline;

	while ((newline = memchr(line, '\n', n - (size_t)(line - text)))) {
		struct cgroup_mount mount;

		if (cgroup_mount_parse(line, (size_t)(newline - line), &mount)) {
			int r = host_add_mount(host, sources, &mount, membership, err);
			if (r < 0)
				return r;
		}
		line = newline + 1;
	}
	return line - text;
}

static int scan_mountinfo(struct hull_cgroup_host *host, const struct cgroup_sources *sources,
	const char *membership, struct hull_error *err)
{
	_cleanup_close_ int fd = open(sources->mountinfo, O_RDONLY | O_CLOEXEC);
	_cleanup_free_ char *text = malloc(MOUNTINFO_BUFFER + 1);
	size_t n = 0;

	if (fd < 0)
		return error_errno(err, errno, "%s", sources->mountinfo);
	if (!text)
		return error_no_memory(err);
	for (;;) {
		ssize_t got = read(fd, text + n, MOUNTINFO_BUFFER - n);
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return error_errno(err, errno, "%s", sources->mountinfo);
		if (got == 0)
			return 0;
		n += (size_t)got;
		ssize_t used = scan_lines(host, sources, text, n, membership, err);
		if (used < 0)
			return (int)used;
		/* A line longer than the buffer (an overlay of hundreds of layers) is no cgroup's. */
		if (used == 0 && n == MOUNTINFO_BUFFER)
			used = (ssize_t)n;
		n -= (size_t)used;
		memmove(text, text + used, n);
	}
}

int cgroup_host_open_from(
	const struct cgroup_sources *sources, struct hull_cgroup_host **ret, struct hull_error *err)
{
	_cleanup_(host_closep) struct hull_cgroup_host *host = NULL;
	_cleanup_buf_ struct buf membership = BUF_INIT;
	int r;

	if ((r = host_new(&host, err)) < 0 ||
		(r = read_membership(sources->self_cgroup, &membership, err)) < 0 ||
		(r = scan_mountinfo(host, sources, buf_str(&membership), err)) < 0 ||
		(r = host_finish(host, err)) < 0)
		return r;
	*ret = TAKE_PTR(host);
	return 0;
}

int hull_cgroup_host_open(struct hull_cgroup_host **ret, struct hull_error *err)
{
	static const struct cgroup_sources sources = {
		"/proc/self/mountinfo", "/proc/self/cgroup", false};
	int r = cgroup_host_open_usual(ret, err);

	if (r != 0)
		return r < 0 ? r : 0;
	return cgroup_host_open_from(&sources, ret, err);
}

/* ---- Questions ---- */

enum hull_cgroup_mode hull_cgroup_host_mode(const struct hull_cgroup_host *host)
{
	if (host->n_hierarchies == 0)
		return HULL_CGROUP_MODE_NONE;
	if (host->v2 < 0)
		return HULL_CGROUP_MODE_LEGACY;
	return host->n_hierarchies == 1 ? HULL_CGROUP_MODE_UNIFIED : HULL_CGROUP_MODE_HYBRID;
}

size_t hull_cgroup_host_hierarchies(
	const struct hull_cgroup_host *host, const struct hull_cgroup_hierarchy **ret)
{
	*ret = host->hierarchies;
	return host->n_hierarchies;
}

uint32_t hull_cgroup_host_controllers(const struct hull_cgroup_host *host)
{
	uint32_t all = 0;

	for (size_t i = 0; i < host->n_hierarchies; i++)
		all |= host->hierarchies[i].controllers;
	return all;
}

bool hull_cgroup_host_has_systemd(const struct hull_cgroup_host *host)
{
	/* What sd_booted(3) looks at. */
	return access("/run/systemd/system", F_OK) == 0;
}
