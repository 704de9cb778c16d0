/* SPDX-License-Identifier: Apache-2.0 */
#include "layer/inflate.h"

#include "layer/gzip-header.h"
#include "layer/inflate-foreign.h"
#include "sys/library.h"

#include <isa-l/igzip_lib.h>
#include <stdbool.h>
#include <string.h>
#include <zstd.h>

#define ZSTD_WINDOW_LOG 27 /* 128 MiB: what zstd itself takes by default */

struct inflater {
	struct inflate_output *out;
	enum inflate_form form;
	unsigned char head[INFLATE_SNIFF];
	size_t head_fill;
	struct inflate_state *gzip;
	ZSTD_DCtx *zstd;
	struct xz_stream *xz;
	struct bzip2_stream *bzip2;
	bool open;    /* inside a gzip member, zstd frame or stream */
	bool padding; /* zeros behind the last gzip member */
	bool in_header;
	struct gzip_header header; /* of the gzip member */
};

static const char *const form_names[] = {
	[INFLATE_UNKNOWN] = "archive",
	[INFLATE_PLAIN] = "tar",
	[INFLATE_GZIP] = "gzip",
	[INFLATE_ZSTD] = "zstd",
	[INFLATE_XZ] = "xz",
	[INFLATE_BZIP2] = "bzip2",
};

static void (*isal_init)(struct inflate_state *state);
static void (*isal_reset)(struct inflate_state *state);
static int (*isal_run)(struct inflate_state *state);

static const struct library_symbol isal_symbols[] = {
	{"isal_inflate_init", (void **)&isal_init},
	{"isal_inflate_reset", (void **)&isal_reset},
	{"isal_inflate", (void **)&isal_run},
};

static struct library isal = {
	"libisal.so.2", "libisal2", isal_symbols, ARRAY_SIZE(isal_symbols), NULL};

int inflater_new(struct inflate_output *output, struct inflater **ret, struct hull_error *err)
{
	struct inflater *in = calloc(1, sizeof(*in));

	if (!in)
		return error_no_memory(err);
	in->out = output;
	*ret = in;
	return 0;
}

struct inflater *inflater_free(struct inflater *in)
{
	if (!in)
		return NULL;
	free(in->gzip);
	ZSTD_freeDCtx(in->zstd);
	xz_free(in->xz);
	bzip2_free(in->bzip2);
	free(in);
	return NULL;
}

static int flush_if_full(struct inflater *in, struct hull_error *err)
{
	return in->out->fill == in->out->size ? in->out->flush(in->out, err) : 0;
}

static int feed_plain(
	struct inflater *in, const unsigned char *data, size_t n, struct hull_error *err)
{
	while (n > 0) {
		size_t room = in->out->size - in->out->fill, take = n < room ? n : room;
		memcpy(in->out->data + in->out->fill, data, take);
		in->out->fill += take;
		data += take;
		n -= take;
		int r = flush_if_full(in, err);
		if (r < 0)
			return r;
	}
	return 0;
}

static int gzip_error(int code, struct hull_error *err)
{
	return error_set(err, HULL_ERROR_INVALID,
		code == ISAL_INCORRECT_CHECKSUM ? "gzip: wrong checksum" : "gzip: malformed data");
}

/* Between members another one begins, or zeros fill up to the end as tapes want it. */
static int skip_padding(const unsigned char *data, size_t n, struct hull_error *err)
{
	for (size_t i = 0; i < n; i++)
		if (data[i] != 0)
			return error_set(
				err, HULL_ERROR_INVALID, "gzip: data behind the end of the stream");
	return 0;
}

/*
 * ISA-L reads headers too, but its verdict on one depends on how the input is cut. 1 if the data
 * begin, 0 if more input is needed.
 */
static int read_gzip_header(struct inflater *in, struct hull_error *err)
{
	struct inflate_state *s = in->gzip;

	while (s->avail_in > 0) {
		s->avail_in--;
		switch (gzip_header_take(&in->header, *s->next_in++)) {
		case GZIP_HEADER_BAD:
			return error_set(err, HULL_ERROR_INVALID, "gzip: malformed header");
		case GZIP_HEADER_DONE:
			isal_reset(s);
			s->crc_flag = ISAL_GZIP_NO_HDR_VER;
			in->header = (struct gzip_header){0};
			in->in_header = false;
			return 1;
		default:
			break;
		}
	}
	return 0;
}

/* Brings the input to compressed data: 1, or 0 if it ends before. */
static int reach_data(struct inflater *in, struct hull_error *err)
{
	struct inflate_state *s = in->gzip;

	if (!in->open) {
		if (s->avail_in == 0)
			return 0;
		in->padding = in->padding || *s->next_in == 0;
		if (in->padding)
			return skip_padding(s->next_in, s->avail_in, err);
		in->open = in->in_header = true;
	}
	return in->in_header ? read_gzip_header(in, err) : 1;
}

static int feed_gzip(
	struct inflater *in, const unsigned char *data, size_t n, struct hull_error *err)
{
	struct inflate_state *s = in->gzip;

	s->next_in = (uint8_t *)data;
	s->avail_in = (uint32_t)n;
	do {
		int r = reach_data(in, err);
		if (r <= 0)
			return r;
		s->next_out = in->out->data + in->out->fill;
		s->avail_out = (uint32_t)(in->out->size - in->out->fill);
		int code = isal_run(s);
		/* "End of input" may come while the trailer is read; it is no error. */
		if (code != ISAL_DECOMP_OK && code != ISAL_END_INPUT)
			return gzip_error(code, err);
		in->out->fill = in->out->size - s->avail_out;
		if (s->block_state == ISAL_BLOCK_FINISH)
			in->open = false;
		r = flush_if_full(in, err);
		if (r < 0)
			return r;
		/* Output may be left inside when the room was used up. */
	} while (s->avail_in > 0 || (in->open && s->avail_out == 0));
	return 0;
}

