/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The header of a gzip member (RFC 1952), taken byte by byte from input that may end anywhere. Name,
 * comment and extra field are passed over; the header's own checksum is too, as by most readers.
 */
#pragma once

#include <stdint.h>

struct gzip_header {
	unsigned int step; /* starts as 0 */
	uint8_t flags;
	uint32_t count; /* bytes left in this step */
};

enum gzip_header_state { GZIP_HEADER_MORE, GZIP_HEADER_DONE, GZIP_HEADER_BAD };

/* Takes the next byte. With GZIP_HEADER_DONE compressed data follow it. */
enum gzip_header_state gzip_header_take(struct gzip_header *h, uint8_t byte);
