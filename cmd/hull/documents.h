/* SPDX-License-Identifier: Apache-2.0 */
/* `inspect` of whatever kind: a JSON document for each name. */
#pragma once

#include "hull.h"

#include "json/json.h"

/* Writes the document of one thing. */
typedef int document_fn(struct engine *engine, const void *data, const char *name,
	struct json_writer *w, struct hull_error *err);

/*
 * Prints the documents of all names: one array, or with a format a text for each. A name that fails
 * does not stop the rest: errors are printed as they come, the last is left in err and the result is
 * negative.
 */
int documents_print(struct cli_context *context, int argc, char **argv, const char *format,
	document_fn *fn, const void *data, struct hull_error *err);

/* The document of a container, with sizes if data points at true; of an image; of a network. */
document_fn document_of_container, document_of_image, document_of_network;
