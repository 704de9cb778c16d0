/* SPDX-License-Identifier: Apache-2.0 */
/* Sizes for people, as Docker prints them. Reading sizes is str_to_size(). */
#pragma once

#include <stdint.h>

#define SIZE_TEXT_SIZE 16

/*
 * "1.24MB": powers of 1000, at most `digits` significant digits (3 for images and disk use, 4 for
 * transfers), without trailing zeros.
 */
void size_format_decimal(uint64_t bytes, int digits, char text[SIZE_TEXT_SIZE]);

/* "50MiB", "7.668GiB": powers of 1024, at most 4 significant digits. */
void size_format_binary(uint64_t bytes, char text[SIZE_TEXT_SIZE]);
