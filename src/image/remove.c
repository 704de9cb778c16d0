/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rmi, by Docker's rules. By name: the name goes, with it the digests of the same repository if it
 * was its last tag, and the image with its last name. By id: the image goes if it has one name at
 * most, or if forced. A running container protects its image always, a stopped one unless forced;
 * its name may be taken from it by force all the same. Checks and changes are one transaction.
 */
#include "image/store.h"

#include "base/str.h"

struct removal {
	struct image_store *store;
	const struct image_remove_options *options;
	struct image_removed *out;
	const char *text; /* what the user typed */
	struct image *image;
	char **names; /* full names that are left */
};

void image_removed_done(struct image_removed *removed)
{
	strv_free(removed->untagged);
	strv_free(removed->deleted);
	*removed = (struct image_removed){0};
}

static int find_names(struct removal *m, struct hull_error *err)
{
	_cleanup_metadata_query_ struct metadata_query *q = NULL;
	int r = metadata_query(m->store->md, &q, err,
		"SELECT name FROM image_name WHERE image_id = ? ORDER BY instr(name, '@') > 0, name",
		"t", m->image->id_text);

	while (r == 0 && (r = metadata_next(q, err)) > 0)
		r = strv_append(&m->names, metadata_text(q, 0)) < 0 ? error_no_memory(err) : 0;
	return r;
}

/* Length of the repository in a full name. */
static size_t repository_length(const char *name)
{
	const char *at = strchr(name, '@');

	if (at)
		return (size_t)(at - name);
	const char *slash = strrchr(name, '/');
	const char *colon = strchr(slash ? slash : name, ':');
	return colon ? (size_t)(colon - name) : strlen(name);
}

static bool same_repository(const char *a, const char *b)
{
	size_t n = repository_length(a);

	return n == repository_length(b) && strncmp(a, b, n) == 0;
}

static bool is_digested(const char *name)
{
	return strchr(name, '@');
}

/* One name, or one tag and digests of its repository alone. */
static bool has_single_name(char *const *names)
{
	const char *tag = NULL;

	strv_foreach (name, names) {
		if (is_digested(*name))
			continue;
		if (tag)
			return false;
		tag = *name;
	}
	if (!tag && names)
		tag = names[0];
	strv_foreach (name, names)
		if (!same_repository(*name, tag))
			return false;
	return true;
}

static int untag(struct removal *m, const char *name, struct hull_error *err)
{
	char **left = NULL;
	int r = metadata_exec(
		m->store->md, err, "DELETE FROM image_name WHERE name = ?", "t", name);

	if (r < 0)
		return r;
	if (strv_append(&m->out->untagged, reference_familiar(name)) < 0)
		return error_no_memory(err);
	strv_foreach (other, m->names) {
		if (!str_eq(*other, name) && strv_append(&left, *other) < 0) {
			strv_free(left);
			return error_no_memory(err);
		}
	}
	/* name may point into the vector that goes now. */
	strv_free(m->names);
	m->names = left;
	return 0;
}

static int untag_all(struct removal *m, struct hull_error *err)
{
	while (m->names && m->names[0]) {
		_cleanup_free_ char *name = strdup(m->names[0]);
		int r = name ? untag(m, name, err) : error_no_memory(err);

		if (r < 0)
			return r;
	}
	return 0;
}

/* Digests stay only as long as a tag of their repository does. */
static int untag_lonely_digests(struct removal *m, const char *tag, struct hull_error *err)
{
	_cleanup_strv_ char **lonely = NULL;

	strv_foreach (name, m->names) {
		if (!same_repository(*name, tag))
			continue;
		if (!is_digested(*name))
			return 0;
		if (strv_append(&lonely, *name) < 0)
			return error_no_memory(err);
	}
	strv_foreach (name, lonely) {
		int r = untag(m, *name, err);
		if (r < 0)
			return r;
	}
	return 0;
}

static int find_user(struct removal *m, const struct digest *id, char **ret_user, bool *ret_running,
	struct hull_error *err)
{
	const struct image_users *users = &m->options->users;

