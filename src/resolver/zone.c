/* SPDX-License-Identifier: Apache-2.0 */
#include "resolver/zone.h"

#include "base/str.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <sys/mman.h>

#define ZONE_MAX ((off_t)64 << 20) /* bytes: some 500,000 containers */

static const struct {
	const char *name;
	enum dns_type type;
} types[] = {{"A", DNS_TYPE_A}, {"AAAA", DNS_TYPE_AAAA}, {"PTR", DNS_TYPE_PTR}};

/* ---- writing ---- */

static bool name_is_legal(const char *name)
{
	size_t label = 0, n = strlen(name);

	if (n == 0 || n > DNS_NAME_MAX - 1)
		return false;
	for (; *name; name++) {
		unsigned char c = (unsigned char)*name;

		if (c <= ' ' || c >= 127 || c == '\\')
			return false;
		label = c == '.' ? 0 : label + 1;
		if (label > 63 || (c == '.' && (name[1] == '.' || name[1] == '\0')))
			return false;
	}
	return true;
}

static void add_line(struct zone_writer *w, const char *name, const char *type, const char *value)
{
	char *line = NULL;

	if (w->n == w->size) {
		size_t size = w->size ? w->size * 2 : 32;
		char **lines = reallocarray(w->lines, size, sizeof(*lines));

		if (!lines) {
			w->error = -ENOMEM;
			return;
		}
		w->lines = lines;
		w->size = size;
	}
	if (asprintf(&line, "%s %s %s\n", name, type, value) < 0) {
		w->error = -ENOMEM;
		return;
	}
	for (char *p = line; *p != ' '; p++)
		if (*p >= 'A' && *p <= 'Z')
			*p = (char)(*p + 32);
	w->lines[w->n++] = line;
}

void zone_add_address(struct zone_writer *w, const char *name, const char *address)
{
	if (name_is_legal(name) && name[0] != '.')
		add_line(w, name, strchr(address, ':') ? "AAAA" : "A", address);
}

void zone_add_reverse(struct zone_writer *w, const char *address, const char *name)
{
	uint8_t bytes[16];
	char reverse[80];
	size_t n = 0;

	if (!name_is_legal(name))
		return;
	if (inet_pton(AF_INET, address, bytes) == 1) {
		snprintf(reverse, sizeof(reverse), "%u.%u.%u.%u.in-addr.arpa", bytes[3], bytes[2],
			bytes[1], bytes[0]);
	} else if (inet_pton(AF_INET6, address, bytes) == 1) {
		for (int i = 15; i >= 0; i--)
			n += (size_t)snprintf(reverse + n, sizeof(reverse) - n, "%x.%x.",
				bytes[i] & 15, bytes[i] >> 4);
		snprintf(reverse + n, sizeof(reverse) - n, "ip6.arpa");
	} else {
		return;
	}
	add_line(w, reverse, "PTR", name);
}

static int compare_lines(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

int zone_write(struct zone_writer *w, struct buf *out)
{
	int r = w->error;

	if (w->n > 0)
		qsort(w->lines, w->n, sizeof(*w->lines), compare_lines);
	for (size_t i = 0; i < w->n; i++)
		if (i == 0 || !str_eq(w->lines[i], w->lines[i - 1]))
			buf_puts(out, w->lines[i]);
	zone_writer_done(w);
	return r < 0 ? r : buf_error(out);
}

void zone_writer_done(struct zone_writer *w)
{
	for (size_t i = 0; i < w->n; i++)
		free(w->lines[i]);
	free(w->lines);
	*w = (struct zone_writer){0};
}

/* ---- reading ---- */

static void version_of(const struct stat *st, struct file_version *ret)
{
	*ret = (struct file_version){st->st_dev, st->st_ino, st->st_size, st->st_ctim};
}

int file_version_read(const char *path, struct file_version *ret)
{
	struct stat st;

	*ret = (struct file_version){0};
	if (stat(path, &st) < 0)
		return -errno;
	version_of(&st, ret);
	return 0;
}

bool file_version_equal(const struct file_version *a, const struct file_version *b)
{
	return a->device == b->device && a->inode == b->inode && a->size == b->size &&
	       a->changed.tv_sec == b->changed.tv_sec && a->changed.tv_nsec == b->changed.tv_nsec;
}

void zone_open(struct zone *zone, const char *path)
{
	_cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	struct stat st;

	*zone = (struct zone){0};
	if (fd < 0 || fstat(fd, &st) < 0)
		return;
	version_of(&st, &zone->version);
	if (!S_ISREG(st.st_mode) || st.st_size == 0 || st.st_size > ZONE_MAX)
		return;
	char *text = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_SHARED, fd, 0);
	if (text == MAP_FAILED)
		return;
	if (text[st.st_size - 1] != '\n') {
		munmap(text, (size_t)st.st_size);
		return;
	}
	zone->text = text;
	zone->length = (size_t)st.st_size;
}

void zone_close(struct zone *zone)
{
	if (zone->text)
		munmap((void *)(uintptr_t)zone->text, zone->length);
	*zone = (struct zone){0};
}

void zone_follow(struct zone *zone, const char *path)
{
	struct file_version now;

	file_version_read(path, &now);
	if (file_version_equal(&now, &zone->version))
		return;
	zone_close(zone);
	zone_open(zone, path);
}

/* How a line's name compares with a name of n bytes, in the order of the file: a space ends it. */
static int compare_name(const char *line, const char *end, const char *name, size_t n)
{
	size_t left = (size_t)(end - line);
	size_t shared = left < n ? left : n;
	int r = memcmp(line, name, shared);

	if (r != 0)
		return r;
	if (left <= n)
		return -1;
	return line[n] == ' ' ? 0 : (unsigned char)line[n] - ' ';
}

static const char *line_end(const char *line, const char *end)
{
	const char *newline = memchr(line, '\n', (size_t)(end - line));

	return newline ? newline : end;
}

/* A line that does not read well ends the search: it was not written by us. */
static bool read_record(const struct zone *zone, const char *line, const char *name, size_t n,
	struct zone_record *ret)
{
	const char *end = zone->text + zone->length;

	if (line >= end)
		return false;
	const char *stop = line_end(line, end);
	if (compare_name(line, stop, name, n) != 0)
		return false;
	const char *type = line + n + 1;
	const char *value = memchr(type, ' ', (size_t)(stop - type));
	if (!value)
		return false;
	for (size_t i = 0; i < ARRAY_SIZE(types); i++) {
		if (strlen(types[i].name) != (size_t)(value - type) ||
			memcmp(types[i].name, type, (size_t)(value - type)) != 0)
			continue;
		*ret = (struct zone_record){types[i].type, value + 1, (size_t)(stop - value - 1),
			stop < end ? stop + 1 : end};
		return true;
	}
	return false;
}

bool zone_first(const struct zone *zone, const char *name, struct zone_record *ret)
{
	const char *low = zone->text, *end = low + zone->length, *high = end;
	size_t n = strlen(name);

	if (!zone->text || n == 0)
		return false;
	/* Between low and high, both at a line's beginning, is the first line that is not below. */
	while (low < high) {
		const char *line = low + (high - low) / 2;

		while (line > low && line[-1] != '\n')
			line--;
		const char *stop = line_end(line, end);
		if (compare_name(line, stop, name, n) < 0)
			low = stop < end ? stop + 1 : end;
		else
			high = line;
	}
	return read_record(zone, low, name, n, ret);
}

bool zone_next(const struct zone *zone, const char *name, struct zone_record *record)
{
	return read_record(zone, record->next, name, strlen(name), record);
}
