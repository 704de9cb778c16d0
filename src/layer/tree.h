/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A layer as a tree in memory, built from the members of its tar by the rules of the OCI image
 * specification (layer.md): what a name means is settled here, once, and both kinds of store are
 * written from the result. No name from a tar is ever resolved by the host's kernel: symlinks on the
 * way to a member are followed inside the tree, and a store only ever handles single components.
 *
 * File contents are not here: a node knows where they stand in the tar.
 */
#pragma once

#include "base/error.h"
#include "layer/tar.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TREE_ENTRIES_DEFAULT TAR_ENTRIES_DEFAULT
#define TREE_MEMORY_MAX	     ((size_t)512 << 20)
#define TREE_DEPTH_MAX	     512u /* unpacking and removing hold a file descriptor per level */
#define TREE_NAME_MAX	     255u

struct tree_entry;

struct tree_xattr {
	const char *name;
	const void *value;
	size_t size;
};

/* An inode. Its kind is in mode, as in struct stat. */
struct tree_node {
	uint32_t mode;
	uint32_t uid;
	uint32_t gid;
	uint32_t nlink; /* after tree_finish() */
	int64_t mtime;
	uint32_t mtime_ns;
	uint32_t n_xattrs;
	const struct tree_xattr *xattrs;
	uint64_t number;	/* for the writer's use; 0 after tree_finish() */
	bool implied : 1;	/* directory to look as in lower layers: no member describes it */
	bool opaque : 1;	/* directory that hides what lower layers have in it */
	bool whiteouts : 1;	/* directory with whiteouts in it, after tree_finish() */
	bool dirty_padding : 1; /* file whose last block in the tar does not end in zeros */
	bool sparse : 1;
	union {
		struct {
			uint64_t size;
			uint64_t offset; /* of the data in the tar */
			const struct tar_extent *extents;
			size_t n_extents;
		} file;
		struct {
			const char *target;
			size_t length;
		} symlink;
		struct {
			uint32_t major;
			uint32_t minor;
		} device;
		struct {
			struct tree_entry **entries; /* after tree_finish(): sorted by bytes */
			size_t n_entries;
			struct tree_node *parent; /* the root's is the root */
			struct tree_entry *first; /* while the tree is built */
			uint32_t depth;
		} dir;
		struct {
			struct tree_entry *entry; /* a hard link whose target has not come yet */
			const char *target;
		} pending;
	};
};

/* A name in a directory. */
struct tree_entry {
	struct tree_entry *hash_next;
	struct tree_entry *sibling;
	struct tree_node *parent;
	struct tree_node *node; /* NULL for a whiteout */
	bool whiteout; /* it hides this name in lower layers; after tree_finish() only if !node */
	bool device;   /* the whiteout stood in the tar as a device, to which there may be links */
	uint16_t length;
	char name[]; /* NUL-terminated */
};

struct tree;

struct tree_totals {
	uint64_t entries;	/* names, whiteouts among them */
	uint64_t nodes;		/* inodes, the root among them */
	uint64_t content_bytes; /* sizes of regular files, each inode once */
	uint64_t implied;	/* directories that no member describes, the root not among them */
};

/* max_entries 0 is TREE_ENTRIES_DEFAULT. */
int tree_new(uint64_t max_entries, struct tree **ret, struct hull_error *err);
struct tree *tree_free(struct tree *tree); /* NULL allowed; returns NULL */

/* Adds a member of the tar. Names are cleaned as Docker does it; what leads out is refused. */
int tree_add(struct tree *tree, const struct tar_member *member, struct hull_error *err);

/* Tells of the last added file that its padding is not zeros. */
void tree_mark_dirty_padding(struct tree *tree);

/* All members were added: resolves links that stood before their targets, sorts, counts. */
int tree_finish(struct tree *tree, struct hull_error *err);

/* The rest is for a finished tree. */
struct tree_node *tree_root(struct tree *tree);
const struct tree_totals *tree_get_totals(const struct tree *tree);

/*
 * Calls func for each directory that is implied, root left out, with its path without leading
 * slash; parents first. A negative result ends the walk and is passed on.
 */
int tree_walk_implied(struct tree *tree,
	int (*func)(
		void *arg, const char *path, const struct tree_node *dir, struct hull_error *err),
	void *arg, struct hull_error *err);

DEFINE_CLEANUP(struct tree *, tree_freep, tree_free)
#define _cleanup_tree_ _cleanup_(tree_freep)

/* ---- The tar end ---- */

/* Reads a tar from its bytes into a tree: a tar_reader whose members go to the tree. */
extern const struct tar_handler tree_tar_handler; /* arg is the struct tree */
