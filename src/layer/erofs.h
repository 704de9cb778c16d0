/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Writes an EROFS image that holds the tree of a layer and no contents: files point into the raw
 * tar, which is the image's one extra device. Same tree, same bytes.
 */
#pragma once

#include "base/error.h"
#include "layer/tree.h"

#include <stdint.h>

struct erofs_source {
	int tar_fd;	    /* the few contents that EROFS cannot point to are copied from here */
	uint64_t tar_bytes; /* at most 2 TiB */
	uint8_t uuid[16];
};

/*
 * Writes the image of a finished tree to fd, an empty file open for writing, from offset 0. Uses
 * the nodes' numbers. *ret_bytes is the image's size.
 */
int erofs_write(struct tree *tree, const struct erofs_source *source, int fd, uint64_t *ret_bytes,
	struct hull_error *err);
