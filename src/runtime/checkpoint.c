/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From a container to images. A mount whose source lies outside is given a name (its destination),
 * under which restore says what to mount there; a file that stdin, stdout or stderr was given from
 * outside likewise, and the names are kept beside the images in descriptors.json, as runc does.
 */
#include "runtime/checkpoint.h"
#include "runtime/checkpoint_internal.h"
#include "base/fd.h"
#include "base/str.h"

#include <limits.h>
#include <sched.h>
#include <sys/stat.h>

#define LOG_FILE  "dump.log"
#define LOG_LEVEL 4

const struct checkpoint_namespace checkpoint_namespaces[] = {
	{OCI_NAMESPACE_NETWORK, "net", "extRootNetNS"},
	{OCI_NAMESPACE_PID, "pid", "extRootPidNS"},
};

int checkpoint_parse_cgroups(const char *name, int *ret, struct hull_error *err)
{
	static const struct {
		const char *name;
		int mode;
	} modes[] = {
		{"soft", CHECKPOINT_CGROUPS_SOFT},
		{"full", CHECKPOINT_CGROUPS_FULL},
		{"strict", CHECKPOINT_CGROUPS_STRICT},
		{"ignore", CHECKPOINT_CGROUPS_IGNORE},
	};

	for (size_t i = 0; name && i < ARRAY_SIZE(modes); i++) {
		if (str_eq(name, modes[i].name)) {
			*ret = modes[i].mode;
			return 0;
		}
	}
	return name ? error_set(err, HULL_ERROR_INVALID, "Invalid manage-cgroups-mode value: %s",
			      name)
		    : 0;
}

int checkpoint_parse_lock(const char *name, unsigned int *ret, struct hull_error *err)
{
	static const char *const methods[] = {"iptables", "nftables", "skip"};

	for (size_t i = 0; name && i < ARRAY_SIZE(methods); i++) {
		if (str_eq(name, methods[i])) {
			*ret = (unsigned int)i + 1;
			return 0;
		}
	}
	return name ? error_set(err, HULL_ERROR_INVALID, "invalid network-lock method: %s", name)
		    : 0;
}

int checkpoint_parse_empty_ns(char *const *names, uint64_t *ret, struct hull_error *err)
{
	*ret = 0;
	strv_foreach (name, names) {
		/* The only one that criu can do without. */
		if (!str_eq(*name, "network"))
			return error_set(err, HULL_ERROR_INVALID,
				"namespace %s is not supported by --empty-ns", *name);
		*ret |= CLONE_NEWNET;
	}
	return 0;
}

int checkpoint_parse_server(
	const char *text, char **ret_address, uint32_t *ret_port, struct hull_error *err)
{
	const char *colon = strrchr(text, ':');

	if (!colon || colon == text || str_to_u32(colon + 1, ret_port) < 0 || *ret_port == 0 ||
		*ret_port > 65535)
		return error_set(err, HULL_ERROR_INVALID,
			"Use --page-server ADDRESS:PORT to specify page server, not \"%s\"", text);
	*ret_address = strndup(text, (size_t)(colon - text));
	return *ret_address ? 0 : error_no_memory(err);
}

/* ---- what dump and restore have in common ---- */

void checkpoint_put_common(struct buf *out, const struct checkpoint_options *o)
{
	bool cgroups = o->cgroups != CHECKPOINT_CGROUPS_IGNORE;

	criu_put_number(out, CRIU_LOG_LEVEL, LOG_LEVEL);
	criu_put_bool(out, CRIU_NOTIFY_SCRIPTS, true);
	criu_put_bool(out, CRIU_SHELL_JOB, o->shell_job);
	criu_put_bool(out, CRIU_EXT_UNIX_SK, o->ext_unix_sk);
	criu_put_bool(out, CRIU_TCP_ESTABLISHED, o->tcp_established);
	criu_put_bool(out, CRIU_TCP_CLOSE, o->tcp_close);
	criu_put_bool(out, CRIU_FILE_LOCKS, o->file_locks);
	criu_put_bool(out, CRIU_AUTO_DEDUP, o->auto_dedup);
	criu_put_bool(out, CRIU_LAZY_PAGES, o->lazy_pages);
	criu_put_bool(out, CRIU_ORPHAN_PTS_MASTER, true);
	criu_put_bool(out, CRIU_MANAGE_CGROUPS, cgroups);
	if (cgroups)
		criu_put_number(out, CRIU_MANAGE_CGROUPS_MODE, (uint64_t)o->cgroups);
	if (o->empty_ns)
		criu_put_number(out, CRIU_EMPTY_NS, o->empty_ns);
	if (o->lock)
		criu_put_number(out, CRIU_NETWORK_LOCK, o->lock);
}

