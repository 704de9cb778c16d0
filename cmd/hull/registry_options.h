/* SPDX-License-Identifier: Apache-2.0 */
/* The options that all commands have which talk to a registry. */
#pragma once

#include "hull.h"

#include "image/image.h"

struct hull_registry_options {
	char **plain_http;
	bool insecure;
	struct hull_opt_i64 stall_timeout; /* nanoseconds */
};

/* Rows for the `member` (a struct hull_registry_options) of a command's options. */
#define HULL_REGISTRY_OPTIONS(type, member)                                                      \
	{"plain-http", 0, CLI_STRV, offsetof(type, member.plain_http), "host:port",              \
		"Speak HTTP without TLS to this registry", NULL},                                \
		{"insecure", 0, CLI_FLAG, offsetof(type, member.insecure), NULL,                 \
			"Accept any certificate, and HTTP where TLS fails", NULL},               \
	{                                                                                        \
		"stall-timeout", 0, CLI_DURATION, offsetof(type, member.stall_timeout),          \
			"duration", "Give a connection up that moves nothing for so long", NULL, \
			0, "60s"                                                                 \
	}

/* `o` NULL: the global options alone. */
struct image_registry_options hull_registry_options(
	const struct hull_globals *globals, const struct hull_registry_options *o);
