/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Images as archives. The bytes depend on nothing but the images: times are 1970, owners are root,
 * names are in the order of the command line, blobs in the order in which they are first needed.
 *
 * A layer that goes out as it is stored needs no hashing: its digest is its diff id. A layer that is
 * compressed goes into a nameless file first, because its size stands before it and its digest in
 * its name; that file is deleted by closing it. Kept blobs of a converted image go out unchanged
 * under the manifest that they came with.
 */
#include "image/save.h"

#include "base/fd.h"
#include "base/str.h"
#include "layer/tar-write.h"

#include <sys/stat.h>

#define COPY_SIZE ((size_t)1 << 20)

static int check_canceled(const struct save *s, struct hull_error *err)
{
	if (s->options->canceled && *s->options->canceled)
		return error_set(err, HULL_ERROR_CANCELED, "canceled");
	return 0;
}

/* ---- Where members go: a tar or a directory ---- */

static int add_directory(struct save *s, const char *name, struct hull_error *err)
{
	_cleanup_free_ char *slashed = str_printf("%s/", name);
	struct tar_member m = {.type = TAR_DIRECTORY, .link = "", .mode = 0755, .name = slashed};

	if (!slashed)
		return error_no_memory(err);
	if (s->options->format != IMAGE_OCI_DIRECTORY)
		return tar_write_header(&s->sink, &m, err);
	if (mkdirat(s->fd, name, 0755) < 0)
		return error_errno(err, errno, "make %s", name);
	return 0;
}

static int add_file_header(struct save *s, const char *name, uint64_t size, struct hull_error *err)
{
	const struct tar_member m = {
		.type = TAR_FILE, .name = name, .link = "", .mode = 0644, .size = size};

	return tar_write_header(&s->sink, &m, err);
}

static int add_document(
	struct save *s, const char *name, const void *data, size_t n, struct hull_error *err)
{
	int r;

	if (s->options->format == IMAGE_OCI_DIRECTORY) {
		r = file_replace_at(s->fd, name, data, n, 0644, false);
		return r < 0 ? error_errno(err, r, "write %s", name) : 0;
	}
	r = add_file_header(s, name, n, err);
	if (r == 0)
		r = tar_write_data(&s->sink, data, n, err);
	return r < 0 ? r : tar_write_padding(&s->sink, n, err);
}

/* Copies with progress; the whole file must be there. */
static int copy_to_sink(struct save *s, const struct tar_sink *sink, int from, uint64_t size,
	const char *id, const char *status, struct hull_error *err)
{
	_cleanup_free_ char *chunk = malloc(COPY_SIZE);

	if (!chunk)
		return error_no_memory(err);
	for (uint64_t done = 0; done < size;) {
		size_t want = size - done < COPY_SIZE ? (size_t)(size - done) : COPY_SIZE;
		ssize_t n = pread(from, chunk, want, (off_t)done);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return error_errno(err, n < 0 ? errno : EIO, "read layer %s", id);
		int r = check_canceled(s, err);
		if (r == 0)
			r = sink->write(sink->arg, chunk, (size_t)n, err);
		if (r < 0)
			return r;
		done += (uint64_t)n;
		progress_event(&s->options->progress, id, status, (int64_t)done, (int64_t)size);
	}
	return 0;
}

static int add_blob_from(struct save *s, const char *name, int from, uint64_t size, const char *id,
	struct hull_error *err)
{
	int r;

	if (s->options->format == IMAGE_OCI_DIRECTORY) {
		_cleanup_close_ int to =
			openat(s->fd, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
		_cleanup_tar_file_ struct tar_file file = {.fd = -1};

		if (to < 0)
			return error_errno(err, errno, "make %s", name);
		r = tar_file_init(&file, to, err);
		if (r < 0)
			return r;
		const struct tar_sink sink = tar_file_sink(&file);
		r = copy_to_sink(s, &sink, from, size, id, "Saving", err);
		return r < 0 ? r : tar_file_flush(&file, err);
	}
	r = add_file_header(s, name, size, err);
	if (r == 0)
		r = copy_to_sink(s, &s->sink, from, size, id, "Saving", err);
	return r < 0 ? r : tar_write_padding(&s->sink, size, err);
}

/* ---- Blobs ---- */

static bool is_written(struct save *s, const struct digest *digest)
{
	for (size_t i = 0; i < s->n_written; i++)
		if (digest_equal(&s->written[i], digest))
			return true;
	return false;
}

static int note_written(struct save *s, const struct digest *digest, struct hull_error *err)
{
	struct digest *v = reallocarray(s->written, s->n_written + 1, sizeof(*v));

	if (!v)
		return error_no_memory(err);
	s->written = v;
	v[s->n_written++] = *digest;
	return 0;
}

/* The directories of an archive come before what is in them, once. */
static int make_blob_directory(
	struct save *s, enum digest_algorithm algorithm, struct hull_error *err)
{
	char name[32];
	int r = 0;

