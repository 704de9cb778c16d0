/* SPDX-License-Identifier: Apache-2.0 */
#include "oci/image_spec.h"

#include "base/str.h"

#include <strings.h>

static const struct json_field platform_fields[] = {
	JSON_FIELD(struct oci_platform, architecture, "architecture", JSON_STRING),
	JSON_FIELD(struct oci_platform, os, "os", JSON_STRING),
	JSON_FIELD(struct oci_platform, os_version, "os.version", JSON_STRING),
	JSON_FIELD(struct oci_platform, os_features, "os.features", JSON_STRV),
	JSON_FIELD(struct oci_platform, variant, "variant", JSON_STRING),
};
const struct json_table oci_platform_table =
	JSON_TABLE("platform", struct oci_platform, platform_fields);

static const struct json_field descriptor_fields[] = {
	JSON_FIELD(struct oci_descriptor, media_type, "mediaType", JSON_STRING),
	JSON_FIELD(struct oci_descriptor, digest, "digest", JSON_STRING, .flags = JSON_REQUIRED),
	JSON_FIELD(
		struct oci_descriptor, size, "size", JSON_I64, .flags = JSON_REQUIRED | JSON_EMIT),
	JSON_FIELD(struct oci_descriptor, urls, "urls", JSON_STRV),
	JSON_FIELD(struct oci_descriptor, annotations, "annotations", JSON_MAP,
		.count_offset = offsetof(struct oci_descriptor, n_annotations)),
	JSON_FIELD(struct oci_descriptor, data, "data", JSON_STRING),
	JSON_FIELD(struct oci_descriptor, artifact_type, "artifactType", JSON_STRING),
	JSON_FIELD(struct oci_descriptor, platform, "platform", JSON_STRUCT_PTR,
		.table = &oci_platform_table),
};
const struct json_table oci_descriptor_table =
	JSON_TABLE("descriptor", struct oci_descriptor, descriptor_fields);

static const struct json_field index_fields[] = {
	JSON_FIELD(struct oci_index, schema_version, "schemaVersion", JSON_INT,
		.flags = JSON_REQUIRED | JSON_EMIT),
	JSON_FIELD(struct oci_index, media_type, "mediaType", JSON_STRING),
	JSON_FIELD(struct oci_index, artifact_type, "artifactType", JSON_STRING),
	JSON_FIELD(struct oci_index, manifests, "manifests", JSON_ARRAY,
		.count_offset = offsetof(struct oci_index, n_manifests),
		.table = &oci_descriptor_table, .flags = JSON_EMIT),
	JSON_FIELD(struct oci_index, subject, "subject", JSON_STRUCT_PTR,
		.table = &oci_descriptor_table),
	JSON_FIELD(struct oci_index, annotations, "annotations", JSON_MAP,
		.count_offset = offsetof(struct oci_index, n_annotations)),
};
const struct json_table oci_index_table = JSON_TABLE("index", struct oci_index, index_fields);

static const struct json_field manifest_fields[] = {
	JSON_FIELD(struct oci_manifest, schema_version, "schemaVersion", JSON_INT,
		.flags = JSON_REQUIRED | JSON_EMIT),
	JSON_FIELD(struct oci_manifest, media_type, "mediaType", JSON_STRING),
	JSON_FIELD(struct oci_manifest, artifact_type, "artifactType", JSON_STRING),
	JSON_FIELD(struct oci_manifest, config, "config", JSON_STRUCT,
		.table = &oci_descriptor_table, .flags = JSON_REQUIRED),
	JSON_FIELD(struct oci_manifest, layers, "layers", JSON_ARRAY,
		.count_offset = offsetof(struct oci_manifest, n_layers),
		.table = &oci_descriptor_table, .flags = JSON_EMIT),
	JSON_FIELD(struct oci_manifest, subject, "subject", JSON_STRUCT_PTR,
		.table = &oci_descriptor_table),
	JSON_FIELD(struct oci_manifest, annotations, "annotations", JSON_MAP,
		.count_offset = offsetof(struct oci_manifest, n_annotations)),
};
const struct json_table oci_manifest_table =
	JSON_TABLE("manifest", struct oci_manifest, manifest_fields);

static const struct json_field healthcheck_fields[] = {
	JSON_FIELD(struct oci_healthcheck, test, "Test", JSON_STRV),
	JSON_FIELD(struct oci_healthcheck, interval, "Interval", JSON_I64),
	JSON_FIELD(struct oci_healthcheck, timeout, "Timeout", JSON_I64),
	JSON_FIELD(struct oci_healthcheck, start_period, "StartPeriod", JSON_I64),
	JSON_FIELD(struct oci_healthcheck, start_interval, "StartInterval", JSON_I64),
	JSON_FIELD(struct oci_healthcheck, retries, "Retries", JSON_I64),
};
const struct json_table oci_healthcheck_table =
	JSON_TABLE("healthcheck", struct oci_healthcheck, healthcheck_fields);

