/* SPDX-License-Identifier: Apache-2.0 */
#include "hull.h"
#include "image_commands.h"
#include "image_progress.h"
#include "registry_options.h"

#include "base/str.h"
#include "registry/reference.h"

struct push_options {
	bool all_tags;
	bool quiet;
	char *platform;
	char *compression;
	int compression_level;
	struct hull_opt_u64 piece;
	struct hull_registry_options registry;
};

static const struct cli_option options[] = {
	{"all-tags", 'a', CLI_FLAG, offsetof(struct push_options, all_tags), NULL,
		"Push all tags of the repository that are here", NULL},
	{"quiet", 'q', CLI_FLAG, offsetof(struct push_options, quiet), NULL,
		"Print nothing but the name", NULL},
	{"platform", 0, CLI_STRING, offsetof(struct push_options, platform), "string",
		"Push the image of this platform alone, not the index it came in", NULL},
	{"compression", 0, CLI_STRING, offsetof(struct push_options, compression), "string",
		"How layers are compressed: gzip, zstd or none (default: as they came, gzip if made "
		"here)",
		"gzip zstd none"},
	{"compression-level", 0, CLI_INT, offsetof(struct push_options, compression_level),
		"number", "1 is fast, 9 (gzip) or 19 (zstd) is small", NULL},
	{"chunk-size", 0, CLI_SIZE, offsetof(struct push_options, piece), "bytes",
		"Upload layers in pieces of at most this size, for proxies that limit requests",
		NULL},
	{"disable-content-trust", 0, CLI_FLAG, 0, NULL, "Skip image signing", "true",
		CLI_IGNORED | CLI_ONE_OF, "true"},
	HULL_REGISTRY_OPTIONS(struct push_options, registry),
};

static void tell_differences(const struct image_push_result *result, const char *name)
{
	if (result->platform_only)
		printf("Note: %s is a single platform now: not everything that its index names is "
		       "here or in the registry\n",
			name);
	if (result->packed_again)
		printf("Note: %s has a new digest: layers were compressed again (pull "
		       "--keep-blobs keeps them as they come)\n",
			name);
}

static int push_one(struct image_store *images, const struct push_options *o,
	const struct image_push_options *push_options, const char *name, struct hull_error *err)
{
	_cleanup_reference_ struct reference ref = REFERENCE_INIT;
	struct image_push_result result;
	int r = image_push(images, name, push_options, &result, err);

	if (r == 0)
		r = reference_parse(name, &ref, err);
	if (r < 0)
		return r;
	if (!o->quiet) {
		tell_differences(&result, name);
		return 0;
	}
	if (reference_set_default_tag(&ref) < 0)
		return error_no_memory(err);
	_cleanup_free_ char *full = reference_tagged(&ref);
	if (!full)
		return error_no_memory(err);
	puts(full);
	return 0;
}

static int push_all_tags(struct image_store *images, const struct push_options *o,
	const struct image_push_options *push_options, const char *repository,
	struct hull_error *err)
{
	_cleanup_strv_ char **tags = NULL;
	int r = image_repository_tags(images, repository, &tags, err);

	if (r < 0)
		return r;
	if (!tags)
		return error_set(err, HULL_ERROR_NOT_FOUND,
			"An image does not exist locally with the tag: %s", repository);
	strv_foreach (tag, tags) {
		_cleanup_free_ char *name = str_printf("%s:%s", repository, *tag);

		r = name ? push_one(images, o, push_options, name, err) : error_no_memory(err);
		if (r < 0)
			return r;
	}
	return 0;
}

static int run(
	struct cli_context *context, void *options_p, int argc, char **argv, struct hull_error *err)
{
	const struct hull_globals *globals = context->globals;
	struct push_options *o = options_p;
	_cleanup_engine_ struct engine *engine = NULL;
	_cleanup_image_display_ struct image_display *display = NULL;
	_cleanup_reference_ struct reference ref = REFERENCE_INIT;
	struct image_store *images = NULL;
	int r = hull_use_libraries(globals, err);

	if (r == 0)
		r = reference_parse(argv[0], &ref, err);
	if (r == 0)
		r = hull_engine_open(context, &engine, err);
	if (r == 0)
		r = engine_images(engine, &images, err);
	if (r == 0)
		r = image_display_new(&display, stdout, o->quiet, err);
	if (r < 0)
		return r;
	hull_catch_interrupt();
	if (!o->all_tags && !ref.tag && !ref.has_digest && !o->quiet) {
		puts("Using default tag: latest");
		fflush(stdout); /* an error may follow on the other stream */
	}
	const struct image_push_options push_options = {
		.platform = o->platform,
		.compression = o->compression,
		.compression_level = o->compression_level,
		.piece = (int64_t)o->piece.value,
		.registry = hull_registry_options(globals, &o->registry),
		.progress = image_display_progress(display),
		.canceled = &hull_interrupted,
	};
	return o->all_tags ? push_all_tags(images, o, &push_options, argv[0], err)
			   : push_one(images, o, &push_options, argv[0], err);
}

const struct cli_command hull_push_command = {
	.name = "push",
	.arguments = "[OPTIONS] NAME[:TAG]",
	.summary = "Upload an image to a registry",
	.argument_values = "@image",
	CLI_OPTIONS(options),
	.options_size = sizeof(struct push_options),
	.min_args = 1,
	.max_args = 1,
	.run = run,
};
