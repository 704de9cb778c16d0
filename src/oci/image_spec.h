/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Documents of the OCI image specification 1.1 and of Docker's schema 2, which have one shape:
 * index (manifest list), manifest, image config, OCI layout. The structs live in the caller's
 * arena and are read and written by the tables below; a document that goes on (push, save) is kept
 * and sent as its exact bytes, never printed again from a struct.
 */
#pragma once

#include "json/json.h"
#include "oci/digest.h"

#include <stdbool.h>

/* Longest documents that we read. */
#define OCI_MANIFEST_MAX ((size_t)4 << 20)
#define OCI_CONFIG_MAX	 ((size_t)8 << 20)

#define OCI_MEDIA_INDEX		    "application/vnd.oci.image.index.v1+json"
#define OCI_MEDIA_MANIFEST	    "application/vnd.oci.image.manifest.v1+json"
#define OCI_MEDIA_CONFIG	    "application/vnd.oci.image.config.v1+json"
#define OCI_MEDIA_LAYER		    "application/vnd.oci.image.layer.v1.tar"
#define OCI_MEDIA_LAYER_GZIP	    "application/vnd.oci.image.layer.v1.tar+gzip"
#define OCI_MEDIA_LAYER_ZSTD	    "application/vnd.oci.image.layer.v1.tar+zstd"
#define DOCKER_MEDIA_MANIFEST_LIST  "application/vnd.docker.distribution.manifest.list.v2+json"
#define DOCKER_MEDIA_MANIFEST	    "application/vnd.docker.distribution.manifest.v2+json"
#define DOCKER_MEDIA_CONFIG	    "application/vnd.docker.container.image.v1+json"
#define DOCKER_MEDIA_LAYER	    "application/vnd.docker.image.rootfs.diff.tar"
#define DOCKER_MEDIA_LAYER_GZIP	    "application/vnd.docker.image.rootfs.diff.tar.gzip"
#define DOCKER_MEDIA_SCHEMA1	    "application/vnd.docker.distribution.manifest.v1+json"
#define DOCKER_MEDIA_SCHEMA1_SIGNED "application/vnd.docker.distribution.manifest.v1+prettyjws"

#define OCI_ANNOTATION_REF_NAME	   "org.opencontainers.image.ref.name"
#define OCI_ANNOTATION_CONTAINERD  "io.containerd.image.name"
#define OCI_ANNOTATION_DOCKER_TYPE "vnd.docker.reference.type"

/* What a media type says about a document or blob. */
enum oci_media_kind {
	OCI_KIND_UNKNOWN,
	OCI_KIND_INDEX,
	OCI_KIND_MANIFEST,
	OCI_KIND_SCHEMA1,
	OCI_KIND_CONFIG,
	OCI_KIND_LAYER,
	OCI_KIND_FOREIGN_LAYER, /* may be downloaded, also from its urls; never pushed */
};

/* Parameters after ';' are ignored; NULL is unknown. */
enum oci_media_kind oci_media_kind(const char *media_type);

struct oci_platform {
	char *architecture;
	char *os;
	char *os_version;
	char **os_features;
	char *variant;
};

struct oci_descriptor {
	char *media_type;
	char *digest;
	int64_t size;
	char **urls;
	struct json_pair *annotations;
	size_t n_annotations;
	char *data; /* base64 */
	char *artifact_type;
	struct oci_platform *platform;
};

struct oci_index {
	int schema_version;
	char *media_type;
	char *artifact_type;
	struct oci_descriptor *manifests;
	size_t n_manifests;
	struct oci_descriptor *subject;
	struct json_pair *annotations;
	size_t n_annotations;
};

struct oci_manifest {
	int schema_version;
	char *media_type;
	char *artifact_type;
	struct oci_descriptor config;
	struct oci_descriptor *layers;
	size_t n_layers;
	struct oci_descriptor *subject;
	struct json_pair *annotations;
	size_t n_annotations;
};

/* Docker's. Durations are nanoseconds; absent means inherited. */
struct oci_healthcheck {
	char **test;
	int64_t interval;
	int64_t timeout;
	int64_t start_period;
	int64_t start_interval;
	int64_t retries;
};