static const struct json_field image_config_fields[] = {
	JSON_FIELD(struct oci_image_config, user, "User", JSON_STRING),
	JSON_FIELD(struct oci_image_config, exposed_ports, "ExposedPorts", JSON_KEYS),
	JSON_FIELD(struct oci_image_config, env, "Env", JSON_STRV),
	JSON_FIELD(struct oci_image_config, entrypoint, "Entrypoint", JSON_STRV,
		.flags = JSON_OR_STRING),
	JSON_FIELD(struct oci_image_config, cmd, "Cmd", JSON_STRV, .flags = JSON_OR_STRING),
	JSON_FIELD(struct oci_image_config, volumes, "Volumes", JSON_KEYS),
	JSON_FIELD(struct oci_image_config, working_dir, "WorkingDir", JSON_STRING),
	JSON_FIELD(struct oci_image_config, labels, "Labels", JSON_MAP,
		.count_offset = offsetof(struct oci_image_config, n_labels)),
	JSON_FIELD(struct oci_image_config, stop_signal, "StopSignal", JSON_STRING),
	JSON_FIELD(struct oci_image_config, args_escaped, "ArgsEscaped", JSON_BOOL),
	JSON_FIELD(struct oci_image_config, healthcheck, "Healthcheck", JSON_STRUCT_PTR,
		.table = &oci_healthcheck_table),
	JSON_FIELD(struct oci_image_config, on_build, "OnBuild", JSON_STRV),
	JSON_FIELD(struct oci_image_config, shell, "Shell", JSON_STRV),
	JSON_FIELD(struct oci_image_config, stop_timeout, "StopTimeout", JSON_OPT_I64),
};
const struct json_table oci_image_config_table =
	JSON_TABLE("image config", struct oci_image_config, image_config_fields);

static const struct json_field rootfs_fields[] = {
	JSON_FIELD(struct oci_rootfs, type, "type", JSON_STRING, .flags = JSON_REQUIRED),
	JSON_FIELD(struct oci_rootfs, diff_ids, "diff_ids", JSON_STRV, .flags = JSON_EMIT),
};
const struct json_table oci_rootfs_table = JSON_TABLE("rootfs", struct oci_rootfs, rootfs_fields);

static const struct json_field history_fields[] = {
	JSON_FIELD(struct oci_history, created, "created", JSON_STRING),
	JSON_FIELD(struct oci_history, created_by, "created_by", JSON_STRING),
	JSON_FIELD(struct oci_history, author, "author", JSON_STRING),
	JSON_FIELD(struct oci_history, comment, "comment", JSON_STRING),
	JSON_FIELD(struct oci_history, empty_layer, "empty_layer", JSON_BOOL),
};
const struct json_table oci_history_table =
	JSON_TABLE("history", struct oci_history, history_fields);

static const struct json_field image_fields[] = {
	JSON_FIELD(struct oci_image, created, "created", JSON_STRING),
	JSON_FIELD(struct oci_image, author, "author", JSON_STRING),
	JSON_FIELD(struct oci_image, architecture, "architecture", JSON_STRING, .flags = JSON_EMIT),
	JSON_FIELD(struct oci_image, os, "os", JSON_STRING, .flags = JSON_EMIT),
	JSON_FIELD(struct oci_image, os_version, "os.version", JSON_STRING),
	JSON_FIELD(struct oci_image, os_features, "os.features", JSON_STRV),
	JSON_FIELD(struct oci_image, variant, "variant", JSON_STRING),
	JSON_FIELD(struct oci_image, config, "config", JSON_STRUCT,
		.table = &oci_image_config_table, .flags = JSON_EMIT),
	JSON_FIELD(struct oci_image, rootfs, "rootfs", JSON_STRUCT, .table = &oci_rootfs_table,
		.flags = JSON_REQUIRED | JSON_EMIT),
	JSON_FIELD(struct oci_image, history, "history", JSON_ARRAY,
		.count_offset = offsetof(struct oci_image, n_history), .table = &oci_history_table),
	JSON_FIELD(struct oci_image, docker_version, "docker_version", JSON_STRING),
	JSON_FIELD(struct oci_image, comment, "comment", JSON_STRING),
	JSON_FIELD(struct oci_image, parent, "parent", JSON_STRING),
	JSON_FIELD(struct oci_image, container, "container", JSON_STRING),
};
const struct json_table oci_image_table = JSON_TABLE("image", struct oci_image, image_fields);

