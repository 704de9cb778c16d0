/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Two passes over the tar. The first finds the members; the second copies: headers as they are, each
 * chunk of a file into gzip members that begin with it, its offset noted. What was behind the last
 * member (zeros) comes again at the end, behind the table of contents.
 */
#include "layer/estargz.h"

#include "base/arena.h"
#include "base/base64.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/str.h"
#include "json/json.h"
#include "layer/compress.h"
#include "layer/tar-write.h"

#include <unistd.h>

#define CHUNK	      ((size_t)4 << 20)
#define READ_SIZE     ((size_t)256 << 10)
#define TOC_NAME      "stargz.index.json"
#define LANDMARK      ".no.prefetch.landmark"
#define LANDMARK_BYTE 0x0f
#define TOC_MAX	      ((size_t)1 << 30)

struct estargz {
	struct arena arena;
	int tar_fd;
	const volatile int *canceled;
	struct tar_member *entries; /* strings in the arena */
	size_t n_entries, size;
	uint64_t end; /* of the last member with its padding */
	/* Output. */
	struct compressor *compressor;
	int (*sink)(void *arg, const void *data, size_t n, struct hull_error *err);
	void *arg;
	uint64_t offset;    /* in the blob */
	uint64_t tar_bytes; /* put into the compressor */
	struct buf toc;
	struct json_writer w;
	char *chunk;
};

static int on_output(void *arg, const void *data, size_t n, struct hull_error *err)
{
	struct estargz *e = arg;

	e->offset += n;
	return e->sink(e->arg, data, n, err);
}

static int put(void *arg, const void *data, size_t n, struct hull_error *err)
{
	struct estargz *e = arg;

	e->tar_bytes += n;
	return compressor_write(e->compressor, data, n, err);
}

/* What comes next begins a gzip member. */
static int cut(struct estargz *e, struct hull_error *err)
{
	return compressor_end(e->compressor, err);
}

/* ---- Members ---- */

static int copy_xattrs(struct estargz *e, struct tar_member *to, const struct tar_member *from)
{
	struct tar_xattr *v = arena_array(&e->arena, from->n_xattrs + 1, sizeof(*v));

	for (size_t i = 0; v && i < from->n_xattrs; i++) {
		v[i].name = arena_strdup(&e->arena, from->xattrs[i].name);
		v[i].value = arena_memdup(&e->arena, from->xattrs[i].value, from->xattrs[i].size);
		v[i].size = from->xattrs[i].size;
		if (!v[i].name || (!v[i].value && v[i].size > 0))
			return -ENOMEM;
	}
	to->xattrs = v;
	return v ? 0 : -ENOMEM;
}

static bool is_our_own(const char *name)
{
	while (str_after(name, "./"))
		name += 2;
	return str_eq(name, TOC_NAME) || str_eq(name, LANDMARK) ||
	       str_eq(name, ".prefetch.landmark");
}

static int on_member(void *arg, const struct tar_member *m, struct hull_error *err)
{
	struct estargz *e = arg;

	if (m->sparse)
		return error_set(err, HULL_ERROR_UNSUPPORTED,
			"%.200s: eStargz cannot hold a sparse file", m->name);
	if (is_our_own(m->name))
		return error_set(err, HULL_ERROR_UNSUPPORTED,
			"%.200s: the layer is an eStargz layer already", m->name);
	if (e->n_entries == e->size) {
		size_t more = e->size ? e->size * 2 : 1024;
		struct tar_member *v = reallocarray(e->entries, more, sizeof(*v));

		if (!v)
			return error_no_memory(err);
		e->entries = v;
		e->size = more;
	}
	struct tar_member *to = &e->entries[e->n_entries++];
	*to = *m;
	to->name = arena_strdup(&e->arena, m->name);
	to->link = arena_strdup(&e->arena, m->link);
	if (!to->name || !to->link || copy_xattrs(e, to, m) < 0)
		return error_no_memory(err);
	e->end = m->data_offset + (m->data_size + TAR_BLOCK - 1) / TAR_BLOCK * TAR_BLOCK;
	return 0;
}

static int on_data_end(void *arg, bool padding_is_zero, struct hull_error *err)
{
	return 0;
}

