/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Manifests, indexes and configs. Nothing is a manifest and an index; what the parsers accept holds
 * only digests that are safe to make paths of; a config prints as one that is accepted again.
 */
#include "base/str.h"
#include "oci/image_spec.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_manifest(struct arena *arena, const char *text, size_t size)
{
	struct oci_manifest manifest;

	if (oci_manifest_parse(arena, text, size, "input", &manifest, NULL) < 0)
		return;
	if (!digest_is_valid(manifest.config.digest) || manifest.config.size < 0)
		abort();
	for (size_t i = 0; i < manifest.n_layers; i++)
		if (!digest_is_valid(manifest.layers[i].digest) || manifest.layers[i].size < 0)
			abort();
}

static void check_index(struct arena *arena, const char *text, size_t size)
{
	static const char *const platforms[] = {"linux/amd64", "linux/arm64", "linux/arm/v6"};
	struct oci_index index;

	if (oci_index_parse(arena, text, size, "input", &index, NULL) < 0)
		return;
	for (size_t i = 0; i < ARRAY_SIZE(platforms); i++) {
		struct oci_platform want;

		if (oci_platform_parse(arena, platforms[i], &want, NULL) < 0)
			abort();
		const struct oci_descriptor *entry = oci_index_select(&index, &want);
		if (entry && !digest_is_valid(entry->digest))
			abort();
	}
}

static void check_config(struct arena *arena, const char *text, size_t size)
{
	_cleanup_buf_ struct buf out = BUF_INIT;
	struct json_writer w = JSON_WRITER_INIT(&out, 0);
	struct oci_image image, again;

	if (oci_image_parse(arena, text, size, "input", &image, NULL) < 0)
		return;
	strv_foreach (diff_id, image.rootfs.diff_ids)
		if (!digest_is_valid(*diff_id))
			abort();
	json_struct(&w, &oci_image_table, &image);
	if (buf_error(&out) < 0)
		return;
	if (oci_image_parse(arena, buf_str(&out), out.len, "output", &again, NULL) < 0)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const types[] = {NULL, OCI_MEDIA_INDEX, OCI_MEDIA_MANIFEST};
	_cleanup_arena_ struct arena arena = ARENA_INIT;
	const char *text = (const char *)data;
	enum oci_media_kind kinds[ARRAY_SIZE(types)] = {0};

	for (size_t i = 0; i < ARRAY_SIZE(types); i++)
		if (oci_document_kind(text, size, types[i], "input", &kinds[i], NULL) < 0)
			kinds[i] = OCI_KIND_UNKNOWN;
	if (kinds[1] && kinds[2])
		abort();
	check_manifest(&arena, text, size);
	check_index(&arena, text, size);
	check_config(&arena, text, size);
	return 0;
}
