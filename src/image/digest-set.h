/* SPDX-License-Identifier: Apache-2.0 */
/* Sets of digests: filled, sorted once, then asked. */
#pragma once

#include "base/cleanup.h"
#include "oci/digest.h"

struct digest_set {
	struct digest *items;
	size_t count;
	size_t size;
};

void digest_set_done(struct digest_set *set);

#define _cleanup_digest_set_ _cleanup_(digest_set_done)

int digest_set_add(struct digest_set *set, const struct digest *digest); /* 0 or -ENOMEM */

/* After the last add, before the first question. */
void digest_set_sort(struct digest_set *set);
bool digest_set_has(const struct digest_set *set, const struct digest *digest);
