/* SPDX-License-Identifier: Apache-2.0 */
#include "image/manifest-draft.h"

#include "base/str.h"
#include "base/fd.h"
#include "image/connect.h"
#include "image/packed.h"

static bool is_canceled(void *data)
{
	const volatile int *canceled = data;

	return canceled && *canceled;
}

static struct http_cancel cancel_of(const struct manifest_list_options *options)
{
	return (struct http_cancel){is_canceled, (void *)options->canceled};
}

static int no_such_list(const char *name, struct hull_error *err)
{
	return error_set(err, HULL_ERROR_NOT_FOUND, "No such manifest: %s", name);
}

static int read_draft(struct image_store *store, const char *name, struct manifest_draft *ret,
	struct hull_error *err)
{
	_cleanup_free_ char *full = manifest_draft_name(name, err);
	int r = full ? manifest_draft_read(store, full, ret, err) : -1;

	return r == 0 ? no_such_list(name, err) : r < 0 ? r : 0;
}

/* ---- From registries ---- */

struct remote_manifest {
	struct reference ref;
	struct registry *registry;
	struct registry_document document;
	enum oci_media_kind kind;
};

#define REMOTE_MANIFEST_INIT                                              \
	{                                                                 \
		.ref = REFERENCE_INIT, .document = REGISTRY_DOCUMENT_INIT \
	}

static void remote_manifest_done(struct remote_manifest *m)
{
	registry_close(m->registry);
	registry_document_done(&m->document);
	reference_done(&m->ref);
}

#define _cleanup_remote_manifest_ _cleanup_(remote_manifest_done)

static int connect_to(struct remote_manifest *m, const char *name,
	const struct manifest_list_options *options, struct hull_error *err)
{
	int r = reference_parse(name, &m->ref, err);

	if (r < 0)
		return r;
	if (reference_set_default_tag(&m->ref) < 0)
		return error_no_memory(err);
	return registry_connect(
		&m->ref, &options->registry, cancel_of(options), false, &m->registry, err);
}

static int fetch(struct remote_manifest *m, const char *name,
	const struct manifest_list_options *options, struct hull_error *err)
{
	int r = connect_to(m, name, options, err);

	if (r == 0)
		r = registry_get_manifest(m->registry, m->ref.tag,
			m->ref.has_digest ? &m->ref.digest : NULL, &m->document, err);
	if (r < 0)
		return r;
	return oci_document_kind(buf_str(&m->document.body), m->document.body.len,
		m->document.media_type, name, &m->kind, err);
}

/* What an index says of a manifest; everything in the arena. */
static int describe(struct remote_manifest *m, const char *name, struct arena *arena,
	struct oci_descriptor *ret, struct hull_error *err)
{
	const struct registry_document *document = &m->document;
	_cleanup_buf_ struct buf text = BUF_INIT_MAX(0);
	struct oci_platform *platform = arena_new(arena, struct oci_platform);
	struct oci_manifest manifest;
	struct oci_image image;
	char digest[DIGEST_TEXT_SIZE];
	struct digest config;

	if (m->kind != OCI_KIND_MANIFEST)
		return error_set(err, HULL_ERROR_UNSUPPORTED,
			"%s is a list of manifests itself; name the manifests in it by their digests",
			name);
	int r = oci_manifest_parse(
		arena, buf_str(&document->body), document->body.len, name, &manifest, err);
	if (r == 0)
		r = digest_parse(manifest.config.digest, &config, err);
	if (r < 0)
		return r;
	const char *type = manifest.media_type ? manifest.media_type : document->media_type;
	*ret = (struct oci_descriptor){
		.media_type = arena_strdup(arena, type ? type : OCI_MEDIA_MANIFEST),
		.digest = arena_strdup(arena, digest_format(&document->digest, digest)),
		.size = (int64_t)document->body.len,
		.artifact_type = manifest.artifact_type,
	};
	if (!platform || !ret->media_type || !ret->digest)
		return error_no_memory(err);
	/* What is no image has no platform. */
	if (manifest.config.media_type &&
		oci_media_kind(manifest.config.media_type) != OCI_KIND_CONFIG)
		return 0;
	r = registry_get_small_blob(
		m->registry, &config, manifest.config.size, OCI_CONFIG_MAX, &text, err);
	if (r == 0)
		r = oci_image_parse(arena, buf_str(&text), text.len, name, &image, err);
	if (r < 0)
		return r;
	*platform = (struct oci_platform){
		.architecture = image.architecture,
		.os = image.os,
		.os_version = image.os_version,
		.os_features = image.os_features,
		.variant = image.variant,
	};
	ret->platform = platform;
	return 0;
}

/* ---- Drafts ---- */

