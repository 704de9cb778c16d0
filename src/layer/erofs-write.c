/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The bytes of an image whose layout is settled. The tree is walked once more in the same order;
 * inodes and directory blocks each go to their own region, front to back, through a buffer.
 */
#include "layer/erofs-internal.h"

#include "base/fd.h"

#include <endian.h>
#include <string.h>
#include <sys/stat.h>

#define OUT_BUFFER ((size_t)256 << 10)

/* A region of the file that is written from front to back. */
struct out {
	int fd;
	uint64_t at; /* of buffer[0] */
	size_t fill;
	unsigned char *buffer;
	int error;
};

struct writer {
	struct erofs_layout layout;
	struct out meta;
	struct out dirs;
	uint64_t dir_block; /* next one to be written */
	uint64_t spill_block;
	uint32_t inode_number;
	bool whiteout_written;
	int fd;
	struct hull_error *err;
};

static void out_done(struct out *o)
{
	free(o->buffer);
}

static int out_init(struct out *o, int fd, uint64_t at, struct hull_error *err)
{
	*o = (struct out){.fd = fd, .at = at, .buffer = malloc(OUT_BUFFER)};
	return o->buffer ? 0 : error_no_memory(err);
}

static void out_flush(struct out *o)
{
	for (size_t done = 0; done < o->fill && !o->error;) {
		ssize_t n = pwrite(o->fd, o->buffer + done, o->fill - done, (off_t)(o->at + done));
		if (n < 0 && errno != EINTR)
			o->error = errno;
		done += n > 0 ? (size_t)n : 0;
	}
	o->at += o->fill;
	o->fill = 0;
}

static uint64_t out_position(const struct out *o)
{
	return o->at + o->fill;
}

/* NULL data are zeros. */
static void out_put(struct out *o, const void *data, size_t n)
{
	for (size_t done = 0; done < n;) {
		size_t take = n - done < OUT_BUFFER - o->fill ? n - done : OUT_BUFFER - o->fill;
		if (data)
			memcpy(o->buffer + o->fill, (const char *)data + done, take);
		else
			memset(o->buffer + o->fill, 0, take);
		o->fill += take;
		done += take;
		if (o->fill == OUT_BUFFER)
			out_flush(o);
	}
}

static void out_seek(struct out *o, uint64_t position)
{
	out_put(o, NULL, position - out_position(o));
}

static void put_xattrs(struct writer *w, const struct tree_node *node)
{
	struct erofs_xattr_header header = {0};
	struct erofs_xattr x = {0};

	if (erofs_xattrs_size(node) == 0)
		return;
	out_put(&w->meta, &header, sizeof(header));
	for (uint32_t i = 0; erofs_xattr_at(node, i, &x); i++) {
		struct erofs_xattr_entry entry = {
			(uint8_t)x.name_length, x.index, htole16((uint16_t)x.size)};
		size_t size = sizeof(entry) + x.name_length + x.size;
		out_put(&w->meta, &entry, sizeof(entry));
		out_put(&w->meta, x.name, x.name_length);
		out_put(&w->meta, x.value, x.size);
		out_put(&w->meta, NULL, -size & 3);
	}
}

/* Writes the inode with its attributes; what stands inline comes behind it. */
static void put_inode(struct writer *w, const struct tree_node *node, unsigned int layout,
	uint64_t size, uint32_t where)
{
	uint32_t xattrs = erofs_xattrs_size(node);
	struct erofs_inode inode = {
		.format = htole16((uint16_t)(EROFS_EXTENDED | layout)),
		.xattr_count =
			htole16((uint16_t)(xattrs ? (xattrs - EROFS_XATTR_HEADER) / 4 + 1 : 0)),
		.mode = htole16((uint16_t)node->mode),
		.size = htole64(size),
		.where = htole32(where),
		.number = htole32(++w->inode_number),
		.uid = htole32(node->uid),
		.gid = htole32(node->gid),
		.mtime = htole64((uint64_t)node->mtime),
		.mtime_ns = htole32(node->mtime_ns),
		.nlink = htole32(node->nlink),
	};

	out_seek(&w->meta, node->number * EROFS_SLOT);
	out_put(&w->meta, &inode, sizeof(inode));
	put_xattrs(w, node);
}

static uint8_t dirent_type(const struct tree_node *node)
{
	switch (node ? node->mode & S_IFMT : S_IFCHR) {
	case S_IFREG:
		return 1;
	case S_IFDIR:
		return 2;
	case S_IFCHR:
		return 3;
	case S_IFBLK:
		return 4;
	case S_IFIFO:
		return 5;
	default:
		return 7;
	}
}

