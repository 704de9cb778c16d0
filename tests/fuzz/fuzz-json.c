/* SPDX-License-Identifier: Apache-2.0 */
/*
 * JSON texts: whatever is accepted must print as a text that is accepted too and means the same.
 */
#include "json/value.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_cleanup_error_ struct hull_error err = HULL_ERROR_INIT;
	_cleanup_arena_ struct arena arena = ARENA_INIT;
	_cleanup_buf_ struct buf text = BUF_INIT;
	struct json_writer w = JSON_WRITER_INIT(&text, 0);
	struct json_value first, second;

	if (json_value_parse(&arena, &first, (const char *)data, size, NULL, "input", &err) < 0)
		return err.message ? 0 : (abort(), 0);
	json_value_write(&w, &first);
	if (buf_error(&text) < 0)
		return 0;
	if (json_value_parse(&arena, &second, buf_str(&text), text.len, NULL, "output", NULL) < 0)
		abort();
	if (!json_value_equal(&first, &second))
		abort();
	return 0;
}
