/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Deleting a file costs by its extents: a few hundred megabytes take a tenth of a second, and a layer
 * of many files more. So a layer is renamed into a staging directory, which takes it out of sight at
 * once, and the directory is deleted by a child when it is large. The child holds the directory's
 * lock, as whoever works in one does. Dying at any moment leaves a directory that nobody has locked,
 * and those are removed by the next ingest.
 */
#include "layer/store-internal.h"

#include "base/fd.h"
#include "sys/process.h"

#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#define BACKGROUND_BYTES ((uint64_t)64 << 20) /* less is deleted before a process is made */

#define IOPRIO_WHO_PROCESS 1
#define IOPRIO_CLASS_IDLE  (3 << 13)

struct layer_trash {
	struct layer_store *store;
	struct staging staging;
	unsigned int count;
	uint64_t bytes;
};

int layer_trash_new(struct layer_store *store, struct layer_trash **ret, struct hull_error *err)
{
	_cleanup_layer_trash_ struct layer_trash *trash = calloc(1, sizeof(*trash));

	if (!trash)
		return error_no_memory(err);
	trash->store = store;
	trash->staging = (struct staging)STAGING_INIT;
	int r = staging_new(&trash->staging, store->ingest_fd, err);
	if (r == 0)
		*ret = TAKE_PTR(trash);
	return r;
}

int layer_trash_add(struct layer_trash *trash, const struct digest *diff_id, struct hull_error *err)
{
	struct layer_store *store = trash->store;
	struct layer_info info;
	char path[LAYER_PATH_SIZE], name[16];
	int r = layer_unmount(store, diff_id, err);

	if (r == 0)
		r = layer_chain_forget(store, diff_id, err);
	if (r < 0)
		return r;
	if (layer_store_info(store, diff_id, &info, NULL) == 0)
		trash->bytes += info.disk_bytes;
	snprintf(name, sizeof(name), "%u", trash->count++);
	if (renameat(store->layers_fd, layer_path(diff_id, path), trash->staging.fd, name) < 0 &&
		errno != ENOENT)
		return error_errno(err, errno, "remove a layer");
	return 0;
}

uint64_t layer_trash_bytes(const struct layer_trash *trash)
{
	return trash->bytes;
}

/*
 * The child. Whoever reads the caller's output must not wait for it, and nobody's session or lock may
 * live on in it: all it keeps is the directory.
 */
static void delete_in_background(struct layer_trash *trash)
{
	enum { INGEST_FD = 3, LOCK_FD };
	int null_fd = open("/dev/null", O_RDWR | O_CLOEXEC);
	int ingest = fcntl(trash->staging.ingest_fd, F_DUPFD_CLOEXEC, 16);
	int lock = fcntl(trash->staging.fd, F_DUPFD_CLOEXEC, 16);

	if (null_fd < 0 || ingest < 0 || lock < 0)
		_exit(1);
	for (int fd = 0; fd < INGEST_FD; fd++)
		dup2(null_fd, fd);
	dup3(ingest, INGEST_FD, O_CLOEXEC);
	dup3(lock, LOCK_FD, O_CLOEXEC);
	process_close_range(LOCK_FD + 1, ~0u);
	setsid();
	setpriority(PRIO_PROCESS, 0, 19);
	syscall(SYS_ioprio_set, IOPRIO_WHO_PROCESS, 0, IOPRIO_CLASS_IDLE);
	signal(SIGINT, SIG_IGN);
	signal(SIGHUP, SIG_IGN);
	dir_remove_tree_at(INGEST_FD, trash->staging.name);
	_exit(0);
}

void layer_trash_empty(struct layer_trash *trash, bool background)
{
	const struct clone_args args = {.exit_signal = 0};

	if (!background || trash->bytes < BACKGROUND_BYTES) {
		staging_done(&trash->staging);
		return;
	}
	pid_t child = process_clone(&args);
	if (child == 0)
		delete_in_background(trash);
	if (child < 0)
		staging_done(&trash->staging);
	else
		staging_abandon(&trash->staging);
}

struct layer_trash *layer_trash_free(struct layer_trash *trash)
{
	if (!trash)
		return NULL;
	staging_done(&trash->staging);
	free(trash);
	return NULL;
}