static ssize_t read_at(struct estargz *e, void *data, size_t n, uint64_t at, struct hull_error *err)
{
	ssize_t got;

	if (e->canceled && *e->canceled)
		return error_set(err, HULL_ERROR_CANCELED, "canceled");
	do
		got = pread(e->tar_fd, data, n, (off_t)at);
	while (got < 0 && errno == EINTR);
	return got < 0 ? error_errno(err, errno, "read the layer's tar") : got;
}

static int find_members(struct estargz *e, struct hull_error *err)
{
	static const struct tar_handler handler = {on_member, on_data_end};
	_cleanup_tar_reader_ struct tar_reader *reader = NULL;
	uint64_t at = 0;
	int r = tar_reader_new(&handler, e, TAR_ENTRIES_DEFAULT, &reader, err);

	while (r == 0) {
		uint64_t skip = tar_reader_skippable(reader);

		tar_reader_skip(reader, skip);
		at += skip;
		ssize_t n = read_at(e, e->chunk, READ_SIZE, at, err);
		if (n <= 0)
			return n < 0 ? (int)n : tar_reader_finish(reader, err);
		r = tar_reader_feed(reader, e->chunk, (size_t)n, err);
		at += (uint64_t)n;
	}
	return r;
}

/* ---- The table of contents ---- */

static void write_nonzero(struct json_writer *w, const char *key, uint64_t value)
{
	if (value)
		json_member_u64(w, key, value);
}

static void write_digest(struct json_writer *w, const char *key, const struct digest *digest)
{
	char text[DIGEST_TEXT_SIZE];

	json_member_string(w, key, digest_format(digest, text));
}

static const char *type_name(enum tar_type type)
{
	static const char *const names[] = {
		[TAR_FILE] = "reg",
		[TAR_HARD_LINK] = "hardlink",
		[TAR_SYMLINK] = "symlink",
		[TAR_CHAR_DEVICE] = "char",
		[TAR_BLOCK_DEVICE] = "block",
		[TAR_DIRECTORY] = "dir",
		[TAR_FIFO] = "fifo",
	};
	return names[type];
}

/* The member's attributes, in an object that stays open. */
static int begin_toc_entry(struct estargz *e, const struct tar_member *m, struct hull_error *err)
{
	struct json_writer *w = &e->w;
	char time[CLOCK_TEXT_SIZE];

	json_begin_object(w);
	json_member_string(w, "name", m->name);
	json_member_string(w, "type", type_name(m->type));
	if (m->type == TAR_FILE)
		write_nonzero(w, "size", m->size);
	clock_format_rfc3339(m->mtime * NS_PER_SECOND, time);
	json_member_string(w, "modtime", time);
	if (*m->link)
		json_member_string(w, "linkName", m->link);
	write_nonzero(w, "mode", m->mode);
	write_nonzero(w, "uid", m->uid);
	write_nonzero(w, "gid", m->gid);
	if (m->type == TAR_CHAR_DEVICE || m->type == TAR_BLOCK_DEVICE) {
		write_nonzero(w, "devMajor", m->major);
		write_nonzero(w, "devMinor", m->minor);
	}
	if (m->n_xattrs > 0) {
		json_key(w, "xattrs");
		json_begin_object(w);
	}
	for (size_t i = 0; i < m->n_xattrs; i++) {
		_cleanup_free_ char *value = base64_encode(m->xattrs[i].value, m->xattrs[i].size);
		if (!value)
			return error_no_memory(err);
		json_member_string(w, m->xattrs[i].name, value);
	}
	if (m->n_xattrs > 0)
		json_end_object(w);
	return 0;
}

/* ---- Data ---- */

struct file {
	const struct tar_member *member;
	struct digest_hash *whole;
	struct digest first; /* digest of the first chunk */
	uint64_t first_offset;
	struct buf more; /* entries of the other chunks */
	struct json_writer w;
};

static int put_chunk(
	struct estargz *e, struct file *f, uint64_t done, size_t size, struct hull_error *err)
{
	struct digest digest;
	size_t have = 0;
	int r = cut(e, err);
	uint64_t offset = e->offset;

