/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Image references: [HOST[:PORT]/]PATH[:TAG][@DIGEST], with Docker's normalization: "busybox" is
 * docker.io/library/busybox. The first component is a host only if it has a dot, a colon or an
 * upper-case letter, or is "localhost".
 */
#pragma once

#include "base/error.h"
#include "oci/digest.h"

#include <stdbool.h>

struct reference {
	char *domain; /* "docker.io", "localhost:5000", "[::1]:5000" */
	char *path;   /* "library/busybox" */
	char *tag;    /* NULL if none was given */
	bool has_digest;
	struct digest digest;
};

#define REFERENCE_INIT \
	{              \
		0      \
	}

void reference_done(struct reference *ref);

#define _cleanup_reference_ _cleanup_(reference_done)

/* Malformed text is HULL_ERROR_INVALID "invalid reference format". */
int reference_parse(const char *text, struct reference *ret, struct hull_error *err);

/* Adds ":latest" to a reference that has neither tag nor digest. 0 or -ENOMEM. */
int reference_set_default_tag(struct reference *ref);

/* True for a string that may stand after "NAME:". */
bool reference_tag_is_valid(const char *tag);

/* Heap strings, NULL if memory is out. */
char *reference_name(const struct reference *ref);     /* "docker.io/library/busybox" */
char *reference_format(const struct reference *ref);   /* with :TAG and @DIGEST where it has them */
char *reference_tagged(const struct reference *ref);   /* with :TAG only; NULL if it has none */
char *reference_digested(const struct reference *ref); /* with @DIGEST only; NULL if it has none */

/* What people type: "docker.io/library/" and "docker.io/" cut off any of the forms above. */
const char *reference_familiar(const char *canonical);

/* The host that answers the distribution API: registry-1.docker.io for docker.io. */
const char *reference_api_host(const struct reference *ref);
