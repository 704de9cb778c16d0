/* SPDX-License-Identifier: Apache-2.0 */
#include "registry_options.h"

#include "base/clock.h"
#include "registry/credentials.h"

struct image_registry_options hull_registry_options(
	const struct hull_globals *globals, const struct hull_registry_options *o)
{
	struct image_registry_options options = {
		.settings = {.config = globals->config, .insecure = globals->insecure_registries},
		.auth = {.credentials = credentials_find, .credentials_data = globals->config},
	};

	if (o) {
		int64_t seconds = o->stall_timeout.value / NS_PER_SECOND;

		options.settings.plain_http = o->plain_http;
		options.settings.insecure_all = o->insecure;
		options.stall_seconds = seconds < 1 ? 1 : (unsigned int)seconds;
	}
	return options;
}