const char *checkpoint_config_file(const struct oci_spec *spec)
{
	for (size_t i = 0; i < spec->n_annotations; i++) {
		if (str_eq(spec->annotations[i].key, "org.criu.config"))
			return spec->annotations[i].value;
	}
	return NULL;
}

bool checkpoint_mount_is_bind(const struct oci_mount *mount)
{
	return str_eq(mount->type, "bind") || strv_contains(mount->options, "bind") ||
	       strv_contains(mount->options, "rbind");
}

int checkpoint_open_dir(const char *path, const char *what, bool make, struct hull_error *err)
{
	if (str_empty(path))
		return error_set(err, HULL_ERROR_INVALID, "%s must not be empty", what);
	int r = make ? dir_make_parents_at(AT_FDCWD, path, 0700) : 0;
	if (r < 0)
		return error_errno(err, r, "%s %s", what, path);
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return fd < 0 ? error_errno(err, errno, "%s %s", what, path) : fd;
}

/* ---- the request ---- */

/* Files (not directories) that are hidden are covered by the host's null device. */
static void put_masked(struct buf *out, const struct container_ref *ref, char *const *paths)
{
	strv_foreach (path, paths) {
		struct stat st;
		_cleanup_free_ char *inside = str_printf("/proc/%d/root%s", ref->pid, *path);
		if (inside && stat(inside, &st) == 0 && !S_ISDIR(st.st_mode))
			criu_put_pair(out, CRIU_EXT_MNT, *path, CHECKPOINT_NULL_DEVICE);
	}
}

/* On v1 what is mounted below /sys/fs/cgroup inside are the container's own directories. */
static void put_cgroup_mounts(
	struct buf *out, const struct cgroup_places *places, const char *destination)
{
	for (size_t i = 0; places && i < places->n_places; i++) {
		char path[PATH_MAX];
		if (places->places[i].version == 1 &&
			checkpoint_cgroup_mount(&places->places[i], destination, path) == 0)
			criu_put_pair(out, CRIU_EXT_MNT, path, path);
	}
}

int checkpoint_cgroup_mount(
	const struct cgroup_place *place, const char *destination, char path[PATH_MAX])
{
	const char *name = str_after(place->hierarchy ? place->hierarchy : "", "name=");
	int n = snprintf(path, PATH_MAX, "%s/%s", destination, name ? name : place->hierarchy);

	return n < PATH_MAX ? 0 : -ENAMETOOLONG;
}

static void put_mounts(struct buf *out, const struct container_ref *ref,
	const struct oci_spec *spec, const struct cgroup_places *places)
{
	for (size_t i = 0; i < spec->n_mounts; i++) {
		const struct oci_mount *m = &spec->mounts[i];
		if (checkpoint_mount_is_bind(m))
			criu_put_pair(out, CRIU_EXT_MNT, m->destination, m->destination);
		else if (str_eq(m->type, "cgroup"))
			put_cgroup_mounts(out, places, m->destination);
	}
	/* A name for what is not there does no harm. */
	criu_put_pair(out, CRIU_EXT_MNT, CONTAINER_NOTIFY_DIR, CONTAINER_NOTIFY_DIR);
	if (spec->linux)
		put_masked(out, ref, spec->linux->masked_paths);
}

/* A namespace that was made by somebody else is named by its inode, and not dumped. */
static int put_external_namespaces(
	struct buf *out, const struct oci_spec *spec, struct hull_error *err)
{
	for (size_t i = 0; i < CHECKPOINT_N_NAMESPACES; i++) {
		const struct checkpoint_namespace *n = &checkpoint_namespaces[i];
		const struct oci_namespace *ns = oci_spec_namespace(spec, n->type);
		struct stat st;
		if (!ns || str_empty(ns->path))
			continue;
		if (stat(ns->path, &st) < 0)
			return error_errno(err, errno, "%s", ns->path);
		_cleanup_free_ char *text =
			str_printf("%s[%lu]:%s", n->name, (unsigned long)st.st_ino, n->key);
		if (!text)
			return error_no_memory(err);
		criu_put_string(out, CRIU_EXTERNAL, text);
	}
	return 0;
}

