/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How a layer comes in. Four threads and two rings of blocks:
 *
 *   caller: hash of the blob -> ring -> inflater -> ring -> hash of the tar
 *                                                      \-> tar reader and tree, file
 *
 * so that inflating, hashing and writing overlap. The first to fail notes the error and aborts both
 * rings, which ends the others; the caller is told at its next call. The threads are joined by
 * finish or abort, after which the rest is done by the caller: checks, the layer's form, one rename.
 */
#include "layer/store-internal.h"

#include "base/fd.h"
#include "layer/inflate.h"
#include "layer/ring.h"
#include "layer/spool.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/stat.h>

#define IN_BLOCK   ((size_t)128 << 10)
#define IN_BLOCKS  8u
#define OUT_BLOCK  ((size_t)256 << 10)
#define OUT_BLOCKS 8u

#define BATCH_TAR_MAX	  ((uint64_t)16 << 20)
#define TAR_BYTES_DEFAULT ((uint64_t)256 << 30)
#define PROGRESS_STEP	  ((uint64_t)1 << 20)

enum { READER_HASH, READER_WRITE };
enum { THREAD_INFLATE, THREAD_HASH, THREAD_WRITE, THREADS };

struct layer_ingest {
	struct layer_store *store;
	struct layer_ingest_options options;
	struct digest want_blob;
	struct digest want_diff;
	struct staging staging;
	struct spool spool;
	struct tree *tree;
	struct tar_reader *tar;
	/* The caller's side. */
	unsigned char *in_block;
	size_t in_fill;
	uint64_t blob_bytes;
	uint64_t progress_next;
	struct digest_hash *blob_hash; /* NULL for a plain tar hashed as such anyway */
	bool form_known;
	/* Shared. */
	struct ring *in;
	struct ring *out;
	pthread_t threads[THREADS];
	unsigned int n_threads;
	_Atomic uint64_t blob_taken; /* by the inflater */
	_Atomic uint64_t tar_bytes;
	pthread_mutex_t lock;
	struct hull_error error; /* the first failure */
	bool failed;
	/* The hash thread's. */
	struct digest_hash *tar_hash;
};

static void fail(struct layer_ingest *in, struct hull_error *error)
{
	pthread_mutex_lock(&in->lock);
	if (in->failed) {
		hull_error_done(error);
	} else {
		in->failed = true;
		error_move(&in->error, error);
	}
	pthread_mutex_unlock(&in->lock);
	ring_abort(in->in);
	ring_abort(in->out);
}

/* Hands the noted failure to the caller. */
static int report(struct layer_ingest *in, struct hull_error *err)
{
	pthread_mutex_lock(&in->lock);
	int r = in->error.errnum ? -in->error.errnum : -1;
	error_move(err, &in->error);
	pthread_mutex_unlock(&in->lock);
	return r;
}

/* ---- Threads ---- */

static int check_limits(struct layer_ingest *in, uint64_t tar_bytes, struct hull_error *err)
{
	const struct layer_limits *limits = &in->options.limits;

	if (tar_bytes > limits->tar_bytes)
		return error_set(err, HULL_ERROR_LIMIT,
			"layer: larger than %llu bytes when decompressed",
			(unsigned long long)limits->tar_bytes);
	int r = layer_store_check_ratio(in->store, atomic_load(&in->blob_taken), tar_bytes, err);
	return r < 0 ? error_wrap(err, r, "layer") : 0;
}

static int flush_block(struct inflate_output *output, struct hull_error *err)
{
	struct layer_ingest *in = output->arg;
	uint64_t tar_bytes = atomic_fetch_add(&in->tar_bytes, output->fill) + output->fill;
	int r = check_limits(in, tar_bytes, err);

	if (r < 0)
		return r;
	ring_write_end(in->out, output->fill);
	output->fill = 0;
	output->data = ring_write_begin(in->out);
	return output->data ? 0 : error_set(err, HULL_ERROR_CANCELED, "layer: given up");
}

