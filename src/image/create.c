/* SPDX-License-Identifier: Apache-2.0 */
/* Images made here, from layers that are in the layer store: import, commit and build end here. */
#include "image/store.h"

#include "base/str.h"

static int describe_layers(struct image_store *store, const struct oci_image *config,
	struct arena *arena, struct image_layer **ret, size_t *ret_count, struct hull_error *err)
{
	size_t n = strv_length(config->rootfs.diff_ids);
	struct image_layer *layers = arena_array(arena, n ? n : 1, sizeof(*layers));

	if (!layers)
		return error_no_memory(err);
	for (size_t i = 0; i < n; i++) {
		struct layer_info info = {0};
		int r = digest_parse(config->rootfs.diff_ids[i], &layers[i].diff_id, err);

		if (r == 0)
			r = layer_store_info(store->layers, &layers[i].diff_id, &info, err);
		if (r < 0)
			return r;
		layers[i].content_size = (int64_t)info.content_bytes;
	}
	*ret = layers;
	*ret_count = n;
	return 0;
}

static int full_name(const char *reference, char **ret, struct hull_error *err)
{
	_cleanup_reference_ struct reference ref = REFERENCE_INIT;
	int r = reference_parse(reference, &ref, err);

	if (r < 0)
		return r;
	if (ref.has_digest)
		return error_set(err, HULL_ERROR_INVALID, "cannot name an image by a digest");
	if (reference_set_default_tag(&ref) < 0 || !(*ret = reference_tagged(&ref)))
		return error_no_memory(err);
	return 0;
}

int image_create(struct image_store *store, const char *config, size_t config_len,
	const char *reference, const struct digest *parent, struct digest *ret_id,
	struct hull_error *err)
{
	_cleanup_arena_ struct arena arena = ARENA_INIT;
	_cleanup_close_ int hold = -1;
	_cleanup_free_ char *name = NULL;
	char parent_text[DIGEST_TEXT_SIZE];
	struct image_layer *layers = NULL;
	struct oci_image image;
	size_t n_layers = 0;
	struct digest id;
	int r = reference ? full_name(reference, &name, err) : 0;

	if (r == 0)
		r = image_hold(store, &hold, err);
	if (r == 0)
		r = oci_image_parse(&arena, config, config_len, "image config", &image, err);
	if (r == 0)
		r = describe_layers(store, &image, &arena, &layers, &n_layers, err);
	if (r == 0)
		r = digest_of(DIGEST_SHA256, config, config_len, &id, err);
	if (r == 0)
		r = blob_write(store, &id, config, config_len, err);
	if (r < 0)
		return r;
	char *names[] = {name, NULL};
	struct image_record record = {
		.id = id,
		.config = &image,
		.config_media_type = OCI_MEDIA_CONFIG,
		.parent = parent ? digest_format(parent, parent_text) : NULL,
		.layers = layers,
		.n_layers = n_layers,
		.names = names,
	};
	r = image_record_insert(store, &record, err);
	if (r == 0)
		*ret_id = id;
	return r;
}
