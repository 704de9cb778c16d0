/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An extended header is a run of records "LENGTH KEY=VALUE\n", LENGTH counting the whole record.
 * A later record replaces an earlier one; an empty value takes it back. Keys that nobody acts on
 * (comment, atime, uname ...) are skipped; each key that we act on is one row of a table.
 */
#include "layer/tar-pax.h"

#include "base/clock.h"
#include "base/str.h"

#include <string.h>

#define XATTR_SCHILY	 "SCHILY.xattr."
#define XATTR_LIBARCHIVE "LIBARCHIVE.xattr."
#define SPARSE_PREFIX	 "GNU.sparse."

struct record {
	const char *key; /* NUL-terminated */
	char *value;	 /* NUL-terminated, but may hold NULs */
	size_t size;
};

void tar_pax_done(struct tar_pax *pax)
{
	arena_done(&pax->arena);
	free(pax->xattrs);
	tar_map_done(&pax->map);
	memset(pax, 0, sizeof(*pax));
}

int tar_decimal(const char *text, size_t n, uint64_t *ret)
{
	uint64_t value = 0;

	if (n == 0 || n > 19)
		return -EINVAL;
	for (size_t i = 0; i < n; i++) {
		if (text[i] < '0' || text[i] > '9')
			return -EINVAL;
		value = value * 10 + (uint64_t)(text[i] - '0');
	}
	*ret = value;
	return 0;
}

static int bad_record(const struct record *rec, struct hull_error *err)
{
	return error_set(
		err, HULL_ERROR_INVALID, "tar: malformed extended header record %.64s", rec->key);
}

static int parse_text(
	struct tar_pax *pax, const struct record *rec, char **ret, struct hull_error *err)
{
	if (rec->size == 0) {
		*ret = NULL;
		return 0;
	}
	if (memchr(rec->value, '\0', rec->size))
		return bad_record(rec, err);
	if (rec->size > TAR_NAME_MAX)
		return error_set(
			err, HULL_ERROR_LIMIT, "tar: a name is longer than %u bytes", TAR_NAME_MAX);
	*ret = arena_memdup(&pax->arena, rec->value, rec->size + 1);
	return *ret ? 0 : error_no_memory(err);
}

static int parse_number(
	const struct record *rec, bool *ret_has, uint64_t *ret, struct hull_error *err)
{
	*ret_has = rec->size > 0;
	if (rec->size > 0 && (tar_decimal(rec->value, rec->size, ret) < 0 || *ret > INT64_MAX))
		return bad_record(rec, err);
	return 0;
}

static int parse_path(struct tar_pax *pax, const struct record *rec, struct hull_error *err)
{
	return parse_text(pax, rec, &pax->path, err);
}

static int parse_link(struct tar_pax *pax, const struct record *rec, struct hull_error *err)
{
	return parse_text(pax, rec, &pax->link, err);
}

static int parse_size(struct tar_pax *pax, const struct record *rec, struct hull_error *err)
{
	return parse_number(rec, &pax->has_size, &pax->size, err);
}

static int parse_owner(
	const struct record *rec, bool *ret_has, int64_t *ret, struct hull_error *err)
{
	uint64_t value = 0;
	int r = parse_number(rec, ret_has, &value, err);

	*ret = (int64_t)value;
	return r;
}

static int parse_uid(struct tar_pax *pax, const struct record *rec, struct hull_error *err)
{
	return parse_owner(rec, &pax->has_uid, &pax->uid, err);
}

static int parse_gid(struct tar_pax *pax, const struct record *rec, struct hull_error *err)
{
	return parse_owner(rec, &pax->has_gid, &pax->gid, err);
}

