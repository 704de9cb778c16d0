/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The metadata database of one root: images, names, containers. SQLite in WAL mode, so any number
 * of processes read while one writes; every writing transaction is short and begins IMMEDIATE.
 * Layers above own their tables' SQL; the schema itself is in schema.c.
 *
 * After power loss the last transactions may be missing, never half there (synchronous=NORMAL).
 * So files are made first and named in the database last, and removed from the database first:
 * what a crash leaves over is an unnamed file, which garbage collection finds.
 */
#pragma once

#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct metadata;
struct metadata_query;

/* Opens (creating and migrating as needed) ROOT/hull.db. */
int metadata_open(const char *root, struct metadata **ret, struct hull_error *err);
void metadata_close(struct metadata *md);

/*
 * Parameters are described by a string, one letter each: t = const char * (NULL allowed),
 * i = int64_t, b = const void *, size_t. sql must be a string literal: prepared statements are kept
 * by its address.
 */
int metadata_exec(
	struct metadata *md, struct hull_error *err, const char *sql, const char *types, ...);

/* Rows changed by the last metadata_exec(). */
int64_t metadata_changes(struct metadata *md);

/* The row id of the last INSERT. */
int64_t metadata_last_id(struct metadata *md);

/* Starts a query; metadata_next() gives 1 for a row, 0 at the end, negative on failure. */
int metadata_query(struct metadata *md, struct metadata_query **ret, struct hull_error *err,
	const char *sql, const char *types, ...);
int metadata_next(struct metadata_query *q, struct hull_error *err);

/* Columns of the current row; text is valid until the next metadata_next(), NULL for SQL NULL. */
const char *metadata_text(struct metadata_query *q, int column);
const void *metadata_blob(struct metadata_query *q, int column, size_t *ret_size);
int64_t metadata_int(struct metadata_query *q, int column);
bool metadata_is_null(struct metadata_query *q, int column);
void metadata_query_done(struct metadata_query *q);

/* A single integer answer; *ret is untouched and the result 0 if there is no row, else 1. */
int metadata_get_int(struct metadata *md, int64_t *ret, struct hull_error *err, const char *sql,
	const char *types, ...);

/*
 * Transactions. metadata_begin() takes the write lock (waiting up to 30 s for other processes).
 * The guard rolls back unless metadata_commit() was called. Inside another transaction it begins
 * nothing: the outer one decides.
 *
 *	_cleanup_(metadata_rollback) struct metadata_transaction t = METADATA_TRANSACTION_INIT;
 *	r = metadata_begin(md, &t, err);  ...  return metadata_commit(&t, err);
 */
struct metadata_transaction {
	struct metadata *md;
};

#define METADATA_TRANSACTION_INIT \
	{                         \
		NULL              \
	}

int metadata_begin(struct metadata *md, struct metadata_transaction *t, struct hull_error *err);
int metadata_commit(struct metadata_transaction *t, struct hull_error *err);
void metadata_rollback(struct metadata_transaction *t);

/*
 * Waits until everything that was committed is on the disk: before files are deleted that a row
 * named which is gone, for otherwise a power cut could bring back the row and not the files.
 */
int metadata_sync(struct metadata *md, struct hull_error *err);

DEFINE_CLEANUP(struct metadata *, metadata_closep, metadata_close)
DEFINE_CLEANUP(struct metadata_query *, metadata_query_donep, metadata_query_done)

#define _cleanup_metadata_query_ _cleanup_(metadata_query_donep)
