/* SPDX-License-Identifier: Apache-2.0 */
/* Shared by the parts of the EROFS writer: sizes and places (layout), chunks, bytes (write). */
#pragma once

#include "layer/erofs-format.h"
#include "layer/erofs.h"

#include <stdbool.h>

#define EROFS_META_START (EROFS_SUPER_OFFSET + EROFS_BLOCK) /* of the root's inode */

/*
 * Inline data must not cross a block. An inode moved forward by 32-byte slots can always bring
 * them to one of the first 32 bytes of a block, so this much always fits.
 */
#define EROFS_INLINE_MAX (EROFS_BLOCK - EROFS_SLOT)

/* How a directory's entries fall into blocks. */
struct erofs_dir_shape {
	uint64_t blocks; /* full ones: all but the last */
	uint32_t tail;	 /* bytes used in the last */
	bool is_inline;	 /* the tail stands behind the inode */
};

/* How the contents of a file are pointed to. */
struct erofs_chunk_shape {
	uint32_t bits; /* a chunk is EROFS_BLOCK << bits */
	uint64_t chunks;
};

struct erofs_layout {
	const struct erofs_source *source;
	uint64_t meta_end;     /* byte behind the inodes, a multiple of EROFS_BLOCK */
	uint64_t dir_blocks;   /* following it */
	uint64_t spill_blocks; /* following those: contents copied from the tar */
	uint64_t inodes;
	uint64_t chunk_bytes;
	uint64_t whiteout_nid; /* the one inode of all whiteouts, 0 if there are none */
	uint32_t whiteouts;
};

/* Gives each node its number (nid) and finds the size of everything. */
int erofs_layout(struct erofs_layout *layout, struct tree *tree, struct hull_error *err);

struct erofs_dir_shape erofs_dir_shape(const struct tree_node *dir);
uint32_t erofs_xattrs_size(const struct tree_node *node);
struct erofs_chunk_shape erofs_chunk_shape(const struct tree_node *file);

/* True for a file with contents; others have no chunks. */
static inline bool erofs_has_chunks(const struct tree_node *node)
{
	return (node->mode & 0170000) == 0100000 && node->file.size > 0;
}

/* One chunk of a file: a hole, a place in the tar, or n spilled blocks. */
struct erofs_piece {
	enum { EROFS_PIECE_HOLE, EROFS_PIECE_TAR, EROFS_PIECE_SPILL } kind;
	uint64_t tar_block;    /* of EROFS_PIECE_TAR */
	uint64_t start;	       /* in the file */
	uint64_t end;	       /* in the file, not past its size */
	uint64_t spill_blocks; /* of EROFS_PIECE_SPILL */
};

/* Goes through the chunks of a file in order; begins with all fields zero but node and shape. */
struct erofs_piece_walk {
	const struct tree_node *node;
	struct erofs_chunk_shape shape;
	uint64_t next;	 /* chunk */
	size_t extent;	 /* first one that ends behind the chunk's start */
	uint64_t packed; /* bytes of the extents before it */
};

bool erofs_next_piece(struct erofs_piece_walk *walk, struct erofs_piece *ret);

/* Copies [start, end) of a file out of the tar to `to` in fd; holes are left out. */
int erofs_copy_range(const struct tree_node *file, const struct erofs_source *source,
	uint64_t start, uint64_t end, int fd, uint64_t to, struct hull_error *err);

/* What an entry of a directory stands for, "." and ".." among them. */
struct erofs_name {
	const char *name;
	uint32_t length;
	const struct tree_node *node; /* NULL for a whiteout */
};

/* Goes through the names of a directory in the order of bytes; begins zeroed but for dir. */
struct erofs_name_walk {
	const struct tree_node *dir;
	size_t next;
	unsigned int dots; /* how many of "." and ".." were given */
};

bool erofs_next_name(struct erofs_name_walk *walk, struct erofs_name *ret);

struct erofs_xattr {
	const char *name;
	uint32_t name_length;
	uint8_t index;
	const void *value;
	uint32_t size;
};

/* The attribute number i of a node as it is written; false past the last. */
bool erofs_xattr_at(const struct tree_node *node, uint32_t i, struct erofs_xattr *ret);
