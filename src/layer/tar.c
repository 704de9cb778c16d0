/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The reader is a state machine over 512-byte blocks. A member is one to four things in a row: an
 * optional extended header (PAX "x", or GNU "L" and "K" for long names), the header proper, the
 * continued map of a sparse file, and the data. Data are counted, not looked at, apart from the
 * last block's padding.
 *
 * One reading. Readers differ on: a PAX size beside another size in the header; data behind types
 * that have none; two long names for one member; global headers that set names or sizes; a lone zero
 * block; what follows the end mark. All of that is refused, as is every type of member that a
 * container's layer has no use for.
 */
#include "layer/tar.h"

#include "base/buf.h"
#include "base/str.h"
#include "layer/tar-header.h"
#include "layer/tar-pax.h"

#include <string.h>

#define SIZE_IN_HEADER_MAX 077777777777ull /* what eleven octal digits hold */

enum state {
	STATE_HEADER,
	STATE_META,	  /* contents of x, g, L, K */
	STATE_SPARSE,	  /* old GNU: more of the map */
	STATE_SPARSE_MAP, /* PAX 1.0: the map, before the data */
	STATE_DATA,
	STATE_END_MARK, /* one zero block seen */
	STATE_END,
};

struct tar_reader {
	const struct tar_handler *handler;
	void *arg;
	uint64_t max_entries;
	uint64_t entries;
	uint64_t offset; /* of the block being handled */
	enum state state;
	unsigned char block[TAR_BLOCK];
	size_t fill;
	uint64_t remaining; /* bytes of META, SPARSE_MAP or DATA still to come */
	char meta_type;
	struct buf meta;
	/* The text of a PAX 1.0 map and how far it was read. */
	struct buf map_text;
	size_t map_read;
	bool map_has_count;
	uint64_t map_count;   /* pairs */
	uint64_t map_numbers; /* read, two per pair */
	uint64_t map_offset;
	/* The member in the making. */
	bool has_pax;
	char *long_name; /* GNU L, K */
	char *long_link;
	struct tar_pax pax;
	struct tar_header header;
	struct tar_map map;
	struct tar_member member;
};

int tar_reader_new(const struct tar_handler *handler, void *arg, uint64_t max_entries,
	struct tar_reader **ret, struct hull_error *err)
{
	struct tar_reader *r = calloc(1, sizeof(*r));

	if (!r)
		return error_no_memory(err);
	r->handler = handler;
	r->arg = arg;
	r->max_entries = max_entries ? max_entries : TAR_ENTRIES_DEFAULT;
	r->meta.max = r->map_text.max = TAR_PAX_MAX + TAR_BLOCK;
	*ret = r;
	return 0;
}

static void forget_member(struct tar_reader *r)
{
	if (r->has_pax)
		tar_pax_done(&r->pax);
	r->has_pax = false;
	free(r->long_name);
	free(r->long_link);
	r->long_name = r->long_link = NULL;
	r->map.n = 0;
	buf_reset(&r->map_text);
}

struct tar_reader *tar_reader_free(struct tar_reader *r)
{
	if (!r)
		return NULL;
	forget_member(r);
	tar_pax_done(&r->pax);
	tar_map_done(&r->map);
	buf_done(&r->meta);
	buf_done(&r->map_text);
	free(r);
	return NULL;
}

uint64_t tar_reader_entries(const struct tar_reader *r)
{
	return r->entries;
}

static int refuse(const struct tar_reader *r, struct hull_error *err, const char *why)
{
	return error_set(err, HULL_ERROR_INVALID, "tar: %.200s at byte %llu: %s",
		r->header.name[0] ? r->header.name : "member", (unsigned long long)r->offset, why);
}

/* ---- From header and extended header to the member ---- */

static int type_of(
	struct tar_reader *r, const char *name, enum tar_type *ret, struct hull_error *err)
{
	switch (r->header.type) {
	case '\0':
	case '0':
		/* Before ustar a directory was a file whose name ends with a slash. */
		*ret = str_ends_with(name, "/") ? TAR_DIRECTORY : TAR_FILE;
		return 0;
	case '7': /* contiguous file: a file */
	case 'S': /* GNU sparse */
		*ret = TAR_FILE;
		return 0;
	case '1':
		*ret = TAR_HARD_LINK;
		return 0;
	case '2':
		*ret = TAR_SYMLINK;
		return 0;
	case '3':
		*ret = TAR_CHAR_DEVICE;
		return 0;
	case '4':
		*ret = TAR_BLOCK_DEVICE;
		return 0;
	case '5':
		*ret = TAR_DIRECTORY;
		return 0;
	case '6':
		*ret = TAR_FIFO;
		return 0;
	default:
		return error_set(err, HULL_ERROR_UNSUPPORTED,
			"tar: %.200s: member of unsupported type 0x%02x", name,
			(unsigned char)r->header.type);
	}
}