static const struct json_limits manifest_limits = {OCI_MANIFEST_MAX, 32};
static const struct json_limits config_limits = {OCI_CONFIG_MAX, 64};

static const struct {
	const char *media_type;
	enum oci_media_kind kind;
} media_kinds[] = {
	{OCI_MEDIA_INDEX, OCI_KIND_INDEX},
	{DOCKER_MEDIA_MANIFEST_LIST, OCI_KIND_INDEX},
	{OCI_MEDIA_MANIFEST, OCI_KIND_MANIFEST},
	{DOCKER_MEDIA_MANIFEST, OCI_KIND_MANIFEST},
	{DOCKER_MEDIA_SCHEMA1, OCI_KIND_SCHEMA1},
	{DOCKER_MEDIA_SCHEMA1_SIGNED, OCI_KIND_SCHEMA1},
	{OCI_MEDIA_CONFIG, OCI_KIND_CONFIG},
	{DOCKER_MEDIA_CONFIG, OCI_KIND_CONFIG},
	{OCI_MEDIA_LAYER, OCI_KIND_LAYER},
	{OCI_MEDIA_LAYER_GZIP, OCI_KIND_LAYER},
	{OCI_MEDIA_LAYER_ZSTD, OCI_KIND_LAYER},
	{DOCKER_MEDIA_LAYER, OCI_KIND_LAYER},
	{DOCKER_MEDIA_LAYER_GZIP, OCI_KIND_LAYER},
	{"application/vnd.docker.image.rootfs.diff.tar.zstd", OCI_KIND_LAYER},
	{"application/vnd.docker.image.rootfs.diff.tar+gzip", OCI_KIND_LAYER},
	{"application/vnd.oci.image.layer.nondistributable.v1.tar", OCI_KIND_FOREIGN_LAYER},
	{"application/vnd.oci.image.layer.nondistributable.v1.tar+gzip", OCI_KIND_FOREIGN_LAYER},
	{"application/vnd.oci.image.layer.nondistributable.v1.tar+zstd", OCI_KIND_FOREIGN_LAYER},
	{"application/vnd.docker.image.rootfs.foreign.diff.tar", OCI_KIND_FOREIGN_LAYER},
	{"application/vnd.docker.image.rootfs.foreign.diff.tar.gzip", OCI_KIND_FOREIGN_LAYER},
};

/* The length of a media type without its parameters. */
static size_t media_type_length(const char *media_type)
{
	size_t n = strcspn(media_type, "; \t");

	return n;
}

static bool media_type_equal(const char *a, const char *b)
{
	size_t n = media_type_length(a);

	return n == media_type_length(b) && strncasecmp(a, b, n) == 0;
}

enum oci_media_kind oci_media_kind(const char *media_type)
{
	if (!media_type)
		return OCI_KIND_UNKNOWN;
	for (size_t i = 0; i < ARRAY_SIZE(media_kinds); i++)
		if (media_type_equal(media_kinds[i].media_type, media_type))
			return media_kinds[i].kind;
	return OCI_KIND_UNKNOWN;
}

/* Only what tells the kinds of documents apart. */
struct document_head {
	struct hull_opt_i64 schema_version;
	char *media_type;
};

static const struct json_field head_fields[] = {
	JSON_FIELD(struct document_head, schema_version, "schemaVersion", JSON_OPT_I64),
	JSON_FIELD(struct document_head, media_type, "mediaType", JSON_STRING),
};
static const struct json_table head_table =
	JSON_TABLE("manifest", struct document_head, head_fields);

static int refuse_schema1(const char *what, struct hull_error *err)
{
	return error_set(err, HULL_ERROR_UNSUPPORTED,
		"%s: manifests of schema version 1 are not supported; the image must be pushed again with a current tool",
		what);
}

int oci_document_kind(const char *text, size_t len, const char *content_type, const char *what,
	enum oci_media_kind *ret, struct hull_error *err)
{
	_cleanup_arena_ struct arena arena = ARENA_INIT;
	struct document_head head = {0};
	enum oci_media_kind outside = oci_media_kind(content_type);

	if (outside == OCI_KIND_SCHEMA1)
		return refuse_schema1(what, err);
	int r = json_parse(&arena, &head_table, &head, text, len, &manifest_limits, what, err);
	if (r < 0)
		return r;
	bool has_manifests = json_has_key(text, len, "manifests");
	bool has_layers = json_has_key(text, len, "layers") || json_has_key(text, len, "config");
	bool has_fs_layers = json_has_key(text, len, "fsLayers");
	enum oci_media_kind inside = oci_media_kind(head.media_type);

