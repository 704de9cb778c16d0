/* SPDX-License-Identifier: Apache-2.0 */
/*
 * gzip is compressed by several threads: each takes the next stretch of the tar and packs it into
 * members of its own, and puts it behind the stretch before when that is there. The bytes are the
 * same as one thread would make. zstd is one thread here; the library has its own.
 */
#include "image/packed.h"

#include "base/fd.h"

#include <pthread.h>
#include <signal.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define STRETCH	    ((int64_t)1 << 20) /* a gzip member: see layer/compress.h */
#define THREADS_MAX 4
#define WAIT_MS	    100

struct packed {
	struct packed_options options;
	int in;
	int64_t in_size;
	int out; /* what is uploaded; `in` itself for COMPRESS_NONE */
	bool own_out;
	pthread_t threads[THREADS_MAX];
	unsigned int n_threads;

	pthread_mutex_t lock;
	pthread_cond_t changed;
	int64_t taken;	 /* of the tar, by some thread */
	int64_t written; /* of the tar, packed into out */
	int64_t ready;	 /* bytes in out */
	bool begun;
	bool whole;
	bool stop;
	struct digest_hash *hash;
	struct hull_error error;
	bool failed;
	struct digest digest;
	bool has_digest;
};

static void fail(struct packed *p, struct hull_error *error)
{
	pthread_mutex_lock(&p->lock);
	if (!p->failed)
		error_move(&p->error, error);
	p->failed = true;
	pthread_cond_broadcast(&p->changed);
	pthread_mutex_unlock(&p->lock);
}

static int append_to_buf(void *arg, const void *data, size_t n, struct hull_error *err)
{
	buf_append(arg, data, n);
	return buf_error(arg) < 0 ? error_no_memory(err) : 0;
}

static int write_out(
	struct packed *p, int64_t offset, const char *data, size_t n, struct hull_error *err)
{
	while (n > 0) {
		ssize_t done = pwrite(p->out, data, n, (off_t)offset);
		if (done < 0 && errno == EINTR)
			continue;
		if (done < 0)
			return error_errno(err, errno, "compress a layer");
		data += done;
		offset += done;
		n -= (size_t)done;
	}
	return 0;
}

/* The next bytes of the output, in their turn, which the caller waited for. Under the lock. */
static int put_out(struct packed *p, const struct buf *out, int64_t length, struct hull_error *err)
{
	int r = write_out(p, p->ready, buf_str(out), out->len, err);

	if (r < 0)
		return r;
	digest_hash_update(p->hash, buf_str(out), out->len);
	p->ready += (int64_t)out->len;
	p->written += length;
	p->whole = p->written == p->in_size;
	pthread_cond_broadcast(&p->changed);
	return 0;
}

static int read_stretch(
	struct packed *p, int64_t offset, char *data, int64_t length, struct hull_error *err)
{
	for (int64_t done = 0; done < length;) {
		ssize_t n =
			pread(p->in, data + done, (size_t)(length - done), (off_t)(offset + done));
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return error_errno(err, n < 0 ? errno : EIO, "read a layer");
		done += n;
	}
	return 0;
}

/* True with the next stretch of the tar, false at its end. */
static bool take_stretch(struct packed *p, int64_t *offset, int64_t *length)
{
	pthread_mutex_lock(&p->lock);
	/* Nothing at all is a stretch, too: its packed form has some bytes. */
	bool more = !p->stop && !p->failed && (p->taken < p->in_size || !p->begun);
	p->begun = true;
	*offset = p->taken;
	*length = p->in_size - p->taken < STRETCH ? p->in_size - p->taken : STRETCH;
	if (more)
		p->taken += *length;
	pthread_mutex_unlock(&p->lock);
	return more;
}

/* Puts what became of a stretch behind the one before. */
static int put_in_turn(struct packed *p, int64_t offset, const struct buf *out, int64_t length,
	struct hull_error *err)
{
	int r = 0;

