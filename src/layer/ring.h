/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A bounded ring of byte blocks between one writer thread and up to RING_READERS reader threads,
 * each of which sees all blocks in order. The writer fills blocks in place and waits for the
 * slowest reader; readers look at them in place. Any thread may abort the ring, which wakes and
 * ends all others.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define RING_READERS 2u

struct ring;

/* NULL if memory is out. */
struct ring *ring_new(size_t n_blocks, size_t block_size, unsigned int n_readers);
struct ring *ring_free(struct ring *ring); /* NULL allowed; no thread may use it any more */

size_t ring_block_size(const struct ring *ring);

/* The next block to fill, NULL if the ring was aborted. */
unsigned char *ring_write_begin(struct ring *ring);
void ring_write_end(struct ring *ring, size_t n);

/* No more blocks will come. */
void ring_close(struct ring *ring);

/* The next block for a reader: true, or false at the end or if aborted. */
bool ring_read_begin(struct ring *ring, unsigned int reader, const unsigned char **data, size_t *n);
void ring_read_end(struct ring *ring, unsigned int reader);

void ring_abort(struct ring *ring);
