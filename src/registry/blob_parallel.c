/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A blob in segments over several connections, into a sink that takes bytes in order only.
 *
 * Nobody owns the order but the caller's thread: it delivers the segments one after the other. The
 * next one it takes from memory if a helper has it or is at it, and else fetches itself, straight
 * into the sink. Helpers fetch what comes after, as long as there is room for what waits: the room
 * is counted in segments for all blobs of the registry together. As the caller's thread needs no
 * room, no blob ever waits for another one's.
 *
 * A helper that fails gives its segment back and ends; the caller's thread asks for it again and
 * tells the error if that fails, too.
 */
#include "registry/blob.h"

#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

#define SEGMENT_BYTES ((int64_t)2 << 20)
#define HELPERS	      7
#define WINDOW	      ((int)(REGISTRY_WINDOW_BYTES / (size_t)SEGMENT_BYTES))
#define ROOM_POLL_MS  20

enum segment_state {
	SEGMENT_FREE,
	SEGMENT_LOADING,
	SEGMENT_READY,
	SEGMENT_FAILED,
};

struct segment {
	enum segment_state state;
	int64_t offset;
	int64_t length;
	char *data;
	int64_t filled;
	const atomic_bool *stop;
};

struct parallel {
	struct registry *registry;
	const struct blob_place *place;
	pthread_mutex_t lock;
	pthread_cond_t changed;
	int64_t next; /* nobody has taken what is from here on */
	struct segment segments[HELPERS * 2];
	atomic_bool stop;
};

/* A segment's worth of the registry's room; false if there is none left. */
static bool take_room(struct registry *registry)
{
	pthread_mutex_lock(&registry->lock);
	if (registry->window < 0)
		registry->window = WINDOW;
	bool taken = registry->window > 0;
	registry->window -= taken;
	pthread_mutex_unlock(&registry->lock);
	return taken;
}

static void give_room(struct registry *registry)
{
	pthread_mutex_lock(&registry->lock);
	registry->window++;
	pthread_mutex_unlock(&registry->lock);
}

static int segment_write(void *data, const void *p, size_t n, struct hull_error *err)
{
	struct segment *s = data;

	if (atomic_load(s->stop))
		return error_set(err, HULL_ERROR_CANCELED, "canceled");
	memcpy(s->data + s->filled, p, n);
	s->filled += (int64_t)n;
	return 0;
}