static int choose_size(struct tar_reader *r, uint64_t *ret, struct hull_error *err)
{
	*ret = r->header.size;
	if (!r->has_pax || !r->pax.has_size || r->pax.size == r->header.size)
		return 0;
	/* A size that the header cannot hold is the only honest reason for two of them. */
	if (r->pax.size <= SIZE_IN_HEADER_MAX)
		return refuse(r, err, "its header and its extended header give different sizes");
	*ret = r->pax.size;
	return 0;
}

static int choose_names(struct tar_reader *r, struct hull_error *err)
{
	const struct tar_pax *pax = r->has_pax ? &r->pax : NULL;
	struct tar_member *m = &r->member;

	if ((pax && pax->path && r->long_name) || (pax && pax->link && r->long_link))
		return refuse(r, err, "two long names for one member");
	m->name = pax && pax->sparse_name ? pax->sparse_name
		  : pax && pax->path	  ? pax->path
		  : r->long_name	  ? r->long_name
					  : r->header.name;
	m->link = pax && pax->link ? pax->link : r->long_link ? r->long_link : r->header.link;
	if (!*m->name)
		return refuse(r, err, "member without a name");
	return 0;
}

static int choose_owner(
	int64_t id, const char *what, const char *name, uint32_t *ret, struct hull_error *err)
{
	/* (uid_t)-1 means "leave it" to the kernel. */
	if (id < 0 || id >= UINT32_MAX)
		return error_set(err, HULL_ERROR_INVALID, "tar: %.200s: %s %lld is out of range",
			name, what, (long long)id);
	*ret = (uint32_t)id;
	return 0;
}

static int fill_attributes(struct tar_reader *r, struct hull_error *err)
{
	const struct tar_header *h = &r->header;
	const struct tar_pax *pax = r->has_pax ? &r->pax : NULL;
	struct tar_member *m = &r->member;
	int e = choose_owner(
		pax && pax->has_uid ? pax->uid : h->uid, "owner", m->name, &m->uid, err);

	if (e < 0)
		return e;
	e = choose_owner(pax && pax->has_gid ? pax->gid : h->gid, "group", m->name, &m->gid, err);
	if (e < 0)
		return e;
	m->mode = h->mode;
	m->major = h->major;
	m->minor = h->minor;
	m->mtime = pax && pax->has_mtime ? pax->mtime : h->mtime;
	m->mtime_ns = pax && pax->has_mtime ? pax->mtime_ns : 0;
	m->xattrs = pax ? pax->xattrs : NULL;
	m->n_xattrs = pax ? pax->n_xattrs : 0;
	return 0;
}

/* Hands the finished member over and turns to its data. */
static int emit(struct tar_reader *r, uint64_t data_offset, struct hull_error *err)
{
	struct tar_member *m = &r->member;

	m->data_offset = data_offset;
	if (m->sparse) {
		int e = tar_map_check(&r->map, m->size, m->data_size, err);
		if (e < 0)
			return error_wrap(err, e, "%.200s", m->name);
		m->extents = r->map.extents;
		m->n_extents = r->map.n;
	}
	int e = r->handler->member(r->arg, m, err);
	if (e < 0)
		return e;
	r->remaining = m->data_size;
	r->state = r->remaining > 0 ? STATE_DATA : STATE_HEADER;
	if (r->state == STATE_HEADER)
		forget_member(r);
	return 0;
}

static int begin_old_sparse(
	struct tar_reader *r, const struct tar_raw_header *raw, struct hull_error *err);
static int begin_pax_sparse(struct tar_reader *r, struct hull_error *err);

static int begin_member(
	struct tar_reader *r, const struct tar_raw_header *raw, struct hull_error *err)
{
	struct tar_member *m = &r->member;

