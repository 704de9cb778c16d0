/* SPDX-License-Identifier: Apache-2.0 */
/* The child's way into its namespaces, its cgroup and its session. */
#include "runtime/perform.h"
#include "base/fd.h"
#include "base/str.h"
#include "sys/link.h"
#include "sys/process.h"
#include "sys/resolve.h"

#include <linux/keyctl.h>
#include <linux/magic.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/vfs.h>

#define APPARMOR_EXEC "self/attr/apparmor/exec"

/* Root of the user namespace, as far as it has one: what the next steps need. */
int perform_become_root(struct performance *p, const struct op *op)
{
	int r = process_set_gid(0);

	if (r == 0)
		r = process_set_uid(0);
	/* A namespace without an id 0 still gave us all capabilities. */
	return r == -EINVAL ? 0 : r;
}

int perform_join_namespace(struct performance *p, const struct op *op)
{
	return setns(p->slots[op->slot].fd, (int)op->flags) < 0 ? -errno : 0;
}

int perform_unshare(struct performance *p, const struct op *op)
{
	return unshare((int)op->flags) < 0 ? -errno : 0;
}

/*
 * A file of the host's /proc, which this process still sees: ours by its descriptor even after the
 * root has changed. Its type is checked, and nothing may be mounted over what is opened.
 */
static int open_proc(struct performance *p, const char *path, uint64_t flags)
{
	struct statfs fs;

	if (p->proc_fd < 0 || fstatfs(p->proc_fd, &fs) < 0 || fs.f_type != PROC_SUPER_MAGIC)
		return op_step(p, -ENODEV, "/proc is not a procfs");
	int fd = resolve_openat2(p->proc_fd, path, flags, 0,
		RESOLVE_BENEATH | RESOLVE_NO_XDEV | RESOLVE_NO_MAGICLINKS);
	return op_step(p, fd, "open /proc/%s", path);
}

static int write_proc(struct performance *p, const char *path, const char *text)
{
	int fd = open_proc(p, path, O_WRONLY);

	if (fd < 0)
		return fd;
	ssize_t n = write(fd, text, strlen(text));
	int r = n < 0 ? -errno : 0;
	close(fd);
	return r;
}

/* The offsets are written while only children would be in the namespace; then we go there too. */
int perform_time_offsets(struct performance *p, const struct op *op)
{
	const struct oci_time_offsets *o = op->time_offsets;
	char text[160];
	int n = 0;

	if (unshare(0x80 /* CLONE_NEWTIME */) < 0)
		return op_step(p, -errno, "unshare");
	if (o && o->monotonic)
		n += snprintf(text + n, sizeof(text) - (size_t)n, "monotonic %lld %u\n",
			(long long)o->monotonic->secs, o->monotonic->nanosecs);
	if (o && o->boottime)
		n += snprintf(text + n, sizeof(text) - (size_t)n, "boottime %lld %u\n",
			(long long)o->boottime->secs, o->boottime->nanosecs);
	int r = n ? write_proc(p, "self/timens_offsets", text) : 0;
	if (r < 0)
		return r;
	/* A magic link of our own process: proc_fd is the host's real /proc. */
	_cleanup_close_ int fd =
		openat(p->proc_fd, "self/ns/time_for_children", O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return op_step(p, -errno, "open /proc/self/ns/time_for_children");
	return setns(fd, 0x80) < 0 ? op_step(p, -errno, "setns") : 0;
}

/*
 * "0" means the writer itself. For a v1 `tasks` file the kernel then takes no lock that other
 * processes' forks and exits hold, and so waits for no RCU grace period: several times faster than
 * being moved by another process.
 */
int perform_join_cgroup(struct performance *p, const struct op *op)
{
	for (size_t i = 0; i < p->n_cgroup_fds; i++) {
		ssize_t n = write(p->cgroup_fds[i], "0", 1);
		int r = n < 0 ? -errno : 0;
		if (r < 0)
			return r;
	}
	for (size_t i = 0; i < p->n_cgroup_fds; i++)
		cleanup_closep(&p->cgroup_fds[i]);
	p->n_cgroup_fds = 0;
	return 0;
}

int perform_session(struct performance *p, const struct op *op)
{
	/* Nobody inside may trace us or look at our files while we still hold the host's. */
	if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0)
		return -errno;
	if (setsid() < 0 && errno != EPERM)
		return -errno;
	/* Modes are given in full from here on; the process gets its own umask before it starts. */
	umask(0);
	return 0;
}

/* Without keyrings in the kernel, or with all of the user's used up, a container runs as well. */
int perform_keyring(struct performance *p, const struct op *op)
{
	long key = syscall(SYS_keyctl, KEYCTL_JOIN_SESSION_KEYRING, op->path);

	if (key < 0 && errno != ENOSYS && errno != EPERM)
		return -errno;
	return 0;
}

int perform_loopback(struct performance *p, const struct op *op)
{
	return loopback_up();
}

int perform_hostname(struct performance *p, const struct op *op)
{
	return sethostname(op->path, strlen(op->path)) < 0 ? -errno : 0;
}

int perform_domainname(struct performance *p, const struct op *op)
{
	return setdomainname(op->path, strlen(op->path)) < 0 ? -errno : 0;
}

int perform_sysctl(struct performance *p, const struct op *op)
{
	return write_proc(p, op->path, op->source);
}

/*
 * Without AppArmor its file is missing or, where it is only switched off, takes nothing. If it is the
 * profile that is missing, the write has failed, and write_proc() has noted nothing.
 */
static int explain_apparmor(struct performance *p, int r)
{
	if (r == -EINVAL || (r == -ENOENT && p->detail[0]))
		return op_step(p, r, "apparmor: config provided but apparmor not supported");
	return op_step(p, r,
		"unable to apply apparmor profile: apparmor failed to apply profile: "
		"write /proc/" APPARMOR_EXEC);
}

/* Labels of the next execve(), through the same trusted /proc. */
int perform_label(struct performance *p, const struct op *op)
{
	int r = write_proc(p, op->path, op->source);

	return str_eq(op->path, APPARMOR_EXEC) ? explain_apparmor(p, r) : r;
}
