/* SPDX-License-Identifier: Apache-2.0 */
/* What images take: by one query over all layers, each counted once. */
#include "image/store.h"
#include "image/usage.h"

#include <string.h>

struct layer_use {
	size_t image; /* index of an image that has it */
	struct digest diff_id;
	int64_t size;
};

static int compare_uses(const void *a, const void *b)
{
	const struct layer_use *x = a, *y = b;

	return digest_compare(&x->diff_id, &y->diff_id);
}

static int find_image(struct image **images, size_t n, const char *id)
{
	/* Rows come by image, and images newest first: neither order helps the other. */
	for (size_t i = 0; i < n; i++)
		if (strcmp(images[i]->id_text, id) == 0)
			return (int)i;
	return -1;
}

static int append_use(struct layer_use **uses, size_t *n, size_t *size, const struct layer_use *use)
{
	if (*n == *size) {
		size_t more = *size ? *size * 2 : 256;
		struct layer_use *v = reallocarray(*uses, more, sizeof(*v));

		if (!v)
			return -ENOMEM;
		*uses = v;
		*size = more;
	}
	(*uses)[(*n)++] = *use;
	return 0;
}

static int read_uses(struct image_store *store, struct image **images, size_t n,
	struct layer_use **ret, size_t *ret_count, struct hull_error *err)
{
	_cleanup_metadata_query_ struct metadata_query *q = NULL;
	char last[DIGEST_TEXT_SIZE] = "";
	size_t size = 0;
	int image = -1;
	int r = metadata_query(store->md, &q, err,
		"SELECT image_id, diff_id, content_size FROM image_layer ORDER BY image_id", "");

	while (r == 0 && (r = metadata_next(q, err)) > 0) {
		const char *id = metadata_text(q, 0);
		struct layer_use use = {.size = metadata_int(q, 2)};

		if (strcmp(id, last) != 0) {
			image = find_image(images, n, id);
			snprintf(last, sizeof(last), "%s", id);
		}
		r = digest_parse(metadata_text(q, 1), &use.diff_id, err);
		if (r < 0 || image < 0)
			continue;
		use.image = (size_t)image;
		r = append_use(ret, ret_count, &size, &use) < 0 ? error_no_memory(err) : 0;
	}
	return r;
}

/* A layer that one image has more than once is not shared. */
static bool is_shared(const struct layer_use *uses, size_t n)
{
	for (size_t i = 1; i < n; i++)
		if (uses[i].image != uses[0].image)
			return true;
	return false;
}

static void count_layer(const struct layer_use *uses, size_t n, struct image_usage *usage)
{
	bool shared = is_shared(uses, n), active = false;

	for (size_t i = 0; i < n; i++) {
		struct image_usage_row *row = &usage->rows[uses[i].image];

		*(shared ? &row->shared : &row->unique) += uses[i].size;
		active = active || row->containers > 0;
	}
	usage->layers_size += uses[0].size;
	if (!active)
		usage->reclaimable += uses[0].size;
}

static int count_containers(
	struct image_store *store, struct image_usage *usage, struct hull_error *err)
{
	_cleanup_metadata_query_ struct metadata_query *q = NULL;
	int r = metadata_query(store->md, &q, err,
		"SELECT image_id, count(*) FROM container GROUP BY image_id", "");

	while (r == 0 && (r = metadata_next(q, err)) > 0) {
		int image = find_image(usage->images, usage->count, metadata_text(q, 0));

		if (image >= 0)
			usage->rows[image].containers = metadata_int(q, 1);
		r = 0;
	}
	return r;
}

int image_usage_get(struct image_store *store, struct image_usage *ret, struct hull_error *err)
{
	_cleanup_free_ struct layer_use *uses = NULL;
	size_t n = 0;
	int r = image_list(store, &ret->images, &ret->count, err);

	if (r < 0)
		return r;
	ret->rows = calloc(ret->count ? ret->count : 1, sizeof(*ret->rows));
	if (!ret->rows)
		return error_no_memory(err);
	r = count_containers(store, ret, err);
	if (r == 0)
		r = read_uses(store, ret->images, ret->count, &uses, &n, err);
	if (r < 0)
		return r;
	if (n > 0)
		qsort(uses, n, sizeof(*uses), compare_uses);
	for (size_t i = 0, end; i < n; i = end) {
		for (end = i + 1; end < n && digest_equal(&uses[end].diff_id, &uses[i].diff_id);)
			end++;
		count_layer(uses + i, end - i, ret);
	}
	return 0;
}

void image_usage_done(struct image_usage *usage)
{
	image_list_free(usage->images, usage->count);
	free(usage->rows);
}
