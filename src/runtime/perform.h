/* SPDX-License-Identifier: Apache-2.0 */
/* What each operation does: named here for the class table, defined by subject in op_*.c. */
#pragma once

#include "runtime/op.h"

/* message.c */
void child_warn(struct performance *p, int r);

/* op_caller.c, op_clone.c, op_cgroup.c, op_filter.c: the caller's */
int perform_open_root(struct performance *p, const struct op *op);
int perform_open_bind(struct performance *p, const struct op *op);
int perform_open_namespace(struct performance *p, const struct op *op);
int perform_make_id_map(struct performance *p, const struct op *op);
int perform_create_cgroup(struct performance *p, const struct op *op);
int perform_open_cgroup(struct performance *p, const struct op *op);
int perform_clone(struct performance *p, const struct op *op);

/* For a child that is to be born with the score; see op_clone.c. */
int birth_lend_oom_score(struct performance *p, const char *text, size_t length);

/* Gives back what the caller has lent for a birth. Nothing if there is nothing to give back. */
void birth_end(struct performance *p);
int perform_write_id_maps(struct performance *p, const struct op *op);
int perform_attach_cgroup(struct performance *p, const struct op *op);
int perform_resctrl(struct performance *p, const struct op *op);
int perform_oom_score(struct performance *p, const struct op *op);
int perform_move_link(struct performance *p, const struct op *op);
int perform_run_hooks(struct performance *p, const struct op *op);
int perform_compile_filter(struct performance *p, const struct op *op);
int perform_record(struct performance *p, const struct op *op);
int perform_send_listener(struct performance *p, const struct op *op);
int perform_send(struct performance *p, const struct op *op);
int perform_receive(struct performance *p, const struct op *op);

/* The file by which the child of an exec joins that group, if it is not born in it. 0 or -errno. */
int cgroup_open_procs(struct performance *p);

/* Makes p->cgroup_dir_fd the group that the container's first process is in. 0 or -errno. */
int cgroup_follow_first_process(struct performance *p);

/* op_network.c */
int perform_network(struct performance *p, const struct op *op);
void undo_network(struct performance *p); /* what the caller's steps have made */

/* op_namespace.c */
int perform_become_root(struct performance *p, const struct op *op);
int perform_join_namespace(struct performance *p, const struct op *op);
int perform_unshare(struct performance *p, const struct op *op);
int perform_time_offsets(struct performance *p, const struct op *op);
int perform_join_cgroup(struct performance *p, const struct op *op);
int perform_session(struct performance *p, const struct op *op);
int perform_keyring(struct performance *p, const struct op *op);
int perform_loopback(struct performance *p, const struct op *op);
int perform_hostname(struct performance *p, const struct op *op);
int perform_domainname(struct performance *p, const struct op *op);
int perform_sysctl(struct performance *p, const struct op *op);

/* op_caller.c: what a bind may be asked for, on the mount behind fd */
int bind_set_attributes(struct performance *p, const struct op_bind *b, int fd);

/* op_mount.c */
int perform_mount(struct performance *p, const struct op *op);
int perform_bind(struct performance *p, const struct op *op);
int perform_remount(struct performance *p, const struct op *op);
int perform_mount_cgroup_v1(struct performance *p, const struct op *op);
int perform_mount_cgroup_v2(struct performance *p, const struct op *op);

/* op_unmount.c */
int perform_enter_root(struct performance *p, const struct op *op);
int perform_find_mount(struct performance *p, const struct op *op);
int perform_unmount(struct performance *p, const struct op *op);

/* Of a running container: detaches what the child's operations before the current one attached. */
void undo_mounts(struct performance *p);

/* op_root.c */
int perform_host_propagation(struct performance *p, const struct op *op);
int perform_attach_root(struct performance *p, const struct op *op);
int perform_mask_path(struct performance *p, const struct op *op);
int perform_readonly_path(struct performance *p, const struct op *op);
int perform_readonly_mount(struct performance *p, const struct op *op);
int perform_pivot(struct performance *p, const struct op *op);
int perform_chroot(struct performance *p, const struct op *op);
int perform_root_propagation(struct performance *p, const struct op *op);
int perform_root_readonly(struct performance *p, const struct op *op);
int perform_make_cwd(struct performance *p, const struct op *op);

/* op_device.c */
int perform_device(struct performance *p, const struct op *op);
int perform_symlink(struct performance *p, const struct op *op);
int perform_terminal(struct performance *p, const struct op *op);
int perform_console(struct performance *p, const struct op *op);

/* op_limit.c */
int perform_personality(struct performance *p, const struct op *op);
int perform_memory_policy(struct performance *p, const struct op *op);
int perform_scheduler(struct performance *p, const struct op *op);
int perform_io_priority(struct performance *p, const struct op *op);
int perform_affinity(struct performance *p, const struct op *op);
int perform_rlimit(struct performance *p, const struct op *op);

/* op_filter.c */
int perform_filter(struct performance *p, const struct op *op);

/* op_process.c */
int perform_label(struct performance *p, const struct op *op);
int perform_stdio(struct performance *p, const struct op *op);
int perform_close_fds(struct performance *p, const struct op *op);
int perform_bounding(struct performance *p, const struct op *op);
int perform_groups(struct performance *p, const struct op *op);
int perform_umask(struct performance *p, const struct op *op);
int perform_user(struct performance *p, const struct op *op);
int perform_chdir(struct performance *p, const struct op *op);
int perform_find_command(struct performance *p, const struct op *op);
int perform_no_new_privileges(struct performance *p, const struct op *op);
int perform_wait_start(struct performance *p, const struct op *op);
int perform_capabilities(struct performance *p, const struct op *op);
int perform_exec(struct performance *p, const struct op *op);
int perform_child_hooks(struct performance *p, const struct op *op);

/* hook_exec.c: runs one hook with the state document on its stdin. Allocates nothing, so that a
 * child may call it. 0, or -errno with *ret_status (a wait status, -1 if it did not come to that)
 * and what the hook printed. */
struct hook_result {
	int status;
	bool timed_out;
	char output[256];
};
int hook_exec(const struct oci_hook *hook, int state_fd, struct hook_result *ret);

/* "error running KIND hook #I: PATH: ..." */
int hook_error(const char *kind, size_t i, const struct oci_hook *hook, int r,
	const struct hook_result *result, struct hull_error *err);

/* A memfd with the state document of that pid; raw. */
int hook_state_fd(const struct plan *plan, pid_t pid);
