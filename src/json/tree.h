/* SPDX-License-Identifier: Apache-2.0 */
/* Within src/json only: the JSON library's own tree of a text, checked and parsed. */
#pragma once

#include "base/cleanup.h"
#include "json/json.h"

#include <json-c/json.h>

DEFINE_CLEANUP(struct json_object *, json_putp, json_object_put)

/* *ret stays NULL for the text `null`. */
int json_tree_parse(const char *text, size_t len, const struct json_limits *limits,
	const char *what, struct json_object **ret, struct hull_error *err);
