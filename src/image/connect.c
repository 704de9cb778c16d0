/* SPDX-License-Identifier: Apache-2.0 */
#include "image/connect.h"

int registry_connect(const struct reference *ref, const struct image_registry_options *options,
	struct http_cancel cancel, bool write, struct registry **ret, struct hull_error *err)
{
	const struct registry_options registry_options = {
		.settings = options->settings,
		.auth = options->auth,
		.cancel = cancel,
		.write = write,
		.stall_seconds = options->stall_seconds,
	};

	return registry_open(ref, &registry_options, ret, err);
}