	*ret_running = false;
	return users->find ? users->find(users->data, id, ret_user, ret_running, err) : 0;
}

/* 0, or an error that says where the image is mounted. */
static int check_unmounted(struct removal *m, struct hull_error *err)
{
	const struct image_users *users = &m->options->users;
	_cleanup_free_ char *path = NULL;
	int r = users->mounted ? users->mounted(users->data, &m->image->id, &path, err) : 0;

	return r <= 0 ? r
		      : error_set(err, HULL_ERROR_CONFLICT,
				"conflict: unable to remove %s (must be unmounted) - image is mounted at %s",
				m->text, path);
}

static int has_children(struct removal *m, const char *id, struct hull_error *err)
{
	int64_t one;

	return metadata_get_int(
		m->store->md, &one, err, "SELECT 1 FROM image WHERE parent = ? LIMIT 1", "t", id);
}

/* 1: nothing stands against deleting the image; negative: the error says what does. */
static int check_delete(struct removal *m, bool *ret_used, struct hull_error *err)
{
	_cleanup_free_ char *user = NULL;
	bool running, force = m->options->force;
	int used = find_user(m, &m->image->id, &user, &running, err);

	*ret_used = used > 0;
	if (used >= 0 && check_unmounted(m, err) < 0)
		return -1;
	if (used < 0)
		return used;
	if (used && running)
		return error_set(err, HULL_ERROR_CONFLICT,
			"conflict: unable to delete %s (cannot be forced) - image is being used by running container %s",
			m->text, user);
	int children = has_children(m, m->image->id_text, err);
	if (children < 0)
		return children;
	if (children)
		return error_set(err, HULL_ERROR_CONFLICT,
			"conflict: unable to delete %s (cannot be forced) - image has dependent child images",
			m->text);
	if (used && !force)
		return error_set(err, HULL_ERROR_CONFLICT,
			"conflict: unable to delete %s (must be forced) - image is being used by stopped container %s",
			m->text, user);
	if (!force && !has_single_name(m->names))
		return error_set(err, HULL_ERROR_CONFLICT,
			"conflict: unable to delete %s (must be forced) - image is referenced in multiple repositories",
			m->text);
	return 1;
}

/* Chain ids of the layers that go with the image, the highest first, as docker lists them. */
static int report_freed_layers(struct removal *m, struct hull_error *err)
{
	_cleanup_strv_ char **freed = NULL;
	struct digest chain;

	for (size_t i = 0; i < m->image->n_layers; i++) {
		char diff_id[DIGEST_TEXT_SIZE], text[DIGEST_TEXT_SIZE];
		int64_t one;
		int r = digest_chain(i ? &chain : NULL, &m->image->layers[i].diff_id, &chain, err);

		if (r < 0)
			return r;
		r = metadata_get_int(m->store->md, &one, err,
			"SELECT 1 FROM image_layer WHERE diff_id = ?1 UNION ALL"
			" SELECT 1 FROM container_layer WHERE diff_id = ?1 LIMIT 1",
			"t", digest_format(&m->image->layers[i].diff_id, diff_id));
		if (r < 0)
			return r;
		if (r == 0 && strv_append(&freed, digest_format(&chain, text)) < 0)
			return error_no_memory(err);
	}
	for (size_t i = strv_length(freed); freed && i > 0; i--)
		if (strv_append(&m->out->deleted, freed[i - 1]) < 0)
			return error_no_memory(err);
	return 0;
}

static int delete_row(struct removal *m, struct hull_error *err)
{
	int r = metadata_exec(
		m->store->md, err, "DELETE FROM image WHERE id = ?", "t", m->image->id_text);

	if (r == 0 && strv_append(&m->out->deleted, m->image->id_text) < 0)
		r = error_no_memory(err);
	return r < 0 ? r : report_freed_layers(m, err);
}

