/* SPDX-License-Identifier: Apache-2.0 */
/* The health of a store. */
#pragma once

#include "image/image.h"

struct image_check_options {
	bool repair; /* needs the store for itself: HULL_ERROR_BUSY if others work on it */
	struct image_progress progress;
	void (*problem)(void *data, const char *text);
	void *problem_data;
	const volatile int *canceled;
};

struct image_check_result {
	size_t images, layers, documents; /* looked at */
	size_t problems, repaired;
	size_t removed;	      /* images that could not be saved */
	char **removed_names; /* what they were called */
	int64_t freed_bytes;  /* of what nothing needed, with repair */
};

void image_check_result_done(struct image_check_result *result);

/*
 * Verifies everything against its digest and everything against the database, which takes as long as
 * reading the store does. Remains of killed commands are no problem: the next command clears
 * them. A problem is no failure of this function.
 */
int image_store_check(struct image_store *store, const struct image_check_options *options,
	struct image_check_result *ret, struct hull_error *err);
