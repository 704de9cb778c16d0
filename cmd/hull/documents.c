/* SPDX-License-Identifier: Apache-2.0 */
#include "documents.h"
#include "each.h"

#include "base/str.h"
#include "cli/format.h"
#include "engine/inspect.h"
#include "engine/inspect_network.h"
#include "image/image.h"

/* ---- One ---- */

int document_of_container(struct engine *engine, const void *data, const char *name,
	struct json_writer *w, struct hull_error *err)
{
	_cleanup_container_ struct container *c = NULL;
	const bool *size = data;
	int r = container_load(engine, name, &c, err);

	return r < 0 ? r : inspect_container(engine, c, size && *size, w, err);
}

int document_of_image(struct engine *engine, const void *data, const char *name,
	struct json_writer *w, struct hull_error *err)
{
	_cleanup_image_ struct image *image = NULL;
	struct image_store *images;
	int r = engine_images(engine, &images, err);

	if (r == 0)
		r = image_resolve(images, name, &image, NULL, err);
	return r < 0 ? r : image_inspect_json(images, image, w, err);
}

int document_of_network(struct engine *engine, const void *data, const char *name,
	struct json_writer *w, struct hull_error *err)
{
	_cleanup_arena_ struct arena arena = ARENA_INIT;
	struct network_host *host;
	struct network *network;
	int r = engine_networks(engine, &host, err);

	if (r == 0)
		r = network_find(host, &arena, name, &network, err);
	return r < 0 ? r : inspect_network(engine, network, w, err);
}

/* ---- All ---- */

struct documents {
	const char *format;
	document_fn *fn;
	const void *data;
	struct json_writer array;
};

static int add(struct engine *engine, const char *name, void *data, struct hull_error *err)
{
	struct documents *all = data;
	_cleanup_buf_ struct buf one = BUF_INIT;
	struct json_writer w = JSON_WRITER_INIT(&one, 0);
	int r = all->fn(engine, all->data, name, &w, err);

	if (r == 0 && !str_empty(all->format))
		r = format_document(buf_str(&one), one.len, all->format, stdout, err);
	if (r < 0)
		return r;
	json_raw(&all->array, buf_str(&one));
	return 1;
}

int documents_print(struct cli_context *context, int argc, char **argv, const char *format,
	document_fn *fn, const void *data, struct hull_error *err)
{
	_cleanup_buf_ struct buf text = BUF_INIT;
	struct documents all = {format, fn, data, JSON_WRITER_INIT(&text, 0)};

	json_begin_array(&all.array);
	int failed = each_name(context, argc, argv, add, &all, err);
	json_end_array(&all.array);
	if (str_empty(format)) {
		int r = format_document(
			buf_str(&text), text.len, NULL, stdout, failed ? NULL : err);
		if (r < 0)
			return r;
	}
	return failed;
}