/* The "config" object: what containers of the image start with. */
struct oci_image_config {
	char *user;
	char **exposed_ports; /* "80/tcp" */
	char **env;
	char **entrypoint;
	char **cmd;
	char **volumes;
	char *working_dir;
	struct json_pair *labels;
	size_t n_labels;
	char *stop_signal;
	bool args_escaped;
	/* Docker's own fields. */
	struct oci_healthcheck *healthcheck;
	char **on_build;
	char **shell;
	struct hull_opt_i64 stop_timeout; /* seconds; -1: for ever */
};

struct oci_rootfs {
	char *type; /* "layers" */
	char **diff_ids;
};

struct oci_history {
	char *created;
	char *created_by;
	char *author;
	char *comment;
	bool empty_layer;
};

/* The whole configuration document; its digest is the image's id. */
struct oci_image {
	char *created; /* RFC 3339 */
	char *author;
	char *architecture;
	char *os;
	char *os_version;
	char **os_features;
	char *variant;
	struct oci_image_config config;
	struct oci_rootfs rootfs;
	struct oci_history *history;
	size_t n_history;
	/* Docker's own fields, kept so that inspect can show them. */
	char *docker_version;
	char *comment;
	char *parent;
	char *container;
};

/* Rows above, usable with json_parse() and json_struct(). */
extern const struct json_table oci_platform_table;
extern const struct json_table oci_descriptor_table;
extern const struct json_table oci_index_table;
extern const struct json_table oci_manifest_table;
extern const struct json_table oci_healthcheck_table;
extern const struct json_table oci_image_config_table;
extern const struct json_table oci_rootfs_table;
extern const struct json_table oci_history_table;
extern const struct json_table oci_image_table;

/*
 * What a manifest-like document is by its content. `content_type` is what the transport or the
 * descriptor said, NULL if it said nothing. A document that is two things at once, or that says
 * something else inside than outside, is refused (CVE-2021-41190), and so is schema 1.
 * *ret is OCI_KIND_INDEX or OCI_KIND_MANIFEST.
 */
int oci_document_kind(const char *text, size_t len, const char *content_type, const char *what,
	enum oci_media_kind *ret, struct hull_error *err);

/*
 * Parse and check what the specification demands: schemaVersion 2, digests and sizes of every
 * descriptor, in a config rootfs.type and diff ids. `what` names the document in errors.
 */
int oci_index_parse(struct arena *arena, const char *text, size_t len, const char *what,
	struct oci_index *ret, struct hull_error *err);
int oci_manifest_parse(struct arena *arena, const char *text, size_t len, const char *what,
	struct oci_manifest *ret, struct hull_error *err);
int oci_image_parse(struct arena *arena, const char *text, size_t len, const char *what,
	struct oci_image *ret, struct hull_error *err);

/* The value of an annotation or label, NULL if it is not there. */
const char *oci_annotation(const struct json_pair *pairs, size_t n, const char *key);

/*
 * Platforms (oci/platform.c). A platform is kept normalized: "aarch64" is arm64, "x86_64" amd64,
 * arm64 has no variant "v8", and so on. Strings live in the arena.
 */

/* "os", "arch", "os/arch" or "os/arch/variant", as --platform takes it. */
int oci_platform_parse(
	struct arena *arena, const char *text, struct oci_platform *ret, struct hull_error *err);

/* The platform that this machine runs. */
int oci_platform_host(struct arena *arena, struct oci_platform *ret, struct hull_error *err);

void oci_platform_normalize(struct oci_platform *platform);

/* "linux/arm64/v8"; heap string, NULL if memory is out. */
char *oci_platform_format(const struct oci_platform *platform);

/* How well `have` serves `want`: 0 is exact, more is worse, -1 not at all. */
int oci_platform_rank(const struct oci_platform *want, const struct oci_platform *have);

/*
 * The entry of an index for a platform: the best rank, the first among equals. Attestations and
 * artifacts are passed over; an entry without platform is the last resort. NULL if there is none.
 */
const struct oci_descriptor *oci_index_select(
	const struct oci_index *index, const struct oci_platform *want);
