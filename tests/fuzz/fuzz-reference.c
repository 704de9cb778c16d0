/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Image references: what is accepted has a canonical form that means the same, and so does what
 * people are shown of it.
 */
#include "base/str.h"
#include "registry/reference.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* text must mean `canonical`. */
static void expect(const char *text, const char *canonical)
{
	_cleanup_reference_ struct reference ref = REFERENCE_INIT;

	if (reference_parse(text, &ref, NULL) < 0)
		abort();
	_cleanup_free_ char *formatted = reference_format(&ref);
	if (!formatted || !str_eq(formatted, canonical))
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_cleanup_error_ struct hull_error err = HULL_ERROR_INIT;
	_cleanup_reference_ struct reference ref = REFERENCE_INIT;
	_cleanup_free_ char *text = strndup((const char *)data, size);

	if (!text)
		return 0;
	if (reference_parse(text, &ref, &err) < 0)
		return err.message && !strchr(err.message, '\n') ? 0 : (abort(), 0);
	_cleanup_free_ char *canonical = reference_format(&ref);
	if (!canonical || strstr(ref.path, "..") || strstr(ref.domain, "..") ||
		strpbrk(canonical, " \n\t%?#\\"))
		abort();
	expect(canonical, canonical);
	expect(reference_familiar(canonical), canonical);
	return 0;
}