/*
 * What fd 0, 1 or 2 is called: "pipe:[1]", "/dev/pts/0", or for a file that is not of the
 * container's mounts "file[MOUNT:INODE]" in hexadecimal, as criu wants it.
 */
static char *stdio_name(pid_t pid, int fd)
{
	char path[64], target[PATH_MAX];
	_cleanup_buf_ struct buf info = BUF_INIT;
	struct stat st;

	snprintf(path, sizeof(path), "/proc/%d/fd/%d", pid, fd);
	ssize_t n = readlink(path, target, sizeof(target) - 1);
	if (n < 0)
		return strdup("");
	target[n] = '\0';
	if (target[0] != '/' || str_after(target, "/dev/pts/") || stat(path, &st) < 0 ||
		!(S_ISREG(st.st_mode) || S_ISCHR(st.st_mode)))
		return strdup(target);
	snprintf(path, sizeof(path), "/proc/%d/fdinfo/%d", pid, fd);
	if (file_read_at(AT_FDCWD, path, &info, 65536) < 0)
		return strdup(target);
	const char *id = strstr(buf_str(&info), "mnt_id:");
	unsigned long mount = id ? strtoul(id + strlen("mnt_id:"), NULL, 10) : 0;
	_cleanup_buf_ struct buf mounts = BUF_INIT;
	_cleanup_free_ char *line = str_printf("\n%lu ", mount);
	snprintf(path, sizeof(path), "/proc/%d/mountinfo", pid);
	if (!line || file_read_at(AT_FDCWD, path, &mounts, (size_t)16 << 20) < 0)
		return strdup(target);
	bool own = strstr(buf_str(&mounts), line) || str_after(buf_str(&mounts), line + 1);
	return own ? strdup(target) : str_printf("file[%lx:%lx]", mount, (unsigned long)st.st_ino);
}

static int read_stdio(pid_t pid, char *names[3], struct hull_error *err)
{
	for (int fd = 0; fd < 3; fd++) {
		names[fd] = stdio_name(pid, fd);
		if (!names[fd])
			return error_no_memory(err);
	}
	return 0;
}

static int put_stdio(struct buf *out, const struct container_ref *ref, struct hull_error *err)
{
	_cleanup_strv_ char **names = calloc(4, sizeof(*names));
	int r = names ? read_stdio(ref->pid, names, err) : error_no_memory(err);

	for (int fd = 0; r == 0 && fd < 3; fd++) {
		if (str_after(names[fd], "file["))
			criu_put_string(out, CRIU_EXTERNAL, names[fd]);
	}
	return r;
}

static int put_page_server(struct buf *out, const char *text, struct hull_error *err)
{
	_cleanup_free_ char *address = NULL;
	uint32_t port;
	int r = checkpoint_parse_server(text, &address, &port, err);

	if (r == 0)
		criu_put_named(out, CRIU_PAGE_SERVER, address, port);
	return r;
}

/* Where criu may freeze everything at once: the freezer of v1, the group of v2. */
static void put_freezer(struct buf *out, const struct cgroup_places *places)
{
	for (size_t i = 0; places && i < places->n_places; i++) {
		const struct cgroup_place *p = &places->places[i];
		if (p->version == 2 || str_eq(p->hierarchy, "freezer")) {
			criu_put_string(out, CRIU_FREEZE_CGROUP, p->full_path);
			return;
		}
	}
}

int checkpoint_format(const struct container_ref *ref, const struct oci_spec *spec,
	const char *rootfs, const struct checkpoint_options *o, int image_fd, int work_fd,
	struct buf *out, struct hull_error *err)
{
	_cleanup_arena_ struct arena arena = ARENA_INIT;
	struct cgroup_places places = {0};
	int r = str_empty(ref->cgroup) ? 0 : cgroup_places_parse(&arena, ref->cgroup, &places, err);

