/* SPDX-License-Identifier: Apache-2.0 */
#include "keel.h"
#include "runtime/feature.h"

static int features(
	struct cli_context *context, void *data, int argc, char **argv, struct hull_error *err)
{
	_cleanup_buf_ struct buf out = BUF_INIT;
	struct json_writer w = JSON_WRITER_INIT(&out, 2);

	runtime_features(&w);
	if (buf_error(&out))
		return error_no_memory(err);
	puts(buf_str(&out));
	return 0;
}

const struct cli_command keel_features_command = {
	.name = "features",
	.summary = "Show what this runtime supports",
	.max_args = 0,
	.run = features,
};
