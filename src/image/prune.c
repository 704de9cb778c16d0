/* SPDX-License-Identifier: Apache-2.0 */
/*
 * image prune: what nobody has a name for, or with `all` what no container was made from. Each image
 * is removed by a transaction of its own, as rmi would; the files go together at the end.
 */
#include "image/prune.h"
#include "image/store.h"

#include "base/str.h"

static int labels_match(struct image_store *store, struct image *image,
	const struct image_prune_options *o, struct hull_error *err)
{
	if (!o->labels && !o->not_labels)
		return 1;
	int r = image_read(store, image, err);
	if (r < 0)
		return r;
	return json_pairs_match(image->config.config.labels, image->config.config.n_labels,
		o->labels, o->not_labels);
}

static int is_unused(struct image_store *store, struct image *image,
	const struct image_prune_options *o, struct hull_error *err)
{
	_cleanup_free_ char *user = NULL;
	bool running;

	if (!o->all && image->repo_tags)
		return 0;
	if (o->until_ns && image->created_ns >= o->until_ns)
		return 0;
	int r = o->users.find(o->users.data, &image->id, &user, &running, err);
	return r != 0 ? (r < 0 ? r : 0) : labels_match(store, image, o, err);
}

static int append(char ***to, char **from, struct hull_error *err)
{
	return strv_extend(to, from) < 0 ? error_no_memory(err) : 0;
}

/* Somebody may use it or have removed it since the list was made: then it stays, or is gone. */
static int remove_one(struct image_store *store, const struct image *image,
	const struct image_prune_options *o, struct image_removed *ret, struct hull_error *err)
{
	_cleanup_error_ struct hull_error why = HULL_ERROR_INIT;
	const struct image_remove_options options = {.force = true, .users = o->users};
	struct image_removed removed = {0};
	int r = image_remove_rows(store, image->id_text, &options, &removed, &why);

	if (r == 0)
		r = append(&ret->untagged, removed.untagged, err);
	else if (why.kind == HULL_ERROR_CONFLICT || why.kind == HULL_ERROR_NOT_FOUND)
		r = 0;
	else
		error_move(err, &why);
	if (r == 0)
		r = append(&ret->deleted, removed.deleted, err);
	image_removed_done(&removed);
	return r;
}

int image_prune(struct image_store *store, const struct image_prune_options *options,
	struct image_removed *ret, int64_t *ret_bytes, struct hull_error *err)
{
	struct image **images = NULL;
	size_t n = 0;
	int r = image_list(store, &images, &n, err);

	/* Newest first: children before their parents. */
	for (size_t i = 0; r == 0 && i < n; i++) {
		r = is_unused(store, images[i], options, err);
		if (r > 0)
			r = remove_one(store, images[i], options, ret, err);
	}
	image_list_free(images, n);
	return r < 0 ? r : image_collect_garbage(store, ret_bytes, err);
}
