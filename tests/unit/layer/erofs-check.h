/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A reader of EROFS images that trusts nothing, written from the format's description and not from
 * the writer: walks an image from its root and checks every rule that the kernel relies on.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

struct erofs_check_result {
	uint64_t names;	      /* entries, "." and ".." not among them */
	uint64_t directories; /* the root among them */
	uint64_t tar_bytes;   /* bytes of files that point into the tar */
	uint64_t own_bytes;   /* bytes of files that point into the image */
	uint64_t hole_bytes;
};

/* NULL if the image is sound, else what is wrong with it: static text. */
const char *erofs_check(const unsigned char *image, size_t size, uint64_t tar_bytes,
	struct erofs_check_result *ret);
