/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A layer goes the cheapest way there is: it is there already; another repository of the registry
 * has it; its very bytes are kept here; or its tar is packed anew. The first three keep the digest
 * that the image's manifest names. Only the last changes it, and then the same tar gives the same
 * bytes again, so a second push finds them there.
 */
#include "image/push.h"

#include "base/clock.h"
#include "base/str.h"

#include <signal.h>

#define MAX_THREADS	  16
#define DEFAULT_THREADS	  5
#define EVENT_INTERVAL_NS (50 * NS_PER_MS)

bool push_canceled(void *data)
{
	struct push *p = data;

	return atomic_load(&p->failed) ||
	       (p->cancel.canceled && p->cancel.canceled(p->cancel.data));
}

void push_tell(struct push *p, const char *id, const char *status, int64_t current, int64_t total)
{
	pthread_mutex_lock(&p->lock);
	progress_event(&p->options->progress, id, status, current, total);
	pthread_mutex_unlock(&p->lock);
}

static enum compress_form form_of(const char *media_type)
{
	if (str_ends_with(media_type, "gzip"))
		return COMPRESS_GZIP;
	return str_ends_with(media_type, "zstd") ? COMPRESS_ZSTD : COMPRESS_NONE;
}

/* ---- Without sending anything ---- */

/* The part of "host/path" after the host, if the host is the one that is pushed to. */
static const char *path_at_target(const struct push *p, const char *repository)
{
	const char *rest = str_after(repository, p->ref.domain);

	return rest && *rest == '/' ? rest + 1 : NULL;
}

static int tell_found(
	struct push *p, struct push_layer *l, const struct known_blob *blob, const char *from)
{
	_cleanup_free_ char *status = from ? str_printf("Mounted from %s", from) : NULL;

	push_tell(p, l->id, status ? status : "Layer already exists", 0, 0);
	l->blob = *blob;
	return 1;
}

/* 1: the registry has the blob now; 0: not. */
static int find_blob(
	struct push *p, struct push_layer *l, const struct known_blob *blob, struct hull_error *err)
{
	struct digest digest;
	int r = digest_parse(blob->digest, &digest, err);

	if (r == 0)
		r = registry_has_blob(p->registry, &digest, err);
	if (r != 0)
		return r < 0 ? r : tell_found(p, l, blob, NULL);
	for (size_t i = 0; i < l->n_known; i++) {
		const struct known_blob *known = &l->known[i];
		const char *from = path_at_target(p, known->repository);

		if (!from || !str_eq(known->digest, blob->digest) || str_eq(from, p->ref.path))
			continue;
		r = registry_mount_blob(p->registry, &digest, from, err);
		if (r != 0)
			return r < 0 ? r : tell_found(p, l, blob, from);
	}
	return 0;
}

/* Another form of the layer that the registry has or can mount, if it is one that may go. */
static int find_other_form(
	struct push *p, struct push_layer *l, enum compress_form form, struct hull_error *err)
{
	for (size_t i = 0; i < l->n_known; i++) {
		const struct known_blob *known = &l->known[i];
		bool tried = false;

		for (size_t j = 0; j < i && !tried; j++)
			tried = str_eq(known->digest, l->known[j].digest);
		if (tried || form_of(known->media_type) != form ||
			str_eq(known->digest, l->original.digest))
			continue;
		int r = find_blob(p, l, known, err);
		if (r != 0)
			return r;
	}
	return 0;
}

/* ---- Sending ---- */

struct sending {
	struct push *push;
	struct push_layer *layer;
	struct packed *packed;
	int64_t size; /* of the blob, if it is known beforehand */
	int64_t told_ns;
};

static void on_progress(void *data, int64_t offset)
{
	struct sending *s = data;
	int64_t now = clock_monotonic_ns(), total = s->size;

	if (now - s->told_ns < EVENT_INTERVAL_NS)
		return;
	s->told_ns = now;
	/* How large it gets is not known while it is packed: then the tar is what is counted. */
	if (total < 0)
		offset = packed_taken(s->packed, &total);
	push_tell(s->push, s->layer->id, "Pushing", offset, total);
}

