/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where everything goes, before a byte is written: directories name inodes by their place.
 *
 *   superblock and device slot | inodes, each with its attributes and chunks, symlink target or
 *   the tail of its directory | full directory blocks | spilled contents
 *
 * A directory's inode is followed by those of its files and then by its subdirectories, so that
 * listing a directory with attributes reads neighbouring blocks.
 */
#include "layer/erofs-internal.h"

#include "base/str.h"

#include <string.h>
#include <sys/stat.h>

#define CHUNK_BYTES_MAX ((uint64_t)256 << 20) /* of all files of a layer */

static const struct {
	const char *prefix;
	uint8_t index;
} xattr_indexes[] = {
	{"user.", 1},
	{"system.posix_acl_access", 2},
	{"system.posix_acl_default", 3},
	{"trusted.", 4},
	{"security.", 6},
};

/* The attributes of overlayfs that make whiteouts and opaque directories of a layer work. */
static uint32_t added_xattr(const struct tree_node *node, uint32_t i, struct erofs_xattr *ret)
{
	uint32_t n = 0;

	if (!S_ISDIR(node->mode))
		return 0;
	if (node->opaque && n++ == i)
		*ret = (struct erofs_xattr){"overlay.opaque", 14, 4, "y", 1};
	/* Without it overlayfs lists a directory with whiteouts as it is when nothing lies below. */
	if (node->whiteouts && n++ == i)
		*ret = (struct erofs_xattr){"overlay.origin", 14, 4, "", 0};
	return n;
}

bool erofs_xattr_at(const struct tree_node *node, uint32_t i, struct erofs_xattr *ret)
{
	uint32_t added = added_xattr(node, i, ret);

	if (i < added)
		return true;
	i -= added;
	if (i >= node->n_xattrs)
		return false;
	const struct tree_xattr *x = &node->xattrs[i];
	for (size_t k = 0; k < ARRAY_SIZE(xattr_indexes); k++) {
		const char *rest = str_after(x->name, xattr_indexes[k].prefix);
		if (!rest)
			continue;
		*ret = (struct erofs_xattr){rest, (uint32_t)strlen(rest), xattr_indexes[k].index,
			x->value, (uint32_t)x->size};
		break;
	}
	return true;
}

uint32_t erofs_xattrs_size(const struct tree_node *node)
{
	struct erofs_xattr x = {0};
	uint32_t size = 0;

	for (uint32_t i = 0; erofs_xattr_at(node, i, &x); i++)
		size += (uint32_t)(sizeof(struct erofs_xattr_entry) + x.name_length + x.size + 3) &
			~3u;
	return size ? size + EROFS_XATTR_HEADER : 0;
}

/* "." and ".." are merged into the sorted entries: names that begin with "!" to "-" come before. */
bool erofs_next_name(struct erofs_name_walk *w, struct erofs_name *ret)
{
	const struct tree_node *dir = w->dir;
	const struct tree_entry *e =
		w->next < dir->dir.n_entries ? dir->dir.entries[w->next] : NULL;

	if (w->dots < 2) {
		const char *dots = w->dots == 0 ? "." : "..";
		if (!e || strcmp(e->name, dots) > 0) {
			*ret = (struct erofs_name){
				dots, w->dots + 1, w->dots == 0 ? dir : dir->dir.parent};
			w->dots++;
			return true;
		}
	}
	if (!e)
		return false;
	*ret = (struct erofs_name){e->name, e->length, e->node};
	w->next++;
	return true;
}

struct erofs_dir_shape erofs_dir_shape(const struct tree_node *dir)
{
	struct erofs_name_walk walk = {.dir = dir};
	struct erofs_dir_shape shape = {0};
	struct erofs_name name;

	while (erofs_next_name(&walk, &name)) {
		uint32_t size = (uint32_t)sizeof(struct erofs_dirent) + name.length;
		if (shape.tail + size > EROFS_BLOCK) {
			shape.blocks++;
			shape.tail = 0;
		}
		shape.tail += size;
	}
	shape.is_inline = shape.tail <= EROFS_INLINE_MAX;
	return shape;
}

