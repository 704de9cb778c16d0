/* SPDX-License-Identifier: Apache-2.0 */
#include "layer/tar-write.h"

#include "base/buf.h"
#include "base/fd.h"
#include "base/str.h"
#include "layer/tar-header.h"

#include <stdio.h>
#include <string.h>

#define COPY_SIZE     ((size_t)256 << 10)
#define USTAR_NAME    100u
#define USTAR_PREFIX  155u
#define XATTR_KEYWORD "SCHILY.xattr."

static const unsigned char zeros[2 * TAR_BLOCK];

/* Octal digits with a NUL behind them; false if the field is too small. */
static bool put_number(char *field, size_t size, uint64_t value)
{
	char text[32];
	int n = snprintf(text, sizeof(text), "%0*llo", (int)size - 1, (unsigned long long)value);

	if ((size_t)n >= size) {
		memset(field, '0', size - 1);
		return false;
	}
	memcpy(field, text, size);
	return true;
}

/* "LENGTH KEYWORD=VALUE\n", where the length counts its own digits. */
static void put_record(struct buf *pax, const char *keyword, const void *value, size_t n)
{
	size_t body = 1 + strlen(keyword) + 1 + n + 1, total = body + 1, digits = 1;

	for (size_t limit = 10; total >= limit; limit *= 10) {
		digits++;
		total = body + digits;
	}
	buf_printf(pax, "%zu %s=", total, keyword);
	buf_append(pax, value, n);
	buf_putc(pax, '\n');
}

static void put_record_text(struct buf *pax, const char *keyword, const char *value)
{
	put_record(pax, keyword, value, strlen(value));
}

static void put_record_number(struct buf *pax, const char *keyword, uint64_t value)
{
	char text[24];

	snprintf(text, sizeof(text), "%llu", (unsigned long long)value);
	put_record_text(pax, keyword, text);
}

/*
 * A time before 1970 with a fraction counts down from the second: -1.5 is a second and a half
 * before, where the kernel says -2 and 500 million nanoseconds.
 */
static void put_record_time(struct buf *pax, int64_t seconds, uint32_t ns)
{
	bool minus = seconds < 0;
	char text[48];

	if (minus && ns > 0) {
		seconds++;
		ns = 1000000000u - ns;
	}
	unsigned long long whole =
		minus ? 0 - (unsigned long long)seconds : (unsigned long long)seconds;
	int n = snprintf(text, sizeof(text), "%s%llu.%09u", minus ? "-" : "", whole, ns);
	while (text[n - 1] == '0')
		text[--n] = '\0';
	if (text[n - 1] == '.')
		text[--n] = '\0';
	put_record_text(pax, "mtime", text);
}

/* The name, or its halves in prefix and name; false: PAX has to say it. */
static bool put_name(struct tar_raw_header *h, const char *name)
{
	size_t n = strlen(name);

	if (n <= USTAR_NAME) {
		memcpy(h->name, name, n);
		return true;
	}
	for (size_t i = n - USTAR_NAME - 1; i < n - 1 && i <= USTAR_PREFIX; i++) {
		if (name[i] != '/' || i == 0)
			continue;
		memcpy(h->prefix, name, i);
		memcpy(h->name, name + i + 1, n - i - 1);
		return true;
	}
	memcpy(h->name, name, USTAR_NAME);
	return false;
}

static void put_checksum(struct tar_raw_header *h)
{
	const unsigned char *bytes = (const unsigned char *)h;
	unsigned int sum = 0;

	memset(h->checksum, ' ', sizeof(h->checksum));
	for (size_t i = 0; i < sizeof(*h); i++)
		sum += bytes[i];
	snprintf(h->checksum, 7, "%06o", sum);
	h->checksum[7] = ' ';
}

static void init_header(struct tar_raw_header *h, char type)
{
	memset(h, 0, sizeof(*h));
	h->type = type;
	memcpy(h->magic,
		"ustar\0"
		"00",
		sizeof(h->magic));
}

static char type_flag(enum tar_type type)
{
	static const char flags[] = {
		[TAR_FILE] = '0',
		[TAR_HARD_LINK] = '1',
		[TAR_SYMLINK] = '2',
		[TAR_CHAR_DEVICE] = '3',
		[TAR_BLOCK_DEVICE] = '4',
		[TAR_DIRECTORY] = '5',
		[TAR_FIFO] = '6',
	};
	return flags[type];
}

/* Bytes that are not ASCII are put into PAX records, where UTF-8 is the rule. */
static bool is_ascii(const char *text)
{
	for (; *text; text++)
		if ((unsigned char)*text >= 0x80)
			return false;
	return true;
}

/* What the header has no room for. */
static void fill_header(struct tar_raw_header *h, struct buf *pax, const struct tar_member *m)
{
	uint64_t size = m->type == TAR_FILE ? m->size : 0;
	size_t link_len = strlen(m->link);

	if (!put_name(h, m->name) || !is_ascii(m->name))
		put_record_text(pax, "path", m->name);
	memcpy(h->link, m->link, link_len < sizeof(h->link) ? link_len : sizeof(h->link));
	if (link_len > sizeof(h->link) || !is_ascii(m->link))
		put_record_text(pax, "linkpath", m->link);
	put_number(h->mode, sizeof(h->mode), m->mode & 07777);
	if (!put_number(h->uid, sizeof(h->uid), m->uid))
		put_record_number(pax, "uid", m->uid);
	if (!put_number(h->gid, sizeof(h->gid), m->gid))
		put_record_number(pax, "gid", m->gid);
	if (!put_number(h->size, sizeof(h->size), size))
		put_record_number(pax, "size", size);
	if (!put_number(h->mtime, sizeof(h->mtime), m->mtime < 0 ? 0 : (uint64_t)m->mtime) ||
		m->mtime < 0 || m->mtime_ns > 0)
		put_record_time(pax, m->mtime, m->mtime_ns);
	if (m->type == TAR_CHAR_DEVICE || m->type == TAR_BLOCK_DEVICE) {
		if (!put_number(h->major, sizeof(h->major), m->major))
			put_record_number(pax, "SCHILY.devmajor", m->major);
		if (!put_number(h->minor, sizeof(h->minor), m->minor))
			put_record_number(pax, "SCHILY.devminor", m->minor);
	}
	for (size_t i = 0; i < m->n_xattrs; i++) {
		const struct tar_xattr *x = &m->xattrs[i];
		char keyword[sizeof(XATTR_KEYWORD) + TAR_XATTR_NAME_MAX];

		snprintf(keyword, sizeof(keyword), XATTR_KEYWORD "%s", x->name);
		put_record(pax, keyword, x->value, x->size);
	}
}

