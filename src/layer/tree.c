/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Entries of all directories stand in one hash table under (directory, name). An entry is never
 * freed before the tree: an entry that was removed has neither node nor whiteout, stays in the
 * table and is used again if the name comes back. The subtree of a directory that was replaced
 * hangs on a node that nothing reaches any more.
 */
#include "layer/tree-internal.h"

#include <string.h>
#include <sys/stat.h>

#define BUCKETS_MIN  1024u
#define SYMLINKS_MAX 40u /* as in Linux */
#define IMPLIED_MODE (S_IFDIR | 0755)

void *tree_alloc(struct tree *tree, size_t n, struct hull_error *err)
{
	tree->memory += n + 16;
	if (tree->memory > TREE_MEMORY_MAX) {
		error_set(err, HULL_ERROR_LIMIT, "layer: its list of files takes more than %zu MiB",
			TREE_MEMORY_MAX >> 20);
		return NULL;
	}
	void *p = arena_alloc(&tree->arena, n);
	if (!p)
		error_no_memory(err);
	return p;
}

int tree_new(uint64_t max_entries, struct tree **ret, struct hull_error *err)
{
	_cleanup_tree_ struct tree *tree = calloc(1, sizeof(*tree));

	if (!tree)
		return error_no_memory(err);
	tree->max_entries = max_entries ? max_entries : TREE_ENTRIES_DEFAULT;
	int r = hash_key_generate(&tree->key);
	if (r < 0)
		return error_errno(err, r, "random numbers");
	tree->n_buckets = BUCKETS_MIN;
	tree->buckets = calloc(tree->n_buckets, sizeof(*tree->buckets));
	if (!tree->buckets)
		return error_no_memory(err);
	r = tree_new_implied(tree, NULL, &tree->root, err);
	if (r < 0)
		return r;
	*ret = TAKE_PTR(tree);
	return 0;
}

struct tree *tree_free(struct tree *tree)
{
	if (!tree)
		return NULL;
	arena_done(&tree->arena);
	free(tree->buckets);
	free(tree->pending);
	free(tree);
	return NULL;
}

struct tree_node *tree_root(struct tree *tree)
{
	return tree->root;
}

const struct tree_totals *tree_get_totals(const struct tree *tree)
{
	return &tree->totals;
}

static size_t bucket_of(
	const struct tree *tree, const struct tree_node *dir, const char *name, size_t length)
{
	struct hash_key key = tree->key;

	/* The directory becomes part of the key: one hash of the name alone would put the many
	 * "__init__.py" of a layer into one bucket. */
	key.k1 ^= (uint64_t)(uintptr_t)dir;
	return hash_siphash13(&key, name, length) & (tree->n_buckets - 1);
}

struct tree_entry *tree_find(
	struct tree *tree, const struct tree_node *dir, const char *name, size_t length)
{
	struct tree_entry *e = tree->buckets[bucket_of(tree, dir, name, length)];

	while (e && (e->parent != dir || e->length != length || memcmp(e->name, name, length) != 0))
		e = e->hash_next;
	return e;
}

static int grow_buckets(struct tree *tree, struct hull_error *err)
{
	struct tree_entry **old = tree->buckets;
	size_t n_old = tree->n_buckets;
	struct tree_entry **buckets = calloc(n_old * 2, sizeof(*buckets));

	if (!buckets)
		return error_no_memory(err);
	tree->buckets = buckets;
	tree->n_buckets = n_old * 2;
	for (size_t i = 0; i < n_old; i++) {
		for (struct tree_entry *e = old[i], *next; e; e = next) {
			next = e->hash_next;
			size_t b = bucket_of(tree, e->parent, e->name, e->length);
			e->hash_next = buckets[b];
			buckets[b] = e;
		}
	}
	free(old);
	return 0;
}

int tree_find_or_add(struct tree *tree, struct tree_node *dir, const char *name, size_t length,
	struct tree_entry **ret, struct hull_error *err)
{
	*ret = tree_find(tree, dir, name, length);
	if (*ret)
		return 0;
	if (length > TREE_NAME_MAX)
		return error_set(err, HULL_ERROR_LIMIT,
			"layer: a file name is longer than %u bytes", TREE_NAME_MAX);
	if (++tree->n_entries > tree->max_entries)
		return error_set(err, HULL_ERROR_LIMIT, "layer: more than %llu files",
			(unsigned long long)tree->max_entries);
	if (tree->n_entries > tree->n_buckets) {
		int r = grow_buckets(tree, err);
		if (r < 0)
			return r;
	}
	struct tree_entry *e = tree_alloc(tree, sizeof(*e) + length + 1, err);
	if (!e)
		return -ENOMEM;
	e->parent = dir;
	e->length = (uint16_t)length;
	memcpy(e->name, name, length);
	size_t b = bucket_of(tree, dir, name, length);
	e->hash_next = tree->buckets[b];
	tree->buckets[b] = e;
	e->sibling = dir->dir.first;
	dir->dir.first = e;
	*ret = e;
	return 0;
}