	while (r == 0 && have < size) {
		ssize_t n = read_at(
			e, e->chunk + have, size - have, f->member->data_offset + done + have, err);
		if (n <= 0)
			return n < 0 ? (int)n
				     : error_set(err, HULL_ERROR_IO, "the layer's tar is cut off");
		have += (size_t)n;
	}
	if (r == 0)
		r = digest_of(DIGEST_SHA256, e->chunk, size, &digest, err);
	if (r == 0)
		r = put(e, e->chunk, size, err);
	if (r < 0)
		return r;
	digest_hash_update(f->whole, e->chunk, size);
	if (done == 0) {
		f->first = digest;
		f->first_offset = offset;
		return 0;
	}
	json_begin_object(&f->w);
	json_member_string(&f->w, "name", f->member->name);
	json_member_string(&f->w, "type", "chunk");
	json_member_u64(&f->w, "offset", offset);
	json_member_u64(&f->w, "chunkOffset", done);
	json_member_u64(&f->w, "chunkSize", size);
	write_digest(&f->w, "chunkDigest", &digest);
	json_end_object(&f->w);
	return 0;
}

static int put_file(struct estargz *e, const struct tar_member *m, struct hull_error *err)
{
	_cleanup_digest_hash_ struct digest_hash *whole = NULL;
	_cleanup_buf_ struct buf more = BUF_INIT_MAX(TOC_MAX);
	struct file f = {.member = m, .w = JSON_WRITER_INIT(&more, 0)};
	struct digest digest;
	int r = digest_hash_new(DIGEST_SHA256, &whole, err);

	f.whole = whole;
	for (uint64_t done = 0; r == 0 && done < m->size;) {
		size_t size = m->size - done < CHUNK ? (size_t)(m->size - done) : CHUNK;

		r = put_chunk(e, &f, done, size, err);
		done += size;
	}
	/* Headers are not in the way of who reads the file alone. */
	if (r == 0)
		r = cut(e, err);
	if (r == 0)
		r = digest_hash_finish(whole, &digest, err);
	if (r < 0)
		return r;
	json_member_u64(&e->w, "offset", f.first_offset);
	write_digest(&e->w, "digest", &digest);
	if (m->size > CHUNK)
		json_member_u64(&e->w, "chunkSize", CHUNK);
	write_digest(&e->w, "chunkDigest", &f.first);
	json_end_object(&e->w);
	if (more.len > 0)
		json_raw(&e->w, buf_str(&more));
	return buf_error(&more);
}

/* Bytes of the tar as they are: headers and padding. */
static int put_range(struct estargz *e, uint64_t from, uint64_t to, struct hull_error *err)
{
	while (from < to) {
		size_t want = to - from < READ_SIZE ? (size_t)(to - from) : READ_SIZE;
		ssize_t n = read_at(e, e->chunk, want, from, err);

		if (n <= 0)
			return n < 0 ? (int)n
				     : error_set(err, HULL_ERROR_IO, "the layer's tar is cut off");
		int r = put(e, e->chunk, (size_t)n, err);
		if (r < 0)
			return r;
		from += (uint64_t)n;
	}
	return 0;
}

static int put_landmark(struct estargz *e, struct hull_error *err)
{
	static const unsigned char byte = LANDMARK_BYTE;
	const struct tar_sink sink = {put, e};
	const struct tar_member m = {
		.type = TAR_FILE, .name = LANDMARK, .link = "", .mode = 0644, .size = 1};
	struct digest digest;
	int r = tar_write_header(&sink, &m, err);

	if (r == 0)
		r = cut(e, err);
	uint64_t offset = e->offset;
	if (r == 0)
		r = put(e, &byte, 1, err);
	if (r == 0)
		r = cut(e, err);
	if (r == 0)
		r = tar_write_padding(&sink, 1, err);
	if (r == 0)
		r = digest_of(DIGEST_SHA256, &byte, 1, &digest, err);
	if (r == 0)
		r = begin_toc_entry(e, &m, err);
	if (r < 0)
		return r;
	json_member_u64(&e->w, "offset", offset);
	write_digest(&e->w, "digest", &digest);
	write_digest(&e->w, "chunkDigest", &digest);
	json_end_object(&e->w);
	return 0;
}

