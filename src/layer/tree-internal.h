/* SPDX-License-Identifier: Apache-2.0 */
/* Shared by the files that build a tree: lookup and memory (tree.c), rules (tree-add.c), the end (tree-finish.c). */
#pragma once

#include "base/arena.h"
#include "base/hash.h"
#include "layer/tree.h"

struct tree {
	struct arena arena;
	size_t memory;
	uint64_t max_entries;
	uint64_t n_entries; /* ever made; each lives until the tree is freed */
	struct tree_entry **buckets;
	size_t n_buckets; /* a power of two */
	struct hash_key key;
	struct tree_node *root;
	struct tree_node *last_file;
	struct tree_node **pending; /* hard links without a target yet */
	size_t n_pending;
	size_t pending_size;
	struct tree_totals totals;
};

/* Type bits of a node that stands for a hard link whose target has not come. */
#define TREE_PENDING 0

static inline bool tree_is_dir(const struct tree_node *node)
{
	return node && (node->mode & 0170000) == 0040000;
}

static inline bool tree_is_symlink(const struct tree_node *node)
{
	return node && (node->mode & 0170000) == 0120000;
}

static inline bool tree_is_pending(const struct tree_node *node)
{
	return node && (node->mode & 0170000) == TREE_PENDING;
}

/* Zeroed memory that lives as long as the tree, NULL with an error past TREE_MEMORY_MAX. */
void *tree_alloc(struct tree *tree, size_t n, struct hull_error *err);

struct tree_entry *tree_find(
	struct tree *tree, const struct tree_node *dir, const char *name, size_t length);

/* Finds or makes the entry; a new one has neither node nor whiteout and so does not exist yet. */
int tree_find_or_add(struct tree *tree, struct tree_node *dir, const char *name, size_t length,
	struct tree_entry **ret, struct hull_error *err);

/* A directory that nobody described: 0755, root's, 1970. */
int tree_new_implied(struct tree *tree, struct tree_node *parent, struct tree_node **ret,
	struct hull_error *err);

/*
 * Walks a cleaned path ("a/b/c", "" is the root) to its directory, following symlinks inside the
 * tree. With `make`, missing directories are made as implied ones; without, *ret is NULL for a path
 * that does not exist.
 */
int tree_resolve_dir(struct tree *tree, const char *path, size_t length, bool make,
	struct tree_node **ret, struct hull_error *err);

/*
 * Cleans a member's name or hard link target into out (TAR_NAME_MAX + 1 bytes): no leading slash,
 * ".", ".." or double slash; "" is the root. HULL_ERROR_INVALID if it leads out.
 */
int tree_clean_name(const char *name, char *out, struct hull_error *err);

/* The name as it may be shown: unprintable bytes are question marks. Returns out. */
const char *tree_show_name(const char *name, char out[256]);

/* The attributes of a member that layers may have, copied into the tree; false rows are dropped. */
int tree_copy_xattrs(struct tree *tree, const struct tar_member *member, struct tree_node *node,
	struct hull_error *err);
