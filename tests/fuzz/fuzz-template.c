/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Output templates. The input is a template and, after a zero byte, the JSON text it is executed
 * on; without one a fixed document serves.
 */
#include "cli/format.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char document[] =
	"{\"ID\":\"4aac\",\"Names\":[\"a\",\"b\"],\"N\":-42,\"F\":1.5,\"T\":true,\"Z\":null,"
	"\"Labels\":\"a=1,b=2\",\"M\":{\"k\":{\"x\":[1,[2,{\"y\":\"z\"}]]},\"s\":\"h\\u00e9\"}}";

static void execute(const struct cli_template *t, const struct json_value *dot, unsigned int flags)
{
	_cleanup_error_ struct hull_error err = HULL_ERROR_INIT;
	_cleanup_buf_ struct buf out = BUF_INIT_MAX(1 << 16);

	if (template_execute(t, dot, flags, &out, &err) < 0 && !err.message)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_cleanup_error_ struct hull_error err = HULL_ERROR_INIT;
	_cleanup_template_ struct cli_template *t = NULL;
	_cleanup_arena_ struct arena arena = ARENA_INIT;
	_cleanup_free_ char *text = strndup((const char *)data, size);
	size_t n = text ? strlen(text) : 0;
	struct json_value dot = {0};

	if (!text || size > 4096)
		return 0;
	if (template_parse(&t, text, &err) < 0)
		return err.message ? 0 : (abort(), 0);
	const char *json = n < size ? (const char *)data + n + 1 : document;
	size_t len = n < size ? size - n - 1 : strlen(document);

	if (json_value_parse(&arena, &dot, json, len, NULL, "input", NULL) < 0)
		return 0;
	execute(t, &dot, 0);
	execute(t, &dot, TEMPLATE_STRICT);
	execute(t, &dot, TEMPLATE_HEADER);
	return 0;
}
