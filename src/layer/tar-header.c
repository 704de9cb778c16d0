/* SPDX-License-Identifier: Apache-2.0 */
#include "layer/tar-header.h"

#include <string.h>

bool tar_is_zero(const void *data, size_t n)
{
	const unsigned char *p = data;

	return n == 0 || (p[0] == 0 && memcmp(p, p + 1, n - 1) == 0);
}

/* Big-endian two's complement; the top bit only marks the form, the next one is the sign. */
static int number_base256(const unsigned char *p, size_t n, int64_t *ret)
{
	bool negative = p[0] & 0x40;
	uint64_t value = negative ? UINT64_MAX : 0;

	for (size_t i = 0; i < n; i++) {
		unsigned char byte =
			i == 0 ? (unsigned char)((p[0] & 0x7f) | (negative ? 0x80 : 0)) : p[i];
		uint64_t top = value >> 55;
		if (top != 0 && top != (UINT64_MAX >> 55))
			return -ERANGE;
		if ((top != 0) != negative)
			return -ERANGE;
		value = value << 8 | byte;
	}
	*ret = (int64_t)value;
	return 0;
}

/*
 * Octal digits between spaces, ended by a space, a NUL or the end of the field. What follows a NUL
 * is ignored by all readers; a field of blanks is zero for all of them. A NUL before digits is not.
 */
int tar_number(const char *field, size_t n, int64_t *ret)
{
	uint64_t value = 0;
	size_t i = 0;

	if (field[0] & 0x80)
		return number_base256((const unsigned char *)field, n, ret);
	while (i < n && field[i] == ' ')
		i++;
	if (i < n && field[i] == '\0' && !tar_is_zero(field + i, n - i))
		return -EINVAL;
	for (; i < n && field[i] >= '0' && field[i] <= '7'; i++) {
		if (value >> 60)
			return -ERANGE;
		value = value << 3 | (uint64_t)(field[i] - '0');
	}
	for (; i < n && field[i] != '\0'; i++)
		if (field[i] != ' ')
			return -EINVAL;
	*ret = (int64_t)value;
	return 0;
}

static bool checksum_matches(const struct tar_raw_header *raw)
{
	const unsigned char *p = (const unsigned char *)raw;
	int64_t expected;
	int sum = 0, signed_sum = 0;

	if (tar_number(raw->checksum, sizeof(raw->checksum), &expected) < 0)
		return false;
	for (size_t i = 0; i < TAR_BLOCK; i++) {
		sum += p[i];
		signed_sum += (signed char)p[i];
	}
	/* The field itself counts as spaces. */
	for (size_t i = 0; i < sizeof(raw->checksum); i++) {
		sum += ' ' - (unsigned char)raw->checksum[i];
		signed_sum += ' ' - (signed char)raw->checksum[i];
	}
	/* Some old writers summed signed characters. */
	return expected == sum || expected == signed_sum;
}

static enum tar_dialect dialect_of(const struct tar_raw_header *raw)
{
	if (memcmp(raw->magic, "ustar  ", 8) == 0)
		return TAR_GNU;
	if (memcmp(raw->magic, "ustar", 6) != 0)
		return TAR_V7;
	return memcmp(raw->trailer + 8, "tar", 4) == 0 ? TAR_STAR : TAR_USTAR;
}

static int bad_field(const char *what, uint64_t offset, struct hull_error *err)
{
	return error_set(err, HULL_ERROR_INVALID, "tar header at byte %llu: malformed %s",
		(unsigned long long)offset, what);
}

struct number_row {
	const char *what;
	const char *field;
	size_t size;
	int64_t *to;
};

static int decode_numbers(const struct tar_raw_header *raw, uint64_t offset, struct tar_header *h,
	struct hull_error *err)
{
	int64_t size = 0, mode = 0, major = 0, minor = 0;
	const struct number_row rows[] = {
		{"size", raw->size, sizeof(raw->size), &size},
		{"mode", raw->mode, sizeof(raw->mode), &mode},
		{"owner", raw->uid, sizeof(raw->uid), &h->uid},
		{"group", raw->gid, sizeof(raw->gid), &h->gid},
		{"modification time", raw->mtime, sizeof(raw->mtime), &h->mtime},
		{"device number", raw->major, sizeof(raw->major), &major},
		{"device number", raw->minor, sizeof(raw->minor), &minor},
	};
	bool device = h->type == '3' || h->type == '4';

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		if ((rows[i].to == &major || rows[i].to == &minor) && !device)
			continue;
		if (tar_number(rows[i].field, rows[i].size, rows[i].to) < 0)
			return bad_field(rows[i].what, offset, err);
	}
	if (size < 0)
		return bad_field("size", offset, err);
	/* 12 and 20 bits are what Linux has. */
	if (major < 0 || major > 0xfff || minor < 0 || minor > 0xfffff)
		return bad_field("device number", offset, err);
	h->size = (uint64_t)size;
	h->mode = (uint32_t)mode & 07777;
	h->major = (uint32_t)major;
	h->minor = (uint32_t)minor;
	return 0;
}

static void join_name(
	struct tar_header *h, const char *prefix, size_t prefix_size, const char *name)
{
	size_t n = strnlen(prefix, prefix_size), m = strnlen(name, 100);

	memcpy(h->name, prefix, n);
	if (n > 0)
		h->name[n++] = '/';
	memcpy(h->name + n, name, m);
	h->name[n + m] = '\0';
}

/*
 * A GNU header keeps times where POSIX keeps the name's prefix. A writer of old put a prefix into
 * GNU headers all the same; some readers honour it and others do not, so it has two readings.
 */
static int check_gnu_times(
	const struct tar_raw_header *raw, uint64_t offset, struct hull_error *err)
{
	int64_t ignored;

	if (tar_number(raw->gnu.atime, sizeof(raw->gnu.atime), &ignored) < 0 ||
		tar_number(raw->gnu.ctime, sizeof(raw->gnu.ctime), &ignored) < 0)
		return bad_field("GNU time (or a POSIX prefix in a GNU header)", offset, err);
	return 0;
}

int tar_header_decode(const struct tar_raw_header *raw, uint64_t offset, struct tar_header *h,
	struct hull_error *err)
{
	const char *prefix = NULL;
	size_t prefix_size = 0;

	if (!checksum_matches(raw))
		return error_set(err, HULL_ERROR_INVALID, "tar header at byte %llu: wrong checksum",
			(unsigned long long)offset);
	memset(h, 0, sizeof(*h));
	h->dialect = dialect_of(raw);
	h->type = raw->type;
	if (h->dialect == TAR_USTAR) {
		prefix = raw->prefix;
		prefix_size = sizeof(raw->prefix);
	} else if (h->dialect == TAR_STAR) {
		prefix = raw->star.prefix;
		prefix_size = sizeof(raw->star.prefix);
	} else if (h->dialect == TAR_GNU) {
		int r = check_gnu_times(raw, offset, err);
		if (r < 0)
			return r;
	}
	join_name(h, prefix ? prefix : "", prefix_size, raw->name);
	memcpy(h->link, raw->link, sizeof(raw->link));
	return decode_numbers(raw, offset, h, err);
}
