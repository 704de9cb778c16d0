/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Streaming decompression of layers. The form is told by the first bytes, whatever a media type
 * says: gzip (any number of members), zstd (any number of frames, skippable ones too), xz, bzip2,
 * else plain. gzip is ISA-L's job; it, liblzma and libbz2 are loaded at first use.
 */
#pragma once

#include "base/error.h"

#include <stddef.h>
#include <stdint.h>

/*
 * Where the output goes. The inflater fills data[fill..size) and calls flush() when it is full;
 * flush() empties it or provides new room. A negative result ends the inflating and is passed on.
 */
struct inflate_output {
	unsigned char *data;
	size_t size;
	size_t fill;
	int (*flush)(struct inflate_output *output, struct hull_error *err);
	void *arg;
};

enum inflate_form {
	INFLATE_UNKNOWN,
	INFLATE_PLAIN,
	INFLATE_GZIP,
	INFLATE_ZSTD,
	INFLATE_XZ,
	INFLATE_BZIP2,
};

#define INFLATE_SNIFF 6u /* bytes that tell the form */

/* The form of what begins with these bytes. */
enum inflate_form inflate_sniff(const void *data, size_t n);

struct inflater;

int inflater_new(struct inflate_output *output, struct inflater **ret, struct hull_error *err);
struct inflater *inflater_free(struct inflater *inflater); /* NULL allowed; returns NULL */

int inflater_feed(struct inflater *inflater, const void *data, size_t n, struct hull_error *err);

/* The input is over: fails if it was cut off. Flushes what is left. */
int inflater_finish(struct inflater *inflater, struct hull_error *err);

DEFINE_CLEANUP(struct inflater *, inflater_freep, inflater_free)
#define _cleanup_inflater_ _cleanup_(inflater_freep)
