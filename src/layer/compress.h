/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Streaming compression of layers for those who want them packed: registries and archives. The
 * same bytes give the same output on every machine with the same libraries. gzip is a row of
 * members of one MiB each, made by libdeflate (loaded at first use): readers take them as one
 * stream. zstd is one frame with a checksum.
 */
#pragma once

#include "base/error.h"

#include <stddef.h>

enum compress_form { COMPRESS_NONE, COMPRESS_GZIP, COMPRESS_ZSTD };

/* "none", "gzip", "zstd". */
const char *compress_form_name(enum compress_form form);
int compress_form_parse(const char *text, enum compress_form *ret, struct hull_error *err);

#define COMPRESS_LEVEL_DEFAULT 0 /* gzip: 6, zstd: 3 */

struct compressor;

/*
 * Output goes to sink() in portions as they come; a negative result of it is passed on. A level
 * past what the form has is the form's highest.
 */
int compressor_new(enum compress_form form, int level,
	int (*sink)(void *arg, const void *data, size_t n, struct hull_error *err), void *arg,
	struct compressor **ret, struct hull_error *err);
struct compressor *compressor_free(struct compressor *c); /* NULL allowed; returns NULL */

int compressor_write(struct compressor *c, const void *data, size_t n, struct hull_error *err);

/* Ends what was begun, so that the output up to here is a stream of its own. May be written on. */
int compressor_end(struct compressor *c, struct hull_error *err);

DEFINE_CLEANUP(struct compressor *, compressor_freep, compressor_free)
#define _cleanup_compressor_ _cleanup_(compressor_freep)
