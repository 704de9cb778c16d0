/* SPDX-License-Identifier: Apache-2.0 */
/* One record of a log: the text found lies in the line and is what the JSON layer reads there. */
#include "base/str.h"
#include "engine/logs.h"
#include "json/value.h"

#include <stdint.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void compare(const char *text, size_t size, const struct logs_entry *e)
{
	_cleanup_arena_ struct arena arena = ARENA_INIT;
	struct json_value v;

	if (json_value_parse(&arena, &v, text, size, NULL, "line", NULL) < 0)
		return; /* stricter than we are */
	const struct json_value *log = json_value_get(&v, "log");
	/* json-c 0.16 reads escaped pairs such as U+1DA00 (low bits of a surrogate) as U+FFFD. */
	if (json_value_string(log) && memmem(log->text, log->len, "\xef\xbf\xbd", 3))
		return;
	if (!json_value_string(log) || log->len != e->text_len ||
		memcmp(log->text, e->text, log->len) != 0)
		abort();
	if (e->is_stderr != str_eq(json_value_string(json_value_get(&v, "stream")), "stderr"))
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_cleanup_free_ char *line = malloc(size + (size == 0));
	struct logs_entry e;

	if (!line)
		return 0;
	if (size)
		memcpy(line, data, size);
	if (logs_entry_parse(line, size, &e) < 0)
		return 0;
	if (e.text < line || e.text + e.text_len > line + size)
		abort();
	if (e.attrs && (e.attrs < line || e.attrs + e.attrs_len > line + size))
		abort();
	compare((const char *)data, size, &e);
	return 0;
}
