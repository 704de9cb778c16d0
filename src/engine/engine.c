/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/engine.h"
#include "base/fd.h"
#include "base/path.h"
#include "base/str.h"
#include "image/image.h"
#include "layer/store.h"
#include "metadata/metadata.h"
#include "network/network.h"

#include <limits.h>
#include <sys/stat.h>

#define DEFAULT_ROOT	 "/var/lib/hull"
#define DEFAULT_RUN_ROOT "/run/hull"
#define OTHER_RUN_ROOTS	 "/run/hull-roots"

struct engine {
	char *root, *run_root, *layer_store_name, *program;
	struct engine_options options;
	struct metadata *metadata;
	struct layer_store *layers;
	struct image_store *images;
	struct network_host *networks;
	int seccomp_cache;
};

/* FNV-1a: names a run directory after a root; no secret, no table. */
static uint64_t hash_path(const char *path)
{
	uint64_t h = 0xcbf29ce484222325ULL;

	for (; *path; path++)
		h = (h ^ (unsigned char)*path) * 0x100000001b3ULL;
	return h;
}

/* The absolute form of a path that need not exist. */
static char *absolute(const char *path)
{
	_cleanup_free_ char *joined = NULL;

	if (path[0] != '/') {
		_cleanup_free_ char *cwd = getcwd(NULL, 0);
		if (!cwd)
			return NULL;
		joined = path_join(cwd, path);
		if (!joined)
			return NULL;
		path = joined;
	}
	return path_clean(path);
}

static int resolve_roots(
	struct engine *e, const struct engine_options *options, struct hull_error *err)
{
	if (options->root && !*options->root)
		return error_set(err, HULL_ERROR_INVALID, "--root: empty path");
	e->root = absolute(options->root ? options->root : DEFAULT_ROOT);
	if (!e->root)
		return error_no_memory(err);
	if (options->run_root)
		e->run_root = absolute(options->run_root);
	else if (str_eq(e->root, DEFAULT_ROOT))
		e->run_root = strdup(DEFAULT_RUN_ROOT);
	else
		e->run_root = str_printf(
			"%s/%016llx", OTHER_RUN_ROOTS, (unsigned long long)hash_path(e->root));
	return e->run_root ? 0 : error_no_memory(err);
}

int engine_open(const struct engine_options *options, struct engine **ret, struct hull_error *err)
{
	_cleanup_engine_ struct engine *e = calloc(1, sizeof(*e));

	if (!e)
		return error_no_memory(err);
	e->seccomp_cache = -1;
	int r = resolve_roots(e, options, err);
	if (r < 0)
		return r;
	if (str_set(&e->layer_store_name, options->layer_store) < 0 ||
		str_set(&e->program, options->program) < 0)
		return error_no_memory(err);
	e->options = (struct engine_options){
		.root = e->root,
		.run_root = e->run_root,
		.layer_store = e->layer_store_name,
		.max_layer_ratio = options->max_layer_ratio,
		.program = e->program,
	};
	*ret = TAKE_PTR(e);
	return 0;
}

void engine_close(struct engine *e)
{
	if (!e)
		return;
	network_host_close(e->networks);
	image_store_close(e->images);
	layer_store_close(e->layers);
	metadata_close(e->metadata);
	cleanup_closep(&e->seccomp_cache);
	free(e->root);
	free(e->run_root);
	free(e->layer_store_name);
	free(e->program);
	free(e);
}

const char *engine_root(const struct engine *e)
{
	return e->root;
}

const char *engine_run_root(const struct engine *e)
{
	return e->run_root;
}

const struct engine_options *engine_get_options(const struct engine *e)
{
	return &e->options;
}

int engine_metadata(struct engine *e, struct metadata **ret, struct hull_error *err)
{
	if (!e->metadata) {
		int r = metadata_open(e->root, &e->metadata, err);
		if (r < 0)
			return r;
	}
	*ret = e->metadata;
	return 0;
}

int engine_layers(struct engine *e, struct layer_store **ret, struct hull_error *err)
{
	if (!e->layers) {
		struct layer_store_options options = {
			.kind = LAYER_STORE_AUTO,
			.max_ratio = e->options.max_layer_ratio,
		};
		int r = 0;
		if (e->layer_store_name)
			r = layer_store_kind_parse(e->layer_store_name, &options.kind, err);
		if (r < 0)
			return error_wrap(err, r, "--layer-store");
		r = dir_make_parents_at(AT_FDCWD, e->run_root, 0711);
		if (r < 0)
			return error_errno(err, r, "%s", e->run_root);
		r = layer_store_open(e->root, e->run_root, &options, &e->layers, err);
		if (r < 0)
			return r;
	}
	*ret = e->layers;
	return 0;
}

int engine_images(struct engine *e, struct image_store **ret, struct hull_error *err)
{
	if (!e->images) {
		struct metadata *metadata;
		struct layer_store *layers;
		int r = engine_metadata(e, &metadata, err);
		if (r == 0)
			r = engine_layers(e, &layers, err);
		if (r == 0)
			r = image_store_open(e->root, metadata, layers, &e->images, err);
		if (r < 0)
			return r;
	}
	*ret = e->images;
	return 0;
}

int engine_networks(struct engine *e, struct network_host **ret, struct hull_error *err)
{
	if (!e->networks) {
		const struct network_host_options options = {
			.root = e->root, .default_root = str_eq(e->root, DEFAULT_ROOT)};
		struct metadata *metadata;
		int r = engine_metadata(e, &metadata, err);
		if (r == 0)
			r = network_host_open(metadata, &options, &e->networks, err);
		if (r < 0)
			return r;
	}
	*ret = e->networks;
	return 0;
}

int engine_seccomp_cache(struct engine *e)
{
	if (e->seccomp_cache < 0) {
		_cleanup_free_ char *path = path_join(e->run_root, "seccomp");
		if (path && dir_make_parents_at(AT_FDCWD, path, 0700) == 0)
			e->seccomp_cache = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	}
	return e->seccomp_cache;
}