	if (s->directories == 0)
		r = add_directory(s, "blobs", err);
	if (r < 0 || s->directories & 1u << algorithm)
		return r;
	s->directories |= 1u << algorithm;
	snprintf(name, sizeof(name), "blobs/%s", digest_algorithm_name(algorithm));
	return add_directory(s, name, err);
}

/* 1: it has to be written, at that path; 0: it was. */
static int begin_blob(struct save *s, const struct digest *digest, char path[ARCHIVE_PATH_SIZE],
	struct hull_error *err)
{
	archive_blob_path(digest, path);
	if (is_written(s, digest))
		return 0;
	int r = make_blob_directory(s, digest->algorithm, err);
	if (r == 0)
		r = note_written(s, digest, err);
	return r < 0 ? r : 1;
}

static int save_document_blob(struct save *s, const struct digest *digest, const void *data,
	size_t n, struct hull_error *err)
{
	char path[ARCHIVE_PATH_SIZE];
	int r = begin_blob(s, digest, path, err);

	return r > 0 ? add_document(s, path, data, n, err) : r;
}

/* ---- Layers ---- */

struct packing {
	int fd;
	struct digest_hash *hash;
	uint64_t bytes;
};

static int on_packed(void *arg, const void *data, size_t n, struct hull_error *err)
{
	struct packing *p = arg;
	int r = fd_write_all(p->fd, data, n);

	digest_hash_update(p->hash, data, n);
	p->bytes += n;
	return r < 0 ? error_errno(err, r, "write a compressed layer") : 0;
}

static int compress_data(void *arg, const void *data, size_t n, struct hull_error *err)
{
	return compressor_write(arg, data, n, err);
}

/* The layer packed, in a nameless file. */
static int pack_layer(struct save *s, int tar_fd, uint64_t size, const char *id, int *ret_fd,
	struct digest *ret_digest, uint64_t *ret_size, struct hull_error *err)
{
	_cleanup_close_ int fd =
		openat(s->store->blobs_fd, ".", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	_cleanup_digest_hash_ struct digest_hash *hash = NULL;
	_cleanup_compressor_ struct compressor *compressor = NULL;
	struct packing packing = {.fd = fd};

	if (fd < 0)
		return error_errno(err, errno, "make a temporary file in %s/blobs", s->store->root);
	int r = digest_hash_new(DIGEST_SHA256, &hash, err);
	packing.hash = hash;
	if (r == 0)
		r = compressor_new(s->options->compression, s->options->level, on_packed, &packing,
			&compressor, err);
	const struct tar_sink sink = {compress_data, compressor};
	if (r == 0)
		r = copy_to_sink(s, &sink, tar_fd, size, id, "Compressing", err);
	if (r == 0)
		r = compressor_end(compressor, err);
	if (r == 0)
		r = digest_hash_finish(hash, ret_digest, err);
	if (r < 0)
		return r;
	*ret_size = packing.bytes;
	*ret_fd = TAKE_FD(fd);
	return 0;
}

static const char *layer_media_type(enum compress_form form)
{
	static const char *const types[] = {
		[COMPRESS_NONE] = OCI_MEDIA_LAYER,
		[COMPRESS_GZIP] = OCI_MEDIA_LAYER_GZIP,
		[COMPRESS_ZSTD] = OCI_MEDIA_LAYER_ZSTD,
	};
	return types[form];
}

static struct saved_layer *find_layer(struct save *s, const struct digest *diff_id)
{
	for (size_t i = 0; i < s->n_layers; i++)
		if (digest_equal(&s->layers[i].diff_id, diff_id))
			return &s->layers[i];
	return NULL;
}

static int note_layer(struct save *s, const struct saved_layer *layer, struct hull_error *err)
{
	struct saved_layer *v = reallocarray(s->layers, s->n_layers + 1, sizeof(*v));

	if (!v)
		return error_no_memory(err);
	s->layers = v;
	v[s->n_layers++] = *layer;
	return 0;
}

static int write_layer(struct save *s, const struct digest *diff_id, struct saved_layer *ret,
	struct hull_error *err)
{
	_cleanup_close_ int tar_fd = -1, packed_fd = -1;
	char path[ARCHIVE_PATH_SIZE], id[13];
	struct stat st;
	int r = layer_open_tar(s->store->layers, diff_id, &tar_fd, err);

