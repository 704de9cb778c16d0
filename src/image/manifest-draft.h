/* SPDX-License-Identifier: Apache-2.0 */
/* Inside of src/image: a draft of a list of manifests in memory and on disk. */
#pragma once

#include "image/manifest-list.h"
#include "image/store.h"

struct manifest_entry {
	char *reference; /* "docker.io/library/busybox@sha256:..." or with a tag, as it was given */
	struct oci_descriptor descriptor;
};

struct manifest_draft {
	struct arena arena;
	char *name; /* full, with tag */
	struct manifest_entry *entries;
	size_t n;
};

void manifest_draft_done(struct manifest_draft *draft);

#define _cleanup_manifest_draft_ _cleanup_(manifest_draft_done)

/* The full name ("docker.io/library/list:latest") of what a user typed; heap, NULL with err. */
char *manifest_draft_name(const char *text, struct hull_error *err);

/* 1: read; 0: there is none of that full name. */
int manifest_draft_read(struct image_store *store, const char *full, struct manifest_draft *ret,
	struct hull_error *err);
int manifest_draft_write(
	struct image_store *store, const struct manifest_draft *draft, struct hull_error *err);

/* 1: removed; 0: there was none. */
int manifest_draft_remove(struct image_store *store, const char *full, struct hull_error *err);

/* Adds an entry, or replaces the one of the same reference. Strings are the arena's already. */
int manifest_draft_add(struct manifest_draft *draft, const struct manifest_entry *entry);

/* The index, with Docker's types or OCI's. */
int manifest_draft_format(const struct manifest_draft *draft, bool docker, struct buf *ret);

/* Whether everything in it is of Docker's types. */
bool manifest_draft_is_docker(const struct manifest_draft *draft);