static int add_manifest(struct manifest_draft *draft, const char *name,
	const struct manifest_list_options *options, struct hull_error *err)
{
	_cleanup_remote_manifest_ struct remote_manifest m = REMOTE_MANIFEST_INIT;
	struct manifest_entry entry = {0};
	int r = fetch(&m, name, options, err);

	if (r == 0)
		r = describe(&m, name, &draft->arena, &entry.descriptor, err);
	if (r < 0)
		return r;
	_cleanup_free_ char *full = reference_format(&m.ref);
	entry.reference = full ? arena_strdup(&draft->arena, full) : NULL;
	r = entry.reference ? manifest_draft_add(draft, &entry) : -ENOMEM;
	if (r == -E2BIG)
		return error_set(err, HULL_ERROR_LIMIT, "too many manifests in one list");
	return r < 0 ? error_no_memory(err) : 0;
}

int manifest_list_create(struct image_store *store, const char *name, char *const *manifests,
	bool amend, const struct manifest_list_options *options, char **ret_name,
	struct hull_error *err)
{
	_cleanup_manifest_draft_ struct manifest_draft draft = {0};
	_cleanup_free_ char *full = manifest_draft_name(name, err);
	int r = full ? manifest_draft_read(store, full, &draft, err) : -1;

	if (r < 0)
		return r;
	if (r > 0 && !amend)
		return error_set(err, HULL_ERROR_CONFLICT,
			"refusing to amend an existing manifest list with no --amend flag");
	draft.name = full;
	strv_foreach (manifest, manifests) {
		r = add_manifest(&draft, *manifest, options, err);
		if (r < 0)
			return r;
	}
	r = manifest_draft_write(store, &draft, err);
	if (r == 0)
		*ret_name = TAKE_PTR(full);
	return r;
}

static char *copy_if(struct arena *arena, const char *new, char *old)
{
	return new ? arena_strdup(arena, new) : old;
}

static int annotate(struct manifest_draft *draft, struct manifest_entry *entry,
	const struct manifest_annotation *a, struct hull_error *err)
{
	struct oci_platform *p = entry->descriptor.platform;

	if (!p)
		p = entry->descriptor.platform = arena_new(&draft->arena, struct oci_platform);
	if (!p)
		return error_no_memory(err);
	p->os = copy_if(&draft->arena, a->os, p->os);
	p->architecture = copy_if(&draft->arena, a->architecture, p->architecture);
	p->variant = copy_if(&draft->arena, a->variant, p->variant);
	p->os_version = copy_if(&draft->arena, a->os_version, p->os_version);
	if (a->os_features)
		p->os_features = NULL;
	strv_foreach (feature, a->os_features)
		if (arena_strv_append(&draft->arena, &p->os_features, *feature) < 0)
			return error_no_memory(err);
	return 0;
}

int manifest_list_annotate(struct image_store *store, const char *name, const char *manifest,
	const struct manifest_annotation *annotation, struct hull_error *err)
{
	_cleanup_manifest_draft_ struct manifest_draft draft = {0};
	_cleanup_reference_ struct reference ref = REFERENCE_INIT;
	int r = reference_parse(manifest, &ref, err);

	if (r == 0 && reference_set_default_tag(&ref) < 0)
		r = error_no_memory(err);
	if (r == 0)
		r = read_draft(store, name, &draft, err);
	if (r < 0)
		return r;
	_cleanup_free_ char *full = reference_format(&ref);
	for (size_t i = 0; full && i < draft.n; i++) {
		if (!str_eq(draft.entries[i].reference, full))
			continue;
		r = annotate(&draft, &draft.entries[i], annotation, err);
		return r < 0 ? r : manifest_draft_write(store, &draft, err);
	}
	return error_set(err, HULL_ERROR_NOT_FOUND, "manifest for image %s does not exist in %s",
		manifest, name);
}

int manifest_list_format(struct image_store *store, const char *name, bool docker_types,
	struct buf *ret, struct hull_error *err)
{
	_cleanup_manifest_draft_ struct manifest_draft draft = {0};
	int r = read_draft(store, name, &draft, err);

	if (r < 0)
		return r;
	return manifest_draft_format(
		       &draft, docker_types || manifest_draft_is_docker(&draft), ret) < 0
		       ? error_no_memory(err)
		       : 0;
}

int manifest_list_remove(struct image_store *store, const char *name, struct hull_error *err)
{
	_cleanup_free_ char *full = manifest_draft_name(name, err);
	int r = full ? manifest_draft_remove(store, full, err) : -1;

	return r == 0 ? no_such_list(name, err) : r < 0 ? r : 0;
}

/* ---- Pushing ---- */