static int put_members(struct estargz *e, struct hull_error *err)
{
	uint64_t at = 0;
	int r = 0;

	for (size_t i = 0; r == 0 && i < e->n_entries; i++) {
		const struct tar_member *m = &e->entries[i];

		r = put_range(e, at, m->data_offset, err);
		at = m->data_offset;
		if (r == 0)
			r = begin_toc_entry(e, m, err);
		if (r == 0 && m->type == TAR_FILE && m->size > 0) {
			r = put_file(e, m, err);
			at += m->size;
		} else {
			json_end_object(&e->w);
		}
	}
	return r < 0 ? r : put_range(e, at, e->end, err);
}

/* An empty gzip member with the table's place in its header. */
static int put_footer(struct estargz *e, uint64_t toc_offset, struct hull_error *err)
{
	static const unsigned char head[] = {
		0x1f, 0x8b, 8, 4, 0, 0, 0, 0, 0, 0xff, 26, 0, 'S', 'G', 22, 0};
	static const unsigned char tail[] = {1, 0, 0, 0xff, 0xff, 0, 0, 0, 0, 0, 0, 0, 0};
	unsigned char footer[sizeof(head) + 22 + sizeof(tail)];
	char place[23];

	snprintf(place, sizeof(place), "%016llxSTARGZ", (unsigned long long)toc_offset);
	memcpy(footer, head, sizeof(head));
	memcpy(footer + sizeof(head), place, 22);
	memcpy(footer + sizeof(head) + 22, tail, sizeof(tail));
	return on_output(e, footer, sizeof(footer), err);
}

static int put_toc(struct estargz *e, struct estargz_result *ret, struct hull_error *err)
{
	const struct tar_sink sink = {put, e};
	const struct tar_member m = {
		.type = TAR_FILE, .name = TOC_NAME, .link = "", .mode = 0444, .size = e->toc.len};

	if (buf_error(&e->toc) < 0)
		return error_set(err, HULL_ERROR_LIMIT, "the table of contents is too large");
	int r = cut(e, err);
	uint64_t offset = e->offset;
	if (r == 0)
		r = digest_of(DIGEST_SHA256, buf_str(&e->toc), e->toc.len, &ret->toc, err);
	if (r == 0)
		r = tar_write_header(&sink, &m, err);
	if (r == 0)
		r = tar_write_data(&sink, buf_str(&e->toc), e->toc.len, err);
	if (r == 0)
		r = tar_write_padding(&sink, e->toc.len, err);
	if (r == 0)
		r = tar_write_end(&sink, err);
	if (r == 0)
		r = cut(e, err);
	return r < 0 ? r : put_footer(e, offset, err);
}

static int write_all(struct estargz *e, struct estargz_result *ret, struct hull_error *err)
{
	int r = find_members(e, err);

	json_begin_object(&e->w);
	json_member_u64(&e->w, "version", 1);
	json_key(&e->w, "entries");
	json_begin_array(&e->w);
	if (r == 0)
		r = put_landmark(e, err);
	if (r == 0)
		r = put_members(e, err);
	json_end_array(&e->w);
	json_end_object(&e->w);
	if (r == 0)
		r = put_toc(e, ret, err);
	ret->tar_bytes = e->tar_bytes;
	return r;
}

int estargz_write(int tar_fd, int level,
	int (*sink)(void *arg, const void *data, size_t n, struct hull_error *err), void *arg,
	const volatile int *canceled, struct estargz_result *ret, struct hull_error *err)
{
	struct estargz e = {
		.tar_fd = tar_fd,
		.canceled = canceled,
		.sink = sink,
		.arg = arg,
		.toc = BUF_INIT_MAX(TOC_MAX),
		.chunk = malloc(CHUNK),
	};
	int r = e.chunk ? 0 : error_no_memory(err);

	e.w = (struct json_writer)JSON_WRITER_INIT(&e.toc, 0);
	if (r == 0)
		r = compressor_new(COMPRESS_GZIP, level, on_output, &e, &e.compressor, err);
	if (r == 0)
		r = write_all(&e, ret, err);
	compressor_free(e.compressor);
	arena_done(&e.arena);
	free(e.entries);
	free(e.chunk);
	buf_done(&e.toc);
	return r;
}
