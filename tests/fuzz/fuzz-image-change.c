/* SPDX-License-Identifier: Apache-2.0 */
/* Dockerfile instructions of import -c, one per line, applied to one config after the other. */
#include "base/str.h"
#include "image/image.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_cleanup_arena_ struct arena arena = ARENA_INIT;
	_cleanup_free_ char *text = strndup((const char *)data, size);
	_cleanup_strv_ char **lines = text ? strv_split(text, "\n") : NULL;
	_cleanup_buf_ struct buf out = BUF_INIT;
	struct json_writer w = JSON_WRITER_INIT(&out, 0);
	struct oci_image_config config = {0};

	strv_foreach (line, lines) {
		_cleanup_error_ struct hull_error err = HULL_ERROR_INIT;

		if (image_config_change(&arena, &config, *line, &err) < 0 && !err.message)
			abort();
	}
	strv_foreach (assignment, config.env)
		if (!strchr(*assignment, '='))
			abort();
	json_struct(&w, &oci_image_config_table, &config);
	if (buf_error(&out) == 0 && json_check(buf_str(&out), out.len, NULL, "output", NULL) < 0)
		abort();
	return 0;
}
