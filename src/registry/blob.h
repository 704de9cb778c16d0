/* SPDX-License-Identifier: Apache-2.0 */
/* Inside of src/registry: a stretch of a blob over as many requests as it takes. */
#pragma once

#include "registry/remote.h"

/* From where, and what it is called in errors. */
struct blob_place {
	struct remote *remote;
	const char *path; /* below the repository */
	const char *url;  /* instead: elsewhere, where no credentials go; NULL: at the remote */
	const char *what;
	int64_t size; /* of the whole blob */
};

struct blob_stream {
	const struct registry_sink *sink;
	int64_t offset; /* delivered to the sink up to here */
	int64_t end;	/* wanted up to here; grows to the whole blob if the server ignores Range */
	bool exact;	/* a helper's stretch: a server that ignores Range is a failure */
	bool ignored;	/* result: the server ignores Range */

	/* Inside. */
	int64_t size;
	int64_t skip; /* of this answer, because the server began at 0 again */
	bool began;   /* the headers of this answer were looked at */
	struct hull_error error;
};

/*
 * Delivers offset to end, asking again as long as something comes. What was delivered counts even
 * on failure: another place can go on from stream->offset.
 */
int blob_stream_run(
	const struct blob_place *place, struct blob_stream *stream, struct hull_error *err);

/*
 * The rest of a blob, from *offset on, over several connections of one endpoint; *offset is moved
 * along. What of it fails is left to the caller, who goes on in one connection.
 */
int blob_fetch_parallel(struct registry *registry, const struct blob_place *place, int64_t *offset,
	const struct registry_sink *sink, struct hull_error *err);