static int write_to_fd(void *data, const void *p, size_t n, struct hull_error *err)
{
	int r = fd_write_all(*(int *)data, p, n);

	return r < 0 ? error_errno(err, r, "copy a blob") : 0;
}

/* A blob from one registry to another one, over a nameless file. */
static int copy_blob(struct image_store *store, struct registry *from, struct registry *to,
	const struct digest *digest, int64_t size, const struct http_cancel *cancel,
	struct hull_error *err)
{
	_cleanup_close_ int fd = openat(store->blobs_fd, ".", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	_cleanup_packed_ struct packed *packed = NULL;
	const struct packed_options as_it_is = {.form = COMPRESS_NONE, .cancel = cancel};
	const struct registry_upload_options upload = {.digest = digest, .size = size};
	const struct registry_sink sink = {write_to_fd, &fd};

	if (fd < 0)
		return error_errno(err, errno, "%s/blobs", store->root);
	int r = registry_get_blob(from, digest, size, NULL, &sink, err);
	if (r == 0)
		r = packed_new(store, fd, &as_it_is, &packed, err);
	if (r < 0)
		return r;
	const struct registry_source source = packed_source(packed);
	return registry_put_blob(to, &source, &upload, err);
}

struct list_push {
	struct image_store *store;
	const struct manifest_list_options *options;
	struct reference ref;
	struct registry *registry;
};

static int bring_blob(struct list_push *p, struct remote_manifest *from,
	const struct oci_descriptor *blob, struct hull_error *err)
{
	const struct http_cancel cancel = cancel_of(p->options);
	struct digest digest;
	int r = digest_parse(blob->digest, &digest, err);

	/* Foreign layers are pushed nowhere. */
	if (r < 0 || oci_media_kind(blob->media_type) == OCI_KIND_FOREIGN_LAYER)
		return r;
	r = registry_has_blob(p->registry, &digest, err);
	if (r == 0 && str_eq(from->ref.domain, p->ref.domain))
		r = registry_mount_blob(p->registry, &digest, from->ref.path, err);
	if (r != 0)
		return r < 0 ? r : 0;
	return copy_blob(p->store, from->registry, p->registry, &digest, blob->size, &cancel, err);
}

/* A manifest of the list into the repository that is pushed to. */
static int bring_manifest(
	struct list_push *p, const struct manifest_entry *entry, struct hull_error *err)
{
	_cleanup_remote_manifest_ struct remote_manifest m = REMOTE_MANIFEST_INIT;
	_cleanup_arena_ struct arena arena = ARENA_INIT;
	struct oci_manifest manifest;
	struct digest digest;
	int r = digest_parse(entry->descriptor.digest, &digest, err);

	if (r == 0)
		r = registry_has_manifest(p->registry, &digest, err);
	if (r != 0)
		return r < 0 ? r : 0;
	r = connect_to(&m, entry->reference, p->options, err);
	if (r == 0)
		r = registry_get_manifest(m.registry, NULL, &digest, &m.document, err);
	if (r == 0)
		r = oci_manifest_parse(&arena, buf_str(&m.document.body), m.document.body.len,
			entry->reference, &manifest, err);
	for (size_t i = 0; r == 0 && i < manifest.n_layers; i++)
		r = bring_blob(p, &m, &manifest.layers[i], err);
	if (r == 0)
		r = bring_blob(p, &m, &manifest.config, err);
	if (r < 0)
		return r;
	return registry_put_manifest(p->registry, NULL, entry->descriptor.media_type,
		buf_str(&m.document.body), m.document.body.len, &digest, err);
}

static int push_draft(struct list_push *p, const struct manifest_draft *draft, bool docker,
	char ret_digest[DIGEST_TEXT_SIZE], struct hull_error *err)
{
	_cleanup_buf_ struct buf text = BUF_INIT_MAX(OCI_MANIFEST_MAX);
	struct digest digest;
	int r = 0;

	for (size_t i = 0; i < draft->n && r == 0; i++) {
		const struct oci_platform *platform = draft->entries[i].descriptor.platform;
		if (platform && (str_empty(platform->os) || str_empty(platform->architecture)))
			return error_set(err, HULL_ERROR_INVALID,
				"manifest %s must have an OS and Architecture to be pushed to a registry",
				draft->entries[i].reference);
		r = bring_manifest(p, &draft->entries[i], err);
	}
	if (r < 0)
		return r;
	if (manifest_draft_format(draft, docker, &text) < 0)
		return error_no_memory(err);
	r = digest_of(DIGEST_SHA256, text.data, text.len, &digest, err);
	if (r == 0)
		r = registry_put_manifest(p->registry, p->ref.tag,
			docker ? DOCKER_MEDIA_MANIFEST_LIST : OCI_MEDIA_INDEX, text.data, text.len,
			&digest, err);
	digest_format(&digest, ret_digest);
	return r;
}

int manifest_list_push(struct image_store *store, const char *name,
	enum manifest_list_format format, bool purge, const struct manifest_list_options *options,
	char ret_digest[DIGEST_TEXT_SIZE], struct hull_error *err)
{
	_cleanup_manifest_draft_ struct manifest_draft draft = {0};
	struct list_push p = {.store = store, .options = options, .ref = REFERENCE_INIT};
	int r = read_draft(store, name, &draft, err);

	if (r == 0)
		r = reference_parse(draft.name, &p.ref, err);
	if (r == 0)
		r = registry_connect(
			&p.ref, &options->registry, cancel_of(options), true, &p.registry, err);
	if (r == 0)
		r = push_draft(&p, &draft,
			format == MANIFEST_LIST_DOCKER ||
				(format == MANIFEST_LIST_AUTO && manifest_draft_is_docker(&draft)),
			ret_digest, err);
	registry_close(p.registry);
	reference_done(&p.ref);
	if (r == 0 && purge)
		r = manifest_draft_remove(store, draft.name, err);
	return r < 0 ? r : 0;
}

/* ---- Looking ---- */

int manifest_inspect(const char *name, const struct manifest_inspect_options *options,
	struct buf *ret, struct hull_error *err)
{
	_cleanup_remote_manifest_ struct remote_manifest m = REMOTE_MANIFEST_INIT;
	int r = fetch(&m, name, &options->common, err);

