/* SPDX-License-Identifier: Apache-2.0 */
#include "hull.h"
#include "image_commands.h"
#include "image_progress.h"
#include "registry_options.h"

#include "base/str.h"
#include "registry/reference.h"

struct pull_options {
	char *platform;
	bool all_tags;
	bool quiet;
	bool keep_blobs;
	struct hull_registry_options registry;
};

static const struct cli_option options[] = {
	{"all-tags", 'a', CLI_FLAG, offsetof(struct pull_options, all_tags), NULL,
		"Take all tags of the repository", NULL},
	{"platform", 0, CLI_STRING, offsetof(struct pull_options, platform), "string",
		"Take the image for this platform: os/arch[/variant]", NULL},
	{"quiet", 'q', CLI_FLAG, offsetof(struct pull_options, quiet), NULL,
		"Print nothing but the name", NULL},
	{"keep-blobs", 0, CLI_FLAG, offsetof(struct pull_options, keep_blobs), NULL,
		"Keep the layers as they came, too, so that a push elsewhere is the same to the bit",
		NULL},
	{"disable-content-trust", 0, CLI_FLAG, 0, NULL, "Skip image verification", "true",
		CLI_IGNORED | CLI_ONE_OF, "true"},
	HULL_REGISTRY_OPTIONS(struct pull_options, registry),
};

static int pull_one(struct image_store *images, const char *name,
	const struct image_pull_options *pull_options, struct image_display **display,
	struct hull_error *err)
{
	struct image_pull_result result;
	int r = image_pull(images, name, pull_options, &result, err);

	if (r < 0)
		return r;
	/* What is on the terminal so far comes before the name. */
	image_display_free(TAKE_PTR(*display));
	puts(result.name);
	image_pull_result_done(&result);
	return 0;
}

static int pull_all_tags(struct image_store *images, const char *repository,
	const struct pull_options *o, struct image_pull_options *pull_options,
	struct hull_error *err)
{
	_cleanup_strv_ char **tags = NULL;
	int r = image_remote_tags(
		repository, &pull_options->registry, pull_options->canceled, &tags, err);

	strv_foreach (tag, r < 0 ? NULL : tags) {
		_cleanup_image_display_ struct image_display *display = NULL;
		_cleanup_free_ char *name = str_printf("%s:%s", repository, *tag);

		r = name ? image_display_new(&display, stdout, o->quiet, err)
			 : error_no_memory(err);
		pull_options->progress = image_display_progress(display);
		if (r == 0)
			r = pull_one(images, name, pull_options, &display, err);
		if (r < 0)
			return r;
	}
	return r;
}

static bool is_without_tag(const char *name)
{
	_cleanup_reference_ struct reference ref = REFERENCE_INIT;

	return reference_parse(name, &ref, NULL) == 0 && !ref.tag && !ref.has_digest;
}

static int run(
	struct cli_context *context, void *options_p, int argc, char **argv, struct hull_error *err)
{
	const struct hull_globals *globals = context->globals;
	struct pull_options *o = options_p;
	_cleanup_engine_ struct engine *engine = NULL;
	_cleanup_image_display_ struct image_display *display = NULL;
	struct image_store *images = NULL;
	int r = hull_use_libraries(context->globals, err);
	if (r == 0)
		r = hull_engine_open(context, &engine, err);
	if (r == 0)
		r = engine_images(engine, &images, err);
	if (r < 0)
		return r;
	hull_catch_interrupt();
	struct image_pull_options pull_options = {
		.platform = o->platform,
		.registry = hull_registry_options(globals, &o->registry),
		.keep_blobs = o->keep_blobs,
		.canceled = &hull_interrupted,
	};
	if (o->all_tags)
		return pull_all_tags(images, argv[0], o, &pull_options, err);
	if (!o->quiet && is_without_tag(argv[0]))
		puts("Using default tag: latest");
	r = image_display_new(&display, stdout, o->quiet, err);
	if (r < 0)
		return r;
	pull_options.progress = image_display_progress(display);
	return pull_one(images, argv[0], &pull_options, &display, err);
}

const struct cli_command hull_pull_command = {
	.name = "pull",
	.arguments = "[OPTIONS] NAME[:TAG|@DIGEST]",
	.summary = "Download an image from a registry",
	CLI_OPTIONS(options),
	.options_size = sizeof(struct pull_options),
	.min_args = 1,
	.max_args = 1,
	.run = run,
};