static int feed_zstd(
	struct inflater *in, const unsigned char *data, size_t n, struct hull_error *err)
{
	ZSTD_inBuffer input = {data, n, 0};
	bool full;

	do {
		ZSTD_outBuffer output = {in->out->data, in->out->size, in->out->fill};
		size_t left = ZSTD_decompressStream(in->zstd, &output, &input);
		if (ZSTD_isError(left))
			return error_set(
				err, HULL_ERROR_INVALID, "zstd: %s", ZSTD_getErrorName(left));
		in->out->fill = output.pos;
		in->open = left != 0;
		full = in->out->fill == in->out->size;
		int r = flush_if_full(in, err);
		if (r < 0)
			return r;
	} while (input.pos < n || (full && in->open));
	return 0;
}

static int feed_form(
	struct inflater *in, const unsigned char *data, size_t n, struct hull_error *err)
{
	if (n == 0)
		return 0;
	switch (in->form) {
	case INFLATE_GZIP:
		return feed_gzip(in, data, n, err);
	case INFLATE_ZSTD:
		return feed_zstd(in, data, n, err);
	case INFLATE_XZ:
		return xz_feed(in->xz, in->out, data, n, &in->open, err);
	case INFLATE_BZIP2:
		return bzip2_feed(in->bzip2, in->out, data, n, &in->open, err);
	default:
		return feed_plain(in, data, n, err);
	}
}

static int begin_gzip(struct inflater *in, struct hull_error *err)
{
	int r = library_load(&isal, err);

	if (r < 0)
		return r;
	in->gzip = malloc(sizeof(*in->gzip));
	if (!in->gzip)
		return error_no_memory(err);
	isal_init(in->gzip);
	in->open = in->in_header = true;
	return 0;
}

static int begin_zstd(struct inflater *in, struct hull_error *err)
{
	in->zstd = ZSTD_createDCtx();
	if (!in->zstd)
		return error_no_memory(err);
	ZSTD_DCtx_setParameter(in->zstd, ZSTD_d_windowLogMax, ZSTD_WINDOW_LOG);
	in->open = true;
	return 0;
}

/* A tar's first name may begin with BZh, but hardly goes on as a block or the end of a stream does. */
static bool is_bzip2(const unsigned char *p, size_t n)
{
	return n >= 6 && memcmp(p, "BZh", 3) == 0 && p[3] >= '1' && p[3] <= '9' &&
	       (memcmp(p + 4, "1A", 2) == 0 || memcmp(p + 4, "\x17\x72", 2) == 0);
}

enum inflate_form inflate_sniff(const void *data, size_t n)
{
	static const unsigned char gzip[] = {0x1f, 0x8b, 0x08};
	static const unsigned char zstd[] = {0x28, 0xb5, 0x2f, 0xfd};
	static const unsigned char xz[] = {0xfd, '7', 'z', 'X', 'Z', 0};
	static const unsigned char skippable[] = {0x2a, 0x4d, 0x18}; /* behind 0x50 to 0x5f */
	const unsigned char *p = data;

	if (n >= sizeof(gzip) && memcmp(p, gzip, sizeof(gzip)) == 0)
		return INFLATE_GZIP;
	if (n >= sizeof(zstd) && memcmp(p, zstd, sizeof(zstd)) == 0)
		return INFLATE_ZSTD;
	if (n >= 4 && (p[0] & 0xf0) == 0x50 && memcmp(p + 1, skippable, sizeof(skippable)) == 0)
		return INFLATE_ZSTD;
	if (n >= sizeof(xz) && memcmp(p, xz, sizeof(xz)) == 0)
		return INFLATE_XZ;
	return is_bzip2(p, n) ? INFLATE_BZIP2 : INFLATE_PLAIN;
}

/* Decides on the form and feeds the bytes that were held back for it. */
static int begin_form(struct inflater *in, struct hull_error *err)
{
	int r = 0;

	in->form = inflate_sniff(in->head, in->head_fill);
	if (in->form == INFLATE_GZIP)
		r = begin_gzip(in, err);
	else if (in->form == INFLATE_ZSTD)
		r = begin_zstd(in, err);
	else if (in->form == INFLATE_XZ)
		r = xz_new(&in->xz, err);
	else if (in->form == INFLATE_BZIP2)
		r = bzip2_new(&in->bzip2, err);
	return r < 0 ? r : feed_form(in, in->head, in->head_fill, err);
}

int inflater_feed(struct inflater *in, const void *data, size_t n, struct hull_error *err)
{
	const unsigned char *p = data;

	while (in->form == INFLATE_UNKNOWN && n > 0) {
		in->head[in->head_fill++] = *p++;
		n--;
		if (in->head_fill < INFLATE_SNIFF)
			continue;
		int r = begin_form(in, err);
		if (r < 0)
			return r;
	}
	return feed_form(in, p, n, err);
}

int inflater_finish(struct inflater *in, struct hull_error *err)
{
	if (in->form == INFLATE_UNKNOWN) {
		int r = begin_form(in, err);
		if (r < 0)
			return r;
	}
	if (in->xz) {
		int r = xz_finish(in->xz, in->out, &in->open, err);
		if (r < 0)
			return r;
	}
	if (in->open)
		return error_set(err, HULL_ERROR_INVALID, "%s: cut off", form_names[in->form]);
	return in->out->fill > 0 ? in->out->flush(in->out, err) : 0;
}
