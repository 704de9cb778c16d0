/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Compressed layers: the same bytes must come out, and the same verdict, whether the input comes in
 * one piece or byte by byte and whether there is room for much output or for little.
 */
#include "base/buf.h"
#include "layer/inflate.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define OUTPUT_MAX ((size_t)1 << 20)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int flush(struct inflate_output *output, struct hull_error *err)
{
	struct buf *all = output->arg;

	buf_append(all, output->data, output->fill);
	output->fill = 0;
	return buf_error(all) < 0 ? error_set(err, HULL_ERROR_LIMIT, "enough") : 0;
}

static int inflate(const uint8_t *data, size_t size, size_t step, size_t room, struct buf *all,
	struct hull_error *err)
{
	_cleanup_inflater_ struct inflater *in = NULL;
	_cleanup_free_ unsigned char *buffer = malloc(room);
	struct inflate_output output = {buffer, room, 0, flush, all};
	int r = buffer ? inflater_new(&output, &in, err) : -1;

	for (size_t at = 0; r == 0 && at < size; at += step)
		r = inflater_feed(in, data + at, size - at < step ? size - at : step, err);
	return r < 0 ? r : inflater_finish(in, err);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_cleanup_error_ struct hull_error first_err = HULL_ERROR_INIT, second_err = HULL_ERROR_INIT;
	_cleanup_buf_ struct buf first = BUF_INIT_MAX(OUTPUT_MAX),
				 second = BUF_INIT_MAX(OUTPUT_MAX);
	int a = inflate(data, size, size ? size : 1, 65536, &first, &first_err);
	int b = inflate(data, size, 1, 700, &second, &second_err);

	/* Past the cap the two stop at different places. */
	if (first_err.kind == HULL_ERROR_LIMIT || second_err.kind == HULL_ERROR_LIMIT)
		return 0;
	if ((a < 0) != (b < 0) || (a < 0 && !first_err.message))
		abort();
	if (a == 0 && (first.len != second.len ||
			      (first.len && memcmp(first.data, second.data, first.len) != 0)))
		abort();
	return 0;
}