/* "-12.75" is 12.75 seconds before 1970: -13 s and 250,000,000 ns. Digits past ns are cut. */
static int parse_mtime(struct tar_pax *pax, const struct record *rec, struct hull_error *err)
{
	const char *p = rec->value, *end = p + rec->size;
	uint64_t seconds = 0;
	uint32_t ns = 0, scale = NS_PER_SECOND / 10;
	bool negative = p < end && *p == '-';

	pax->has_mtime = rec->size > 0;
	if (rec->size == 0)
		return 0;
	p += negative;
	const char *point = memchr(p, '.', (size_t)(end - p));
	if (tar_decimal(p, (size_t)((point ? point : end) - p), &seconds) < 0 ||
		seconds > INT64_MAX / 2)
		return bad_record(rec, err);
	for (p = point ? point + 1 : end; p < end; p++, scale /= 10) {
		if (*p < '0' || *p > '9')
			return bad_record(rec, err);
		ns += (uint32_t)(*p - '0') * scale;
	}
	pax->mtime = negative ? -(int64_t)seconds : (int64_t)seconds;
	pax->mtime_ns = ns;
	if (negative && ns > 0) {
		pax->mtime--;
		pax->mtime_ns = NS_PER_SECOND - ns;
	}
	return 0;
}

static struct tar_xattr *find_xattr(struct tar_pax *pax, const char *name)
{
	for (size_t i = 0; i < pax->n_xattrs; i++)
		if (str_eq(pax->xattrs[i].name, name))
			return &pax->xattrs[i];
	return NULL;
}

static struct tar_xattr *add_xattr(struct tar_pax *pax, const char *name, struct hull_error *err)
{
	struct tar_xattr *x = find_xattr(pax, name);

	if (x)
		return x;
	if (pax->n_xattrs == pax->xattrs_size) {
		size_t room = pax->xattrs_size ? pax->xattrs_size * 2 : 8;
		struct tar_xattr *xattrs = realloc(pax->xattrs, room * sizeof(*xattrs));
		if (!xattrs) {
			error_no_memory(err);
			return NULL;
		}
		pax->xattrs = xattrs;
		pax->xattrs_size = room;
	}
	x = &pax->xattrs[pax->n_xattrs];
	*x = (struct tar_xattr){.name = arena_strdup(&pax->arena, name)};
	if (!x->name) {
		error_no_memory(err);
		return NULL;
	}
	pax->n_xattrs++;
	return x;
}

static int set_xattr(struct tar_pax *pax, const char *name, const void *value, size_t size,
	struct hull_error *err)
{
	size_t length = strlen(name);

	if (length == 0 || length > TAR_XATTR_NAME_MAX || size > TAR_XATTR_VALUE_MAX)
		return error_set(err, HULL_ERROR_LIMIT,
			"tar: extended attribute %.64s: name or value too long", name);
	pax->xattrs_bytes += length + size + 16;
	if (pax->xattrs_bytes > TAR_XATTR_TOTAL_MAX)
		return error_set(err, HULL_ERROR_LIMIT,
			"tar: more than %zu bytes of extended attributes on one file",
			TAR_XATTR_TOTAL_MAX);
	struct tar_xattr *x = add_xattr(pax, name, err);
	if (!x)
		return -ENOMEM;
	x->value = arena_memdup(&pax->arena, value, size);
	x->size = size;
	return x->value ? 0 : error_no_memory(err);
}

static int parse_xattr_schily(struct tar_pax *pax, const struct record *rec, struct hull_error *err)
{
	return set_xattr(pax, rec->key + strlen(XATTR_SCHILY), rec->value, rec->size, err);
}

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Undoes %XX in place; -EINVAL for a name with a NUL or half an escape. */
static int decode_percent(char *s)
{
	char *to = s;

	for (; *s; s++) {
		if (*s != '%') {
			*to++ = *s;
			continue;
		}
		int high = hex_digit(s[1]), low = high < 0 ? -1 : hex_digit(s[2]);
		if (low < 0 || high * 16 + low == 0)
			return -EINVAL;
		*to++ = (char)(high * 16 + low);
		s += 2;
	}
	*to = '\0';
	return 0;
}