static int inflate_all(struct layer_ingest *in, struct hull_error *err)
{
	_cleanup_inflater_ struct inflater *inflater = NULL;
	struct inflate_output output = {
		.data = ring_write_begin(in->out),
		.size = OUT_BLOCK,
		.flush = flush_block,
		.arg = in,
	};
	const unsigned char *data;
	size_t n;

	if (!output.data)
		return 0;
	int r = inflater_new(&output, &inflater, err);
	while (r == 0 && ring_read_begin(in->in, 0, &data, &n)) {
		atomic_fetch_add(&in->blob_taken, n);
		r = inflater_feed(inflater, data, n, err);
		ring_read_end(in->in, 0);
	}
	return r < 0 ? r : inflater_finish(inflater, err);
}

static void *run_inflate(void *arg)
{
	struct layer_ingest *in = arg;
	struct hull_error error = HULL_ERROR_INIT;

	/* After an abort the end of the input means nothing; the first failure is noted already. */
	if (inflate_all(in, &error) < 0)
		fail(in, &error);
	else
		ring_close(in->out);
	return NULL;
}

static void *run_hash(void *arg)
{
	struct layer_ingest *in = arg;
	const unsigned char *data;
	size_t n;

	while (ring_read_begin(in->out, READER_HASH, &data, &n)) {
		digest_hash_update(in->tar_hash, data, n);
		ring_read_end(in->out, READER_HASH);
	}
	return NULL;
}

static void *run_write(void *arg)
{
	struct layer_ingest *in = arg;
	struct hull_error error = HULL_ERROR_INIT;
	const unsigned char *data;
	size_t n;

	while (ring_read_begin(in->out, READER_WRITE, &data, &n)) {
		int r = tar_reader_feed(in->tar, data, n, &error);
		if (r == 0)
			r = spool_write(&in->spool, data, n, &error);
		ring_read_end(in->out, READER_WRITE);
		if (r < 0) {
			fail(in, &error);
			break;
		}
	}
	return NULL;
}

/* Signals are the business of the program's own threads. */
static int start_threads(struct layer_ingest *in, struct hull_error *err)
{
	static void *(*const run[THREADS])(void *) = {run_inflate, run_hash, run_write};
	sigset_t all, before;
	int e = 0;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	while (in->n_threads < THREADS && e == 0) {
		e = pthread_create(&in->threads[in->n_threads], NULL, run[in->n_threads], in);
		in->n_threads += e == 0;
	}
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return e ? error_errno(err, e, "start a thread") : 0;
}

static void join_threads(struct layer_ingest *in)
{
	while (in->n_threads > 0)
		pthread_join(in->threads[--in->n_threads], NULL);
}

/* ---- Begin ---- */

static void set_options(struct layer_ingest *in, const struct layer_ingest_options *options)
{
	struct layer_limits *limits = &in->options.limits;

	if (options)
		in->options = *options;
	if (in->options.blob_digest) {
		in->want_blob = *in->options.blob_digest;
		in->options.blob_digest = &in->want_blob;
	}
	if (in->options.diff_id) {
		in->want_diff = *in->options.diff_id;
		in->options.diff_id = &in->want_diff;
	}
	limits->tar_bytes = limits->tar_bytes ? limits->tar_bytes : TAR_BYTES_DEFAULT;
}

static enum digest_algorithm algorithm_of(const struct digest *wanted)
{
	return wanted ? wanted->algorithm : DIGEST_SHA256;
}

static int open_all(struct layer_ingest *in, struct hull_error *err)
{
	const struct layer_limits *limits = &in->options.limits;
	/* Of a batch's layers only the first has something to find. */
	int r = in->options.batch ? 0 : staging_clean(in->store->ingest_fd, err);

	if (r == 0)
		r = staging_new(&in->staging, in->store->ingest_fd, err);
	if (r < 0)
		return r;
	int fd = openat(in->staging.fd, LAYER_TAR, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0)
		return error_errno(err, errno, "make the layer's tar");
	spool_init(&in->spool, fd);
	r = tree_new(limits->entries, &in->tree, err);
	if (r == 0)
		r = tar_reader_new(&tree_tar_handler, in->tree, limits->entries, &in->tar, err);
	if (r == 0)
		r = digest_hash_new(algorithm_of(in->options.diff_id), &in->tar_hash, err);
	if (r == 0)
		r = digest_hash_new(algorithm_of(in->options.blob_digest), &in->blob_hash, err);
	if (r < 0)
		return r;
	in->in = ring_new(IN_BLOCKS, IN_BLOCK, 1);
	in->out = ring_new(OUT_BLOCKS, OUT_BLOCK, 2);
	if (!in->in || !in->out)
		return error_no_memory(err);
	in->in_block = ring_write_begin(in->in);
	return start_threads(in, err);
}

