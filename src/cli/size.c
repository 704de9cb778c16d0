/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/size.h"

#include <stddef.h>
#include <stdio.h>

static void format_size(
	uint64_t bytes, double base, const char *const *units, int digits, char *text)
{
	double value = (double)bytes;
	size_t unit = 0;

	while (value >= base) {
		value /= base;
		unit++;
	}
	/* Rounding may reach the next unit: 999.9 with three digits is 1 of the next, not 1e+03. */
	double half_digit = 0.5;

	for (int i = 3; i < digits; i++)
		half_digit /= 10;
	if (unit && base == 1000.0 && value >= base - half_digit) {
		value = 1;
		unit++;
	}
	snprintf(text, SIZE_TEXT_SIZE, "%.*g%s", value >= 1000 ? 4 : digits, value, units[unit]);
}

void size_format_decimal(uint64_t bytes, int digits, char text[SIZE_TEXT_SIZE])
{
	static const char *const units[] = {"B", "kB", "MB", "GB", "TB", "PB", "EB", "ZB"};

	format_size(bytes, 1000.0, units, digits, text);
}

void size_format_binary(uint64_t bytes, char text[SIZE_TEXT_SIZE])
{
	static const char *const units[] = {"B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB", "ZiB"};

	format_size(bytes, 1024.0, units, 4, text);
}