	if (r < 0)
		return r;
	if (fstat(tar_fd, &st) < 0)
		return error_errno(err, errno, "layer");
	short_id(diff_id, id);
	*ret = (struct saved_layer){*diff_id, *diff_id, (uint64_t)st.st_size};
	if (s->options->compression != COMPRESS_NONE)
		r = pack_layer(s, tar_fd, ret->size, id, &packed_fd, &ret->blob, &ret->size, err);
	if (r == 0)
		r = begin_blob(s, &ret->blob, path, err);
	if (r > 0)
		r = add_blob_from(s, path, packed_fd >= 0 ? packed_fd : tar_fd, ret->size, id, err);
	if (r == 0)
		progress_event(&s->options->progress, id, "Saved", 0, 0);
	return r;
}

static int save_layer(struct save *s, const struct digest *diff_id, struct saved_layer *ret,
	struct hull_error *err)
{
	const struct saved_layer *known = find_layer(s, diff_id);

	if (known) {
		*ret = *known;
		return 0;
	}
	int r = write_layer(s, diff_id, ret, err);
	return r < 0 ? r : note_layer(s, ret, err);
}

/* ---- Manifests ---- */

static void write_descriptor(
	struct json_writer *w, const char *media_type, const struct digest *digest, uint64_t size)
{
	char text[DIGEST_TEXT_SIZE];

	json_begin_object(w);
	json_key(w, "mediaType");
	json_string(w, media_type);
	json_key(w, "digest");
	json_string(w, digest_format(digest, text));
	json_key(w, "size");
	json_u64(w, size);
	json_end_object(w);
}

static int write_manifest(struct save *s, const struct image *image,
	const struct saved_layer *layers, struct buf *text, struct hull_error *err)
{
	struct json_writer w = JSON_WRITER_INIT(text, 0);

	json_begin_object(&w);
	json_key(&w, "schemaVersion");
	json_i64(&w, 2);
	json_key(&w, "mediaType");
	json_string(&w, OCI_MEDIA_MANIFEST);
	json_key(&w, "config");
	write_descriptor(&w, OCI_MEDIA_CONFIG, &image->id, image->config_len);
	json_key(&w, "layers");
	json_begin_array(&w);
	for (size_t i = 0; i < image->n_layers; i++)
		write_descriptor(&w, layer_media_type(s->options->compression), &layers[i].blob,
			layers[i].size);
	json_end_array(&w);
	json_end_object(&w);
	return buf_error(text) < 0 ? error_no_memory(err) : 0;
}

/*
 * The image's own manifest, if all it names is kept here: converted images go out as they are. 1 if
 * so, with the blobs' digests in layers.
 */
static int find_kept_manifest(struct save *s, const struct image *image, struct saved_layer *layers,
	struct buf *text, struct hull_error *err)
{
	struct digest digest;

