/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Each thread takes the next layer that nobody has taken and moves it through: connection ->
 * ingest. The ingest decompresses, hashes and writes in threads of its own, so a thread here
 * mostly waits for the network. The caller's thread is one of them.
 */
#include "image/fetch.h"

#include "base/clock.h"
#include "image/known-blob.h"

#include <signal.h>

#define MAX_THREADS	  16
#define EVENT_INTERVAL_NS (50 * NS_PER_MS)

bool layer_fetch_canceled(void *data)
{
	struct layer_fetch *fetch = data;

	return atomic_load(&fetch->failed) ||
	       (fetch->cancel->canceled && fetch->cancel->canceled(fetch->cancel->data));
}

static void tell(struct layer_fetch *fetch, const struct layer_job *job, const char *status,
	int64_t current, int64_t total)
{
	pthread_mutex_lock(&fetch->lock);
	progress_event(fetch->progress, job->id, status, current, total);
	pthread_mutex_unlock(&fetch->lock);
}

/* From the connection to the ingest. */
struct pipe {
	struct layer_fetch *fetch;
	struct layer_job *job;
	struct layer_ingest *ingest;
	struct kept_blob kept;
	int64_t received;
	int64_t told_ns;
};

static int pipe_write(void *data, const void *p, size_t n, struct hull_error *err)
{
	struct pipe *pipe = data;
	int64_t now = clock_monotonic_ns();
	int r = layer_ingest_write(pipe->ingest, p, n, err);

	if (r == 0)
		r = kept_blob_write(&pipe->kept, p, n, err);
	if (r < 0)
		return r;
	pipe->received += (int64_t)n;
	if (now - pipe->told_ns >= EVENT_INTERVAL_NS) {
		pipe->told_ns = now;
		tell(pipe->fetch, pipe->job, "Downloading", pipe->received,
			pipe->job->descriptor->size);
	}
	return 0;
}

static int fetch_layer(struct layer_fetch *fetch, struct layer_job *job, struct hull_error *err)
{
	_cleanup_layer_ingest_ struct layer_ingest *ingest = NULL;
	struct layer_ingest_result result;
	struct layer_ingest_options options = {
		.blob_digest = &job->blob,
		.diff_id = &job->diff_id,
		.blob_size = (uint64_t)job->descriptor->size,
		.batch = fetch->batch,
	};
	int r = layer_ingest_begin(fetch->store->layers, &options, &ingest, err);

	if (r < 0)
		return r;
	struct pipe pipe = {.fetch = fetch, .job = job, .ingest = ingest, .kept = KEPT_BLOB_INIT};
	struct registry_sink sink = {pipe_write, &pipe};
	if (job->keep)
		r = kept_blob_begin(fetch->store, &pipe.kept, err);
	if (r == 0)
		r = registry_get_blob(fetch->registry, &job->blob, job->descriptor->size,
			job->descriptor->urls, &sink, err);
	if (r == 0) {
		tell(fetch, job, "Download complete", 0, 0);
		r = layer_ingest_finish(TAKE_PTR(ingest), &result, err);
	}
	/* The ingest has verified the digest. */
	if (r == 0)
		r = kept_blob_finish(&pipe.kept, &job->blob, err);
	kept_blob_done(&pipe.kept);
	if (r < 0)
		return r;
	job->content_size = (int64_t)result.content_bytes;
	tell(fetch, job, "Pull complete", 0, 0);
	return 0;
}

static struct layer_job *take_job(struct layer_fetch *fetch)
{
	struct layer_job *job = NULL;

	pthread_mutex_lock(&fetch->lock);
	while (fetch->next < fetch->n_jobs && !fetch->jobs[fetch->next].needed)
		fetch->next++;
	if (fetch->next < fetch->n_jobs)
		job = &fetch->jobs[fetch->next++];
	pthread_mutex_unlock(&fetch->lock);
	return job;
}

static void keep_error(
	struct layer_fetch *fetch, const struct layer_job *job, struct hull_error *error)
{
	pthread_mutex_lock(&fetch->lock);
	/* What the others say after the first failure is only that they were stopped. */
	if (!atomic_exchange(&fetch->failed, 1)) {
		if (error->kind != HULL_ERROR_CANCELED)
			error_wrap(error, -1, "layer %s", job->id);
		error_move(&fetch->error, error);
	}
	pthread_mutex_unlock(&fetch->lock);
}

static void *fetch_thread(void *data)
{
	struct layer_fetch *fetch = data;

	while (!layer_fetch_canceled(fetch)) {
		_cleanup_error_ struct hull_error error = HULL_ERROR_INIT;
		struct layer_job *job = take_job(fetch);

		if (!job)
			break;
		if (fetch_layer(fetch, job, &error) < 0)
			keep_error(fetch, job, &error);
	}
	return NULL;
}

static size_t count_needed(const struct layer_fetch *fetch)
{
	size_t n = 0;

	for (size_t i = 0; i < fetch->n_jobs; i++)
		n += fetch->jobs[i].needed;
	return n;
}

/* Signals stay with the caller's thread. */
static int start_thread(struct layer_fetch *fetch, pthread_t *ret)
{
	sigset_t all, before;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	int r = pthread_create(ret, NULL, fetch_thread, fetch);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return r;
}

static void run_threads(struct layer_fetch *fetch, size_t n)
{
	pthread_t threads[MAX_THREADS];
	size_t started = 0;

	if (n > fetch->max_threads)
		n = fetch->max_threads;
	if (n > MAX_THREADS)
		n = MAX_THREADS;
	pthread_mutex_init(&fetch->lock, NULL);
	/* Fewer threads than wished for are enough. */
	while (started + 1 < n && start_thread(fetch, &threads[started]) == 0)
		started++;
	fetch_thread(fetch);
	for (size_t i = 0; i < started; i++)
		pthread_join(threads[i], NULL);
	pthread_mutex_destroy(&fetch->lock);
}

int layer_fetch_run(struct layer_fetch *fetch, struct hull_error *err)
{
	_cleanup_layer_batch_ struct layer_batch *batch = NULL;
	_cleanup_error_ struct hull_error error = HULL_ERROR_INIT;
	size_t n = count_needed(fetch);
	int r = n > 0 ? layer_batch_new(fetch->store->layers, &batch, err) : 0;

	if (n == 0 || r < 0)
		return r;
	fetch->batch = batch;
	run_threads(fetch, n);
	/* Also after a failure: what has come need not come again. */
	r = layer_batch_publish(batch, &error);
	if (atomic_load(&fetch->failed)) {
		error_move(err, &fetch->error);
		return -1;
	}
	if (r < 0) {
		error_move(err, &error);
		return r;
	}
	if (layer_fetch_canceled(fetch))
		return error_set(err, HULL_ERROR_CANCELED, "canceled");
	return 0;
}