/* Builds the next block of a directory and returns the bytes used; 0 when no name is left. */
static uint32_t build_dir_block(
	struct writer *w, struct erofs_name_walk *walk, unsigned char block[EROFS_BLOCK])
{
	struct erofs_name names[EROFS_BLOCK / (sizeof(struct erofs_dirent) + 1)];
	struct erofs_name_walk ahead = *walk;
	uint32_t n = 0, used = 0;

	while (erofs_next_name(&ahead, &names[n])) {
		uint32_t size = (uint32_t)sizeof(struct erofs_dirent) + names[n].length;
		if (used + size > EROFS_BLOCK)
			break;
		used += size;
		*walk = ahead;
		if (++n == ARRAY_SIZE(names))
			break;
	}
	uint32_t offset = n * (uint32_t)sizeof(struct erofs_dirent);
	memset(block, 0, EROFS_BLOCK);
	for (uint32_t i = 0; i < n; i++) {
		struct erofs_dirent entry = {
			.nid = htole64(
				names[i].node ? names[i].node->number : w->layout.whiteout_nid),
			.name_offset = htole16((uint16_t)offset),
			.type = dirent_type(names[i].node),
		};
		memcpy(block + i * sizeof(entry), &entry, sizeof(entry));
		memcpy(block + offset, names[i].name, names[i].length);
		offset += names[i].length;
	}
	return used;
}

static void put_dir(struct writer *w, const struct tree_node *dir)
{
	struct erofs_dir_shape shape = erofs_dir_shape(dir);
	struct erofs_name_walk walk = {.dir = dir};
	uint64_t in_blocks = shape.blocks + !shape.is_inline;
	unsigned char block[EROFS_BLOCK];

	put_inode(w, dir, shape.is_inline ? EROFS_LAYOUT_INLINE : EROFS_LAYOUT_FLAT,
		shape.blocks * EROFS_BLOCK + shape.tail, (uint32_t)w->dir_block);
	for (uint64_t i = 0; i < in_blocks; i++) {
		build_dir_block(w, &walk, block);
		out_put(&w->dirs, block, EROFS_BLOCK);
	}
	w->dir_block += in_blocks;
	if (shape.is_inline) {
		build_dir_block(w, &walk, block);
		out_put(&w->meta, block, shape.tail);
	}
}

static void put_symlink(struct writer *w, const struct tree_node *node)
{
	size_t n = node->symlink.length, blocks = (n + EROFS_BLOCK - 1) / EROFS_BLOCK;

	if (n <= EROFS_INLINE_MAX) {
		put_inode(w, node, EROFS_LAYOUT_INLINE, n, 0);
		out_put(&w->meta, node->symlink.target, n);
		return;
	}
	put_inode(w, node, EROFS_LAYOUT_FLAT, n, (uint32_t)w->dir_block);
	out_put(&w->dirs, node->symlink.target, n);
	out_put(&w->dirs, NULL, blocks * EROFS_BLOCK - n);
	w->dir_block += blocks;
}

static int put_file(struct writer *w, const struct tree_node *node)
{
	struct erofs_piece_walk walk = {.node = node, .shape = erofs_chunk_shape(node)};
	struct erofs_piece piece;

	put_inode(w, node, EROFS_LAYOUT_CHUNKS, node->file.size,
		EROFS_CHUNK_INDEXES | walk.shape.bits);
	out_put(&w->meta, NULL, -out_position(&w->meta) & (sizeof(struct erofs_chunk) - 1));
	while (erofs_next_piece(&walk, &piece)) {
		struct erofs_chunk chunk = {.block = htole32(EROFS_HOLE)};
		if (piece.kind == EROFS_PIECE_TAR) {
			chunk.device = htole16(1);
			chunk.block = htole32((uint32_t)piece.tar_block);
		} else if (piece.kind == EROFS_PIECE_SPILL) {
			chunk.block = htole32((uint32_t)w->spill_block);
			int r = erofs_copy_range(node, w->layout.source, piece.start, piece.end,
				w->fd, w->spill_block * EROFS_BLOCK, w->err);
			if (r < 0)
				return r;
			w->spill_block += piece.spill_blocks;
		}
		out_put(&w->meta, &chunk, sizeof(chunk));
	}
	return 0;
}

static uint32_t device_number(const struct tree_node *node)
{
	uint32_t major = node->device.major, minor = node->device.minor;

	return (minor & 0xff) | major << 8 | (minor & ~0xffu) << 12;
}

