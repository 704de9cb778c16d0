/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/create.h"
#include "base/str.h"
#include "base/unique.h"
#include "engine/network.h"
#include "engine/rootfs.h"
#include "runtime/cgroup_place.h"

#include <hull/cgroup.h>

#include "metadata/metadata.h"

#include <dirent.h>

static int copy_strings(struct arena *a, char ***to, char *const *from)
{
	int r = 0;

	for (; r == 0 && from && *from; from++)
		r = arena_strv_append(a, to, *from);
	return r;
}

/* The image's environment with the user's on top, in the image's order. */
static int merge_env(struct arena *a, char *const *image, struct container_config *config)
{
	char **merged = NULL;
	int r = copy_strings(a, &merged, image);

	if (r == 0)
		r = copy_strings(a, &merged, config->env);
	config->env = merged;
	return r < 0 ? r : env_settle(merged);
}

static int merge_labels(
	struct arena *a, const struct oci_image_config *image, struct container_config *config)
{
	struct json_pair *labels =
		arena_array(a, image->n_labels + config->n_labels + 1, sizeof(*labels));
	size_t n = 0;

	if (!labels)
		return -ENOMEM;
	for (; n < image->n_labels; n++) {
		const struct json_pair *label = &image->labels[n];

		labels[n].key = arena_strdup(a, label->key);
		labels[n].value = arena_strdup(a, label->value ? label->value : "");
		if (!labels[n].key || !labels[n].value)
			return -ENOMEM;
	}
	for (size_t i = 0; i < config->n_labels; i++)
		labels[n++] = config->labels[i];
	config->labels = labels;
	config->n_labels = n;
	return json_pairs_settle(labels, &config->n_labels);
}

static bool group_has(const struct hull_cgroup_hierarchy *h, const char *group, const char *file)
{
	_cleanup_free_ char *path = str_printf("%s%s/%s", h->mount_point, group, file);

	return path && access(path, F_OK) == 0;
}

/* v2: the root group has no limits, so it takes another one to tell. */
static bool some_group_has(const struct hull_cgroup_hierarchy *h, const char *file)
{
	if (!str_eq(h->own_path, "/"))
		return group_has(h, h->own_path, file);
	_cleanup_closedir_ DIR *dir = opendir(h->mount_point);
	for (struct dirent *e; dir && (e = readdir(dir));) {
		_cleanup_free_ char *group = NULL;
		if (e->d_type != DT_DIR || *e->d_name == '.')
			continue;
		group = str_printf("/%s", e->d_name);
		if (group && group_has(h, group, file))
			return true;
	}
	return false;
}

/* True if the kernel can limit swap: it may be built without, or told not to count it. */
static bool can_limit_swap(void)
{
	_cleanup_cgroup_host_ struct hull_cgroup_host *host = NULL;
	const struct hull_cgroup_hierarchy *h;

	if (hull_cgroup_host_open(&host, NULL) < 0)
		return false;
	for (size_t n = hull_cgroup_host_hierarchies(host, &h); n > 0; n--, h++) {
		if (!(h->controllers & HULL_CGROUP_BIT(HULL_CGROUP_MEMORY)))
			continue;
		return h->version == 2 ? some_group_has(h, "memory.swap.max")
				       : group_has(h, "", "memory.memsw.limit_in_bytes");
	}
	return false;
}

/* Docker's default: as much swap as memory. Their sum is what memory_swap holds. */
static void fill_swap(struct container_config *config)
{
	if (config->memory > 0 && config->memory <= INT64_MAX / 2 && config->memory_swap == 0 &&
		can_limit_swap())
		config->memory_swap = config->memory * 2;
}

static char *or_default(struct arena *a, char *chosen, const char *value)
{
	return str_empty(chosen) ? arena_strdup(a, value) : chosen;
}

static int fill(struct container *c, const struct image *image, bool entrypoint_given)
{
	struct container_config *config = c->config;
	const struct oci_image_config *from = &image->config.config;
	struct arena *a = &c->arena;
	int r = 0;

	if (!entrypoint_given) {
		r = copy_strings(a, &config->entrypoint, from->entrypoint);
		if (r == 0 && !config->cmd)
			r = copy_strings(a, &config->cmd, from->cmd);
	}
	if (r == 0)
		r = merge_env(a, from->env, config);
	if (r == 0)
		r = merge_labels(a, from, config);
	config->working_dir = or_default(a, config->working_dir, from->working_dir);
	config->user = or_default(a, config->user, from->user);
	config->stop_signal = or_default(a, config->stop_signal, from->stop_signal);
	if (!config->stop_timeout.set)
		config->stop_timeout = from->stop_timeout;
	if (r == 0)
		r = copy_strings(a, &config->exposed, from->exposed_ports);
	if (r == 0)
		r = copy_strings(a, &config->volumes, from->volumes);
	fill_swap(config);
	return r;
}

static int fill_layers(struct container *c, const struct image *image)
{
	char text[DIGEST_TEXT_SIZE];
	int r = 0;

	for (size_t i = 0; r == 0 && i < image->n_layers; i++)
		r = arena_strv_append(
			&c->arena, &c->layers, digest_format(&image->diff_ids[i], text));
	return r;
}

int create_from_image(struct container *c, const struct image *image, const char *image_name,
	bool entrypoint_given, struct hull_error *err)
{
	int r = fill(c, image, entrypoint_given);

	if (r == 0)
		r = fill_layers(c, image);
	c->image_id = arena_strdup(&c->arena, image->id_text);
	c->image_name = arena_strdup(&c->arena, image_name);
	if (str_empty(c->config->hostname)) {
		char name[65] = {0};
		if (str_eq(c->config->uts_mode, "host") || str_eq(c->config->network, "host"))
			gethostname(name, sizeof(name) - 1);
		c->config->hostname =
			*name ? arena_strdup(&c->arena, name)
			      : arena_strndup(&c->arena, c->id, CONTAINER_SHORT_LENGTH);
	}
	if (r < 0 || !c->image_id || !c->image_name || !c->config->hostname)
		return error_no_memory(err);
	if (!c->config->entrypoint && !c->config->cmd)
		return error_set(err, HULL_ERROR_INVALID, "no command specified");
	return 0;
}

/* The row and its endpoints come together or not at all. */
int create_record(struct engine *engine, struct container *c, struct hull_error *err)
{
	_cleanup_(metadata_rollback) struct metadata_transaction t = METADATA_TRANSACTION_INIT;
	struct metadata *md;
	int r = engine_metadata(engine, &md, err);

	if (r == 0)
		r = metadata_begin(md, &t, err);
	if (r == 0)
		r = container_insert(engine, c, err);
	if (r == 0)
		r = container_network_attach(engine, c, err);
	return r < 0 ? r : metadata_commit(&t, err);
}

int create_and_record(struct engine *engine, struct container *c, struct hull_error *err)
{
	_cleanup_close_ int lock = -1;
	/* Directories without a row and without a lock are garbage. */
	int r = container_lock(engine, c->id, false, &lock, err);

	if (r >= 0)
		r = create_record(engine, c, err);
	if (r == 0) {
		r = rootfs_prepare(engine, c, err);
		if (r < 0)
			container_delete(engine, c, NULL);
		container_remove_run_dir(engine, c->id);
		rootfs_release(engine);
	}
	return r;
}
