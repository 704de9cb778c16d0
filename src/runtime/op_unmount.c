/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Mounts of a running container, from inside: its root, and unmounting. What is unmounted is named
 * by a descriptor through the host's procfs, which the child has open: neither a path that was looked
 * up before nor the container's own /proc has a say in what it is.
 */
#include "runtime/perform.h"
#include "sys/resolve.h"
#include "sys/statx.h"

#include <fcntl.h>
#include <sys/mount.h>

/* setns(2) has made the container's root ours. From now on the working directory is the host's /proc. */
int perform_enter_root(struct performance *p, const struct op *op)
{
	int fd = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0)
		return -errno;
	p->slots[op->slot].fd = fd;
	return fchdir(p->proc_fd) < 0 ? op_step(p, -errno, "fchdir to /proc") : 0;
}

static int detach(int fd)
{
	char path[32];

	snprintf(path, sizeof(path), "self/fd/%d", fd);
	return umount2(path, MNT_DETACH) < 0 ? -errno : 0;
}

/*
 * The place must be the one that was named: a symlink, which anybody inside may have made, could
 * lead to a mount that hides something.
 */
int perform_find_mount(struct performance *p, const struct op *op)
{
	struct statx st;
	int fd = resolve_in_root_nofollow(p->slots[SLOT_ROOT].fd, op->path, O_PATH);

	if (fd == -ELOOP)
		return op_step(p, fd, "a symbolic link is in the way");
	if (fd < 0)
		return fd;
	p->slots[op->slot].fd = fd;
	int r = file_statx(fd, "", AT_EMPTY_PATH, 0, &st);
	if (r < 0)
		return r;
	if (st.stx_attributes & STATX_ATTR_MOUNT_ROOT)
		return 0;
	p->kind = HULL_ERROR_INVALID;
	return op_step(p, OP_FAILED, "nothing is mounted there");
}

int perform_unmount(struct performance *p, const struct op *op)
{
	return detach(p->slots[op->slot].fd);
}

void undo_mounts(struct performance *p)
{
	const struct plan *plan = p->plan;

	for (size_t i = p->current; i-- > 0;) {
		const struct op *op = &plan->ops[i];
		if (op->kind != OP_MOUNT && op->kind != OP_BIND)
			continue;
		if (p->slots[op->slot].fd >= 0 && !p->slots[op->slot].symlink)
			detach(p->slots[op->slot].fd);
	}
}
