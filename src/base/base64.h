/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/buf.h"

/* Appends the bytes of a base64 text (RFC 4648, padded). 0, -EINVAL or the buffer's error. */
int base64_decode(const char *text, struct buf *out);
