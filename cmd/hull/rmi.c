/* SPDX-License-Identifier: Apache-2.0 */
#include "each.h"
#include "image_commands.h"

#include "base/str.h"
#include "engine/image_mount.h"
#include "image/image.h"
#include "metadata/reserve.h"

struct rmi_options {
	bool force;
	bool no_prune;
};

static const struct cli_option options[] = {
	{"force", 'f', CLI_FLAG, offsetof(struct rmi_options, force), NULL,
		"Remove the image even if stopped containers or several names refer to it", NULL},
	{"no-prune", 0, CLI_FLAG, offsetof(struct rmi_options, no_prune), NULL,
		"Keep untagged parents", NULL},
};

static int find_user(void *data, const struct digest *id, char **ret_user, bool *ret_running,
	struct hull_error *err)
{
	char text[DIGEST_TEXT_SIZE];

	return container_find_image_user(data, digest_format(id, text), ret_user, ret_running, err);
}

static int remove_one(struct engine *engine, const char *text, void *data, struct hull_error *err)
{
	const struct rmi_options *o = data;
	const struct image_remove_options remove_options = {
		.force = o->force,
		.no_prune = o->no_prune,
		.users = {find_user, engine, image_mount_find},
	};
	struct image_removed removed = {0};
	struct image_store *images;
	int r = engine_images(engine, &images, err);

	metadata_make_room(engine_root(engine));
	if (r == 0)
		r = image_remove(images, text, &remove_options, &removed, err);
	strv_foreach (name, removed.untagged)
		printf("Untagged: %s\n", *name);
	strv_foreach (id, removed.deleted)
		printf("Deleted: %s\n", *id);
	image_removed_done(&removed);
	r = r < 0 ? r : 1;
	return o->force ? each_forgive_missing(r, err) : r;
}

static int run(
	struct cli_context *context, void *data, int argc, char **argv, struct hull_error *err)
{
	return each_name(context, argc, argv, remove_one, data, err);
}

#define RMI_FIELDS                                                                         \
	.arguments = "[OPTIONS] IMAGE [IMAGE...]", .summary = "Remove one or more images", \
	.argument_values = "@image", CLI_OPTIONS(options),                                 \
	.options_size = sizeof(struct rmi_options), .min_args = 1, .max_args = -1, .run = run

const struct cli_command hull_rmi_command = {.name = "rmi", RMI_FIELDS};

const struct cli_command hull_image_remove_command = {
	.name = "rm",
	.aliases = (const char *const[]){"remove", NULL},
	RMI_FIELDS,
};
