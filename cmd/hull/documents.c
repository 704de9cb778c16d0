/* SPDX-License-Identifier: Apache-2.0 */
#include "documents.h"

#include "cli/format.h"

int documents_print(struct cli_context *context, int argc, char **argv, const char *format,
	document_fn *fn, const void *data, struct hull_error *err)
{
	_cleanup_engine_ struct engine *engine = NULL;
	_cleanup_buf_ struct buf all = BUF_INIT;
	struct json_writer array = JSON_WRITER_INIT(&all, 0);
	int failed = 0;

	int r = hull_engine_open(context, &engine, err);
	if (r < 0)
		return r;
	json_begin_array(&array);
	for (int i = 0; i < argc; i++) {
		_cleanup_error_ struct hull_error why = HULL_ERROR_INIT;
		_cleanup_buf_ struct buf one = BUF_INIT;
		struct json_writer w = JSON_WRITER_INIT(&one, 0);
		r = fn(engine, data, argv[i], &w, &why);
		if (r == 0 && !str_empty(format))
			r = format_document(buf_str(&one), one.len, format, stdout, &why);
		if (r == 0) {
			json_raw(&array, buf_str(&one));
			continue;
		}
		if (failed)
			fprintf(stderr, "%s: %s\n", context->program, hull_error_message(err));
		failed = r;
		error_move(err, &why);
	}
	json_end_array(&array);
	if (str_empty(format)) {
		r = format_document(buf_str(&all), all.len, NULL, stdout, failed ? NULL : err);
		if (r < 0)
			return r;
	}
	return failed;
}
