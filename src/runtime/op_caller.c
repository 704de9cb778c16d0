/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The caller's operations, except cgroups (op_cgroup.c), the clone (op_clone.c) and the filter
 * (op_filter.c). Where the caller may not mount, the child opens the root and the bind sources.
 */
#include "runtime/perform.h"
#include "runtime/id_map.h"
#include "base/buf.h"
#include "base/fd.h"
#include "base/str.h"
#include "sys/link.h"
#include "sys/mount_api.h"
#include "sys/process.h"

#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>

static void keep_fd(struct performance *p, const struct op *op, int fd)
{
	p->slots[op->slot].fd = fd;
}

int perform_open_root(struct performance *p, const struct op *op)
{
	int fd = mount_open_tree(AT_FDCWD, op->path, OPEN_TREE_CLONE | AT_RECURSIVE);

	if (fd < 0)
		return fd;
	keep_fd(p, op, fd);
	return op_step(p, mount_set_attributes(fd, 0, 0, MS_SLAVE, 1), "mount_setattr");
}

int perform_open_namespace(struct performance *p, const struct op *op)
{
	int fd = open(op->path, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return -errno;
	keep_fd(p, op, fd);
	return 0;
}

static int set_bind_attributes(struct performance *p, const struct op_bind *b, int fd)
{
	int r = 0;

	if (b->idmap_slot >= 0)
		r = op_step(p, mount_set_idmap(fd, p->slots[b->idmap_slot].fd, b->idmap_recursive),
			"idmap");
	if (r == 0 && b->propagation)
		r = op_step(p,
			mount_set_attributes(fd, 0, 0, b->propagation, b->propagation_recursive),
			"propagation");
	if (r == 0 && (b->set_recursive | b->clear_recursive))
		r = op_step(p, mount_set_attributes(fd, b->set_recursive, b->clear_recursive, 0, 1),
			"recursive options");
	if (r == 0 && (b->set | b->clear))
		r = op_step(p, mount_set_attributes(fd, b->set, b->clear, 0, 0), "options");
	return r;
}

int perform_open_bind(struct performance *p, const struct op *op)
{
	const struct op_bind *b = op->bind;
	struct stat st;
	int fd = mount_open_tree(AT_FDCWD, b->source,
		OPEN_TREE_CLONE | (b->recursive ? AT_RECURSIVE : 0) |
			(b->nofollow_source ? AT_SYMLINK_NOFOLLOW : 0));

	if (fd < 0)
		return fd;
	keep_fd(p, op, fd);
	if (fstat(fd, &st) < 0)
		return -errno;
	p->slots[op->slot].directory = S_ISDIR(st.st_mode);
	return set_bind_attributes(p, b, fd);
}

/* ---- id maps ---- */

static int write_map(struct performance *p, pid_t pid, const char *file,
	const struct oci_id_mapping *map, size_t n)
{
	_cleanup_buf_ struct buf text = BUF_INIT;
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/%s", pid, file);
	for (size_t i = 0; i < n; i++)
		buf_printf(&text, "%u %u %u\n", map[i].container_id, map[i].host_id, map[i].size);
	int r = buf_error(&text);
	if (r == 0)
		r = file_write_at(AT_FDCWD, path, buf_str(&text), text.len);
	return op_step(p, r, "write %s", path);
}

/*
 * The set-uid helpers of the shadow package know what /etc/subuid grants to a user; without
 * privileges only the mapping of one's own id can be written without them.
 */
static int run_map_helper(struct performance *p, const char *helper, pid_t pid,
	const struct oci_id_mapping *map, size_t n)
{
	_cleanup_strv_ char **argv = NULL;
	struct hook_result result;
	static char *env[] = {
		(char *)"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", NULL};
	int r = strv_append(&argv, helper);

	if (r == 0)
		r = strv_append_printf(&argv, "%d", pid);
	for (size_t i = 0; r == 0 && i < n; i++) {
		r = strv_append_printf(&argv, "%u", map[i].container_id);
		if (r == 0)
			r = strv_append_printf(&argv, "%u", map[i].host_id);
		if (r == 0)
			r = strv_append_printf(&argv, "%u", map[i].size);
	}
	if (r < 0)
		return r;
	_cleanup_free_ char *path = str_printf("/usr/bin/%s", helper);
	if (!path)
		return -ENOMEM;
	struct oci_hook hook = {.path = path, .args = argv, .env = env};
	_cleanup_close_ int in = open("/dev/null", O_RDONLY | O_CLOEXEC);
	if (in < 0)
		return -errno;
	r = hook_exec(&hook, in, &result);
	return op_step(p, r, "%s: %s", helper, result.output);
}

static int write_id_maps(struct performance *p, const struct op_id_map *map, pid_t pid)
{
	char path[64];
	bool helper = false;
	int r = write_map(p, pid, "uid_map", map->uid, map->n_uid);

	if (r == -EPERM && geteuid() != 0) {
		helper = true;
		r = run_map_helper(p, "newuidmap", pid, map->uid, map->n_uid);
	}
	if (r < 0)
		return r;
	r = write_map(p, pid, "gid_map", map->gid, map->n_gid);
	if (r != -EPERM || geteuid() == 0)
		return r;
	if (helper || map->n_gid > 1)
		return run_map_helper(p, "newgidmap", pid, map->gid, map->n_gid);
	/* One's own group alone may be mapped when setgroups(2) is given up (Linux 3.19). */
	snprintf(path, sizeof(path), "/proc/%d/setgroups", pid);
	r = file_write_at(AT_FDCWD, path, "deny", 4);
	if (r < 0)
		return op_step(p, r, "write %s", path);
	return write_map(p, pid, "gid_map", map->gid, map->n_gid);
}

int perform_write_id_maps(struct performance *p, const struct op *op)
{
	return write_id_maps(p, op->id_map, p->pid);
}

/* A user namespace that exists for its mappings alone: its process ends as soon as it is open. */
int perform_make_id_map(struct performance *p, const struct op *op)
{
	char path[64];
	int pidfd = -1;
	struct clone_args args = {.flags = CLONE_NEWUSER | CLONE_PIDFD,
		.pidfd = (uint64_t)(uintptr_t)&pidfd,
		.exit_signal = SIGCHLD};
	pid_t pid = process_clone(&args);

	if (pid == 0) {
		for (;;)
			syscall(SYS_pause);
	}
	if (pid < 0)
		return op_step(p, (int)pid, "clone");
	int r = write_id_maps(p, op->id_map, pid);
	if (r == 0) {
		snprintf(path, sizeof(path), "/proc/%d/ns/user", pid);
		int fd = open(path, O_RDONLY | O_CLOEXEC);
		if (fd < 0)
			r = op_step(p, -errno, "open %s", path);
		else
			keep_fd(p, op, fd);
	}
	process_kill_child(pid, pidfd);
	close(pidfd);
	return r;
}

/* ---- around the child ---- */

int perform_oom_score(struct performance *p, const struct op *op)
{
	char path[64], text[16];
	int n = snprintf(text, sizeof(text), "%lld", (long long)op->number);

	snprintf(path, sizeof(path), "/proc/%d/oom_score_adj", p->pid);
	int r = file_write_at(AT_FDCWD, path, text, (size_t)n);
	if (r == -EACCES || r == -EPERM) {
		/* Lowering needs CAP_SYS_RESOURCE: a wish, as priorities are. */
		snprintf(p->detail, sizeof(p->detail), "no permission to lower it");
		return 0;
	}
	return r;
}

int perform_move_link(struct performance *p, const struct op *op)
{
	return op_step(p, link_move(op->source, op->path, p->pid), "%s", op->source);
}

int perform_run_hooks(struct performance *p, const struct op *op)
{
	_cleanup_close_ int state = hook_state_fd(p->plan, p->pid);

	p->hooks_begun = true;
	if (state < 0)
		return state;
	for (size_t i = 0; i < op->hooks->count; i++) {
		struct hook_result result;
		int r = hook_exec(&op->hooks->items[i], state, &result);
		if (r < 0)
			return hook_error(op->path, i, &op->hooks->items[i], r, &result, p->err);
	}
	return 0;
}