	if (r < 0)
		return r;
	criu_put_number(out, CRIU_IMAGES_DIR_FD, (uint64_t)image_fd);
	criu_put_number(out, CRIU_WORK_DIR_FD, (uint64_t)work_fd);
	criu_put_string(out, CRIU_LOG_FILE, LOG_FILE);
	criu_put_number(out, CRIU_PID, (uint64_t)ref->pid);
	criu_put_string(out, CRIU_ROOT, rootfs);
	criu_put_bool(out, CRIU_LEAVE_RUNNING, o->leave_running);
	criu_put_bool(out, CRIU_LINK_REMAP, o->link_remap);
	criu_put_bool(out, CRIU_TCP_SKIP_IN_FLIGHT, o->tcp_skip_in_flight);
	criu_put_string(out, CRIU_CONFIG_FILE, checkpoint_config_file(spec));
	checkpoint_put_common(out, o);
	put_freezer(out, &places);
	if (o->status_fd >= 0)
		criu_put_number(out, CRIU_STATUS_FD, (uint64_t)o->status_fd);
	if (o->page_server)
		r = put_page_server(out, o->page_server, err);
	if (!str_empty(o->parent_path))
		criu_put_string(out, CRIU_PARENT_IMG, o->parent_path);
	criu_put_bool(out, CRIU_TRACK_MEM, o->pre_dump || !str_empty(o->parent_path));
	if (r == 0)
		r = put_external_namespaces(out, spec, err);
	/* A pre-dump is of memory alone. */
	if (r == 0 && !o->pre_dump) {
		put_mounts(out, ref, spec, &places);
		r = put_stdio(out, ref, err);
	}
	return r == 0 && buf_error(out) ? error_no_memory(err) : r;
}

static int ignore_notification(
	const struct criu_answer *answer, int fd, void *data, struct hull_error *err)
{
	cleanup_closep(&fd);
	return 0;
}

static int write_descriptors(int image_fd, pid_t pid, struct hull_error *err)
{
	_cleanup_strv_ char **names = calloc(4, sizeof(*names));
	_cleanup_buf_ struct buf text = BUF_INIT;
	struct json_writer w = JSON_WRITER_INIT(&text, 0);
	int r = names ? read_stdio(pid, names, err) : error_no_memory(err);

	if (r < 0)
		return r;
	json_begin_array(&w);
	for (int fd = 0; fd < 3; fd++)
		json_string(&w, names[fd]);
	json_end_array(&w);
	if (buf_error(&text))
		return error_no_memory(err);
	r = file_replace_at(image_fd, CHECKPOINT_DESCRIPTORS, text.data, text.len, 0600, false);
	return r < 0 ? error_errno(err, r, "%s", CHECKPOINT_DESCRIPTORS) : 0;
}

/* criu takes the parent relative to the images, and would only warn if it were not there. */
static int check_parent(int image_fd, const struct checkpoint_options *o, struct hull_error *err)
{
	if (str_empty(o->parent_path))
		return 0;
	if (o->parent_path[0] == '/')
		return error_set(
			err, HULL_ERROR_INVALID, "--parent-path must be relative to --image-path");
	if (faccessat(image_fd, o->parent_path, F_OK, 0) < 0)
		return error_errno(err, errno, "--parent-path %s", o->parent_path);
	return 0;
}

int container_checkpoint(const struct container_ref *ref, const struct oci_spec *spec,
	const char *rootfs, const struct checkpoint_options *o, struct hull_error *err)
{
	const char *work = str_empty(o->work_path) ? o->image_path : o->work_path;
	_cleanup_close_ int image_fd = checkpoint_open_dir(o->image_path, "image path", true, err);
	_cleanup_close_ int work_fd =
		image_fd < 0 ? -1 : checkpoint_open_dir(work, "work path", true, err);
	_cleanup_(criu_end) struct criu criu = {
		.program = o->criu ? o->criu : "criu", .pid = -1, .sock = -1};
	_cleanup_buf_ struct buf opts = BUF_INIT;
	struct criu_answer answer;

	if (work_fd < 0)
		return image_fd < 0 ? image_fd : work_fd;
	_cleanup_free_ char *log = str_printf("%s/%s", work, LOG_FILE);
	if (!log)
		return error_no_memory(err);
	int r = check_parent(image_fd, o, err);
	if (r == 0)
		r = checkpoint_format(ref, spec, rootfs, o, image_fd, work_fd, &opts, err);
	if (r == 0)
		r = criu_start(&criu, err);
	if (r == 0 && !o->pre_dump)
		r = write_descriptors(image_fd, ref->pid, err);
	if (r < 0)
		return r;
	return criu_request(&criu, o->pre_dump ? CRIU_PRE_DUMP : CRIU_DUMP, &opts, log,
		ignore_notification, NULL, &answer, err);
}