static int write_pax(const struct tar_sink *sink, const struct tar_member *m, const struct buf *pax,
	struct hull_error *err)
{
	struct tar_raw_header h;
	char name[USTAR_NAME + 1];

	init_header(&h, 'x');
	/* Readers of before 2001 make a file of it. */
	snprintf(name, sizeof(name), "PaxHeaders.0/%.80s", m->name);
	memcpy(h.name, name, strlen(name));
	put_number(h.mode, sizeof(h.mode), 0644);
	put_number(h.uid, sizeof(h.uid), 0);
	put_number(h.gid, sizeof(h.gid), 0);
	put_number(h.size, sizeof(h.size), pax->len);
	put_number(h.mtime, sizeof(h.mtime), 0);
	put_checksum(&h);
	int r = sink->write(sink->arg, &h, sizeof(h), err);
	if (r == 0)
		r = sink->write(sink->arg, pax->data, pax->len, err);
	return r < 0 ? r : tar_write_padding(sink, pax->len, err);
}

int tar_write_header(
	const struct tar_sink *sink, const struct tar_member *m, struct hull_error *err)
{
	_cleanup_buf_ struct buf pax = BUF_INIT_MAX(TAR_PAX_MAX);
	struct tar_raw_header h;

	init_header(&h, type_flag(m->type));
	fill_header(&h, &pax, m);
	put_checksum(&h);
	if (buf_error(&pax) < 0)
		return error_set(err, HULL_ERROR_LIMIT,
			"%.200s: more extended attributes than an archive can hold", m->name);
	int r = pax.len > 0 ? write_pax(sink, m, &pax, err) : 0;
	return r < 0 ? r : sink->write(sink->arg, &h, sizeof(h), err);
}

int tar_write_data(const struct tar_sink *sink, const void *data, size_t n, struct hull_error *err)
{
	return n > 0 ? sink->write(sink->arg, data, n, err) : 0;
}

int tar_write_padding(const struct tar_sink *sink, uint64_t size, struct hull_error *err)
{
	size_t rest = (size_t)(size % TAR_BLOCK);

	return rest > 0 ? sink->write(sink->arg, zeros, TAR_BLOCK - rest, err) : 0;
}

int tar_write_file(
	const struct tar_sink *sink, int fd, uint64_t offset, uint64_t size, struct hull_error *err)
{
	_cleanup_free_ char *chunk = malloc(COPY_SIZE);
	bool ended = false;

	if (!chunk)
		return error_no_memory(err);
	for (uint64_t done = 0; done < size;) {
		size_t want = size - done < COPY_SIZE ? (size_t)(size - done) : COPY_SIZE;
		ssize_t n = ended ? 0 : pread(fd, chunk, want, (off_t)(offset + done));

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return error_errno(err, errno, "read a file for the archive");
		if (n == 0) {
			ended = true;
			memset(chunk, 0, want);
			n = (ssize_t)want;
		}
		int r = sink->write(sink->arg, chunk, (size_t)n, err);
		if (r < 0)
			return r;
		done += (uint64_t)n;
	}
	return tar_write_padding(sink, size, err);
}

int tar_write_end(const struct tar_sink *sink, struct hull_error *err)
{
	return sink->write(sink->arg, zeros, sizeof(zeros), err);
}

/* ---- To a descriptor ---- */

int tar_file_init(struct tar_file *file, int fd, struct hull_error *err)
{
	*file = (struct tar_file){.fd = fd, .buffer = malloc(COPY_SIZE)};
	return file->buffer ? 0 : error_no_memory(err);
}

void tar_file_done(struct tar_file *file)
{
	free(file->buffer);
}

static int write_out(struct tar_file *file, const void *data, size_t n, struct hull_error *err)
{
	int r = fd_write_all(file->fd, data, n);

	return r < 0 ? error_errno(err, r, "write the archive") : 0;
}

int tar_file_flush(struct tar_file *file, struct hull_error *err)
{
	size_t n = file->fill;

	file->fill = 0;
	return n > 0 ? write_out(file, file->buffer, n, err) : 0;
}

static int file_write(void *arg, const void *data, size_t n, struct hull_error *err)
{
	struct tar_file *file = arg;
	const unsigned char *p = data;

	while (n > 0) {
		size_t room = COPY_SIZE - file->fill, take = n < room ? n : room;

		memcpy(file->buffer + file->fill, p, take);
		file->fill += take;
		p += take;
		n -= take;
		int r = file->fill == COPY_SIZE ? tar_file_flush(file, err) : 0;
		if (r < 0)
			return r;
	}
	return 0;
}

struct tar_sink tar_file_sink(struct tar_file *file)
{
	return (struct tar_sink){file_write, file};
}
