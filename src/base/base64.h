/* SPDX-License-Identifier: Apache-2.0 */
/* Base64 (RFC 4648 section 4). */
#pragma once

#include "base/buf.h"

/* Appends the bytes of a base64 text (RFC 4648, padded). 0, -EINVAL or the buffer's error. */
int base64_decode(const char *text, struct buf *out);

/* The text of n bytes, padded; heap, NULL if memory is out. */
char *base64_encode(const void *data, size_t n);
