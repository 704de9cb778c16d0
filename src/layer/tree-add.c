/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The rules by which members become a tree (image-spec, layer.md):
 *  - a directory over a directory replaces attributes, everything else replaces the old entry with
 *    all that is below it;
 *  - ".wh.NAME" hides NAME in lower layers and says nothing about NAME in this one;
 *  - ".wh..wh..opq" makes its directory opaque, wherever it stands in the tar;
 *  - other names that begin with ".wh..wh." are aufs's own housekeeping and no part of the layer;
 *  - a character device 0/0 is how overlayfs writes a whiteout, and so it is one, as is a hard link
 *    to it: overlayfs makes one device and links it;
 *  - a hard link may stand before its target, which must be in the same layer.
 */
#include "base/str.h"
#include "layer/tree-internal.h"

#include <string.h>
#include <sys/stat.h>

#define WHITEOUT_PREFIX ".wh."
#define META_PREFIX	WHITEOUT_PREFIX WHITEOUT_PREFIX
#define OPAQUE_NAME	META_PREFIX ".opq"

struct place {
	char path[TAR_NAME_MAX + 1];
	size_t dir_length; /* of the path's part before the last component */
	const char *base;  /* the last component, in path */
};

static int invalid(const char *name, const char *why, struct hull_error *err)
{
	char shown[256];

	return error_set(
		err, HULL_ERROR_INVALID, "layer: %s: %s", tree_show_name(name, shown), why);
}

static int place_of(const char *name, struct place *ret, struct hull_error *err)
{
	int r = tree_clean_name(name, ret->path, err);

	if (r < 0)
		return r;
	char *slash = strrchr(ret->path, '/');
	ret->dir_length = slash ? (size_t)(slash - ret->path) : 0;
	ret->base = slash ? slash + 1 : ret->path;
	return 0;
}

/* True if the place is below a directory of aufs's own; an error below a whiteout. */
static int is_below_meta(const struct place *place, bool *ret, struct hull_error *err)
{
	const char *p = place->path;

	*ret = false;
	while (p < place->base) {
		if (str_after(p, META_PREFIX))
			*ret = true;
		else if (str_after(p, WHITEOUT_PREFIX))
			return invalid(place->path, "a file below a whiteout", err);
		p += strcspn(p, "/") + 1;
	}
	return 0;
}

/* What stood under the name in this layer is gone; its whiteout stays. */
static void remove_node(struct tree_entry *e)
{
	e->node = NULL;
}

static int copy_attributes(struct tree *tree, struct tree_node *node, const struct tar_member *m,
	struct hull_error *err)
{
	node->mode = (node->mode & S_IFMT) | (m->mode & 07777);
	node->uid = m->uid;
	node->gid = m->gid;
	node->mtime = m->mtime;
	node->mtime_ns = m->mtime_ns;
	return tree_copy_xattrs(tree, m, node, err);
}

static int add_directory(struct tree *tree, struct tree_entry *e, struct tree_node *parent,
	const struct tar_member *m, struct hull_error *err)
{
	if (!tree_is_dir(e->node)) {
		struct tree_node *node;
		int r = tree_new_implied(tree, parent, &node, err);
		if (r < 0)
			return r;
		e->node = node;
	}
	e->node->implied = false;
	return copy_attributes(tree, e->node, m, err);
}

static int set_root(struct tree *tree, const struct tar_member *m, struct hull_error *err)
{
	if (m->type != TAR_DIRECTORY)
		return invalid(m->name, "the root directory can only be a directory", err);
	tree->root->implied = false;
	return copy_attributes(tree, tree->root, m, err);
}

