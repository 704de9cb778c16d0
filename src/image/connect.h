/* SPDX-License-Identifier: Apache-2.0 */
/* Inside of src/image: from a caller's options to an open registry. */
#pragma once

#include "image/image.h"
#include "registry/registry.h"

int registry_connect(const struct reference *ref, const struct image_registry_options *options,
	struct http_cancel cancel, bool write, struct registry **ret, struct hull_error *err);

/* Tells what the registry warned of. */
void registry_tell_warnings(const struct registry *registry, const struct image_progress *progress);