	if (inside == OCI_KIND_SCHEMA1 || (head.schema_version.value == 1 && has_fs_layers))
		return refuse_schema1(what, err);
	if (head.schema_version.value != 2)
		return error_set(
			err, HULL_ERROR_INVALID, "%s: not a manifest of schema version 2", what);
	if ((has_manifests && has_layers) || has_fs_layers)
		return error_set(err, HULL_ERROR_INVALID,
			"%s: document claims to be an index and a manifest at once", what);
	if (!has_manifests && !has_layers)
		return error_set(err, HULL_ERROR_INVALID,
			"%s: neither an image manifest nor an index", what);
	enum oci_media_kind is = has_manifests ? OCI_KIND_INDEX : OCI_KIND_MANIFEST;
	if (outside != OCI_KIND_UNKNOWN && outside != is)
		return error_set(err, HULL_ERROR_INVALID,
			"%s: content does not match its media type %.100s", what, content_type);
	if (head.media_type && inside != is)
		return error_set(err, HULL_ERROR_INVALID,
			"%s: content does not match its mediaType %.100s", what, head.media_type);
	if (head.media_type && outside != OCI_KIND_UNKNOWN &&
		!media_type_equal(head.media_type, content_type))
		return error_set(err, HULL_ERROR_INVALID,
			"%s: mediaType %.100s inside, Content-Type %.100s outside", what,
			head.media_type, content_type);
	*ret = is;
	return 0;
}

static int check_descriptor(
	const struct oci_descriptor *d, const char *what, const char *role, struct hull_error *err)
{
	struct digest digest;
	int r = digest_parse(d->digest, &digest, err);

	if (r < 0)
		return error_wrap(err, r, "%s: %s", what, role);
	if (d->size < 0)
		return error_set(err, HULL_ERROR_INVALID, "%s: %s: negative size", what, role);
	return 0;
}

static int check_schema_version(int version, const char *what, struct hull_error *err)
{
	if (version != 2)
		return error_set(
			err, HULL_ERROR_INVALID, "%s: schemaVersion %d is not 2", what, version);
	return 0;
}

int oci_index_parse(struct arena *arena, const char *text, size_t len, const char *what,
	struct oci_index *ret, struct hull_error *err)
{
	*ret = (struct oci_index){0};
	int r = json_parse(arena, &oci_index_table, ret, text, len, &manifest_limits, what, err);

	if (r < 0)
		return r;
	r = check_schema_version(ret->schema_version, what, err);
	/* Digests of algorithms we do not know may stand beside the one that we want. */
	for (size_t i = 0; r == 0 && i < ret->n_manifests; i++)
		if (ret->manifests[i].size < 0)
			r = error_set(err, HULL_ERROR_INVALID, "%s: manifests[%zu]: negative size",
				what, i);
	return r;
}

int oci_manifest_parse(struct arena *arena, const char *text, size_t len, const char *what,
	struct oci_manifest *ret, struct hull_error *err)
{
	*ret = (struct oci_manifest){0};
	int r = json_parse(arena, &oci_manifest_table, ret, text, len, &manifest_limits, what, err);

	if (r < 0)
		return r;
	r = check_schema_version(ret->schema_version, what, err);
	if (r == 0)
		r = check_descriptor(&ret->config, what, "config", err);
	for (size_t i = 0; r == 0 && i < ret->n_layers; i++) {
		char role[40];

		snprintf(role, sizeof(role), "layers[%zu]", i);
		r = check_descriptor(&ret->layers[i], what, role, err);
	}
	return r;
}

int oci_image_parse(struct arena *arena, const char *text, size_t len, const char *what,
	struct oci_image *ret, struct hull_error *err)
{
	*ret = (struct oci_image){0};
	int r = json_parse(arena, &oci_image_table, ret, text, len, &config_limits, what, err);

	if (r < 0)
		return r;
	if (!str_eq(ret->rootfs.type, "layers"))
		return error_set(err, HULL_ERROR_UNSUPPORTED,
			"%s: rootfs.type is \"%.40s\", not \"layers\"", what, ret->rootfs.type);
	strv_foreach (diff_id, ret->rootfs.diff_ids) {
		struct digest digest;

		r = digest_parse(*diff_id, &digest, err);
		if (r < 0)
			return error_wrap(err, r, "%s: rootfs.diff_ids", what);
	}
	return 0;
}

const char *oci_annotation(const struct json_pair *pairs, size_t n, const char *key)
{
	for (size_t i = 0; i < n; i++)
		if (str_eq(pairs[i].key, key))
			return pairs[i].value;
	return NULL;
}