/* Parents that nothing but the deleted image needed. */
static int delete_parents(struct removal *m, struct hull_error *err)
{
	while (m->image->parent) {
		_cleanup_image_ struct image *parent = NULL;
		_cleanup_free_ char *user = NULL;
		struct digest id;
		bool running;

		if (digest_parse(m->image->parent, &id, NULL) < 0 ||
			image_get(m->store, &id, &parent, NULL) < 0)
			return 0;
		int needed = parent->repo_tags || parent->repo_digests;
		if (!needed)
			needed = has_children(m, parent->id_text, err);
		if (!needed)
			needed = find_user(m, &id, &user, &running, err);
		if (needed)
			return needed < 0 ? needed : 0;
		image_free(m->image);
		m->image = TAKE_PTR(parent);
		int r = delete_row(m, err);
		if (r < 0)
			return r;
	}
	return 0;
}

static int delete_image(struct removal *m, struct hull_error *err)
{
	int r = delete_row(m, err);

	return r < 0 || m->options->no_prune ? r : delete_parents(m, err);
}

static int remove_by_name(struct removal *m, const char *name, struct hull_error *err)
{
	_cleanup_error_ struct hull_error conflict = HULL_ERROR_INIT;
	_cleanup_free_ char *user = NULL;
	bool running, used;
	int r = 0;

	if (has_single_name(m->names)) {
		r = check_unmounted(m, err);
		if (r < 0)
			return r;
	}
	if (!m->options->force && has_single_name(m->names)) {
		r = find_user(m, &m->image->id, &user, &running, err);
		if (r > 0)
			return error_set(err, HULL_ERROR_CONFLICT,
				"conflict: unable to remove repository reference \"%s\" (must force) - container %s is using its referenced image %.12s",
				m->text, user, m->image->id_text + strlen("sha256:"));
	}
	if (r == 0)
		r = untag(m, name, err);
	if (r == 0 && !is_digested(name))
		r = untag_lonely_digests(m, name, err);
	if (r < 0 || (m->names && m->names[0]))
		return r;
	r = check_delete(m, &used, &conflict);
	if (r > 0)
		return delete_image(m, err);
	/* The name is gone; that something still needs the image is no failure. */
	if (conflict.kind == HULL_ERROR_CONFLICT)
		return 0;
	error_move(err, &conflict);
	return r;
}

static int remove_by_id(struct removal *m, struct hull_error *err)
{
	bool used;
	int r = check_delete(m, &used, err);

	if (r > 0)
		r = untag_all(m, err);
	return r < 0 ? r : delete_image(m, err);
}

/* The full name behind a familiar one that was found, NULL if memory is out. */
static char *full_name(const char *familiar)
{
	_cleanup_reference_ struct reference ref = REFERENCE_INIT;

	if (reference_parse(familiar, &ref, NULL) < 0)
		return NULL;
	return ref.has_digest ? reference_digested(&ref) : reference_tagged(&ref);
}

static int remove_in_transaction(struct removal *m, struct hull_error *err)
{
	_cleanup_(metadata_rollback) struct metadata_transaction t = METADATA_TRANSACTION_INIT;
	_cleanup_free_ char *familiar = NULL, *name = NULL;
	int r = metadata_begin(m->store->md, &t, err);

	if (r == 0)
		r = image_resolve(m->store, m->text, &m->image, &familiar, err);
	if (r == 0)
		r = find_names(m, err);
	if (r < 0)
		return r;
	if (familiar) {
		name = full_name(familiar);
		r = name ? remove_by_name(m, name, err) : error_no_memory(err);
	} else {
		r = remove_by_id(m, err);
	}
	return r < 0 ? r : metadata_commit(&t, err);
}

int image_remove_rows(struct image_store *store, const char *text,
	const struct image_remove_options *options, struct image_removed *ret,
	struct hull_error *err)
{
	struct image_removed out = {0};
	struct removal m = {.store = store, .options = options, .out = &out, .text = text};
	int r = remove_in_transaction(&m, err);

	image_free(m.image);
	strv_free(m.names);
	if (r < 0)
		image_removed_done(&out);
	else
		*ret = out;
	return r;
}

int image_remove(struct image_store *store, const char *text,
	const struct image_remove_options *options, struct image_removed *ret,
	struct hull_error *err)
{
	int r = image_remove_rows(store, text, options, ret, err);

	return r == 0 && ret->deleted ? image_collect_garbage(store, NULL, err) : r;
}