static int copy_contents(struct tree *tree, struct tree_node *node, const struct tar_member *m,
	struct hull_error *err)
{
	node->file.size = m->size;
	node->file.offset = m->data_offset;
	node->sparse = m->sparse;
	if (!m->sparse)
		return 0;
	struct tar_extent *extents = tree_alloc(tree, m->n_extents * sizeof(*extents) + 1, err);
	if (!extents)
		return -ENOMEM;
	if (m->n_extents > 0)
		memcpy(extents, m->extents, m->n_extents * sizeof(*extents));
	node->file.extents = extents;
	node->file.n_extents = m->n_extents;
	return 0;
}

static int copy_text(struct tree *tree, const char *text, size_t length, const char **ret,
	struct hull_error *err)
{
	char *copy = tree_alloc(tree, length + 1, err);

	if (!copy)
		return -ENOMEM;
	memcpy(copy, text, length);
	*ret = copy;
	return 0;
}

static int remember_pending(struct tree *tree, struct tree_node *node, struct hull_error *err)
{
	if (tree->n_pending == tree->pending_size) {
		size_t room = tree->pending_size ? tree->pending_size * 2 : 64;
		struct tree_node **pending =
			realloc(tree->pending, room * sizeof(struct tree_node *));
		if (!pending)
			return error_no_memory(err);
		tree->pending = pending;
		tree->pending_size = room;
	}
	tree->pending[tree->n_pending++] = node;
	return 0;
}

static void hide_by_device(struct tree_entry *e)
{
	e->whiteout = e->device = true;
}

static int add_hard_link(
	struct tree *tree, struct tree_entry *e, const struct tar_member *m, struct hull_error *err)
{
	struct place target;
	struct tree_node *dir, *node = NULL;
	int r = place_of(m->link, &target, err);

	if (r < 0)
		return error_wrap(err, r, "target of hard link %.200s", e->name);
	if (!*target.path)
		return invalid(m->name, "hard link to the root directory", err);
	r = tree_resolve_dir(tree, target.path, target.dir_length, false, &dir, err);
	if (r < 0)
		return r;
	struct tree_entry *to = dir ? tree_find(tree, dir, target.base, strlen(target.base)) : NULL;
	if (to == e)
		return invalid(m->name, "hard link to itself", err);
	/* A link to a link that waits for its target has to wait, too. */
	if (to && to->node && !tree_is_pending(to->node)) {
		if (tree_is_dir(to->node))
			return invalid(m->name, "hard link to a directory", err);
		e->node = to->node;
		return 0;
	}
	if (to && to->device) {
		hide_by_device(e);
		return 0;
	}
	node = tree_alloc(tree, sizeof(*node), err);
	if (!node)
		return -ENOMEM;
	node->mode = TREE_PENDING;
	node->pending.entry = e;
	r = copy_text(tree, target.path, strlen(target.path), &node->pending.target, err);
	if (r < 0)
		return r;
	e->node = node;
	return remember_pending(tree, node, err);
}

static int new_node(struct tree *tree, uint32_t type, const struct tar_member *m,
	struct tree_node **ret, struct hull_error *err)
{
	struct tree_node *node = tree_alloc(tree, sizeof(*node), err);

	if (!node)
		return -ENOMEM;
	node->mode = type;
	*ret = node;
	return copy_attributes(tree, node, m, err);
}

static int add_file(
	struct tree *tree, struct tree_entry *e, const struct tar_member *m, struct hull_error *err)
{
	struct tree_node *node;
	int r = new_node(tree, S_IFREG, m, &node, err);

	if (r < 0)
		return r;
	r = copy_contents(tree, node, m, err);
	if (r < 0)
		return r;
	e->node = tree->last_file = node;
	return 0;
}

static int add_symlink(
	struct tree *tree, struct tree_entry *e, const struct tar_member *m, struct hull_error *err)
{
	struct tree_node *node;
	size_t length = strlen(m->link);