/* Another name of a node that was written stands before the position: written once, in order. */
static int put_leaf(struct writer *w, const struct tree_node *node)
{
	if (node->number * EROFS_SLOT < out_position(&w->meta))
		return 0;
	if (erofs_has_chunks(node))
		return put_file(w, node);
	switch (node->mode & S_IFMT) {
	case S_IFLNK:
		put_symlink(w, node);
		return 0;
	case S_IFCHR:
	case S_IFBLK:
		put_inode(w, node, EROFS_LAYOUT_FLAT, 0, device_number(node));
		return 0;
	default:
		put_inode(w, node, EROFS_LAYOUT_FLAT, 0, 0);
		return 0;
	}
}

static void put_whiteout(struct writer *w)
{
	struct tree_node node = {
		.mode = S_IFCHR, .number = w->layout.whiteout_nid, .nlink = w->layout.whiteouts};

	if (!w->whiteout_written)
		put_inode(w, &node, EROFS_LAYOUT_FLAT, 0, 0);
	w->whiteout_written = true;
}

static int put_below(struct writer *w, const struct tree_node *dir)
{
	int r = 0;

	put_dir(w, dir);
	for (size_t i = 0; i < dir->dir.n_entries && r >= 0; i++) {
		const struct tree_node *node = dir->dir.entries[i]->node;
		if (!node)
			put_whiteout(w);
		else if (!S_ISDIR(node->mode))
			r = put_leaf(w, node);
	}
	for (size_t i = 0; i < dir->dir.n_entries && r >= 0; i++) {
		const struct tree_node *node = dir->dir.entries[i]->node;
		if (node && S_ISDIR(node->mode))
			r = put_below(w, node);
	}
	return r;
}

static void put_super(struct writer *w, struct tree *tree, uint64_t blocks)
{
	uint64_t tar_blocks = (w->layout.source->tar_bytes + EROFS_BLOCK - 1) / EROFS_BLOCK;
	struct erofs_super super = {
		.magic = htole32(EROFS_MAGIC),
		.feature_compat = htole32(EROFS_COMPAT_MTIME),
		.block_bits = EROFS_BLOCK_BITS,
		.root_nid = htole16((uint16_t)tree_root(tree)->number),
		.inodes = htole64(w->layout.inodes),
		.blocks = htole32((uint32_t)blocks),
		.feature_incompat = htole32(EROFS_INCOMPAT_CHUNKS | EROFS_INCOMPAT_DEVICE),
		.extra_devices = htole16(1),
		.device_slot = htole16((EROFS_SUPER_OFFSET + sizeof(super)) / EROFS_DEVICE_SLOT),
	};
	struct erofs_device device = {.blocks = htole32((uint32_t)tar_blocks)};

	memcpy(super.uuid, w->layout.source->uuid, sizeof(super.uuid));
	out_seek(&w->meta, EROFS_SUPER_OFFSET);
	out_put(&w->meta, &super, sizeof(super));
	out_put(&w->meta, &device, sizeof(device));
}

static int write_all(struct writer *w, struct tree *tree, uint64_t *ret_bytes)
{
	struct erofs_layout *l = &w->layout;
	uint64_t blocks;

	w->dir_block = l->meta_end / EROFS_BLOCK;
	w->spill_block = w->dir_block + l->dir_blocks;
	blocks = w->spill_block + l->spill_blocks;
	put_super(w, tree, blocks);
	int r = put_below(w, tree_root(tree));
	if (r < 0)
		return r;
	out_seek(&w->meta, l->meta_end);
	out_flush(&w->meta);
	out_flush(&w->dirs);
	int error = w->meta.error ? w->meta.error : w->dirs.error;
	/* The last spilled block may end in a hole. */
	if (!error && ftruncate(w->fd, (off_t)(blocks * EROFS_BLOCK)) < 0)
		error = errno;
	if (error)
		return error_errno(w->err, error, "write the layer's metadata");
	*ret_bytes = blocks * EROFS_BLOCK;
	return 0;
}

int erofs_write(struct tree *tree, const struct erofs_source *source, int fd, uint64_t *ret_bytes,
	struct hull_error *err)
{
	struct writer w = {.layout = {.source = source}, .fd = fd, .err = err};
	int r = erofs_layout(&w.layout, tree, err);

	if (r < 0)
		return r;
	r = out_init(&w.meta, fd, 0, err);
	if (r == 0)
		r = out_init(&w.dirs, fd, w.layout.meta_end, err);
	if (r == 0)
		r = write_all(&w, tree, ret_bytes);
	out_done(&w.meta);
	out_done(&w.dirs);
	return r;
}
