/* SPDX-License-Identifier: Apache-2.0 */
#include "erofs-check.h"

#include <stdbool.h>
#include <string.h>

#define BLOCK	  512u
#define DEPTH_MAX 600u

struct check {
	const unsigned char *image;
	size_t size;
	uint64_t tar_bytes;
	unsigned int depth;
	struct erofs_check_result *result;
};

struct inode {
	uint64_t at;   /* of the inode */
	uint64_t tail; /* of what follows the attributes */
	unsigned int layout;
	uint16_t mode;
	uint64_t size;
	uint32_t where;
	uint32_t nlink;
};

static uint64_t get(const unsigned char *p, unsigned int n)
{
	uint64_t value = 0;

	while (n-- > 0)
		value = value << 8 | p[n];
	return value;
}

/* Attributes: a header of 12 bytes, then entries that fill the area exactly. */
static const char *check_xattrs(const unsigned char *p, uint64_t n)
{
	uint64_t at = 12;

	if (p[4] != 0)
		return "shared attributes";
	while (at < n) {
		if (at + 4 > n)
			return "an attribute past its area";
		uint64_t size = (4 + (uint64_t)p[at] + get(p + at + 2, 2) + 3) & ~3ull;
		if (p[at + 1] < 1 || p[at + 1] > 6 || p[at + 1] == 5)
			return "unknown attribute prefix";
		if (size > n - at)
			return "an attribute past its area";
		at += size;
	}
	return NULL;
}

static const char *read_inode(const struct check *c, uint64_t nid, struct inode *ret)
{
	uint64_t at = nid * 32;

	if (nid > c->size / 32 || at < 1536 || at + 64 > c->size)
		return "an inode outside";
	const unsigned char *p = c->image + at;
	unsigned int format = (unsigned int)get(p, 2);
	if (!(format & 1))
		return "a compact inode";
	uint64_t count = get(p + 2, 2), xattrs = count ? 12 + 4 * (count - 1) : 0;
	if (at + 64 + xattrs > c->size)
		return "attributes outside";
	*ret = (struct inode){.at = at,
		.tail = at + 64 + xattrs,
		.layout = format >> 1,
		.mode = (uint16_t)get(p + 4, 2),
		.size = get(p + 8, 8),
		.where = (uint32_t)get(p + 16, 4),
		.nlink = (uint32_t)get(p + 44, 4)};
	if (get(p + 40, 4) >= 1000000000)
		return "more nanoseconds than a second has";
	return xattrs ? check_xattrs(p + 64, xattrs) : NULL;
}

/* Where block number i of flat contents is, NULL if outside; *n is what is used of it. */
static const unsigned char *flat_block(
	const struct check *c, const struct inode *in, uint64_t i, uint64_t *n)
{
	uint64_t blocks = (in->size + BLOCK - 1) / BLOCK, at = (in->where + i) * BLOCK;

	*n = i + 1 < blocks ? BLOCK : in->size - i * BLOCK;
	if (in->layout == 2 && i + 1 == blocks) {
		at = in->tail;
		if (at % BLOCK + *n > BLOCK)
			return NULL;
		return at + *n > c->size ? NULL : c->image + at;
	}
	/* The whole block must be there, used or not. */
	return at + BLOCK > c->size ? NULL : c->image + at;
}

static const char *check_flat(const struct check *c, const struct inode *in)
{
	uint64_t n;

	if (in->layout != 0 && in->layout != 2)
		return "unknown layout";
	for (uint64_t i = 0; i * BLOCK < in->size; i++)
		if (!flat_block(c, in, i, &n))
			return "contents outside, or inline ones across blocks";
	return NULL;
}

static const char *check_chunks(const struct check *c, const struct inode *in)
{
	uint64_t bits = in->where & 0x1f, chunk = (uint64_t)BLOCK << bits;
	uint64_t chunks = (in->size + chunk - 1) / chunk, at = (in->tail + 7) & ~7ull;

	if (in->where & ~0x3fu || !(in->where & 0x20))
		return "unknown chunk format";
	if (chunks > c->size / 8 || at + chunks * 8 > c->size)
		return "chunks outside";
	for (uint64_t i = 0; i < chunks; i++) {
		const unsigned char *p = c->image + at + i * 8;
		uint64_t n = in->size - i * chunk < chunk ? in->size - i * chunk : chunk;
		uint64_t start = get(p + 4, 4) * BLOCK, device = get(p + 2, 2);
		if (get(p, 2) != 0 || device > 1)
			return "unknown chunk address";
		if (get(p + 4, 4) == UINT32_MAX) {
			c->result->hole_bytes += n;
			continue;
		}
		if (start + n > (device ? c->tar_bytes : c->size))
			return "a chunk outside its device";
		*(device ? &c->result->tar_bytes : &c->result->own_bytes) += n;
	}
	return NULL;
}

