/* SPDX-License-Identifier: Apache-2.0 */
/* Candidates for the shells' completion, one a line. */
#include "container_commands.h"
#include "hull.h"

#include "engine/container.h"
#include "image/image.h"
#include "network/network.h"

static int print_containers(struct engine *engine, bool all, struct hull_error *err)
{
	struct container **list = NULL;
	size_t n = 0;

	int r = container_list(engine, all, &list, &n, err);
	for (size_t i = 0; i < n; i++)
		puts(list[i]->name);
	container_list_free(list, n);
	return r;
}

static int print_images(struct engine *engine, struct hull_error *err)
{
	struct image_store *images;
	struct image **list = NULL;
	size_t n = 0;

	int r = engine_images(engine, &images, err);
	if (r == 0)
		r = image_list(images, &list, &n, err);
	for (size_t i = 0; i < n; i++)
		strv_foreach (name, list[i]->repo_tags)
			puts(*name);
	image_list_free(list, n);
	return r;
}

static int print_networks(struct engine *engine, struct hull_error *err)
{
	_cleanup_arena_ struct arena arena = ARENA_INIT;
	struct network_host *host;
	struct network **list;
	size_t n = 0;

	int r = engine_networks(engine, &host, err);
	if (r == 0)
		r = network_list(host, &arena, &list, &n, err);
	for (size_t i = 0; i < n; i++)
		puts(list[i]->name);
	return r;
}

static int run(
	struct cli_context *context, void *data, int argc, char **argv, struct hull_error *err)
{
	_cleanup_engine_ struct engine *engine = NULL;

	int r = hull_engine_open(context, &engine, err);
	if (r < 0)
		return r;
	if (str_eq(argv[0], "container"))
		return print_containers(engine, true, err);
	if (str_eq(argv[0], "running"))
		return print_containers(engine, false, err);
	if (str_eq(argv[0], "image"))
		return print_images(engine, err);
	if (str_eq(argv[0], "network"))
		return print_networks(engine, err);
	return 0;
}

const struct cli_command hull_complete_command = {
	.name = "__complete",
	.arguments = "KIND",
	.summary = "Print candidates for completion",
	.min_args = 1,
	.max_args = 1,
	.flags = CLI_COMMAND_HIDDEN,
	.run = run,
};