	pthread_mutex_lock(&p->lock);
	while (p->written != offset && !p->stop && !p->failed)
		pthread_cond_wait(&p->changed, &p->lock);
	if (!p->stop && !p->failed)
		r = put_out(p, out, length, err);
	pthread_mutex_unlock(&p->lock);
	return r;
}

/* Whatever the threads, each stretch but zstd's ends what it began. */
static int pack(struct packed *p, struct hull_error *err)
{
	_cleanup_buf_ struct buf out = BUF_INIT;
	_cleanup_compressor_ struct compressor *c = NULL;
	_cleanup_free_ char *data = malloc((size_t)STRETCH);
	bool gzip = p->options.form == COMPRESS_GZIP;
	int64_t offset, length;
	int r = data ? compressor_new(
			       p->options.form, p->options.level, append_to_buf, &out, &c, err)
		     : error_no_memory(err);

	while (r == 0 && take_stretch(p, &offset, &length)) {
		buf_reset(&out);
		r = read_stretch(p, offset, data, length, err);
		if (r == 0)
			r = compressor_write(c, data, (size_t)length, err);
		if (r == 0 && (gzip || offset + length == p->in_size))
			r = compressor_end(c, err);
		if (r == 0)
			r = put_in_turn(p, offset, &out, length, err);
	}
	return r;
}

static void *pack_thread(void *data)
{
	_cleanup_error_ struct hull_error error = HULL_ERROR_INIT;

	if (pack(data, &error) < 0)
		fail(data, &error);
	return NULL;
}

/* Signals stay with the caller's thread. */
static int start_threads(struct packed *p, struct hull_error *err)
{
	long cpus = sysconf(_SC_NPROCESSORS_ONLN);
	unsigned int n = cpus < 1 ? 1 : cpus > THREADS_MAX ? THREADS_MAX : (unsigned int)cpus;
	sigset_t all, before;
	int r = 0;

	if (p->options.form != COMPRESS_GZIP)
		n = 1;
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	while (p->n_threads < n && r == 0) {
		r = pthread_create(&p->threads[p->n_threads], NULL, pack_thread, p);
		p->n_threads += r == 0;
	}
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return p->n_threads ? 0 : error_errno(err, r, "compress a layer");
}

