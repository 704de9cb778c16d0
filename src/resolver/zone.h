/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The names of one network: a file of lines "NAME TYPE VALUE", sorted, in lower case.
 *
 *     2.0.18.172.in-addr.arpa PTR web.shop
 *     web A 172.18.0.2
 *     web AAAA fd00:18::2
 *
 * The writer replaces the whole file by rename(2); readers map it and search it as it is, so that a
 * reader needs no memory of its own and hundreds of readers share one copy.
 */
#pragma once

#include "base/buf.h"
#include "resolver/message.h"

#include <sys/stat.h>

/* ---- writing ---- */

struct zone_writer {
	char **lines;
	size_t n, size;
	int error;
};

/* Adds NAME's address ("172.18.0.2", "fd00::2"); names that DNS cannot carry are left out. */
void zone_add_address(struct zone_writer *w, const char *name, const char *address);
/* Adds the way back: from the address to NAME. */
void zone_add_reverse(struct zone_writer *w, const char *address, const char *name);
/* The file's content; frees the writer. 0 or -ENOMEM. */
int zone_write(struct zone_writer *w, struct buf *out);
void zone_writer_done(struct zone_writer *w);

/* ---- reading ---- */

/* Which version of a file was read: it is another one as soon as any of these differs. */
struct file_version {
	dev_t device;
	ino_t inode;
	off_t size;
	struct timespec changed;
};

/* 0, or -errno (then the version is that of no file). */
int file_version_read(const char *path, struct file_version *ret);
bool file_version_equal(const struct file_version *a, const struct file_version *b);

struct zone {
	const char *text; /* NULL = no names */
	size_t length;
	struct file_version version;
};

/* Maps the file at path. One that is missing or broken is a zone without names. */
void zone_open(struct zone *zone, const char *path);
void zone_close(struct zone *zone);

/* Opens it again if the file is another one by now. */
void zone_follow(struct zone *zone, const char *path);

struct zone_record {
	enum dns_type type;
	const char *value;
	size_t length;
	const char *next; /* the reader's place */
};

/* The first record of a name; the next one of the same name. False = there is none. */
bool zone_first(const struct zone *zone, const char *name, struct zone_record *ret);
bool zone_next(const struct zone *zone, const char *name, struct zone_record *record);