/* digest NULL: packs fd in a form, and says in *ret what came out. */
static int send_file(struct push *p, struct push_layer *l, int fd, enum compress_form form,
	const struct digest *digest, int64_t size, struct known_blob *ret, struct hull_error *err)
{
	_cleanup_packed_ struct packed *packed = NULL;
	struct sending sending = {.push = p, .layer = l, .size = digest ? size : -1};
	const struct http_cancel cancel = {push_canceled, p};
	const struct packed_options packed_options = {
		.form = form,
		.level = p->options->compression_level,
		.cancel = &cancel,
		.progress = on_progress,
		.progress_data = &sending,
	};
	const struct registry_upload_options upload = {
		.digest = digest, .size = digest ? size : -1, .piece = p->options->piece};
	char text[DIGEST_TEXT_SIZE];
	struct digest is;
	int r = packed_new(p->store, fd, &packed_options, &packed, err);

	if (r < 0)
		return r;
	sending.packed = packed;
	const struct registry_source source = packed_source(packed);
	r = registry_put_blob(p->registry, &source, &upload, err);
	if (r < 0)
		return r;
	push_tell(p, l->id, "Pushed", 0, 0);
	if (digest)
		return 0;
	r = packed_result(packed, &is, &ret->size, err);
	if (r < 0)
		return r;
	pthread_mutex_lock(&p->lock);
	ret->digest = arena_strdup(&p->arena, digest_format(&is, text));
	pthread_mutex_unlock(&p->lock);
	return ret->digest ? 0 : error_no_memory(err);
}

/* 1: sent with the digest it came with; 0: those bytes are not here. */
static int send_original(struct push *p, struct push_layer *l, struct hull_error *err)
{
	_cleanup_close_ int fd = -1;
	struct digest digest;
	int r = digest_parse(l->original.digest, &digest, err);

	if (r == 0)
		r = kept_blob_open(p->store, &digest, l->original.size, &fd, err);
	/* A layer that came as a plain tar is kept as it came. */
	if (r == 0 && digest_equal(&digest, &l->diff_id)) {
		r = layer_open_tar(p->store->layers, &l->diff_id, &fd, err);
		r = r < 0 ? r : 1;
	}
	if (r <= 0)
		return r;
	r = send_file(p, l, fd, COMPRESS_NONE, &digest, l->original.size, NULL, err);
	l->blob = l->original;
	return r < 0 ? r : 1;
}

static int send_packed(
	struct push *p, struct push_layer *l, enum compress_form form, struct hull_error *err)
{
	static const char *const types[] = {
		[COMPRESS_NONE] = OCI_MEDIA_LAYER,
		[COMPRESS_GZIP] = OCI_MEDIA_LAYER_GZIP,
		[COMPRESS_ZSTD] = OCI_MEDIA_LAYER_ZSTD,
	};
	_cleanup_close_ int fd = -1;
	int r = layer_open_tar(p->store->layers, &l->diff_id, &fd, err);

	if (r < 0)
		return r;
	l->blob.media_type = (char *)types[form];
	l->packed = true;
	return send_file(p, l, fd, form, NULL, 0, &l->blob, err);
}

static int push_layer(struct push *p, struct push_layer *l, struct hull_error *err)
{
	bool has_original = l->original.digest != NULL;
	enum compress_form own = has_original ? form_of(l->original.media_type) : COMPRESS_GZIP;
	enum compress_form form = p->form_given ? p->form : own;
	int r = 0;

	if (l->foreign) {
		push_tell(p, l->id, "Skipped foreign layer", 0, 0);
		l->blob = l->original;
		return 0;
	}
	if (has_original && own == form) {
		r = find_blob(p, l, &l->original, err);
		if (r == 0)
			r = send_original(p, l, err);
		if (r != 0)
			return r < 0 ? r : 0;
	}
	l->changed = true;
	r = find_other_form(p, l, form, err);
	return r == 0 ? send_packed(p, l, form, err) : r < 0 ? r : 0;
}

/* ---- All layers of an image ---- */

static struct push_layer *take_layer(struct push *p)
{
	struct push_layer *l = NULL;