	if (!image->manifest_digest || image->n_layers == 0)
		return 0;
	for (size_t i = 0; i < image->n_layers; i++) {
		const struct image_layer *layer = &image->layers[i];

		if (!layer->blob_digest ||
			digest_parse(layer->blob_digest, &layers[i].blob, NULL) < 0 ||
			!blob_exists(s->store, &layers[i].blob))
			return 0;
		layers[i].diff_id = layer->diff_id;
		layers[i].size = (uint64_t)layer->blob_size;
	}
	int r = digest_parse(image->manifest_digest, &digest, err);
	return r < 0 ? r : blob_read_verified(s->store, &digest, OCI_MANIFEST_MAX, text, err);
}

static int save_kept_blobs(
	struct save *s, const struct saved_layer *layers, size_t n, struct hull_error *err)
{
	for (size_t i = 0; i < n; i++) {
		char path[ARCHIVE_PATH_SIZE], stored[DIGEST_TEXT_SIZE], id[13];
		struct stat st;
		int r = begin_blob(s, &layers[i].blob, path, err);

		if (r < 0)
			return r;
		if (r == 0)
			continue;
		blob_path(&layers[i].blob, stored);
		_cleanup_close_ int fd =
			openat(s->store->blobs_fd, stored, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
		if (fd < 0 || fstat(fd, &st) < 0)
			return error_errno(err, errno, "%s/blobs/%s", s->store->root, stored);
		short_id(&layers[i].diff_id, id);
		r = add_blob_from(s, path, fd, (uint64_t)st.st_size, id, err);
		if (r < 0)
			return r;
	}
	return 0;
}

static int save_layers(struct save *s, const struct image *image, struct saved_layer *layers,
	struct hull_error *err)
{
	for (size_t i = 0; i < image->n_layers; i++) {
		int r = save_layer(s, &image->layers[i].diff_id, &layers[i], err);
		if (r < 0)
			return r;
	}
	return 0;
}

static int save_image(struct save *s, struct saved_image *entry, struct hull_error *err)
{
	const struct image *image = entry->image;
	_cleanup_buf_ struct buf text = BUF_INIT_MAX(OCI_MANIFEST_MAX + 1);
	size_t n = image->n_layers;
	int r;

	entry->layers = calloc(n ? n : 1, sizeof(*entry->layers));
	if (!entry->layers)
		return error_no_memory(err);
	r = s->options->compression == COMPRESS_NONE
		    ? find_kept_manifest(s, image, entry->layers, &text, err)
		    : 0;
	entry->kept = r > 0;
	if (r > 0)
		r = save_kept_blobs(s, entry->layers, n, err);
	else if (r == 0)
		r = save_layers(s, image, entry->layers, err);
	if (r == 0)
		r = save_document_blob(s, &image->id, image->config_text, image->config_len, err);
	if (r == 0 && !entry->kept)
		r = write_manifest(s, image, entry->layers, &text, err);
	if (r == 0)
		r = digest_of(DIGEST_SHA256, buf_str(&text), text.len, &entry->manifest, err);
	entry->manifest_size = text.len;
	return r < 0 ? r : save_document_blob(s, &entry->manifest, buf_str(&text), text.len, err);
}

/* ---- All of it ---- */

static int save_all(struct save *s, struct hull_error *err)
{
	_cleanup_buf_ struct buf text = BUF_INIT;
	static const char layout[] = "{\"imageLayoutVersion\":\"1.0.0\"}";
	bool docker = s->options->format == IMAGE_DOCKER_ARCHIVE;
	int r = 0;

	for (size_t i = 0; r == 0 && i < s->n_images; i++)
		r = save_image(s, &s->images[i], err);
	if (r == 0)
		r = save_format_index(s, &text, err);
	if (r == 0)
		r = add_document(s, "index.json", buf_str(&text), text.len, err);
	buf_reset(&text);
	if (r == 0 && docker)
		r = save_format_docker(s, &text, err);
	if (r == 0 && docker)
		r = add_document(s, "manifest.json", buf_str(&text), text.len, err);
	if (r == 0)
		r = add_document(s, "oci-layout", layout, strlen(layout), err);
	buf_reset(&text);
	if (r == 0 && docker)
		r = save_format_repositories(s, &text, err);
	if (r == 0 && text.len > 0)
		r = add_document(s, "repositories", buf_str(&text), text.len, err);
	if (r == 0 && s->options->format != IMAGE_OCI_DIRECTORY)
		r = tar_write_end(&s->sink, err);
	return r < 0 ? r : tar_file_flush(&s->file, err);
}

static void save_done(struct save *s)
{
	for (size_t i = 0; i < s->n_images; i++) {
		image_free(s->images[i].image);
		strv_free(s->images[i].names);
		free(s->images[i].layers);
	}
	free(s->images);
	free(s->written);
	free(s->layers);
	tar_file_done(&s->file);
}

int image_save(struct image_store *store, char *const *names, int fd,
	const struct image_save_options *options, struct hull_error *err)
{
	struct save s = {.store = store, .options = options, .fd = fd};
	_cleanup_close_ int hold = -1;
	int r = tar_file_init(&s.file, fd, err);

	s.sink = tar_file_sink(&s.file);
	if (r == 0)
		r = image_hold(store, &hold, err);
	strv_foreach (name, names)
		if (r == 0)
			r = save_find(&s, *name, err);
	if (r == 0)
		r = save_all(&s, err);
	save_done(&s);
	return r;
}
