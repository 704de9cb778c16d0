/* SPDX-License-Identifier: Apache-2.0 */
/* Manifests in registries, and lists of them: inspect, push. */
#include "hull.h"
#include "manifest_commands.h"
#include "registry_options.h"

#include "base/str.h"
#include "image/manifest-list.h"
#include "json/value.h"

struct inspect_options {
	bool verbose;
	bool referrers;
	char *artifact_type;
	struct hull_registry_options registry;
};

static const struct cli_option inspect_options[] = {
	{"artifact-type", 0, CLI_STRING, offsetof(struct inspect_options, artifact_type), "string",
		"With --referrers: only those of this type", NULL},
	{"referrers", 0, CLI_FLAG, offsetof(struct inspect_options, referrers), NULL,
		"Show what refers to the manifest: signatures, attestations, SBOMs", NULL},
	{"verbose", 'v', CLI_FLAG, offsetof(struct inspect_options, verbose), NULL,
		"Show platform and descriptor of each manifest, too", NULL},
	HULL_REGISTRY_OPTIONS(struct inspect_options, registry),
};

/* A document as people read it. */
static int print_document(const struct buf *text, struct hull_error *err)
{
	_cleanup_arena_ struct arena arena = ARENA_INIT;
	_cleanup_buf_ struct buf pretty = BUF_INIT;
	struct json_writer w = JSON_WRITER_INIT(&pretty, 8);
	struct json_value root;
	int r = json_value_parse(&arena, &root, buf_str(text), text->len, NULL, "manifest", err);

	if (r < 0)
		return r;
	json_value_write(&w, &root);
	if (buf_error(&pretty) < 0)
		return error_no_memory(err);
	puts(buf_str(&pretty));
	return 0;
}

/* A draft that was begun here comes first, as it does for docker. */
static int find_draft(
	struct cli_context *context, const char *name, struct buf *text, struct hull_error *err)
{
	_cleanup_engine_ struct engine *engine = NULL;
	struct image_store *images = NULL;
	int r = hull_engine_open(context, &engine, err);

	if (r == 0)
		r = engine_images(engine, &images, err);
	return r < 0 ? r : manifest_list_format(images, name, false, text, err);
}

static int run_inspect(
	struct cli_context *context, void *options_p, int argc, char **argv, struct hull_error *err)
{
	const struct inspect_options *o = options_p;
	_cleanup_buf_ struct buf text = BUF_INIT;
	/* [LIST] MANIFEST: the list only says where the manifest is meant to be. */
	const char *name = argv[argc - 1];
	const struct manifest_inspect_options options = {
		.common =
			{
				.registry = hull_registry_options(context->globals, &o->registry),
				.canceled = &hull_interrupted,
			},
		.referrers = o->referrers,
		.artifact_type = o->artifact_type,
	};
	int r = hull_use_libraries(context->globals, err);

	if (r < 0)
		return r;
	if (o->artifact_type && !o->referrers)
		return error_set(err, HULL_ERROR_INVALID,
			"--artifact-type has no meaning without --referrers");
	hull_catch_interrupt();
	r = -1;
	if (!o->referrers && !strchr(name, '@')) {
		r = find_draft(context, name, &text, err);
		if (r < 0 && err->kind != HULL_ERROR_NOT_FOUND)
			return r;
	}
	if (r < 0) {
		hull_error_done(err);
		buf_reset(&text);
		r = o->verbose && !o->referrers
			    ? manifest_inspect_verbose(name, &options, &text, err)
			    : manifest_inspect(name, &options, &text, err);
	}
	return r < 0 ? r : print_document(&text, err);
}

const struct cli_command hull_manifest_inspect_command = {
	.name = "inspect",
	.arguments = "[OPTIONS] [MANIFEST_LIST] MANIFEST",
	.summary = "Show a manifest of a registry, or a list begun here",
	CLI_OPTIONS(inspect_options),
	.options_size = sizeof(struct inspect_options),
	.min_args = 1,
	.max_args = 2,
	.run = run_inspect,
};

struct push_options {
	bool purge;
	char *format;
	struct hull_registry_options registry;
};

static const struct cli_option push_options[] = {
	{"format", 0, CLI_STRING, offsetof(struct push_options, format), "string",
		"The types of the list: oci or docker (default: as its manifests)", "oci docker"},
	{"purge", 'p', CLI_FLAG, offsetof(struct push_options, purge), NULL,
		"Forget the list here afterwards", NULL},
	HULL_REGISTRY_OPTIONS(struct push_options, registry),
};

static int run_push(
	struct cli_context *context, void *options_p, int argc, char **argv, struct hull_error *err)
{
	const struct push_options *o = options_p;
	_cleanup_engine_ struct engine *engine = NULL;
	struct image_store *images = NULL;
	enum manifest_list_format format = MANIFEST_LIST_AUTO;
	char digest[DIGEST_TEXT_SIZE];
	int r = hull_use_libraries(context->globals, err);

	if (r < 0)
		return r;
	if (str_eq(o->format, "oci"))
		format = MANIFEST_LIST_OCI;
	else if (str_eq(o->format, "docker") || str_eq(o->format, "v2s2"))
		format = MANIFEST_LIST_DOCKER;
	else if (o->format)
		return error_set(
			err, HULL_ERROR_INVALID, "--format \"%s\": want oci or docker", o->format);
	r = hull_engine_open(context, &engine, err);
	if (r == 0)
		r = engine_images(engine, &images, err);
	if (r < 0)
		return r;
	hull_catch_interrupt();
	const struct manifest_list_options options = {
		.registry = hull_registry_options(context->globals, &o->registry),
		.canceled = &hull_interrupted,
	};
	r = manifest_list_push(images, argv[0], format, o->purge, &options, digest, err);
	if (r == 0)
		puts(digest);
	return r;
}

const struct cli_command hull_manifest_push_command = {
	.name = "push",
	.arguments = "[OPTIONS] MANIFEST_LIST",
	.summary = "Upload a list of manifests to a registry",
	.argument_values = "@none",
	CLI_OPTIONS(push_options),
	.options_size = sizeof(struct push_options),
	.min_args = 1,
	.max_args = 1,
	.run = run_push,
};