static int fetch_segment(struct parallel *p, struct segment *s)
{
	struct registry_sink sink = {segment_write, s};
	struct blob_stream stream = {
		.sink = &sink,
		.offset = s->offset,
		.end = s->offset + s->length,
		.exact = true,
	};

	s->filled = 0;
	s->stop = &p->stop;
	/* An allocator keeps what is freed, and most of a pull's memory is this. */
	void *data = mmap(NULL, (size_t)s->length, PROT_READ | PROT_WRITE,
		MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	s->data = data == MAP_FAILED ? NULL : data;
	return s->data ? blob_stream_run(p->place, &stream, NULL) : -1;
}

static void release(struct parallel *p, struct segment *s)
{
	if (s->data)
		munmap(s->data, (size_t)s->length);
	s->data = NULL;
	s->state = SEGMENT_FREE;
	give_room(p->registry);
}

static int64_t length_at(const struct parallel *p, int64_t offset)
{
	int64_t left = p->place->size - offset;

	return left < SEGMENT_BYTES ? left : SEGMENT_BYTES;
}

/* Waits for a change, but not for long: room comes free without a word. */
static void wait_briefly(struct parallel *p)
{
	struct timespec until;

	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_nsec += ROOM_POLL_MS * 1000000L;
	if (until.tv_nsec >= 1000000000L) {
		until.tv_nsec -= 1000000000L;
		until.tv_sec++;
	}
	pthread_cond_timedwait(&p->changed, &p->lock, &until);
}

/* A free place for the next stretch, NULL when there is nothing left to fetch. Under the lock. */
static struct segment *take_next(struct parallel *p)
{
	while (!atomic_load(&p->stop) && p->next < p->place->size) {
		struct segment *free_one = NULL;

		for (size_t i = 0; i < HELPERS * 2 && !free_one; i++)
			if (p->segments[i].state == SEGMENT_FREE)
				free_one = &p->segments[i];
		if (free_one && take_room(p->registry)) {
			free_one->state = SEGMENT_LOADING;
			free_one->offset = p->next;
			free_one->length = length_at(p, p->next);
			p->next += free_one->length;
			return free_one;
		}
		wait_briefly(p);
	}
	return NULL;
}

static void *help(void *data)
{
	struct parallel *p = data;
	struct segment *s;
	int r = 0;

	pthread_mutex_lock(&p->lock);
	while (r == 0 && (s = take_next(p))) {
		pthread_mutex_unlock(&p->lock);
		r = fetch_segment(p, s);
		pthread_mutex_lock(&p->lock);
		s->state = r < 0 ? SEGMENT_FAILED : SEGMENT_READY;
		pthread_cond_broadcast(&p->changed);
	}
	pthread_mutex_unlock(&p->lock);
	return NULL;
}

static struct segment *find_segment(struct parallel *p, int64_t offset)
{
	for (size_t i = 0; i < HELPERS * 2; i++)
		if (p->segments[i].state != SEGMENT_FREE && p->segments[i].offset == offset)
			return &p->segments[i];
	return NULL;
}

/* The stretch at *offset, straight from the network. */
static int fetch_here(struct parallel *p, int64_t *offset, int64_t length,
	const struct registry_sink *sink, struct hull_error *err)
{
	struct blob_stream stream = {
		.sink = sink,
		.offset = *offset,
		.end = *offset + length,
	};
	int r = blob_stream_run(p->place, &stream, err);

	*offset = stream.offset;
	return r;
}

/* Delivers the stretch that begins at *offset. */
static int deliver_next(struct parallel *p, int64_t *offset, const struct registry_sink *sink,
	struct hull_error *err)
{
	int64_t length = length_at(p, *offset);
	int r = 0;

	pthread_mutex_lock(&p->lock);
	struct segment *s = find_segment(p, *offset);
	while (s && s->state == SEGMENT_LOADING)
		pthread_cond_wait(&p->changed, &p->lock);
	if (!s)
		p->next = *offset + length;
	bool ready = s && s->state == SEGMENT_READY;
	pthread_mutex_unlock(&p->lock);
	if (ready) {
		r = sink->write(sink->data, s->data, (size_t)length, err);
		*offset += length;
	}
	if (s) {
		pthread_mutex_lock(&p->lock);
		release(p, s);
		pthread_cond_broadcast(&p->changed);
		pthread_mutex_unlock(&p->lock);
	}
	return ready ? r : fetch_here(p, offset, length, sink, err);
}

/* Signals stay with the caller's thread. */
static size_t start_helpers(struct parallel *p, pthread_t threads[HELPERS])
{
	sigset_t all, before;
	size_t n = 0;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	while (n < HELPERS && pthread_create(&threads[n], NULL, help, p) == 0)
		n++;
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return n;
}

int blob_fetch_parallel(struct registry *registry, const struct blob_place *place, int64_t *offset,
	const struct registry_sink *sink, struct hull_error *err)
{
	struct parallel p = {.registry = registry, .place = place, .next = *offset};
	pthread_t threads[HELPERS];
	pthread_condattr_t monotonic;
	int r = 0;

	pthread_mutex_init(&p.lock, NULL);
	pthread_condattr_init(&monotonic);
	pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
	pthread_cond_init(&p.changed, &monotonic);
	pthread_condattr_destroy(&monotonic);
	size_t n = start_helpers(&p, threads);
	while (r == 0 && *offset < place->size)
		r = deliver_next(&p, offset, sink, err);
	pthread_mutex_lock(&p.lock);
	atomic_store(&p.stop, true);
	pthread_cond_broadcast(&p.changed);
	pthread_mutex_unlock(&p.lock);
	for (size_t i = 0; i < n; i++)
		pthread_join(threads[i], NULL);
	for (size_t i = 0; i < HELPERS * 2; i++)
		if (p.segments[i].state != SEGMENT_FREE)
			release(&p, &p.segments[i]);
	pthread_cond_destroy(&p.changed);
	pthread_mutex_destroy(&p.lock);
	return r;
}
