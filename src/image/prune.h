/* SPDX-License-Identifier: Apache-2.0 */
/* Images that nothing needs. */
#pragma once

#include "image/image.h"

/* Which images image_prune() takes. */
struct image_prune_options {
	bool all;	  /* what has names, too, if no container was made from it */
	int64_t until_ns; /* only what was created before, 0 = any time */
	char *const *labels,
		*const *not_labels; /* "key" or "key=value": all of them, none of them */
	struct image_users users;
};

/* Removes images that nothing needs, and everything that is left of them; *ret_bytes were freed. */
int image_prune(struct image_store *store, const struct image_prune_options *options,
	struct image_removed *ret, int64_t *ret_bytes, struct hull_error *err);