static uint64_t align(uint64_t value, uint64_t to)
{
	return (value + to - 1) / to * to;
}

/* Puts an inode at the next place where `size` bytes of inline data behind it stay in one block. */
static uint64_t place_inode(struct erofs_layout *l, uint32_t xattrs, uint32_t size)
{
	uint64_t at = align(l->meta_end, EROFS_SLOT);
	uint64_t head = sizeof(struct erofs_inode) + xattrs;

	if (size > 0)
		while ((at + head) % EROFS_BLOCK + size > EROFS_BLOCK)
			at += EROFS_SLOT;
	l->meta_end = at + head + size;
	l->inodes++;
	return at / EROFS_SLOT;
}

static int layout_file(struct erofs_layout *l, struct tree_node *node, struct hull_error *err)
{
	struct erofs_piece_walk walk = {.node = node, .shape = erofs_chunk_shape(node)};
	struct erofs_piece piece;
	uint32_t xattrs = erofs_xattrs_size(node);

	node->number = place_inode(l, xattrs, 0);
	l->meta_end = align(l->meta_end, sizeof(struct erofs_chunk)) +
		      walk.shape.chunks * sizeof(struct erofs_chunk);
	l->chunk_bytes += walk.shape.chunks * sizeof(struct erofs_chunk);
	if (l->chunk_bytes > CHUNK_BYTES_MAX)
		return error_set(err, HULL_ERROR_LIMIT, "layer: its sparse files are too large");
	while (erofs_next_piece(&walk, &piece))
		l->spill_blocks += piece.spill_blocks;
	return 0;
}

static int layout_leaf(struct erofs_layout *l, struct tree_node *node, struct hull_error *err)
{
	if (node->number != 0)
		return 0; /* another name of it came before */
	if (erofs_has_chunks(node))
		return layout_file(l, node, err);
	uint32_t xattrs = erofs_xattrs_size(node), size = 0;
	if (S_ISLNK(node->mode)) {
		if (node->symlink.length <= EROFS_INLINE_MAX)
			size = (uint32_t)node->symlink.length;
		else
			l->dir_blocks += (node->symlink.length + EROFS_BLOCK - 1) / EROFS_BLOCK;
	}
	node->number = place_inode(l, xattrs, size);
	return 0;
}

static int layout_dir(struct erofs_layout *l, struct tree_node *dir, struct hull_error *err)
{
	struct erofs_dir_shape shape = erofs_dir_shape(dir);

	dir->number = place_inode(l, erofs_xattrs_size(dir), shape.is_inline ? shape.tail : 0);
	l->dir_blocks += shape.blocks + !shape.is_inline;
	for (size_t i = 0; i < dir->dir.n_entries; i++) {
		struct tree_node *node = dir->dir.entries[i]->node;
		int r = 0;
		if (!node) {
			if (l->whiteouts++ == 0)
				l->whiteout_nid = place_inode(l, 0, 0);
		} else if (!S_ISDIR(node->mode)) {
			r = layout_leaf(l, node, err);
		}
		if (r < 0)
			return r;
	}
	for (size_t i = 0; i < dir->dir.n_entries; i++) {
		struct tree_node *node = dir->dir.entries[i]->node;
		if (!node || !S_ISDIR(node->mode))
			continue;
		int r = layout_dir(l, node, err);
		if (r < 0)
			return r;
	}
	return 0;
}

int erofs_layout(struct erofs_layout *l, struct tree *tree, struct hull_error *err)
{
	l->meta_end = EROFS_META_START;
	int r = layout_dir(l, tree_root(tree), err);
	if (r < 0)
		return r;
	l->meta_end = align(l->meta_end, EROFS_BLOCK);
	uint64_t blocks = l->meta_end / EROFS_BLOCK + l->dir_blocks + l->spill_blocks;
	uint64_t tar_blocks = align(l->source->tar_bytes, EROFS_BLOCK) / EROFS_BLOCK;
	/* Block numbers have 32 bits, of which the last stands for a hole. */
	if (blocks >= UINT32_MAX || tar_blocks >= UINT32_MAX)
		return error_set(err, HULL_ERROR_LIMIT, "layer: larger than 2 TiB");
	return 0;
}