static const char *check_inode(struct check *c, uint64_t nid, uint64_t parent, unsigned int type);

struct names {
	unsigned char last[256];
	size_t last_length;
	bool dot, dotdot;
	uint32_t subdirectories;
};

static const char *check_name(struct check *c, struct names *names, const unsigned char *name,
	size_t length, uint64_t nid, unsigned int type, uint64_t self, uint64_t parent)
{
	size_t n = length < names->last_length ? length : names->last_length;
	int order = memcmp(names->last, name, n);

	if (length == 0 || length > 255 || memchr(name, '/', length))
		return "a bad name";
	if (order > 0 || (order == 0 && names->last_length >= length))
		return "names out of order";
	memcpy(names->last, name, length);
	names->last_length = length;
	if (length == 1 && name[0] == '.') {
		names->dot = true;
		return nid == self && type == 2 ? NULL : "a wrong .";
	}
	if (length == 2 && name[0] == '.' && name[1] == '.') {
		names->dotdot = true;
		return nid == parent && type == 2 ? NULL : "a wrong ..";
	}
	names->subdirectories += type == 2;
	c->result->names++;
	return check_inode(c, nid, self, type);
}

static const char *check_dir_block(struct check *c, struct names *names, const unsigned char *block,
	uint64_t used, uint64_t self, uint64_t parent)
{
	uint64_t first = used >= 12 ? get(block + 8, 2) : 0, count = first / 12;

	if (first < 12 || first % 12 || first > used)
		return "a bad first name offset";
	for (uint64_t i = 0; i < count; i++) {
		const unsigned char *entry = block + i * 12;
		uint64_t start = get(entry + 8, 2);
		uint64_t end = i + 1 < count ? get(entry + 20, 2) : used;
		if (start < first || end > used || start >= end)
			return "a bad name offset";
		size_t length = (size_t)(end - start);
		if (i + 1 == count)
			length = strnlen((const char *)block + start, length);
		const char *bad = check_name(
			c, names, block + start, length, get(entry, 8), entry[10], self, parent);
		if (bad)
			return bad;
	}
	return NULL;
}

static const char *check_dir(struct check *c, const struct inode *in, uint64_t nid, uint64_t parent)
{
	struct names names = {.last_length = 0};
	const char *bad = check_flat(c, in);
	uint64_t n;

	if (++c->depth > DEPTH_MAX)
		return "nested too deep";
	c->result->directories++;
	for (uint64_t i = 0; !bad && i * BLOCK < in->size; i++) {
		const unsigned char *block = flat_block(c, in, i, &n);
		bad = check_dir_block(c, &names, block, n, nid, parent);
	}
	c->depth--;
	if (!bad && (!names.dot || !names.dotdot))
		return "no . or ..";
	if (!bad && in->nlink != 2 + names.subdirectories)
		return "a wrong link count of a directory";
	return bad;
}

static const char *check_inode(struct check *c, uint64_t nid, uint64_t parent, unsigned int type)
{
	static const unsigned int types[16] = {
		[010] = 1, [004] = 2, [002] = 3, [006] = 4, [001] = 5, [012] = 7};
	struct inode in = {0};
	const char *bad = read_inode(c, nid, &in);

	if (bad)
		return bad;
	if (types[in.mode >> 12] != type || type == 0)
		return "an inode of another type than its entry";
	if (in.nlink == 0)
		return "an inode without links";
	if (type == 2)
		return check_dir(c, &in, nid, parent);
	if (in.layout == 4)
		return type == 1 ? check_chunks(c, &in) : "chunks of something else than a file";
	if (type == 1 && in.size != 0)
		return "a file without chunks";
	if (type != 7 && in.size != 0)
		return "contents of a special file";
	return type == 7 ? check_flat(c, &in) : NULL;
}

const char *erofs_check(
	const unsigned char *image, size_t size, uint64_t tar_bytes, struct erofs_check_result *ret)
{
	struct check c = {.image = image,
		.size = size,
		/* The last block of a tar may be short. */
		.tar_bytes = (tar_bytes + BLOCK - 1) / BLOCK * BLOCK,
		.result = ret};

	memset(ret, 0, sizeof(*ret));
	if (size < 1536 || size % BLOCK)
		return "an odd size";
	const unsigned char *super = image + 1024;
	if (get(super, 4) != 0xE0F5E1E2 || super[12] != 9 || super[13] != 0)
		return "a wrong superblock";
	if (get(super + 80, 4) != 0xc || get(super + 86, 2) != 1 || get(super + 88, 2) != 9)
		return "wrong features or devices";
	if (get(super + 36, 4) * BLOCK != size || get(image + 1152 + 64, 4) * BLOCK != c.tar_bytes)
		return "a wrong number of blocks";
	return check_inode(&c, get(super + 14, 2), get(super + 14, 2), 2);
}
