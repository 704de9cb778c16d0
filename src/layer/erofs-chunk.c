/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Contents as chunks. A plain file is one run in the tar and takes one chunk that covers it all. A
 * sparse file takes chunks as fine as its extents ask for, each a hole or a place in the tar.
 *
 * What cannot be pointed to is spilled: copied behind the metadata in its own chunks. That is data
 * at odd offsets (nothing makes an archiver align them), chunks that hold both data and hole
 * because finer ones would be too many, and files whose padding in the tar is not zero, for a
 * mapped last page shows it. Spilled chunks are written sparsely.
 */
#include "layer/erofs-internal.h"

#include "base/fd.h"

#include <stdlib.h>
#include <sys/param.h>
#include <unistd.h>

#define CHUNKS_MAX     ((uint64_t)64 << 10) /* of one sparse file */
#define ODD_CHUNK_BITS 3u		    /* 4 KiB, where extents are not aligned to blocks */
#define COPY_BUFFER    ((size_t)64 << 10)

static uint64_t chunks_of(uint64_t size, uint32_t bits)
{
	uint64_t chunk = (uint64_t)EROFS_BLOCK << bits;

	return (size + chunk - 1) / chunk;
}

/* The largest chunk that no border of an extent cuts; false if the extents ask for odd ones. */
static bool aligned_bits(const struct tree_node *file, uint32_t *ret)
{
	uint64_t borders = 0, packed = 0, all = 0;

	for (size_t i = 0; i < file->file.n_extents; i++) {
		const struct tar_extent *e = &file->file.extents[i];
		borders |= e->offset;
		if (e->offset + e->size != file->file.size)
			borders |= e->offset + e->size;
		all |= packed;
		packed += e->size;
	}
	if ((borders | all) & (EROFS_BLOCK - 1))
		return false;
	*ret = borders ? (uint32_t)__builtin_ctzll(borders) - EROFS_BLOCK_BITS
		       : EROFS_CHUNK_BITS_MAX;
	if (*ret > EROFS_CHUNK_BITS_MAX)
		*ret = EROFS_CHUNK_BITS_MAX;
	return true;
}

struct erofs_chunk_shape erofs_chunk_shape(const struct tree_node *file)
{
	struct erofs_chunk_shape shape = {0};

	if (file->sparse) {
		if (!aligned_bits(file, &shape.bits))
			shape.bits = ODD_CHUNK_BITS;
		while (shape.bits < EROFS_CHUNK_BITS_MAX &&
			chunks_of(file->file.size, shape.bits) > CHUNKS_MAX)
			shape.bits++;
	} else {
		while (shape.bits < EROFS_CHUNK_BITS_MAX &&
			chunks_of(file->file.size, shape.bits) > 1)
			shape.bits++;
	}
	shape.chunks = chunks_of(file->file.size, shape.bits);
	return shape;
}

static uint64_t blocks_of(uint64_t bytes)
{
	return (bytes + EROFS_BLOCK - 1) / EROFS_BLOCK;
}

static void plain_piece(const struct tree_node *file, struct erofs_piece *p)
{
	p->kind = file->dirty_padding ? EROFS_PIECE_SPILL : EROFS_PIECE_TAR;
	p->tar_block = (file->file.offset + p->start) / EROFS_BLOCK;
}

static void sparse_piece(struct erofs_piece_walk *w, struct erofs_piece *p)
{
	const struct tree_node *file = w->node;
	const struct tar_extent *extents = file->file.extents;

	while (w->extent < file->file.n_extents &&
		extents[w->extent].offset + extents[w->extent].size <= p->start)
		w->packed += extents[w->extent++].size;
	if (w->extent == file->file.n_extents || extents[w->extent].offset >= p->end) {
		p->kind = EROFS_PIECE_HOLE;
		return;
	}
	const struct tar_extent *e = &extents[w->extent];
	bool covers = e->offset <= p->start && e->offset + e->size >= p->end;
	bool at_end = p->end == file->file.size;
	uint64_t place = file->file.offset + w->packed + (p->start - e->offset);
	p->kind = EROFS_PIECE_SPILL;
	if (covers && place % EROFS_BLOCK == 0 && !(at_end && file->dirty_padding)) {
		p->kind = EROFS_PIECE_TAR;
		p->tar_block = place / EROFS_BLOCK;
	}
}

bool erofs_next_piece(struct erofs_piece_walk *w, struct erofs_piece *p)
{
	uint64_t chunk = (uint64_t)EROFS_BLOCK << w->shape.bits;

	if (w->next >= w->shape.chunks)
		return false;
	*p = (struct erofs_piece){.start = w->next * chunk};
	p->end = MIN(p->start + chunk, w->node->file.size);
	if (w->node->sparse)
		sparse_piece(w, p);
	else
		plain_piece(w->node, p);
	if (p->kind == EROFS_PIECE_SPILL)
		p->spill_blocks = blocks_of(p->end - p->start);
	w->next++;
	return true;
}

static int copy_bytes(const struct erofs_source *source, uint64_t from, uint64_t n, int fd,
	uint64_t to, struct hull_error *err)
{
	_cleanup_free_ char *buffer = malloc(COPY_BUFFER);

	if (!buffer)
		return error_no_memory(err);
	while (n > 0) {
		ssize_t got = pread(source->tar_fd, buffer, MIN(n, COPY_BUFFER), (off_t)from);
		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			return error_errno(err, got < 0 ? errno : EIO, "read the layer's tar");
		for (ssize_t done = 0; done < got;) {
			ssize_t put = pwrite(fd, buffer + done, (size_t)(got - done),
				(off_t)(to + (uint64_t)done));
			if (put < 0 && errno != EINTR)
				return error_errno(err, errno, "write the layer's metadata");
			done += put > 0 ? put : 0;
		}
		from += (uint64_t)got;
		to += (uint64_t)got;
		n -= (uint64_t)got;
	}
	return 0;
}

int erofs_copy_range(const struct tree_node *file, const struct erofs_source *source,
	uint64_t start, uint64_t end, int fd, uint64_t to, struct hull_error *err)
{
	uint64_t packed = 0;

	if (!file->sparse)
		return copy_bytes(source, file->file.offset + start, end - start, fd, to, err);
	for (size_t i = 0; i < file->file.n_extents; i++) {
		const struct tar_extent *e = &file->file.extents[i];
		uint64_t from = MAX(e->offset, start), stop = MIN(e->offset + e->size, end);
		if (from < stop) {
			int r = copy_bytes(source, file->file.offset + packed + (from - e->offset),
				stop - from, fd, to + (from - start), err);
			if (r < 0)
				return r;
		}
		packed += e->size;
	}
	return 0;
}
