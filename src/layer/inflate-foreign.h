/* SPDX-License-Identifier: Apache-2.0 */
/*
 * xz and bzip2, which no registry sends but people's archives are packed with. Their libraries are
 * loaded when such an archive comes.
 */
#pragma once

#include "layer/inflate.h"

#include <stdbool.h>

/* Both: *ret_open tells whether the input may not end here. */

struct xz_stream;
int xz_new(struct xz_stream **ret, struct hull_error *err);
void xz_free(struct xz_stream *s);
int xz_feed(struct xz_stream *s, struct inflate_output *out, const void *data, size_t n,
	bool *ret_open, struct hull_error *err);

/* The input is over: what is left inside comes out, and *ret_open tells whether it was cut off. */
int xz_finish(
	struct xz_stream *s, struct inflate_output *out, bool *ret_open, struct hull_error *err);

struct bzip2_stream;
int bzip2_new(struct bzip2_stream **ret, struct hull_error *err);
void bzip2_free(struct bzip2_stream *s);
int bzip2_feed(struct bzip2_stream *s, struct inflate_output *out, const void *data, size_t n,
	bool *ret_open, struct hull_error *err);
