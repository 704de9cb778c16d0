/* SPDX-License-Identifier: Apache-2.0 */
/* The file: a line of flags, each a word, and then the implied paths, each ended by a NUL. */
#include "layer/store-internal.h"

#include "base/fd.h"
#include "base/str.h"

#include <string.h>

#define STACK_FILE_MAX ((size_t)64 << 20)

void layer_stack_file_done(struct layer_stack_file *file)
{
	strv_free(file->implied);
	file->implied = NULL;
}

static int put_path(
	void *arg, const char *path, const struct tree_node *dir, struct hull_error *err)
{
	struct buf *text = arg;

	buf_append(text, path, strlen(path) + 1);
	return buf_error(text) < 0 ? error_set(err, HULL_ERROR_LIMIT,
					     "layer: too many directories are not described")
				   : 0;
}

int layer_stack_file_write(int dir_fd, struct tree *tree, struct hull_error *err)
{
	_cleanup_buf_ struct buf text = BUF_INIT_MAX(STACK_FILE_MAX);
	const struct tree_node *root = tree_root(tree);
	bool differs = !root->implied && ((root->mode & 07777) != 0755 || root->uid != 0 ||
						 root->gid != 0 || root->n_xattrs > 0);

	if (!root->opaque && root->implied && tree_get_totals(tree)->implied == 0)
		return 0;
	buf_printf(&text, "stack%s%s%s\n", root->opaque ? " opaque" : "",
		root->implied ? "" : " described", differs ? " differs" : "");
	int r = tree_walk_implied(tree, put_path, &text, err);
	if (r < 0)
		return r;
	r = file_replace_at(dir_fd, LAYER_STACK, text.data, text.len, 0600, false);
	return r < 0 ? error_errno(err, r, "write the layer's stack file") : 0;
}

int layer_stack_file_read(int layer_fd, struct layer_stack_file *ret, struct hull_error *err)
{
	_cleanup_buf_ struct buf text = BUF_INIT_MAX(2 * STACK_FILE_MAX);
	int r = file_read_at(layer_fd, LAYER_STACK, &text, STACK_FILE_MAX);

	*ret = (struct layer_stack_file){0};
	if (r == -ENOENT)
		return 0;
	if (r < 0)
		return error_errno(err, r, "read the layer's stack file");
	char *newline = text.len ? memchr(text.data, '\n', text.len) : NULL;
	if (!newline || !str_after(text.data, "stack") || (newline[1] && text.data[text.len - 1]))
		return error_set(err, HULL_ERROR_IO, "the layer's stack file is damaged");
	*newline = '\0';
	ret->opaque_root = strstr(text.data, " opaque") != NULL;
	ret->root_described = strstr(text.data, " described") != NULL;
	ret->root_differs = strstr(text.data, " differs") != NULL;
	for (const char *p = newline + 1; p < text.data + text.len; p += strlen(p) + 1) {
		if (strv_append(&ret->implied, p) < 0) {
			layer_stack_file_done(ret);
			return error_no_memory(err);
		}
	}
	return 1;
}