int layer_ingest_begin(struct layer_store *store, const struct layer_ingest_options *options,
	struct layer_ingest **ret, struct hull_error *err)
{
	_cleanup_layer_ingest_ struct layer_ingest *in = calloc(1, sizeof(*in));

	if (!in)
		return error_no_memory(err);
	in->store = store;
	in->staging = (struct staging)STAGING_INIT;
	in->spool.fd = -1;
	pthread_mutex_init(&in->lock, NULL);
	set_options(in, options);
	int r = open_all(in, err);
	if (r < 0)
		return r;
	*ret = TAKE_PTR(in);
	return 0;
}

struct layer_ingest *layer_ingest_abort(struct layer_ingest *in)
{
	if (!in)
		return NULL;
	if (in->in)
		ring_abort(in->in);
	if (in->out)
		ring_abort(in->out);
	join_threads(in);
	ring_free(in->in);
	ring_free(in->out);
	tar_reader_free(in->tar);
	tree_free(in->tree);
	digest_hash_free(in->tar_hash);
	digest_hash_free(in->blob_hash);
	cleanup_closep(&in->spool.fd);
	staging_done(&in->staging);
	hull_error_done(&in->error);
	pthread_mutex_destroy(&in->lock);
	free(in);
	return NULL;
}

/* ---- Write ---- */

/* The blob of a plain tar is the tar: one hash is enough for both. */
static void choose_blob_hash(struct layer_ingest *in, const void *data, size_t n)
{
	in->form_known = true;
	if (n >= INFLATE_SNIFF && inflate_sniff(data, n) == INFLATE_PLAIN &&
		algorithm_of(in->options.blob_digest) == algorithm_of(in->options.diff_id))
		in->blob_hash = digest_hash_free(in->blob_hash);
}

static int put_block(struct layer_ingest *in, struct hull_error *err)
{
	ring_write_end(in->in, in->in_fill);
	in->in_fill = 0;
	in->in_block = ring_write_begin(in->in);
	return in->in_block ? 0 : report(in, err);
}

int layer_ingest_write(struct layer_ingest *in, const void *data, size_t n, struct hull_error *err)
{
	const unsigned char *p = data;

	if (n > 0 && !in->form_known)
		choose_blob_hash(in, data, n);
	if (!in->in_block)
		return report(in, err);
	if (in->options.blob_size && n > in->options.blob_size - in->blob_bytes)
		return error_set(err, HULL_ERROR_INVALID,
			"layer: more than the %llu bytes promised",
			(unsigned long long)in->options.blob_size);
	if (in->blob_hash)
		digest_hash_update(in->blob_hash, p, n);
	in->blob_bytes += n;
	while (n > 0) {
		size_t room = IN_BLOCK - in->in_fill, take = n < room ? n : room;
		memcpy(in->in_block + in->in_fill, p, take);
		in->in_fill += take;
		p += take;
		n -= take;
		int r = in->in_fill == IN_BLOCK ? put_block(in, err) : 0;
		if (r < 0)
			return r;
	}
	if (in->options.progress && in->blob_bytes >= in->progress_next) {
		in->progress_next = in->blob_bytes + PROGRESS_STEP;
		in->options.progress(
			in->options.progress_arg, in->blob_bytes, atomic_load(&in->tar_bytes));
	}
	return 0;
}

/* ---- Finish ---- */

static int check_digest(const char *what, const struct digest *wanted, const struct digest *got,
	struct hull_error *err)
{
	char a[DIGEST_TEXT_SIZE], b[DIGEST_TEXT_SIZE];

	if (!wanted || digest_equal(wanted, got))
		return 0;
	return error_set(err, HULL_ERROR_INVALID, "layer: its %s is %s, not %s", what,
		digest_format(got, a), digest_format(wanted, b));
}

