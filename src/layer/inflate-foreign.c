/* SPDX-License-Identifier: Apache-2.0 */
#include "layer/inflate-foreign.h"

#include "base/cleanup.h"
#include "sys/library.h"

#include <bzlib.h>
#include <lzma.h>
#include <string.h>

#define XZ_MEMORY_MAX ((uint64_t)128 << 20) /* xz -9 needs 65 MiB */

static int flush_if_full(struct inflate_output *out, struct hull_error *err)
{
	return out->fill == out->size ? out->flush(out, err) : 0;
}

/* ---- xz ---- */

static lzma_ret (*xz_decoder)(lzma_stream *stream, uint64_t memory, uint32_t flags);
static lzma_ret (*xz_code)(lzma_stream *stream, lzma_action action);
static void (*xz_end)(lzma_stream *stream);

static const struct library_symbol xz_symbols[] = {
	{"lzma_stream_decoder", (void **)&xz_decoder},
	{"lzma_code", (void **)&xz_code},
	{"lzma_end", (void **)&xz_end},
};

static struct library xz_library = {
	"liblzma.so.5", "liblzma5", xz_symbols, ARRAY_SIZE(xz_symbols), NULL};

struct xz_stream {
	lzma_stream lzma;
	bool begun;
};

int xz_new(struct xz_stream **ret, struct hull_error *err)
{
	int r = library_load(&xz_library, err);

	if (r < 0)
		return r;
	struct xz_stream *s = calloc(1, sizeof(*s));
	if (!s)
		return error_no_memory(err);
	if (xz_decoder(&s->lzma, XZ_MEMORY_MAX, LZMA_CONCATENATED) != LZMA_OK) {
		free(s);
		return error_no_memory(err);
	}
	s->begun = true;
	*ret = s;
	return 0;
}

void xz_free(struct xz_stream *s)
{
	if (s && s->begun)
		xz_end(&s->lzma);
	free(s);
}

static int xz_error(lzma_ret code, struct hull_error *err)
{
	switch (code) {
	case LZMA_MEM_ERROR:
		return error_no_memory(err);
	case LZMA_MEMLIMIT_ERROR:
		return error_set(err, HULL_ERROR_LIMIT,
			"xz: needs more than %llu MB of memory to unpack",
			(unsigned long long)(XZ_MEMORY_MAX >> 20));
	case LZMA_BUF_ERROR:
		return error_set(err, HULL_ERROR_INVALID, "xz: cut off");
	default:
		return error_set(err, HULL_ERROR_INVALID, "xz: malformed data");
	}
}

static int xz_run(struct xz_stream *s, struct inflate_output *out, lzma_action action,
	bool *ret_open, struct hull_error *err)
{
	bool full;

	do {
		s->lzma.next_out = out->data + out->fill;
		s->lzma.avail_out = out->size - out->fill;
		lzma_ret code = xz_code(&s->lzma, action);
		if (code != LZMA_OK && code != LZMA_STREAM_END &&
			!(code == LZMA_BUF_ERROR && action == LZMA_RUN))
			return xz_error(code, err);
		full = s->lzma.avail_out == 0;
		out->fill = out->size - s->lzma.avail_out;
		int r = flush_if_full(out, err);
		if (r < 0)
			return r;
		*ret_open = code != LZMA_STREAM_END;
	} while (*ret_open && (full || s->lzma.avail_in > 0 || action == LZMA_FINISH));
	return 0;
}

int xz_feed(struct xz_stream *s, struct inflate_output *out, const void *data, size_t n,
	bool *ret_open, struct hull_error *err)
{
	s->lzma.next_in = data;
	s->lzma.avail_in = n;
	return xz_run(s, out, LZMA_RUN, ret_open, err);
}

int xz_finish(
	struct xz_stream *s, struct inflate_output *out, bool *ret_open, struct hull_error *err)
{
	s->lzma.next_in = NULL;
	s->lzma.avail_in = 0;
	return xz_run(s, out, LZMA_FINISH, ret_open, err);
}

/* ---- bzip2 ---- */

static int (*bzip2_init)(bz_stream *stream, int verbosity, int small);
static int (*bzip2_run)(bz_stream *stream);
static int (*bzip2_end)(bz_stream *stream);

static const struct library_symbol bzip2_symbols[] = {
	{"BZ2_bzDecompressInit", (void **)&bzip2_init},
	{"BZ2_bzDecompress", (void **)&bzip2_run},
	{"BZ2_bzDecompressEnd", (void **)&bzip2_end},
};

static struct library bzip2_library = {
	"libbz2.so.1.0", "libbz2-1.0", bzip2_symbols, ARRAY_SIZE(bzip2_symbols), NULL};

struct bzip2_stream {
	bz_stream bz;
	bool begun; /* inside one of the streams */
};

int bzip2_new(struct bzip2_stream **ret, struct hull_error *err)
{
	int r = library_load(&bzip2_library, err);

	if (r < 0)
		return r;
	*ret = calloc(1, sizeof(**ret));
	return *ret ? 0 : error_no_memory(err);
}

static void bzip2_stop(struct bzip2_stream *s)
{
	if (s->begun)
		bzip2_end(&s->bz);
	s->begun = false;
}

void bzip2_free(struct bzip2_stream *s)
{
	if (s)
		bzip2_stop(s);
	free(s);
}

static int bzip2_start(struct bzip2_stream *s, struct hull_error *err)
{
	char *in = s->bz.next_in;
	unsigned int n = s->bz.avail_in;

	if (s->begun)
		return 0;
	memset(&s->bz, 0, sizeof(s->bz));
	if (bzip2_init(&s->bz, 0, 0) != BZ_OK)
		return error_no_memory(err);
	s->bz.next_in = in;
	s->bz.avail_in = n;
	s->begun = true;
	return 0;
}

int bzip2_feed(struct bzip2_stream *s, struct inflate_output *out, const void *data, size_t n,
	bool *ret_open, struct hull_error *err)
{
	bool full = false;

	s->bz.next_in = (char *)data;
	s->bz.avail_in = (unsigned int)n;
	while (s->bz.avail_in > 0 || (full && s->begun)) {
		int r = bzip2_start(s, err);
		if (r < 0)
			return r;
		s->bz.next_out = (char *)out->data + out->fill;
		s->bz.avail_out = (unsigned int)(out->size - out->fill);
		int code = bzip2_run(&s->bz);
		if (code != BZ_OK && code != BZ_STREAM_END)
			return error_set(err, HULL_ERROR_INVALID, "bzip2: malformed data");
		full = s->bz.avail_out == 0;
		out->fill = out->size - s->bz.avail_out;
		if (code == BZ_STREAM_END)
			bzip2_stop(s);
		r = flush_if_full(out, err);
		if (r < 0)
			return r;
	}
	*ret_open = s->begun;
	return 0;
}
