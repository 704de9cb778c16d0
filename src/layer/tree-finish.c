/* SPDX-License-Identifier: Apache-2.0 */
#include "base/buf.h"
#include "layer/tree-internal.h"

#include <string.h>
#include <sys/stat.h>

/* ---- Hard links that came before their targets ---- */

/* The entry that a pending link points to now, NULL if there is none. */
static int find_target(struct tree *tree, const struct tree_node *pending, struct tree_entry **ret,
	struct hull_error *err)
{
	const char *path = pending->pending.target, *slash = strrchr(path, '/');
	const char *base = slash ? slash + 1 : path;
	struct tree_node *dir;
	int r = tree_resolve_dir(tree, path, slash ? (size_t)(slash - path) : 0, false, &dir, err);

	if (r < 0)
		return r;
	*ret = dir ? tree_find(tree, dir, base, strlen(base)) : NULL;
	return 0;
}

static int no_target(const struct tree_node *pending, const char *why, struct hull_error *err)
{
	char name[256], target[256];

	return error_set(err, HULL_ERROR_INVALID, "layer: hard link %s to %s: %s",
		tree_show_name(pending->pending.entry->name, name),
		tree_show_name(pending->pending.target, target), why);
}

/*
 * Follows a chain of pending links to a real node and gives that to all of the chain. A link may
 * have been replaced since: then nothing is done for it.
 */
static int settle_pending(
	struct tree *tree, struct tree_node *first, uint64_t mark, struct hull_error *err)
{
	struct tree_node *at = first, *found = NULL;
	struct tree_entry *e;

	while (!found) {
		if (at->number == mark)
			return no_target(at, "it leads back to itself", err);
		at->number = mark;
		int r = find_target(tree, at, &e, err);
		if (r < 0)
			return r;
		if (!e || !e->node)
			return no_target(at, "the target is not in this layer", err);
		if (tree_is_dir(e->node))
			return no_target(at, "the target is a directory", err);
		if (tree_is_pending(e->node))
			at = e->node;
		else
			found = e->node;
	}
	for (at = first;;) {
		int r = find_target(tree, at, &e, err);
		if (r < 0)
			return r;
		at->pending.entry->node = found;
		if (!e || !tree_is_pending(e->node))
			return 0;
		at = e->node;
	}
}

static int settle_all(struct tree *tree, struct hull_error *err)
{
	for (size_t i = 0; i < tree->n_pending; i++) {
		struct tree_node *node = tree->pending[i];
		if (node->pending.entry->node != node)
			continue;
		int r = settle_pending(tree, node, i + 1, err);
		if (r < 0)
			return r;
	}
	return 0;
}

/* ---- Directories ---- */

static int compare_entries(const void *a, const void *b)
{
	const struct tree_entry *x = *(struct tree_entry *const *)a;
	const struct tree_entry *y = *(struct tree_entry *const *)b;
	size_t n = x->length < y->length ? x->length : y->length;
	int r = memcmp(x->name, y->name, n);

	return r ? r : (int)x->length - (int)y->length;
}

/* Decides what an entry is in the end; false if it is nothing. */
static bool settle_entry(struct tree_node *dir, struct tree_entry *e)
{
	if (e->whiteout && e->node) {
		/*
		 * Over a directory it cuts off what is below, which is a new one then even if no
		 * member describes it; over anything else it adds nothing.
		 */
		if (tree_is_dir(e->node)) {
			e->node->opaque = true;
			e->node->implied = false;
		}
		e->whiteout = false;
	}
	return e->node || (e->whiteout && !dir->opaque);
}

static int finish_dir(struct tree *tree, struct tree_node *dir, struct hull_error *err)
{
	struct tree_entry *first = dir->dir.first;
	size_t n = 0;

	for (struct tree_entry *e = first; e; e = e->sibling)
		n += settle_entry(dir, e);
	dir->dir.entries = tree_alloc(tree, n * sizeof(struct tree_entry *) + 1, err);
	if (!dir->dir.entries)
		return -ENOMEM;
	for (struct tree_entry *e = first; e; e = e->sibling) {
		if (!e->node && (!e->whiteout || dir->opaque))
			continue;
		dir->dir.entries[dir->dir.n_entries++] = e;
		dir->whiteouts |= !e->node;
	}
	qsort(dir->dir.entries, n, sizeof(struct tree_entry *), compare_entries);
	return 0;
}

static void count_node(struct tree *tree, struct tree_node *node)
{
	node->number = 0;
	if (node->nlink++ > 0)
		return;
	tree->totals.nodes++;
	if (S_ISREG(node->mode))
		tree->totals.content_bytes += node->file.size;
}

/* The depth is bounded by TREE_DEPTH_MAX. */
static int finish_below(struct tree *tree, struct tree_node *dir, struct hull_error *err)
{
	int r = finish_dir(tree, dir, err);

	if (r < 0)
		return r;
	dir->number = 0;
	dir->nlink = 2;
	tree->totals.nodes++;
	tree->totals.implied += dir->implied && dir != tree->root;
	tree->totals.entries += dir->dir.n_entries;
	for (size_t i = 0; i < dir->dir.n_entries; i++) {
		struct tree_node *node = dir->dir.entries[i]->node;
		if (!node)
			continue;
		if (!tree_is_dir(node)) {
			count_node(tree, node);
			continue;
		}
		dir->nlink++;
		r = finish_below(tree, node, err);
		if (r < 0)
			return r;
	}
	return 0;
}

int tree_finish(struct tree *tree, struct hull_error *err)
{
	int r = settle_all(tree, err);

	if (r < 0)
		return r;
	return finish_below(tree, tree->root, err);
}

/* ---- Implied directories ---- */

struct implied_walk {
	int (*func)(
		void *arg, const char *path, const struct tree_node *dir, struct hull_error *err);
	void *arg;
	struct buf path;
};

static int walk_implied(struct implied_walk *w, const struct tree_node *dir, struct hull_error *err)
{
	size_t length = w->path.len;

	for (size_t i = 0; i < dir->dir.n_entries; i++) {
		const struct tree_entry *e = dir->dir.entries[i];
		if (!tree_is_dir(e->node))
			continue;
		if (length > 0)
			buf_putc(&w->path, '/');
		buf_puts(&w->path, e->name);
		if (buf_error(&w->path) < 0)
			return error_no_memory(err);
		int r = e->node->implied ? w->func(w->arg, buf_str(&w->path), e->node, err) : 0;
		if (r >= 0)
			r = walk_implied(w, e->node, err);
		if (r < 0)
			return r;
		w->path.len = length;
		w->path.data[length] = '\0';
	}
	return 0;
}

int tree_walk_implied(struct tree *tree,
	int (*func)(
		void *arg, const char *path, const struct tree_node *dir, struct hull_error *err),
	void *arg, struct hull_error *err)
{
	struct implied_walk w = {func, arg, BUF_INIT};
	int r = tree->totals.implied > 0 ? walk_implied(&w, tree->root, err) : 0;

	buf_done(&w.path);
	return r;
}