static int check_blob(
	struct layer_ingest *in, struct layer_ingest_result *result, struct hull_error *err)
{
	if (in->options.blob_size && in->blob_bytes != in->options.blob_size)
		return error_set(err, HULL_ERROR_INVALID, "layer: %llu bytes came instead of %llu",
			(unsigned long long)in->blob_bytes,
			(unsigned long long)in->options.blob_size);
	int r = digest_hash_finish(in->tar_hash, &result->diff_id, err);
	if (r < 0)
		return r;
	result->blob_digest = result->diff_id;
	if (in->blob_hash)
		r = digest_hash_finish(in->blob_hash, &result->blob_digest, err);
	if (r == 0)
		r = check_digest("digest", in->options.blob_digest, &result->blob_digest, err);
	if (r == 0)
		r = check_digest("diff id", in->options.diff_id, &result->diff_id, err);
	return r;
}

/* Waits for the threads and looks at what they found. */
static int drain(struct layer_ingest *in, struct hull_error *err)
{
	if (!in->in_block)
		return report(in, err);
	if (in->in_fill > 0)
		ring_write_end(in->in, in->in_fill);
	in->in_block = NULL;
	ring_close(in->in);
	join_threads(in);
	return in->failed ? report(in, err) : 0;
}

/* Not through a batch if that would put off much. */
static int publish(
	struct layer_ingest *in, struct layer_ingest_result *result, struct hull_error *err)
{
	if (in->options.batch && in->spool.written <= BATCH_TAR_MAX) {
		sync_file_range(in->spool.fd, 0, 0, SYNC_FILE_RANGE_WRITE); /* advice */
		return layer_batch_add(in->options.batch, &in->staging, &result->diff_id, err);
	}
	int r = layer_publish(in->store, &in->staging, &result->diff_id, err);
	result->existed = r == 1;
	return r < 0 ? r : 0;
}

static int finish(
	struct layer_ingest *in, struct layer_ingest_result *result, struct hull_error *err)
{
	int r = drain(in, err);

	if (r == 0)
		r = check_blob(in, result, err);
	if (r == 0)
		r = tar_reader_finish(in->tar, err);
	if (r == 0)
		r = tree_finish(in->tree, err);
	if (r < 0)
		return r;
	result->blob_bytes = in->blob_bytes;
	result->tar_bytes = in->spool.bytes;
	result->content_bytes = tree_get_totals(in->tree)->content_bytes;
	result->entries = tree_get_totals(in->tree)->entries;
	if (layer_store_has(in->store, &result->diff_id)) {
		result->existed = true;
		return 0;
	}
	r = spool_finish(&in->spool, err);
	if (r == 0)
		r = layer_form_write(in->store, in->staging.fd, in->tree, in->spool.fd,
			in->spool.bytes, &result->diff_id, err);
	if (r < 0)
		return r;
	bool discard = in->store->discard_tar && in->store->kind == LAYER_STORE_DIR;
	if (discard && unlinkat(in->staging.fd, LAYER_TAR, 0) < 0)
		return error_errno(err, errno, "remove the layer's tar");
	return publish(in, result, err);
}

int layer_ingest_finish(
	struct layer_ingest *in, struct layer_ingest_result *ret, struct hull_error *err)
{
	struct layer_ingest_result result = {0};
	int r = finish(in, &result, err);

	layer_ingest_abort(in);
	if (r == 0)
		*ret = result;
	return r;
}

int layer_ingest_fd(struct layer_store *store, int fd, const struct layer_ingest_options *options,
	struct layer_ingest_result *ret, struct hull_error *err)
{
	_cleanup_layer_ingest_ struct layer_ingest *in = NULL;
	_cleanup_free_ char *buffer = malloc(IN_BLOCK);
	int r = buffer ? layer_ingest_begin(store, options, &in, err) : error_no_memory(err);

	while (r == 0) {
		ssize_t n = read(fd, buffer, IN_BLOCK);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return error_errno(err, errno, "read the layer");
		if (n == 0)
			break;
		r = layer_ingest_write(in, buffer, (size_t)n, err);
	}
	return r < 0 ? r : layer_ingest_finish(TAKE_PTR(in), ret, err);
}
