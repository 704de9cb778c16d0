/* SPDX-License-Identifier: Apache-2.0 */
#include "layer/ring.h"

#include "base/cleanup.h"

#include <pthread.h>

struct ring_block {
	unsigned char *data;
	size_t n;
};

struct ring {
	pthread_mutex_t lock;
	pthread_cond_t moved;
	size_t n_blocks;
	size_t block_size;
	uint64_t head;		     /* blocks written so far */
	uint64_t tail[RING_READERS]; /* blocks each reader is done with */
	unsigned int n_readers;
	bool closed;
	bool aborted;
	unsigned char *memory;
	struct ring_block blocks[];
};

struct ring *ring_new(size_t n_blocks, size_t block_size, unsigned int n_readers)
{
	struct ring *ring = calloc(1, sizeof(*ring) + n_blocks * sizeof(ring->blocks[0]));

	if (!ring)
		return NULL;
	ring->memory = malloc(n_blocks * block_size);
	if (!ring->memory) {
		free(ring);
		return NULL;
	}
	for (size_t i = 0; i < n_blocks; i++)
		ring->blocks[i].data = ring->memory + i * block_size;
	pthread_mutex_init(&ring->lock, NULL);
	pthread_cond_init(&ring->moved, NULL);
	ring->n_blocks = n_blocks;
	ring->block_size = block_size;
	ring->n_readers = n_readers;
	return ring;
}

struct ring *ring_free(struct ring *ring)
{
	if (!ring)
		return NULL;
	pthread_cond_destroy(&ring->moved);
	pthread_mutex_destroy(&ring->lock);
	free(ring->memory);
	free(ring);
	return NULL;
}

size_t ring_block_size(const struct ring *ring)
{
	return ring->block_size;
}

static bool is_full(const struct ring *ring)
{
	for (unsigned int i = 0; i < ring->n_readers; i++)
		if (ring->head - ring->tail[i] >= ring->n_blocks)
			return true;
	return false;
}

unsigned char *ring_write_begin(struct ring *ring)
{
	pthread_mutex_lock(&ring->lock);
	while (!ring->aborted && is_full(ring))
		pthread_cond_wait(&ring->moved, &ring->lock);
	unsigned char *data = ring->aborted ? NULL : ring->blocks[ring->head % ring->n_blocks].data;
	pthread_mutex_unlock(&ring->lock);
	return data;
}

void ring_write_end(struct ring *ring, size_t n)
{
	pthread_mutex_lock(&ring->lock);
	ring->blocks[ring->head % ring->n_blocks].n = n;
	ring->head++;
	pthread_cond_broadcast(&ring->moved);
	pthread_mutex_unlock(&ring->lock);
}

void ring_close(struct ring *ring)
{
	pthread_mutex_lock(&ring->lock);
	ring->closed = true;
	pthread_cond_broadcast(&ring->moved);
	pthread_mutex_unlock(&ring->lock);
}

bool ring_read_begin(struct ring *ring, unsigned int reader, const unsigned char **data, size_t *n)
{
	pthread_mutex_lock(&ring->lock);
	while (!ring->aborted && !ring->closed && ring->tail[reader] == ring->head)
		pthread_cond_wait(&ring->moved, &ring->lock);
	bool got = !ring->aborted && ring->tail[reader] != ring->head;
	if (got) {
		const struct ring_block *block = &ring->blocks[ring->tail[reader] % ring->n_blocks];
		*data = block->data;
		*n = block->n;
	}
	pthread_mutex_unlock(&ring->lock);
	return got;
}

void ring_read_end(struct ring *ring, unsigned int reader)
{
	pthread_mutex_lock(&ring->lock);
	ring->tail[reader]++;
	pthread_cond_broadcast(&ring->moved);
	pthread_mutex_unlock(&ring->lock);
}

void ring_abort(struct ring *ring)
{
	pthread_mutex_lock(&ring->lock);
	ring->aborted = true;
	pthread_cond_broadcast(&ring->moved);
	pthread_mutex_unlock(&ring->lock);
}