static int begin_packing(struct image_store *store, struct packed *p, struct hull_error *err)
{
	p->out = openat(store->blobs_fd, ".", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	if (p->out < 0)
		return error_errno(err, errno, "%s/blobs", store->root);
	p->own_out = true;
	int r = digest_hash_new(DIGEST_SHA256, &p->hash, err);
	return r < 0 ? r : start_threads(p, err);
}

int packed_new(struct image_store *store, int fd, const struct packed_options *options,
	struct packed **ret, struct hull_error *err)
{
	_cleanup_packed_ struct packed *p = calloc(1, sizeof(*p));
	pthread_condattr_t monotonic;
	struct stat st;

	if (!p)
		return error_no_memory(err);
	p->options = *options;
	p->in = p->out = fd;
	pthread_mutex_init(&p->lock, NULL);
	pthread_condattr_init(&monotonic);
	pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
	pthread_cond_init(&p->changed, &monotonic);
	pthread_condattr_destroy(&monotonic);
	if (fstat(fd, &st) < 0)
		return error_errno(err, errno, "read a layer");
	p->in_size = st.st_size;
	if (options->form == COMPRESS_NONE) {
		p->ready = p->written = p->in_size;
		p->whole = true;
	} else {
		int r = begin_packing(store, p, err);
		if (r < 0)
			return r;
	}
	*ret = TAKE_PTR(p);
	return 0;
}

struct packed *packed_free(struct packed *p)
{
	if (!p)
		return NULL;
	pthread_mutex_lock(&p->lock);
	p->stop = true;
	pthread_cond_broadcast(&p->changed);
	pthread_mutex_unlock(&p->lock);
	for (unsigned int i = 0; i < p->n_threads; i++)
		pthread_join(p->threads[i], NULL);
	if (p->own_out)
		close(p->out);
	digest_hash_free(p->hash);
	hull_error_done(&p->error);
	pthread_cond_destroy(&p->changed);
	pthread_mutex_destroy(&p->lock);
	free(p);
	return NULL;
}

static bool is_canceled(const struct packed *p)
{
	const struct http_cancel *cancel = p->options.cancel;

	return cancel && cancel->canceled && cancel->canceled(cancel->data);
}

/* Under the lock; wakes up now and then for the cancel flag. */
static void wait_for_change(struct packed *p)
{
	struct timespec until;

	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_nsec += WAIT_MS * 1000000L;
	until.tv_sec += until.tv_nsec / 1000000000L;
	until.tv_nsec %= 1000000000L;
	pthread_cond_timedwait(&p->changed, &p->lock, &until);
}

static int64_t source_wait(void *data, int64_t end, bool *ret_whole, struct hull_error *err)
{
	struct packed *p = data;
	int64_t ready = -1;

	pthread_mutex_lock(&p->lock);
	while (!p->failed && !p->whole && p->ready < end && !is_canceled(p))
		wait_for_change(p);
	if (p->failed)
		error_move(err, &p->error);
	else if (!p->whole && p->ready < end)
		error_set(err, HULL_ERROR_CANCELED, "canceled");
	else
		ready = p->ready;
	*ret_whole = p->whole;
	pthread_mutex_unlock(&p->lock);
	return ready;
}

static ssize_t source_read(
	void *data, int64_t offset, void *buffer, size_t n, struct hull_error *err)
{
	struct packed *p = data;

	for (;;) {
		ssize_t got = pread(p->out, buffer, n, (off_t)offset);
		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			return error_errno(err, got < 0 ? errno : EIO, "read a layer");
		return got;
	}
}

static void source_progress(void *data, int64_t offset)
{
	struct packed *p = data;

	if (p->options.progress)
		p->options.progress(p->options.progress_data, offset);
}

/* The digest of a file that was there before. */
static int hash_file(struct packed *p, struct hull_error *err)
{
	_cleanup_digest_hash_ struct digest_hash *hash = NULL;
	_cleanup_free_ char *data = malloc((size_t)STRETCH);
	int r = data ? digest_hash_new(DIGEST_SHA256, &hash, err) : error_no_memory(err);

	for (int64_t done = 0; r == 0 && done < p->in_size && !is_canceled(p);) {
		int64_t n = p->in_size - done < STRETCH ? p->in_size - done : STRETCH;
		r = read_stretch(p, done, data, n, err);
		if (r == 0)
			digest_hash_update(hash, data, (size_t)n);
		done += n;
	}
	if (r == 0 && is_canceled(p))
		return error_set(err, HULL_ERROR_CANCELED, "canceled");
	return r < 0 ? r : digest_hash_finish(hash, &p->digest, err);
}

static int source_digest(void *data, struct digest *ret, struct hull_error *err)
{
	struct packed *p = data;
	int r = 0;

	if (!p->has_digest)
		r = p->own_out ? digest_hash_finish(p->hash, &p->digest, err) : hash_file(p, err);
	if (r < 0)
		return r;
	p->has_digest = true;
	*ret = p->digest;
	return 0;
}

struct registry_source packed_source(struct packed *packed)
{
	return (struct registry_source){
		.wait = source_wait,
		.read = source_read,
		.digest = source_digest,
		.progress = source_progress,
		.data = packed,
	};
}

int packed_result(
	struct packed *packed, struct digest *ret_digest, int64_t *ret_size, struct hull_error *err)
{
	*ret_size = packed->ready;
	return source_digest(packed, ret_digest, err);
}

int64_t packed_taken(struct packed *packed, int64_t *ret_total)
{
	pthread_mutex_lock(&packed->lock);
	int64_t written = packed->written;
	pthread_mutex_unlock(&packed->lock);
	*ret_total = packed->in_size;
	return written;
}
