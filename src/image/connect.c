/* SPDX-License-Identifier: Apache-2.0 */
#include "image/connect.h"

#include "base/str.h"
#include "image/store.h"

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

void registry_tell_warnings(const struct registry *registry, const struct image_progress *progress)
{
	strv_foreach (warning, registry_warnings(registry))
		progress_eventf(progress, NULL, "Warning from the registry: %s", *warning);
}

static bool is_canceled(void *data)
{
	const volatile int *canceled = data;

	return canceled && *canceled;
}

int image_remote_tags(const char *repository, const struct image_registry_options *options,
	const volatile int *canceled, char ***ret, struct hull_error *err)
{
	const struct http_cancel cancel = {is_canceled, (void *)canceled};
	_cleanup_reference_ struct reference ref = REFERENCE_INIT;
	_cleanup_registry_ struct registry *registry = NULL;
	int r = reference_parse(repository, &ref, err);

	if (r == 0 && (ref.tag || ref.has_digest))
		r = error_set(err, HULL_ERROR_INVALID, "tag can't be used with --all-tags/-a");
	if (r == 0)
		r = registry_connect(&ref, options, cancel, false, &registry, err);
	return r < 0 ? r : registry_list_tags(registry, ret, err);
}