	memset(m, 0, sizeof(*m));
	if (++r->entries > r->max_entries)
		return error_set(err, HULL_ERROR_LIMIT, "tar: more than %llu members",
			(unsigned long long)r->max_entries);
	int e = choose_names(r, err);
	if (e < 0)
		return e;
	e = type_of(r, m->name, &m->type, err);
	if (e < 0)
		return e;
	e = fill_attributes(r, err);
	if (e < 0)
		return e;
	e = choose_size(r, &m->data_size, err);
	if (e < 0)
		return e;
	/* Offsets stay far from overflow whatever is added up later. */
	if (m->data_size > INT64_MAX / 2)
		return refuse(r, err, "size out of range");
	m->size = m->data_size;
	if (m->type != TAR_FILE && m->size > 0)
		return refuse(r, err, "data behind a member that has none");
	if (m->type != TAR_HARD_LINK && m->type != TAR_SYMLINK)
		m->link = "";
	else if (!*m->link)
		return refuse(r, err, "link without a target");
	if (r->header.type == 'S')
		return begin_old_sparse(r, raw, err);
	if (r->has_pax && r->pax.has_sparse)
		return begin_pax_sparse(r, err);
	return emit(r, r->offset + TAR_BLOCK, err);
}

/* ---- Sparse files ---- */

static int add_raw_extent(
	struct tar_reader *r, const char offset[12], const char size[12], struct hull_error *err)
{
	int64_t o, s;

	if (tar_is_zero(offset, 12) && tar_is_zero(size, 12))
		return 0;
	if (tar_number(offset, 12, &o) < 0 || tar_number(size, 12, &s) < 0 || o < 0 || s < 0)
		return refuse(r, err, "malformed map of a sparse file");
	return tar_map_add(&r->map, (uint64_t)o, (uint64_t)s, err);
}

static int begin_old_sparse(
	struct tar_reader *r, const struct tar_raw_header *raw, struct hull_error *err)
{
	int64_t size;

	if (r->header.dialect != TAR_GNU || (r->has_pax && r->pax.has_sparse))
		return refuse(r, err, "two maps of a sparse file, or not a GNU header");
	if (tar_number(raw->gnu.real_size, 12, &size) < 0 || size < 0)
		return refuse(r, err, "malformed size of a sparse file");
	r->member.size = (uint64_t)size;
	r->member.sparse = true;
	for (size_t i = 0; i < ARRAY_SIZE(raw->gnu.sparse); i++) {
		int e = add_raw_extent(r, raw->gnu.sparse[i].offset, raw->gnu.sparse[i].size, err);
		if (e < 0)
			return e;
	}
	if (!raw->gnu.is_extended)
		return emit(r, r->offset + TAR_BLOCK, err);
	r->state = STATE_SPARSE;
	return 0;
}

static int handle_sparse(
	struct tar_reader *r, const struct tar_raw_sparse *raw, struct hull_error *err)
{
	for (size_t i = 0; i < ARRAY_SIZE(raw->sparse); i++) {
		int e = add_raw_extent(r, raw->sparse[i].offset, raw->sparse[i].size, err);
		if (e < 0)
			return e;
	}
	/* A block that adds nothing and goes on would let a map grow for ever. */
	if (raw->is_extended && tar_is_zero(raw->sparse, sizeof(raw->sparse)))
		return refuse(r, err, "empty continuation of a sparse file's map");
	return raw->is_extended ? 0 : emit(r, r->offset + TAR_BLOCK, err);
}

static int begin_pax_sparse(struct tar_reader *r, struct hull_error *err)
{
	struct tar_pax *pax = &r->pax;
	bool version_1 = pax->has_major && pax->sparse_major == 1;

	if (r->member.type != TAR_FILE || !pax->has_real_size ||
		pax->sparse_real_size > INT64_MAX / 2)
		return refuse(r, err, "malformed sparse file");
	if ((pax->has_major && pax->sparse_major > 1) ||
		(pax->has_minor && pax->sparse_minor > (version_1 ? 0 : 1)))
		return refuse(r, err, "unknown version of sparse file");
	r->member.sparse = true;
	r->member.size = pax->sparse_real_size;
	if (version_1) {
		if (pax->has_map || r->member.data_size < TAR_BLOCK)
			return refuse(r, err, "malformed sparse file");
		r->remaining = r->member.data_size;
		r->map_read = 0;
		r->map_has_count = false;
		r->map_numbers = 0;
		r->state = STATE_SPARSE_MAP;
		return 0;
	}
	if (!pax->has_map)
		return refuse(r, err, "sparse file without a map");
	struct tar_map map = r->map;
	r->map = pax->map;
	pax->map = map;
	return emit(r, r->offset + TAR_BLOCK, err);
}