	if (r == 0 && options->referrers)
		return registry_get_referrers(
			m.registry, &m.document.digest, options->artifact_type, ret, err);
	if (r < 0)
		return r;
	buf_append(ret, buf_str(&m.document.body), m.document.body.len);
	return buf_error(ret) < 0 ? error_no_memory(err) : 0;
}

/* {"Ref":..., "Descriptor":{...}, "SchemaV2Manifest" or "OCIManifest":{...}} */
static int write_verbose(struct json_writer *w, struct remote_manifest *m, const char *name,
	const struct oci_platform *platform, struct hull_error *err)
{
	_cleanup_arena_ struct arena arena = ARENA_INIT;
	struct oci_descriptor descriptor;
	int r = describe(m, name, &arena, &descriptor, err);
	_cleanup_free_ char *full = r < 0 ? NULL : reference_format(&m->ref);

	if (r < 0 || !full)
		return r < 0 ? r : error_no_memory(err);
	if (platform)
		descriptor.platform = (struct oci_platform *)platform;
	json_begin_object(w);
	json_key(w, "Ref");
	json_string(w, full);
	json_key(w, "Descriptor");
	json_struct(w, &oci_descriptor_table, &descriptor);
	json_key(w, str_eq(descriptor.media_type, DOCKER_MEDIA_MANIFEST) ? "SchemaV2Manifest"
									 : "OCIManifest");
	json_raw(w, buf_str(&m->document.body));
	json_end_object(w);
	return 0;
}

static int write_verbose_index(struct json_writer *w, struct remote_manifest *top,
	const struct manifest_list_options *options, struct hull_error *err)
{
	_cleanup_arena_ struct arena arena = ARENA_INIT;
	_cleanup_free_ char *repository = reference_name(&top->ref);
	struct oci_index index;
	int r = oci_index_parse(
		&arena, buf_str(&top->document.body), top->document.body.len, "index", &index, err);

	json_begin_array(w);
	for (size_t i = 0; r == 0 && i < index.n_manifests; i++) {
		_cleanup_remote_manifest_ struct remote_manifest m = REMOTE_MANIFEST_INIT;
		const struct oci_descriptor *entry = &index.manifests[i];
		_cleanup_free_ char *name =
			repository ? str_printf("%s@%s", repository, entry->digest) : NULL;

		if (!name)
			return error_no_memory(err);
		r = fetch(&m, name, options, err);
		if (r == 0 && m.kind == OCI_KIND_MANIFEST)
			r = write_verbose(w, &m, name, entry->platform, err);
	}
	json_end_array(w);
	return r;
}

int manifest_inspect_verbose(const char *name, const struct manifest_inspect_options *options,
	struct buf *ret, struct hull_error *err)
{
	_cleanup_remote_manifest_ struct remote_manifest m = REMOTE_MANIFEST_INIT;
	struct json_writer w = JSON_WRITER_INIT(ret, 0);
	int r = fetch(&m, name, &options->common, err);

	if (r < 0)
		return r;
	r = m.kind == OCI_KIND_INDEX ? write_verbose_index(&w, &m, &options->common, err)
				     : write_verbose(&w, &m, name, NULL, err);
	return r == 0 && buf_error(ret) < 0 ? error_no_memory(err) : r;
}