int tree_new_implied(
	struct tree *tree, struct tree_node *parent, struct tree_node **ret, struct hull_error *err)
{
	uint32_t depth = parent ? parent->dir.depth + 1 : 0;

	/* Symlinks to deep directories could nest for ever; no path reaches down there. */
	if (depth > TREE_DEPTH_MAX)
		return error_set(err, HULL_ERROR_LIMIT, "layer: directories nested deeper than %u",
			TREE_DEPTH_MAX);
	struct tree_node *node = tree_alloc(tree, sizeof(*node), err);
	if (!node)
		return -ENOMEM;
	node->mode = IMPLIED_MODE;
	node->implied = true;
	node->dir.parent = parent ? parent : node;
	node->dir.depth = depth;
	*ret = node;
	return 0;
}

/* The entry's directory, made if it is missing and wanted; NULL if there is none. */
static int enter(struct tree *tree, struct tree_node *dir, const char *name, size_t length,
	bool make, struct tree_node **ret, struct hull_error *err)
{
	struct tree_entry *e = tree_find(tree, dir, name, length);
	char shown[256];

	*ret = e ? e->node : NULL;
	if (*ret && !tree_is_dir(*ret) && !tree_is_symlink(*ret)) {
		*ret = NULL;
		if (!make)
			return 0;
		return error_set(err, HULL_ERROR_INVALID,
			"layer: %s is a parent of other files, but not a directory",
			tree_show_name(e->name, shown));
	}
	if (*ret || !make)
		return 0;
	int r = tree_find_or_add(tree, dir, name, length, &e, err);
	if (r < 0)
		return r;
	r = tree_new_implied(tree, dir, &e->node, err);
	*ret = e->node;
	return r;
}

/*
 * Text still to be walked: the path, and the targets of the symlinks found on it. A target is put
 * in front of what is left, so one buffer per symlink is enough and they end in order.
 */
struct walk {
	const char *text[SYMLINKS_MAX + 1];
	const char *end[SYMLINKS_MAX + 1];
	unsigned int level;
	unsigned int followed;
};

static bool next_component(struct walk *w, const char **ret, size_t *ret_length)
{
	for (;;) {
		const char *p = w->text[w->level], *end = w->end[w->level];
		while (p < end && *p == '/')
			p++;
		const char *slash = p < end ? memchr(p, '/', (size_t)(end - p)) : NULL;
		const char *stop = slash ? slash : end;
		w->text[w->level] = stop;
		if (p < stop) {
			*ret = p;
			*ret_length = (size_t)(stop - p);
			return true;
		}
		if (w->level == 0)
			return false;
		w->level--;
	}
}

int tree_resolve_dir(struct tree *tree, const char *path, size_t length, bool make,
	struct tree_node **ret, struct hull_error *err)
{
	struct walk w = {.text = {path}, .end = {path + length}};
	struct tree_node *dir = tree->root, *next;
	const char *name;
	size_t n;

	*ret = NULL;
	while (next_component(&w, &name, &n)) {
		if (n == 1 && name[0] == '.')
			continue;
		if (n == 2 && name[0] == '.' && name[1] == '.') {
			dir = dir->dir.parent; /* the root's parent is the root */
			continue;
		}
		int r = enter(tree, dir, name, n, make, &next, err);
		if (r < 0 || !next)
			return r;
		if (tree_is_dir(next)) {
			dir = next;
			continue;
		}
		if (++w.followed > SYMLINKS_MAX)
			return make ? error_set(err, HULL_ERROR_INVALID,
					      "layer: too many symlinks on the way to %.200s", path)
				    : 0;
		if (next->symlink.target[0] == '/')
			dir = tree->root;
		w.level++;
		w.text[w.level] = next->symlink.target;
		w.end[w.level] = next->symlink.target + next->symlink.length;
	}
	*ret = dir;
	return 0;
}