/* Reads the next number and its newline. 1, 0 if the text ends before, or -EINVAL. */
static int next_map_number(struct tar_reader *r, uint64_t *ret)
{
	const char *p = buf_str(&r->map_text) + r->map_read;
	size_t n = r->map_text.len - r->map_read;
	const char *newline = n ? memchr(p, '\n', n) : NULL;

	if (!newline)
		return n > 20 ? -EINVAL : 0;
	if (tar_decimal(p, (size_t)(newline - p), ret) < 0 || *ret > INT64_MAX)
		return -EINVAL;
	r->map_read += (size_t)(newline - p) + 1;
	return 1;
}

/*
 * The map is a count and that many pairs, one number a line, padded to a block. Goes on where the
 * last block's text ended: 1 if the map is complete, 0 if more blocks are needed.
 */
static int parse_map_text(struct tar_reader *r, struct hull_error *err)
{
	uint64_t number;
	int e;

	while (!r->map_has_count || r->map_numbers < 2 * r->map_count) {
		e = next_map_number(r, &number);
		if (e == 0)
			return 0;
		if (e < 0 || (!r->map_has_count && number > TAR_EXTENTS_MAX))
			return refuse(r, err, "malformed map of a sparse file, or one too large");
		if (!r->map_has_count) {
			r->map_has_count = true;
			r->map_count = number;
			continue;
		}
		if (r->map_numbers++ % 2 == 0) {
			r->map_offset = number;
			continue;
		}
		e = tar_map_add(&r->map, r->map_offset, number, err);
		if (e < 0)
			return e;
	}
	return 1;
}

static int handle_sparse_map(
	struct tar_reader *r, const unsigned char *block, struct hull_error *err)
{
	buf_append(&r->map_text, block, TAR_BLOCK);
	if (buf_error(&r->map_text) < 0)
		return refuse(r, err, "map of a sparse file is too large");
	if (r->remaining < TAR_BLOCK)
		return refuse(r, err, "map of a sparse file is longer than its data");
	r->remaining -= TAR_BLOCK;
	int e = parse_map_text(r, err);
	if (e < 0)
		return e;
	if (e == 0)
		return r->remaining > 0 ? 0 : refuse(r, err, "cut-off map of a sparse file");
	r->member.data_size = r->remaining;
	return emit(r, r->offset + TAR_BLOCK, err);
}

/* ---- Extended headers ---- */

static int begin_meta(struct tar_reader *r, struct hull_error *err)
{
	const struct tar_header *h = &r->header;
	bool twice = (h->type == 'x' && r->has_pax) || (h->type == 'L' && r->long_name) ||
		     (h->type == 'K' && r->long_link) ||
		     (h->type == 'g' && (r->has_pax || r->long_name || r->long_link));

	if (twice)
		return refuse(r, err, "extended header where a member must follow");
	if (h->size > TAR_PAX_MAX)
		return error_set(err, HULL_ERROR_LIMIT,
			"tar: extended header at byte %llu: more than %zu bytes",
			(unsigned long long)r->offset, TAR_PAX_MAX);
	/* They are small but not free, and nothing else bounds their number. */
	if (h->type == 'g' && ++r->entries > r->max_entries)
		return error_set(err, HULL_ERROR_LIMIT, "tar: more than %llu members",
			(unsigned long long)r->max_entries);
	buf_reset(&r->meta);
	r->meta_type = h->type;
	r->remaining = h->size;
	if (r->remaining == 0)
		return refuse(r, err, "empty extended header");
	r->state = STATE_META;
	return 0;
}

static int take_long_name(struct tar_reader *r, char **to, struct hull_error *err)
{
	size_t n = strnlen(r->meta.data, r->meta.len);

	if (n == 0 || n > TAR_NAME_MAX)
		return error_set(err, n ? HULL_ERROR_LIMIT : HULL_ERROR_INVALID,
			"tar: long name at byte %llu: empty or more than %u bytes",
			(unsigned long long)r->offset, TAR_NAME_MAX);
	*to = strndup(r->meta.data, n);
	return *to ? 0 : error_no_memory(err);
}

static int end_meta(struct tar_reader *r, struct hull_error *err)
{
	r->state = STATE_HEADER;
	switch (r->meta_type) {
	case 'x':
		r->has_pax = true;
		return tar_pax_parse(&r->pax, r->meta.data, r->meta.len, err);
	case 'g':
		return tar_pax_parse_global(r->meta.data, r->meta.len, err);
	case 'L':
		return take_long_name(r, &r->long_name, err);
	default:
		return take_long_name(r, &r->long_link, err);
	}
}

/* ---- Blocks ---- */