	pthread_mutex_lock(&p->lock);
	while (p->next < p->n_layers && p->layers[p->next].repeated)
		p->next++;
	if (p->next < p->n_layers)
		l = &p->layers[p->next++];
	pthread_mutex_unlock(&p->lock);
	return l;
}

static void keep_error(struct push *p, const struct push_layer *l, struct hull_error *error)
{
	pthread_mutex_lock(&p->lock);
	/* What the others say after the first failure is only that they were stopped. */
	if (!atomic_exchange(&p->failed, 1)) {
		if (error->kind != HULL_ERROR_CANCELED && error->kind != HULL_ERROR_DENIED)
			error_wrap(error, -1, "layer %s", l->id);
		error_move(&p->error, error);
	}
	pthread_mutex_unlock(&p->lock);
}

static void *push_thread(void *data)
{
	struct push *p = data;

	while (!push_canceled(p)) {
		_cleanup_error_ struct hull_error error = HULL_ERROR_INIT;
		struct push_layer *l = take_layer(p);

		if (!l)
			break;
		if (push_layer(p, l, &error) < 0)
			keep_error(p, l, &error);
	}
	return NULL;
}

/* Signals stay with the caller's thread. */
static size_t start_threads(struct push *p, pthread_t *threads, size_t n)
{
	sigset_t all, before;
	size_t started = 0;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	/* Fewer than wished for are enough. */
	while (started < n && pthread_create(&threads[started], NULL, push_thread, p) == 0)
		started++;
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return started;
}

int push_layers(struct push *p, struct hull_error *err)
{
	unsigned int most = p->options->max_uploads ? p->options->max_uploads : DEFAULT_THREADS;
	pthread_t threads[MAX_THREADS];
	size_t n = p->n_layers;

	if (n > most)
		n = most;
	if (n > MAX_THREADS)
		n = MAX_THREADS;
	p->next = 0;
	for (size_t i = 0; i < p->n_layers; i++)
		if (!p->layers[i].repeated)
			push_tell(p, p->layers[i].id, "Preparing", 0, 0);
	size_t started = n > 1 ? start_threads(p, threads, n - 1) : 0;
	push_thread(p);
	for (size_t i = 0; i < started; i++)
		pthread_join(threads[i], NULL);
	if (atomic_load(&p->failed)) {
		error_move(err, &p->error);
		return -1;
	}
	if (push_canceled(p))
		return error_set(err, HULL_ERROR_CANCELED, "canceled");
	for (size_t i = 0; i < p->n_layers; i++) {
		struct push_layer *l = &p->layers[i];
		if (l->repeated) {
			l->blob = p->layers[l->first].blob;
			l->changed = p->layers[l->first].changed;
		}
	}
	return 0;
}

/* ---- A blob in memory ---- */

struct memory {
	const char *data;
	size_t n;
	const struct digest *digest;
};

static int64_t memory_wait(void *data, int64_t end, bool *ret_whole, struct hull_error *err)
{
	*ret_whole = true;
	return (int64_t)((struct memory *)data)->n;
}

static ssize_t memory_read(void *data, int64_t offset, void *p, size_t n, struct hull_error *err)
{
	const struct memory *m = data;

	if (n > m->n - (size_t)offset)
		n = m->n - (size_t)offset;
	memcpy(p, m->data + offset, n);
	return (ssize_t)n;
}

static int memory_digest(void *data, struct digest *ret, struct hull_error *err)
{
	*ret = *((struct memory *)data)->digest;
	return 0;
}

int push_small_blob(struct push *p, const struct digest *digest, const void *data, size_t n,
	struct hull_error *err)
{
	struct memory memory = {data, n, digest};
	const struct registry_source source = {
		.wait = memory_wait, .read = memory_read, .digest = memory_digest, .data = &memory};
	const struct registry_upload_options upload = {.digest = digest, .size = (int64_t)n};
	int r = registry_has_blob(p->registry, digest, err);

	return r == 0 ? registry_put_blob(p->registry, &source, &upload, err) : r < 0 ? r : 0;
}
