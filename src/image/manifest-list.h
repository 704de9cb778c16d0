/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Lists of manifests (indexes) that are put together by hand: a draft is made and annotated here,
 * and pushed in the end. The manifests in it are in registries, not here. A draft is one file,
 * <root>/manifests/<hex of its name>.json, replaced by a rename.
 */
#pragma once

#include "image/image.h"

struct manifest_list_options {
	struct image_registry_options registry;
	const volatile int *canceled;
};

/*
 * Makes a draft of the named manifests, each looked up in its registry. With amend a draft that is
 * there gets them added (or replaced); without, one that is there is an error. *ret_name is the
 * full name of the draft (heap).
 */
int manifest_list_create(struct image_store *store, const char *name, char *const *manifests,
	bool amend, const struct manifest_list_options *options, char **ret_name,
	struct hull_error *err);

/* What is to be said of a manifest's platform; NULL: as it is. */
struct manifest_annotation {
	const char *os;
	const char *architecture;
	const char *variant;
	const char *os_version;
	char *const *os_features;
};

int manifest_list_annotate(struct image_store *store, const char *name, const char *manifest,
	const struct manifest_annotation *annotation, struct hull_error *err);

/* The index that would be pushed. HULL_ERROR_NOT_FOUND if there is no such draft. */
int manifest_list_format(struct image_store *store, const char *name, bool docker_types,
	struct buf *ret, struct hull_error *err);

enum manifest_list_format {
	MANIFEST_LIST_AUTO, /* Docker's if all manifests in it are, else OCI's */
	MANIFEST_LIST_OCI,
	MANIFEST_LIST_DOCKER,
};

/*
 * Pushes a draft under its name. Manifests of other repositories are brought into the one that is
 * pushed to, with their blobs. purge removes the draft afterwards.
 */
int manifest_list_push(struct image_store *store, const char *name,
	enum manifest_list_format format, bool purge, const struct manifest_list_options *options,
	char ret_digest[DIGEST_TEXT_SIZE], struct hull_error *err);

/* HULL_ERROR_NOT_FOUND if there is no such draft. */
int manifest_list_remove(struct image_store *store, const char *name, struct hull_error *err);

/*
 * A document of a registry as it is: a manifest or an index by name; or what refers to it, as an
 * index, optionally of one artifact type.
 */
struct manifest_inspect_options {
	struct manifest_list_options common;
	bool referrers;
	const char *artifact_type;
};

int manifest_inspect(const char *name, const struct manifest_inspect_options *options,
	struct buf *ret, struct hull_error *err);

/* The same with descriptor and platform of each manifest (JSON), as docker's -v prints it. */
int manifest_inspect_verbose(const char *name, const struct manifest_inspect_options *options,
	struct buf *ret, struct hull_error *err);