	/* What symlink(2) takes. */
	if (length >= TAR_NAME_MAX)
		return invalid(m->name, "symlink target too long", err);
	int r = new_node(tree, S_IFLNK, m, &node, err);
	if (r < 0)
		return r;
	/* Linux knows no other permissions for a symlink. */
	node->mode = S_IFLNK | 0777;
	node->symlink.length = length;
	r = copy_text(tree, m->link, length, &node->symlink.target, err);
	if (r < 0)
		return r;
	e->node = node;
	return 0;
}

static int add_special(struct tree *tree, struct tree_entry *e, uint32_t type,
	const struct tar_member *m, struct hull_error *err)
{
	struct tree_node *node;

	if (type == S_IFCHR && m->major == 0 && m->minor == 0) {
		hide_by_device(e);
		return 0;
	}
	int r = new_node(tree, type, m, &node, err);
	if (r < 0)
		return r;
	if (type != S_IFIFO) {
		node->device.major = m->major;
		node->device.minor = m->minor;
	}
	e->node = node;
	return 0;
}

static int add_node(struct tree *tree, struct tree_entry *e, struct tree_node *parent,
	const struct tar_member *m, struct hull_error *err)
{
	if (m->type == TAR_DIRECTORY)
		return add_directory(tree, e, parent, m, err);
	remove_node(e);
	switch (m->type) {
	case TAR_FILE:
		return add_file(tree, e, m, err);
	case TAR_HARD_LINK:
		return add_hard_link(tree, e, m, err);
	case TAR_SYMLINK:
		return add_symlink(tree, e, m, err);
	case TAR_CHAR_DEVICE:
		return add_special(tree, e, S_IFCHR, m, err);
	case TAR_BLOCK_DEVICE:
		return add_special(tree, e, S_IFBLK, m, err);
	default:
		return add_special(tree, e, S_IFIFO, m, err);
	}
}

static int add_whiteout(struct tree *tree, struct tree_node *dir, const struct tar_member *m,
	const char *hidden, struct hull_error *err)
{
	struct tree_entry *e;

	if (!*hidden || str_eq(hidden, ".") || str_eq(hidden, ".."))
		return invalid(m->name, "whiteout of nothing", err);
	int r = tree_find_or_add(tree, dir, hidden, strlen(hidden), &e, err);
	if (r < 0)
		return r;
	e->whiteout = true;
	return 0;
}

int tree_add(struct tree *tree, const struct tar_member *m, struct hull_error *err)
{
	struct place place;
	struct tree_node *dir;
	struct tree_entry *e;
	bool meta;
	int r = place_of(m->name, &place, err);

	tree->last_file = NULL;
	if (r < 0)
		return r;
	if (!*place.path)
		return set_root(tree, m, err);
	r = is_below_meta(&place, &meta, err);
	if (r < 0 || meta)
		return r;
	const char *hidden = str_after(place.base, WHITEOUT_PREFIX);
	bool opaque = str_eq(place.base, OPAQUE_NAME);
	if (hidden && !opaque && str_after(hidden, WHITEOUT_PREFIX))
		return 0;
	r = tree_resolve_dir(tree, place.path, place.dir_length, true, &dir, err);
	if (r < 0)
		return r;
	if (opaque) {
		dir->opaque = true;
		return 0;
	}
	if (hidden)
		return add_whiteout(tree, dir, m, hidden, err);
	r = tree_find_or_add(tree, dir, place.base, strlen(place.base), &e, err);
	if (r < 0)
		return r;
	return add_node(tree, e, dir, m, err);
}

void tree_mark_dirty_padding(struct tree *tree)
{
	if (tree->last_file)
		tree->last_file->dirty_padding = true;
}

static int handle_member(void *arg, const struct tar_member *member, struct hull_error *err)
{
	return tree_add(arg, member, err);
}

static int handle_data_end(void *arg, bool padding_is_zero, struct hull_error *err)
{
	if (!padding_is_zero)
		tree_mark_dirty_padding(arg);
	return 0;
}

const struct tar_handler tree_tar_handler = {handle_member, handle_data_end};