static int handle_header(struct tar_reader *r, const unsigned char *block, struct hull_error *err)
{
	const struct tar_raw_header *raw = (const struct tar_raw_header *)block;

	if (tar_is_zero(block, TAR_BLOCK)) {
		if (r->has_pax || r->long_name || r->long_link)
			return refuse(r, err, "the archive ends after an extended header");
		r->state = STATE_END_MARK;
		return 0;
	}
	int e = tar_header_decode(raw, r->offset, &r->header, err);
	if (e < 0)
		return e;
	if (strchr("xgLK", r->header.type) && r->header.type)
		return begin_meta(r, err);
	return begin_member(r, raw, err);
}

static int handle_meta(struct tar_reader *r, const unsigned char *block, struct hull_error *err)
{
	size_t n = r->remaining < TAR_BLOCK ? (size_t)r->remaining : TAR_BLOCK;

	buf_append(&r->meta, block, n);
	if (buf_error(&r->meta) < 0)
		return error_no_memory(err);
	r->remaining -= n;
	return r->remaining > 0 ? 0 : end_meta(r, err);
}

static int handle_data(struct tar_reader *r, const unsigned char *block, struct hull_error *err)
{
	size_t n = r->remaining < TAR_BLOCK ? (size_t)r->remaining : TAR_BLOCK;

	r->remaining -= n;
	if (r->remaining > 0)
		return 0;
	r->state = STATE_HEADER;
	forget_member(r);
	return r->handler->data_end
		       ? r->handler->data_end(r->arg, tar_is_zero(block + n, TAR_BLOCK - n), err)
		       : 0;
}

static int handle_end(struct tar_reader *r, const unsigned char *block, struct hull_error *err)
{
	r->header.name[0] = '\0';
	if (!tar_is_zero(block, TAR_BLOCK))
		return refuse(r, err,
			r->state == STATE_END_MARK ? "a lone zero block between members"
						   : "data after the end of the archive");
	r->state = STATE_END;
	return 0;
}

static int handle_block(struct tar_reader *r, const unsigned char *block, struct hull_error *err)
{
	switch (r->state) {
	case STATE_HEADER:
		return handle_header(r, block, err);
	case STATE_META:
		return handle_meta(r, block, err);
	case STATE_SPARSE:
		return handle_sparse(r, (const struct tar_raw_sparse *)block, err);
	case STATE_SPARSE_MAP:
		return handle_sparse_map(r, block, err);
	case STATE_DATA:
		return handle_data(r, block, err);
	default:
		return handle_end(r, block, err);
	}
}

uint64_t tar_reader_skippable(const struct tar_reader *r)
{
	if (r->state != STATE_DATA || r->fill != 0 || r->remaining == 0)
		return 0;
	/* The last block is looked at for its padding. */
	return (r->remaining - 1) / TAR_BLOCK * TAR_BLOCK;
}

void tar_reader_skip(struct tar_reader *r, uint64_t n)
{
	r->remaining -= n;
	r->offset += n;
}

int tar_reader_feed(struct tar_reader *r, const void *data, size_t n, struct hull_error *err)
{
	const unsigned char *p = data;

	while (n > 0) {
		uint64_t skip = tar_reader_skippable(r);
		if (skip > 0) {
			/* Whole blocks, so that the state between two calls stays on a block. */
			size_t take = skip < n ? (size_t)skip : n - n % TAR_BLOCK;
			tar_reader_skip(r, take);
			p += take;
			n -= take;
			if (n == 0)
				break;
		}
		const unsigned char *block = p;
		size_t take = TAR_BLOCK - r->fill;
		if (take < TAR_BLOCK || n < TAR_BLOCK) {
			take = take < n ? take : n;
			memcpy(r->block + r->fill, p, take);
			r->fill += take;
			block = r->block;
		} else {
			r->fill = TAR_BLOCK;
		}
		p += take;
		n -= take;
		if (r->fill < TAR_BLOCK)
			break;
		r->fill = 0;
		int e = handle_block(r, block, err);
		if (e < 0)
			return e;
		r->offset += TAR_BLOCK;
	}
	return 0;
}

int tar_reader_finish(struct tar_reader *r, struct hull_error *err)
{
	bool between = r->state == STATE_HEADER && !r->has_pax && !r->long_name && !r->long_link;

	/* An archive without its end mark is read by all; so is one zero block at the end. */
	if (r->fill == 0 && (between || r->state == STATE_END_MARK || r->state == STATE_END))
		return 0;
	return error_set(err, HULL_ERROR_INVALID, "tar: cut off at byte %llu",
		(unsigned long long)(r->offset + r->fill));
}
