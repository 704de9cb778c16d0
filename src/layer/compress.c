/* SPDX-License-Identifier: Apache-2.0 */
#include "layer/compress.h"

#include "base/cleanup.h"
#include "base/str.h"
#include "sys/library.h"

#include <libdeflate.h>
#include <zstd.h>

#define GZIP_LEVEL_DEFAULT 6
#define GZIP_LEVEL_MAX	   12
#define ZSTD_LEVEL_DEFAULT 3
#define GZIP_MEMBER	   ((size_t)1 << 20)
#define OUT_SIZE	   ((size_t)128 << 10)

struct compressor {
	enum compress_form form;
	int (*sink)(void *arg, const void *data, size_t n, struct hull_error *err);
	void *arg;
	bool begun; /* something was put out: what comes next goes on with it */
	/* gzip: the member that is being filled, and room for it packed. */
	struct libdeflate_compressor *deflate;
	unsigned char *member;
	size_t fill;
	unsigned char *out;
	size_t out_size;
	ZSTD_CCtx *zstd;
};

static struct libdeflate_compressor *(*deflate_alloc)(int level);
static size_t (*deflate_gzip)(struct libdeflate_compressor *compressor, const void *in,
	size_t in_size, void *out, size_t out_size);
static size_t (*deflate_gzip_bound)(struct libdeflate_compressor *compressor, size_t n);
static void (*deflate_free)(struct libdeflate_compressor *compressor);

static const struct library_symbol deflate_symbols[] = {
	{"libdeflate_alloc_compressor", (void **)&deflate_alloc},
	{"libdeflate_gzip_compress", (void **)&deflate_gzip},
	{"libdeflate_gzip_compress_bound", (void **)&deflate_gzip_bound},
	{"libdeflate_free_compressor", (void **)&deflate_free},
};

static struct library deflate_library = {
	"libdeflate.so.0", "libdeflate0", deflate_symbols, ARRAY_SIZE(deflate_symbols), NULL};

static const char *const form_names[] = {
	[COMPRESS_NONE] = "none",
	[COMPRESS_GZIP] = "gzip",
	[COMPRESS_ZSTD] = "zstd",
};

const char *compress_form_name(enum compress_form form)
{
	return form_names[form];
}

int compress_form_parse(const char *text, enum compress_form *ret, struct hull_error *err)
{
	for (size_t i = 0; i < ARRAY_SIZE(form_names); i++) {
		if (str_eq(text, form_names[i])) {
			*ret = (enum compress_form)i;
			return 0;
		}
	}
	return error_set(
		err, HULL_ERROR_INVALID, "compression \"%s\": want none, gzip or zstd", text);
}

static int begin_gzip(struct compressor *c, int level, struct hull_error *err)
{
	int r = library_load(&deflate_library, err);

	if (r < 0)
		return r;
	level = level <= 0 ? GZIP_LEVEL_DEFAULT : level > GZIP_LEVEL_MAX ? GZIP_LEVEL_MAX : level;
	c->deflate = deflate_alloc(level);
	c->member = malloc(GZIP_MEMBER);
	if (!c->deflate || !c->member)
		return error_no_memory(err);
	c->out_size = deflate_gzip_bound(c->deflate, GZIP_MEMBER);
	c->out = malloc(c->out_size);
	return c->out ? 0 : error_no_memory(err);
}

static int begin_zstd(struct compressor *c, int level, struct hull_error *err)
{
	int max = ZSTD_maxCLevel();

	level = level <= 0 ? ZSTD_LEVEL_DEFAULT : level > max ? max : level;
	c->zstd = ZSTD_createCCtx();
	c->out_size = OUT_SIZE;
	c->out = malloc(c->out_size);
	if (!c->zstd || !c->out)
		return error_no_memory(err);
	ZSTD_CCtx_setParameter(c->zstd, ZSTD_c_compressionLevel, level);
	ZSTD_CCtx_setParameter(c->zstd, ZSTD_c_checksumFlag, 1);
	return 0;
}

int compressor_new(enum compress_form form, int level,
	int (*sink)(void *arg, const void *data, size_t n, struct hull_error *err), void *arg,
	struct compressor **ret, struct hull_error *err)
{
	_cleanup_compressor_ struct compressor *c = calloc(1, sizeof(*c));
	int r = 0;

	if (!c)
		return error_no_memory(err);
	c->form = form;
	c->sink = sink;
	c->arg = arg;
	if (form == COMPRESS_GZIP)
		r = begin_gzip(c, level, err);
	else if (form == COMPRESS_ZSTD)
		r = begin_zstd(c, level, err);
	if (r == 0)
		*ret = TAKE_PTR(c);
	return r;
}

struct compressor *compressor_free(struct compressor *c)
{
	if (!c)
		return NULL;
	if (c->deflate)
		deflate_free(c->deflate);
	ZSTD_freeCCtx(c->zstd);
	free(c->member);
	free(c->out);
	free(c);
	return NULL;
}

static int put_member(struct compressor *c, struct hull_error *err)
{
	size_t n = deflate_gzip(c->deflate, c->member, c->fill, c->out, c->out_size);

	if (n == 0)
		return error_set(err, HULL_ERROR_INTERNAL, "gzip: a member does not fit its bound");
	c->fill = 0;
	c->begun = true;
	return c->sink(c->arg, c->out, n, err);
}

static int write_gzip(
	struct compressor *c, const unsigned char *p, size_t n, struct hull_error *err)
{
	while (n > 0) {
		size_t room = GZIP_MEMBER - c->fill, take = n < room ? n : room;

		memcpy(c->member + c->fill, p, take);
		c->fill += take;
		p += take;
		n -= take;
		int r = c->fill == GZIP_MEMBER ? put_member(c, err) : 0;
		if (r < 0)
			return r;
	}
	return 0;
}

static int write_zstd(
	struct compressor *c, const void *data, size_t n, bool end, struct hull_error *err)
{
	ZSTD_inBuffer in = {data, n, 0};
	bool more;

	do {
		ZSTD_outBuffer out = {c->out, c->out_size, 0};
		size_t left = ZSTD_compressStream2(
			c->zstd, &out, &in, end ? ZSTD_e_end : ZSTD_e_continue);
		if (ZSTD_isError(left))
			return error_set(
				err, HULL_ERROR_INTERNAL, "zstd: %s", ZSTD_getErrorName(left));
		int r = out.pos > 0 ? c->sink(c->arg, c->out, out.pos, err) : 0;
		if (r < 0)
			return r;
		more = end ? left != 0 : in.pos < in.size;
	} while (more);
	return 0;
}

int compressor_write(struct compressor *c, const void *data, size_t n, struct hull_error *err)
{
	switch (c->form) {
	case COMPRESS_GZIP:
		return write_gzip(c, data, n, err);
	case COMPRESS_ZSTD:
		return write_zstd(c, data, n, false, err);
	default:
		return n > 0 ? c->sink(c->arg, data, n, err) : 0;
	}
}

int compressor_end(struct compressor *c, struct hull_error *err)
{
	/* Nothing at all is an empty member. */
	if (c->form == COMPRESS_GZIP)
		return c->fill > 0 || !c->begun ? put_member(c, err) : 0;
	return c->form == COMPRESS_ZSTD ? write_zstd(c, NULL, 0, true, err) : 0;
}
