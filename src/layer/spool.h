/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Writes the raw tar of a layer to a file: zeros become holes, write-back starts early so that the
 * final sync is short, and the disk is never filled to the brim.
 */
#pragma once

#include "base/error.h"

#include <stddef.h>
#include <stdint.h>

struct spool {
	int fd;
	uint64_t bytes;	      /* taken so far */
	uint64_t written;     /* of them not left out as holes */
	uint64_t started;     /* write-back was asked for up to here */
	uint64_t space_check; /* look at the free space again when so much was written */
};

void spool_init(struct spool *spool, int fd);
int spool_write(struct spool *spool, const unsigned char *data, size_t n, struct hull_error *err);

/* Gives the file its size. */
int spool_finish(struct spool *spool, struct hull_error *err);
