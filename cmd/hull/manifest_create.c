/* SPDX-License-Identifier: Apache-2.0 */
/* Drafts of manifest lists: create, annotate, rm. */
#include "hull.h"
#include "manifest_commands.h"
#include "registry_options.h"

#include "image/manifest-list.h"

struct create_options {
	bool amend;
	struct hull_registry_options registry;
};

static const struct cli_option create_options[] = {
	{"amend", 'a', CLI_FLAG, offsetof(struct create_options, amend), NULL,
		"Add to a list that is there", NULL},
	HULL_REGISTRY_OPTIONS(struct create_options, registry),
};

/* The engine's images; the engine stays open as long as *engine. */
static int open_images(struct cli_context *context, struct engine **engine,
	struct image_store **ret, struct hull_error *err)
{
	int r = hull_engine_open(context, engine, err);

	return r < 0 ? r : engine_images(*engine, ret, err);
}

static int run_create(
	struct cli_context *context, void *options_p, int argc, char **argv, struct hull_error *err)
{
	const struct create_options *o = options_p;
	_cleanup_engine_ struct engine *engine = NULL;
	struct image_store *images = NULL;
	_cleanup_free_ char *name = NULL;
	int r = hull_use_libraries(context->globals, err);

	if (r == 0)
		r = open_images(context, &engine, &images, err);
	if (r < 0)
		return r;
	hull_catch_interrupt();
	const struct manifest_list_options options = {
		.registry = hull_registry_options(context->globals, &o->registry),
		.canceled = &hull_interrupted,
	};
	r = manifest_list_create(images, argv[0], argv + 1, o->amend, &options, &name, err);
	if (r == 0)
		printf("Created manifest list %s\n", name);
	return r;
}

const struct cli_command hull_manifest_create_command = {
	.name = "create",
	.arguments = "[OPTIONS] MANIFEST_LIST MANIFEST [MANIFEST...]",
	.summary = "Begin a list of manifests that are in registries",
	.argument_values = "@none",
	CLI_OPTIONS(create_options),
	.options_size = sizeof(struct create_options),
	.min_args = 2,
	.max_args = -1,
	.run = run_create,
};

struct annotate_options {
	char *os, *architecture, *variant, *os_version;
	char **os_features;
};

static const struct cli_option annotate_options[] = {
	{"arch", 0, CLI_STRING, offsetof(struct annotate_options, architecture), "string",
		"Set the architecture", "386 amd64 arm arm64 ppc64le riscv64 s390x"},
	{"os", 0, CLI_STRING, offsetof(struct annotate_options, os), "string",
		"Set the operating system", "linux windows"},
	{"os-features", 0, CLI_STRV, offsetof(struct annotate_options, os_features), "list",
		"Set the operating system's features", NULL},
	{"os-version", 0, CLI_STRING, offsetof(struct annotate_options, os_version), "string",
		"Set the operating system's version", NULL},
	{"variant", 0, CLI_STRING, offsetof(struct annotate_options, variant), "string",
		"Set the architecture's variant", "v5 v6 v7 v8"},
};

static int run_annotate(
	struct cli_context *context, void *options_p, int argc, char **argv, struct hull_error *err)
{
	const struct annotate_options *o = options_p;
	const struct manifest_annotation annotation = {
		.os = o->os,
		.architecture = o->architecture,
		.variant = o->variant,
		.os_version = o->os_version,
		.os_features = o->os_features,
	};
	_cleanup_engine_ struct engine *engine = NULL;
	struct image_store *images = NULL;
	int r = open_images(context, &engine, &images, err);

	return r < 0 ? r : manifest_list_annotate(images, argv[0], argv[1], &annotation, err);
}

const struct cli_command hull_manifest_annotate_command = {
	.name = "annotate",
	.arguments = "[OPTIONS] MANIFEST_LIST MANIFEST",
	.summary = "Say which platform a manifest in a list is for",
	.argument_values = "@none",
	CLI_OPTIONS(annotate_options),
	.options_size = sizeof(struct annotate_options),
	.min_args = 2,
	.max_args = 2,
	.run = run_annotate,
};

static int run_remove(
	struct cli_context *context, void *options_p, int argc, char **argv, struct hull_error *err)
{
	_cleanup_engine_ struct engine *engine = NULL;
	struct image_store *images = NULL;
	int r = open_images(context, &engine, &images, err);

	for (int i = 0; i < argc && r == 0; i++)
		r = manifest_list_remove(images, argv[i], err);
	return r;
}

const struct cli_command hull_manifest_remove_command = {
	.name = "rm",
	.arguments = "MANIFEST_LIST [MANIFEST_LIST...]",
	.summary = "Forget lists of manifests that were begun here",
	.argument_values = "@none",
	.min_args = 1,
	.max_args = -1,
	.run = run_remove,
};