static int base64_digit(char c)
{
	static const char digits[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	const char *p = c ? strchr(digits, c) : NULL;

	return p ? (int)(p - digits) : -1;
}

/* Decodes base64, padded or not, in place. The size of the result or -EINVAL. */
static ssize_t decode_base64(char *s, size_t n)
{
	uint32_t bits = 0;
	unsigned int count = 0;
	size_t to = 0;

	while (n > 0 && s[n - 1] == '=')
		n--;
	for (size_t i = 0; i < n; i++) {
		int digit = base64_digit(s[i]);
		if (digit < 0)
			return -EINVAL;
		bits = (bits << 6 | (uint32_t)digit) & 0xffff;
		count += 6;
		if (count >= 8) {
			count -= 8;
			s[to++] = (char)(bits >> count);
		}
	}
	return (ssize_t)to;
}

/* libarchive writes an attribute in both forms; the plain one is believed where there are two. */
static int parse_xattr_libarchive(
	struct tar_pax *pax, const struct record *rec, struct hull_error *err)
{
	char *name = arena_strdup(&pax->arena, rec->key + strlen(XATTR_LIBARCHIVE));

	if (!name)
		return error_no_memory(err);
	if (decode_percent(name) < 0)
		return bad_record(rec, err);
	ssize_t size = decode_base64(rec->value, rec->size);
	if (size < 0)
		return bad_record(rec, err);
	if (find_xattr(pax, name))
		return 0;
	return set_xattr(pax, name, rec->value, (size_t)size, err);
}

static int parse_sparse_major(struct tar_pax *pax, const struct record *rec, struct hull_error *err)
{
	return parse_number(rec, &pax->has_major, &pax->sparse_major, err);
}

static int parse_sparse_minor(struct tar_pax *pax, const struct record *rec, struct hull_error *err)
{
	return parse_number(rec, &pax->has_minor, &pax->sparse_minor, err);
}

static int parse_sparse_name(struct tar_pax *pax, const struct record *rec, struct hull_error *err)
{
	return parse_text(pax, rec, &pax->sparse_name, err);
}

static int parse_sparse_size(struct tar_pax *pax, const struct record *rec, struct hull_error *err)
{
	return parse_number(rec, &pax->has_real_size, &pax->sparse_real_size, err);
}

static int parse_sparse_offset(
	struct tar_pax *pax, const struct record *rec, struct hull_error *err)
{
	if (pax->has_offset)
		return bad_record(rec, err);
	return parse_number(rec, &pax->has_offset, &pax->sparse_offset, err);
}

static int parse_sparse_numbytes(
	struct tar_pax *pax, const struct record *rec, struct hull_error *err)
{
	bool has;
	uint64_t size = 0;

	if (!pax->has_offset || parse_number(rec, &has, &size, NULL) < 0 || !has)
		return bad_record(rec, err);
	pax->has_offset = false;
	pax->has_map = true;
	return tar_map_add(&pax->map, pax->sparse_offset, size, err);
}

/* Version 0.1: "offset,size,offset,size". */
static int parse_sparse_map(struct tar_pax *pax, const struct record *rec, struct hull_error *err)
{
	const char *p = rec->value, *end = p + rec->size;
	uint64_t pair[2];
	unsigned int i = 0;

	if (pax->has_map || pax->has_offset)
		return bad_record(rec, err);
	pax->has_map = true;
	while (p < end) {
		const char *comma = memchr(p, ',', (size_t)(end - p));
		const char *stop = comma ? comma : end;
		if (tar_decimal(p, (size_t)(stop - p), &pair[i]) < 0 || pair[i] > INT64_MAX)
			return bad_record(rec, err);
		if (i == 1) {
			int r = tar_map_add(&pax->map, pair[0], pair[1], err);
			if (r < 0)
				return r;
		}
		i = !i;
		p = comma ? comma + 1 : end;
	}
	return i == 0 ? 0 : bad_record(rec, err);
}

static int parse_nothing(struct tar_pax *pax, const struct record *rec, struct hull_error *err)
{
	return 0;
}

enum { KEY_PREFIX = 1, KEY_STRUCTURE = 2 };

static const struct key_row {
	const char *key;
	unsigned int
		flags; /* KEY_STRUCTURE: it shapes names or contents, so not in a global header */
	int (*parse)(struct tar_pax *pax, const struct record *rec, struct hull_error *err);
} key_rows[] = {
	{"path", KEY_STRUCTURE, parse_path},
	{"linkpath", KEY_STRUCTURE, parse_link},
	{"size", KEY_STRUCTURE, parse_size},
	{"uid", 0, parse_uid},
	{"gid", 0, parse_gid},
	{"mtime", 0, parse_mtime},
	{XATTR_SCHILY, KEY_PREFIX, parse_xattr_schily},
	{XATTR_LIBARCHIVE, KEY_PREFIX, parse_xattr_libarchive},
	{SPARSE_PREFIX "major", KEY_STRUCTURE, parse_sparse_major},
	{SPARSE_PREFIX "minor", KEY_STRUCTURE, parse_sparse_minor},
	{SPARSE_PREFIX "name", KEY_STRUCTURE, parse_sparse_name},
	{SPARSE_PREFIX "size", KEY_STRUCTURE, parse_sparse_size},
	{SPARSE_PREFIX "realsize", KEY_STRUCTURE, parse_sparse_size},
	{SPARSE_PREFIX "offset", KEY_STRUCTURE, parse_sparse_offset},
	{SPARSE_PREFIX "numbytes", KEY_STRUCTURE, parse_sparse_numbytes},
	{SPARSE_PREFIX "map", KEY_STRUCTURE, parse_sparse_map},
	{SPARSE_PREFIX "numblocks", 0, parse_nothing},
};

static const struct key_row *find_key(const char *key)
{
	for (size_t i = 0; i < ARRAY_SIZE(key_rows); i++) {
		const struct key_row *row = &key_rows[i];
		if (row->flags & KEY_PREFIX ? str_after(key, row->key) != NULL
					    : str_eq(key, row->key))
			return row;
	}
	return NULL;
}

/* Splits the record at *text off; text and *n move past it. */
static int next_record(char **text, size_t *n, struct record *rec, struct hull_error *err)
{
	char *start = *text, *space = memchr(start, ' ', *n < 20 ? *n : 20);
	uint64_t length;

	if (!space || tar_decimal(start, (size_t)(space - start), &length) < 0 || length > *n ||
		length < (uint64_t)(space - start) + 4 || start[length - 1] != '\n')
		return error_set(err, HULL_ERROR_INVALID, "tar: malformed extended header");
	char *end = start + length - 1, *key = space + 1;
	char *equals = memchr(key, '=', (size_t)(end - key));
	if (!equals || equals == key || memchr(key, '\0', (size_t)(equals - key)))
		return error_set(err, HULL_ERROR_INVALID, "tar: malformed extended header");
	*equals = *end = '\0';
	*rec = (struct record){key, equals + 1, (size_t)(end - equals - 1)};
	*text += length;
	*n -= length;
	return 0;
}

int tar_pax_parse(struct tar_pax *pax, char *text, size_t n, struct hull_error *err)
{
	struct record rec;

	while (n > 0) {
		int r = next_record(&text, &n, &rec, err);
		if (r < 0)
			return r;
		const struct key_row *row = find_key(rec.key);
		if (!row)
			continue;
		if (str_after(rec.key, SPARSE_PREFIX))
			pax->has_sparse = true;
		r = row->parse(pax, &rec, err);
		if (r < 0)
			return r;
	}
	if (pax->has_offset)
		return error_set(err, HULL_ERROR_INVALID, "tar: a sparse extent without a size");
	return 0;
}

int tar_pax_parse_global(char *text, size_t n, struct hull_error *err)
{
	struct record rec;

	while (n > 0) {
		int r = next_record(&text, &n, &rec, err);
		if (r < 0)
			return r;
		const struct key_row *row = find_key(rec.key);
		if (row && row->flags & KEY_STRUCTURE)
			return error_set(err, HULL_ERROR_INVALID,
				"tar: a global header sets %.64s for all members", rec.key);
	}
	return 0;
}
