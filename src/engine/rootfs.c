/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/rootfs.h"
#include "base/str.h"
#include "layer/store.h"

#include <fcntl.h>

static int parse_layers(
	const struct container *c, struct digest **ret, size_t *ret_count, struct hull_error *err)
{
	size_t n = strv_length(c->layers);
	_cleanup_free_ struct digest *digests = calloc(n ? n : 1, sizeof(*digests));

	if (!digests)
		return error_no_memory(err);
	for (size_t i = 0; i < n; i++) {
		int r = digest_parse(c->layers[i], &digests[i], err);
		if (r < 0)
			return r;
	}
	*ret = TAKE_PTR(digests);
	*ret_count = n;
	return 0;
}

static int open_part(
	struct engine *engine, const struct container *c, const char *part, struct hull_error *err)
{
	_cleanup_free_ char *dir = container_dir(engine, c->id);
	_cleanup_free_ char *path = dir ? str_printf("%s/%s", dir, part) : NULL;

	if (!path)
		return error_no_memory(err);
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	return fd < 0 ? error_errno(err, errno, "%s", path) : fd;
}

int rootfs_mount(struct engine *engine, const struct container *c, bool writable, int *ret_mount_fd,
	struct hull_error *err)
{
	_cleanup_free_ struct digest *digests = NULL;
	_cleanup_close_ int upper = -1;
	_cleanup_close_ int work = -1;
	struct layer_store *layers;
	size_t n = 0;

	int r = engine_layers(engine, &layers, err);
	if (r == 0)
		r = parse_layers(c, &digests, &n, err);
	if (r < 0)
		return r;
	if (writable) {
		upper = open_part(engine, c, "upper", err);
		if (upper < 0)
			return upper;
		work = open_part(engine, c, "work", err);
		if (work < 0)
			return work;
	}
	/*
	 * Unmounting an overlay syncs the file system that its upper directory is on, however much
	 * others have written there. What --rm removes at once need not reach the disk.
	 */
	unsigned int flags = writable ? LAYER_STACK_MOUNT_POINTS : 0;
	if (writable && c->config->auto_remove)
		flags |= LAYER_STACK_VOLATILE;
	r = layer_stack_mount(layers, digests, n, upper, work, flags, ret_mount_fd, err);
	return r;
}

int rootfs_mount_idle(
	struct engine *engine, const struct container *c, int *ret_mount_fd, struct hull_error *err)
{
	_cleanup_free_ struct digest *digests = NULL;
	_cleanup_close_ int upper = -1;
	struct layer_store *layers;
	size_t n = 0;

	int r = engine_layers(engine, &layers, err);
	if (r == 0)
		r = parse_layers(c, &digests, &n, err);
	if (r == 0)
		r = rootfs_open_upper(engine, c, &upper, err);
	return r < 0 ? r : layer_stack_mount(layers, digests, n, upper, -1, 0, ret_mount_fd, err);
}

int rootfs_open_upper(
	struct engine *engine, const struct container *c, int *ret_fd, struct hull_error *err)
{
	*ret_fd = open_part(engine, c, "upper", err);
	return *ret_fd < 0 ? *ret_fd : 0;
}

int rootfs_prepare(struct engine *engine, const struct container *c, struct hull_error *err)
{
	_cleanup_free_ struct digest *digests = NULL;
	struct layer_store *layers;
	size_t n = 0;

	int r = engine_layers(engine, &layers, err);
	if (r == 0)
		r = parse_layers(c, &digests, &n, err);
	if (r < 0)
		return r;
	_cleanup_close_ int upper = open_part(engine, c, "upper", err);
	if (upper < 0)
		return upper;
	return layer_stack_prepare_upper(layers, digests, n, upper, err);
}

/*
 * Mounts of layers that no container uses are kept: the next start then finds the layer mounted and
 * its pages cached, which is a third of the time of a short container. They go with the layer's
 * last image, at a reboot, and when there are more than this.
 */
#define IDLE_MOUNTS_MAX 128

struct release {
	struct engine *engine;
	unsigned int kept;
};

static bool keep_mount(const struct digest *diff_id, void *arg)
{
	struct release *r = arg;
	char text[DIGEST_TEXT_SIZE];

	return r->kept++ < IDLE_MOUNTS_MAX ||
	       container_layer_in_use(r->engine, digest_format(diff_id, text));
}

void rootfs_release(struct engine *engine)
{
	struct release release = {.engine = engine};
	struct layer_store *layers;

	if (engine_layers(engine, &layers, NULL) == 0)
		layer_release_unused(layers, keep_mount, &release, NULL);
}
